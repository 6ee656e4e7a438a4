package subscribers

import "embed"

// Schema holds the migrations of this package's tables.
//
//go:embed schema/*.sql
var Schema embed.FS

// Blocked is a scalar SQL expression over the columns subscriber_id, channel and
// address_hash of a table named deliveries (not of an alias). It is the empty
// string when the delivery may be sent, else why it must not be:
//
//   - removed: the subscriber is gone, or the address is no longer theirs
//   - unsubscribed: from this channel or from everything
//   - suppressed: the address is on the suppression list
//   - paused, pending: the subscriber's state
//
// The ledger reads it again in the statement that sets the marker:
//
//	UPDATE deliveries SET … WHERE … AND <Blocked> = ''
//
// It costs three primary key look-ups a row and takes no parameters.
const Blocked = `COALESCE((SELECT CASE
	WHEN s.state = 'unsubscribed' OR a.state = 'unsubscribed' THEN 'unsubscribed'
	WHEN a.hash IS NULL OR a.hash <> deliveries.address_hash THEN 'removed'
	WHEN EXISTS (SELECT 1 FROM suppressions x WHERE x.channel = a.channel AND x.hash = a.hash) THEN 'suppressed'
	WHEN s.state = 'active' THEN ''
	ELSE s.state END
FROM subscribers s LEFT JOIN addresses a ON a.subscriber_id = s.id AND a.channel = deliveries.channel
WHERE s.id = deliveries.subscriber_id), 'removed')`

// Audience is the body of the SELECT that a run is planned from: the active
// subscribers with an active address in channel $1 whose id is above $2 and at
// most $3, by id. Columns: subscriber_id, public_id, address, address_hash,
// domain, blocked (empty or suppressed), sections, language, confirmed_at.
//
// Use it as a subquery with an ORDER BY subscriber_id and a LIMIT outside. The
// CROSS JOIN is an ordinary one that tells SQLite to go by subscriber: by channel
// it would read and sort everybody for each step of a plan.
const Audience = `SELECT s.id AS subscriber_id, s.public_id, a.value AS address, a.hash AS address_hash, a.domain,
	CASE WHEN x.hash IS NULL THEN '' ELSE 'suppressed' END AS blocked,
	s.sections, s.language, s.confirmed_at
FROM subscribers s CROSS JOIN addresses a LEFT JOIN suppressions x ON x.channel = a.channel AND x.hash = a.hash
WHERE a.subscriber_id = s.id AND a.channel = $1 AND a.state = 'active' AND s.id > $2 AND s.id <= $3 AND s.state = 'active'
ORDER BY s.id`
