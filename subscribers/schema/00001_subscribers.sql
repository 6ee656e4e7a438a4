-- Times are UTC milliseconds, lists are joined with ';'.

-- +goose Up

-- AUTOINCREMENT (PostgreSQL: an identity): an id that came back after a removal would hand one person's
-- deliveries to another.
CREATE TABLE subscribers (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id      TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL DEFAULT '',
    sections       TEXT    NOT NULL DEFAULT '',
    groups         TEXT    NOT NULL DEFAULT '',
    language       TEXT    NOT NULL DEFAULT '',
    state          TEXT    NOT NULL CHECK (state IN ('active', 'pending', 'paused', 'unsubscribed')),
    prior_state    TEXT    NOT NULL DEFAULT '', -- what an undone unsubscription goes back to
    consent_at     BIGINT,
    consent_source TEXT    NOT NULL DEFAULT '',
    consent_text   TEXT    NOT NULL DEFAULT '',
    created_at     BIGINT  NOT NULL,
    confirmed_at   BIGINT,
    updated_at     BIGINT  NOT NULL
);

CREATE TABLE addresses (
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id),
    channel       TEXT   NOT NULL,
    value         TEXT   NOT NULL,
    domain        TEXT   NOT NULL DEFAULT '',
    hash          TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('active', 'unsubscribed')),
    reason        TEXT   NOT NULL DEFAULT '', -- of the state: link, one-click, import
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, channel),
    UNIQUE (channel, hash)
);

CREATE TABLE suppressions (
    channel    TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    address    TEXT, -- NULL once the person was erased: only the keyed hash stays
    reason     TEXT   NOT NULL,
    detail     TEXT   NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel, hash)
);

-- +goose Down
DROP TABLE suppressions;
DROP TABLE addresses;
DROP TABLE subscribers;
