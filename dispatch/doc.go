// Package dispatch brings a run of an issue to its subscribers and keeps the
// ledger of it. It owns runs, deliveries and everything that happens to them;
// it does not know how a message looks or how a carrier is spoken to.
//
// # The path of the data
//
// [Ledger.Plan] freezes an approved revision into a run: the channel's encoded
// variants, the audience, and one row per delivery (plan.go, selection.go). From
// then on the [Dispatcher] moves rows along, and every step is one statement in
// SQL that carries out what [Next] decides (delivery.go):
//
//	due ──feeder──► queued ──claim──► leased ──marker──► marked ──settle──► sent
//	 ▲                │                  │                  │
//	 └── queue lost ──┴── not begun, ────┴── refused for ───┤
//	                      session dead       now            ├─► failed       permanent, or retries used up
//	                                                        ├─► skipped      unsubscribed, suppressed, cancelled
//	                                                        └─► unconfirmed  the answer is not known
//
// The feeder takes rows that are due and puts chunks of their ids into the
// [Queue]. The worker pulls a chunk, claims its rows for this process's session
// by compare-and-set, acknowledges the chunk, and hands the rows to a
// [Channel], one lane a connection. The channel calls back for the late marker
// right before the step after which the carrier may have taken responsibility,
// and answers with an [Outcome] for each row; the worker settles it.
//
// A [Scheduler] plans when its slots come (schedule.go, slot.go). What a person
// has to be told goes into the ledger together with what made it true, and the
// [Outbox] tells it (alert.go, outbox.go). [Metrics] are read from the ledger.
//
// # What holds, whatever crashes
//
//   - SQL is the truth; the queue carries ids. Losing all of the queue loses
//     nothing, a doubled entry sends nothing twice: the claim decides. A row is
//     due again when no living session feeds its queue's epoch, or after a minute
//     without a claim. While a shared queue is away, the process goes on with one
//     of its own ([Fallback]).
//   - A run's content and audience are frozen when it is planned. Each attempt
//     of a delivery is byte for byte the same.
//   - An unsubscribe always wins: the marker's statement reads it again.
//   - At most one hand-over per row and round is ever open: only a row leased by
//     me is marked, nobody claims a marked row again. A marked row whose session
//     died becomes unconfirmed: shown, counted, never resent silently.
//   - No leader: two processes that plan or feed the same thing collide on a
//     unique key or a compare-and-set, and one of them does nothing.
//
// # Waiting and stopping
//
// Our own limits are kept by all processes together ([Limits]): slots of a rate,
// shares of connections. The worker takes a slot of the channel's rate, then a
// lane; rows of a domain with limits of its own wait beside the lanes, in a room
// (room.go), and in the ledger when that is full, so that nobody stands behind
// them.
//
// What only its recipient can let through waits for them, however long
// ([Failure.Await], awaiting.go); reminders of an issue go to whoever agreed to one,
// beside its deliveries (reminder.go).
//
// A failure has a [Scope] before it has a permanence. What the account or the
// relay refuses opens the channel's gate (gate.go) and touches no row's
// attempts; what a recipient's provider limits delays that domain (throttle.go);
// too many dead mailboxes in one domain hold the rest of it for an operator
// (hold.go); only what is left goes through the retry policy (retry.go).
package dispatch
