package subscribers

import (
	"embed"
	"fmt"
	"time"
)

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
//   - paused, pending: the subscriber's state; a pause ends by itself
//
// The ledger reads it again in the statement that sets the marker:
//
//	UPDATE deliveries SET … WHERE … AND Blocked("$2") = ''
//
// now is the parameter with the time, UTC milliseconds. It costs three primary
// key look-ups a row.
func Blocked(now string) string {
	return `COALESCE((SELECT CASE
	WHEN s.state = 'unsubscribed' OR a.state = 'unsubscribed' THEN 'unsubscribed'
	WHEN a.hash IS NULL OR a.hash <> deliveries.address_hash THEN 'removed'
	WHEN EXISTS (SELECT 1 FROM suppressions x WHERE x.channel = a.channel AND x.hash = a.hash) THEN 'suppressed'
	WHEN s.state = 'active' OR s.state = 'paused' AND s.paused_until > 0 AND s.paused_until <= ` + now + ` THEN ''
	ELSE s.state END
FROM subscribers s LEFT JOIN addresses a ON a.subscriber_id = s.id AND a.channel = deliveries.channel
WHERE s.id = deliveries.subscriber_id), 'removed')`
}

// Chosen lists which sections those who may get an issue have chosen, and how many
// did: columns sections (see [SplitList]) and a count.
const Chosen = `SELECT sections, COUNT(*) FROM subscribers WHERE sections <> '' AND state IN ('active', 'paused') GROUP BY sections`

// SplitList reads a list as the tables hold it: sections, groups.
func SplitList(text string) []string { return split(text) }

// LetterBlocked is Blocked for service mails, which people have asked for: to
// somebody pending or unsubscribed, or to an address that is not theirs yet. It is
// removed when the person is gone, suppressed when the mailbox is dead or its
// owner complained.
const LetterBlocked = `CASE
	WHEN NOT EXISTS (SELECT 1 FROM subscribers s WHERE s.id = deliveries.subscriber_id) THEN 'removed'
	WHEN EXISTS (SELECT 1 FROM suppressions x WHERE x.channel = deliveries.channel AND x.hash = deliveries.address_hash
		AND x.reason NOT IN ('` + reasonUnsubscribed + `', '` + reasonErased + `')) THEN 'suppressed'
	ELSE '' END`

// Audience returns the body of the SELECT that a run is planned from: the
// subscribers who are active at a time, with an active address in channel $1
// whose id is above $2 and at most $3, by id. Columns: subscriber_id, public_id,
// address, address_hash, domain, blocked (empty or suppressed), sections, groups,
// language, link_epoch, confirmed_at.
//
// Use it as a subquery with an ORDER BY subscriber_id and a LIMIT outside. The
// CROSS JOIN is an ordinary one that tells SQLite to go by subscriber: by channel
// it would read and sort everybody for each step of a plan.
func Audience(now time.Time) string {
	return fmt.Sprintf(`SELECT s.id AS subscriber_id, s.public_id, a.value AS address, a.hash AS address_hash, a.domain,
	CASE WHEN x.hash IS NULL THEN '' ELSE 'suppressed' END AS blocked,
	s.sections, s.groups, s.language, s.link_epoch, s.confirmed_at
FROM subscribers s CROSS JOIN addresses a LEFT JOIN suppressions x ON x.channel = a.channel AND x.hash = a.hash
WHERE a.subscriber_id = s.id AND a.channel = $1 AND a.state = 'active' AND s.id > $2 AND s.id <= $3
	AND (s.state = 'active' OR s.state = 'paused' AND s.paused_until > 0 AND s.paused_until <= %d)
ORDER BY s.id`, now.UnixMilli())
}

// Unfollowed is why an address is unsubscribed whose owner has left a channel by the
// channel's own means, and has not said a word against any other.
const Unfollowed = "unfollowed"

// HasUnfollowed is a SQL condition: a subscriber has left a channel like that, by
// the expressions of the subscriber's id and the channel's name.
func HasUnfollowed(id, channel string) string {
	return `EXISTS (SELECT 1 FROM addresses f WHERE f.subscriber_id = ` + id + ` AND f.channel = ` + channel + `
	AND f.state = 'unsubscribed' AND f.reason = '` + Unfollowed + `')`
}

// WaitingLetters is the body of the SELECT of the service mails that no run has
// taken, up to id $1. Columns: id, kind, subscriber_id, channel, address,
// address_hash, language, link_epoch. DropLetters deletes the same.
const (
	WaitingLetters = `SELECT l.id, l.kind, l.subscriber_id, l.channel, l.address, l.address_hash, l.language, s.link_epoch
FROM letters l JOIN subscribers s ON s.id = l.subscriber_id WHERE l.id <= $1`
	DropLetters = `DELETE FROM letters WHERE id <= $1`
)
