-- The ledger: the only truth about who got what. See dispatch/doc.go.
-- Times are UTC milliseconds, 0 means never.

-- +goose Up
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    kind        TEXT    NOT NULL,            -- issue | service
    issue_id    TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    hash        TEXT    NOT NULL,            -- of the revision
    scope       TEXT    NOT NULL,            -- first | failed | unsent | unconfirmed | new | outdated | one
    target      TEXT    NOT NULL DEFAULT '', -- public id of the subscriber of scope one
    reason      TEXT    NOT NULL DEFAULT '',
    state       TEXT    NOT NULL,            -- planning | planned | paused | cancelled | finished
    salt        TEXT    NOT NULL,            -- makes the ids of deliveries at the carrier
    bound       BIGINT  NOT NULL,            -- the audience: subscribers up to this id
    not_before  BIGINT  NOT NULL DEFAULT 0,
    created_at  BIGINT  NOT NULL,
    planned_at  BIGINT  NOT NULL DEFAULT 0,
    finished_at BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX runs_issue ON runs (issue_id);
CREATE INDEX runs_open ON runs (state) WHERE state IN ('planning', 'planned', 'paused');

-- One row for each channel of a run: how far planning has come.
CREATE TABLE run_channels (
    run_id   BIGINT  NOT NULL REFERENCES runs (id),
    channel  TEXT    NOT NULL,
    cursor   BIGINT  NOT NULL DEFAULT 0,      -- last subscriber id planned
    done     INTEGER NOT NULL DEFAULT 0,
    first_of TEXT,                            -- the issue, when this is its first run in the channel
    PRIMARY KEY (run_id, channel),
    UNIQUE (channel, first_of)
);

-- The frozen content of a run.
CREATE TABLE variants (
    run_id     BIGINT NOT NULL REFERENCES runs (id),
    channel    TEXT   NOT NULL,
    variant    TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    data       BLOB   NOT NULL,
    PRIMARY KEY (run_id, channel, variant)
);

CREATE TABLE deliveries (
    id            INTEGER PRIMARY KEY,
    run_id        BIGINT  NOT NULL REFERENCES runs (id),
    issue_id      TEXT    NOT NULL,
    channel       TEXT    NOT NULL,
    subscriber_id BIGINT  NOT NULL,
    round         INTEGER NOT NULL,           -- 1 for the first sending, then max+1
    address       TEXT    NOT NULL,
    address_hash  TEXT    NOT NULL,
    variant       TEXT    NOT NULL DEFAULT '',
    state         TEXT    NOT NULL,
    reason        TEXT    NOT NULL DEFAULT '', -- why it is in this state, or what it waits for
    due_at        BIGINT  NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,  -- that count against the retries
    lost          INTEGER NOT NULL DEFAULT 0,  -- replies lost after the hand-over
    first_at      BIGINT  NOT NULL DEFAULT 0,  -- first failure that counts against give_up
    epoch         TEXT    NOT NULL DEFAULT '', -- of the queue, while queued
    claim         BIGINT  NOT NULL DEFAULT 0,  -- the session that leased it
    batch_id      BIGINT  NOT NULL DEFAULT 0,
    code          INTEGER NOT NULL DEFAULT 0,
    reply         TEXT    NOT NULL DEFAULT '',
    updated_at    BIGINT  NOT NULL,
    UNIQUE (issue_id, channel, subscriber_id, round)
);
CREATE INDEX deliveries_run ON deliveries (run_id, channel);
CREATE INDEX deliveries_due ON deliveries (run_id, channel, due_at) WHERE state = 'due';
CREATE INDEX deliveries_busy ON deliveries (run_id) WHERE state IN ('queued', 'leased', 'marked');

-- Attempts that did not end in sent; the one that did is the delivery itself.
CREATE TABLE attempts (
    delivery_id BIGINT  NOT NULL REFERENCES deliveries (id),
    at          BIGINT  NOT NULL,
    outcome     TEXT    NOT NULL,             -- refused | lost
    scope       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    code        INTEGER NOT NULL,
    reply       TEXT    NOT NULL
);
CREATE INDEX attempts_delivery ON attempts (delivery_id);

-- Hand-overs of channels that take more than one delivery at a time: they are
-- here, with their members in deliveries, before the carrier hears of them.
CREATE TABLE batches (
    id         INTEGER PRIMARY KEY,
    run_id     BIGINT  NOT NULL REFERENCES runs (id),
    channel    TEXT    NOT NULL,
    key        TEXT    NOT NULL UNIQUE,
    size       INTEGER NOT NULL,
    created_at BIGINT  NOT NULL
);

-- Processes that claim deliveries.
CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY,
    boot_id      TEXT    NOT NULL,
    pid          INTEGER NOT NULL,
    started      TEXT    NOT NULL,            -- start time of the process: tells a reused pid
    opened_at    BIGINT  NOT NULL,
    heartbeat_at BIGINT  NOT NULL,
    epoch        TEXT    NOT NULL DEFAULT '', -- of the queue that it feeds
    closed_at    BIGINT  NOT NULL DEFAULT 0
);

-- Recipient domains of a run that an operator has to look at first.
CREATE TABLE holds (
    run_id    BIGINT  NOT NULL REFERENCES runs (id),
    channel   TEXT    NOT NULL,
    domain    TEXT    NOT NULL,
    failed    INTEGER NOT NULL,
    settled   INTEGER NOT NULL,
    since     BIGINT  NOT NULL,
    freed_at  BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, channel, domain)
);

CREATE TABLE alarms (
    code    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    text    TEXT   NOT NULL,
    since   BIGINT NOT NULL,
    PRIMARY KEY (code, subject)
);

-- +goose Down
DROP TABLE alarms;
DROP TABLE holds;
DROP TABLE sessions;
DROP TABLE batches;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE variants;
DROP TABLE run_channels;
DROP TABLE runs;
