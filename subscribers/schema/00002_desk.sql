-- What people ask for by themselves. Times are UTC milliseconds, 0 means never.

-- +goose Up
ALTER TABLE subscribers ADD COLUMN paused_until BIGINT NOT NULL DEFAULT 0;  -- of state paused; 0: until they resume
ALTER TABLE subscribers ADD COLUMN link_epoch INTEGER NOT NULL DEFAULT 0;   -- links of an older one are revoked

-- What subscribers agreed to and what they took back. Rows go with the person.
CREATE TABLE consents (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber_id BIGINT  NOT NULL REFERENCES subscribers (id),
    at            BIGINT  NOT NULL,
    act           TEXT    NOT NULL,             -- asked | confirmed | unsubscribed | undone | moved
    channel       TEXT    NOT NULL,
    source        TEXT    NOT NULL,             -- the page, or how else it came
    text          TEXT    NOT NULL DEFAULT '',  -- version of the wording that was shown
    note          TEXT    NOT NULL DEFAULT ''   -- their reason, in their words
);
CREATE INDEX consents_subscriber ON consents (subscriber_id);

-- What was asked on a page by somebody who may be anybody: worked on one after
-- the other, so that the page does the same whoever it was. Done ones are kept
-- without content for the limits.
CREATE TABLE requests (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL,                   -- subscribe | link | move
    at      BIGINT  NOT NULL,
    network TEXT    NOT NULL,                   -- keyed hash
    channel TEXT    NOT NULL,
    hash    TEXT    NOT NULL,                   -- of the address
    content TEXT    NOT NULL,                   -- JSON, '' when done
    done_at BIGINT  NOT NULL DEFAULT 0,
    mailed  INTEGER NOT NULL DEFAULT 0          -- a letter went to the address
);
CREATE INDEX requests_network ON requests (network, at);
CREATE INDEX requests_hash ON requests (hash, at);
CREATE INDEX requests_at ON requests (at);
CREATE INDEX requests_waiting ON requests (id) WHERE done_at = 0;

-- Addresses that subscribers want instead of theirs, until they are confirmed.
CREATE TABLE moves (
    id            TEXT   PRIMARY KEY,           -- keyed hash of person and address
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id),
    channel       TEXT   NOT NULL,
    value         TEXT   NOT NULL,
    domain        TEXT   NOT NULL DEFAULT '',
    hash          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (subscriber_id, channel)
);

-- Service mails that no run has taken yet.
CREATE TABLE letters (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT   NOT NULL,
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id),
    channel       TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    address_hash  TEXT   NOT NULL,
    language      TEXT   NOT NULL,              -- zh-CN | en
    created_at    BIGINT NOT NULL
);

-- What the tables are keyed with, so that another key is noticed.
CREATE TABLE address_key (
    fingerprint TEXT PRIMARY KEY
);

-- +goose Down
DROP TABLE address_key;
DROP TABLE letters;
DROP TABLE moves;
DROP TABLE requests;
DROP TABLE consents;
ALTER TABLE subscribers DROP COLUMN link_epoch;
ALTER TABLE subscribers DROP COLUMN paused_until;
