-- Offers to bind an address of another channel to a subscriber. Codes, scenes and
-- addresses are keyed hashes. Times are UTC milliseconds.

-- +goose Up
CREATE TABLE bindings (
    code          TEXT   PRIMARY KEY,
    scene         TEXT   NOT NULL UNIQUE,
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id),
    channel       TEXT   NOT NULL,             -- of the address that takes it up
    expires_at    BIGINT NOT NULL,
    asked         TEXT   NOT NULL DEFAULT '',  -- the address that scanned the scene and has to confirm
    taken         TEXT   NOT NULL DEFAULT ''   -- the address that took it up
);
CREATE INDEX bindings_subscriber ON bindings (subscriber_id);
CREATE INDEX bindings_asked ON bindings (asked) WHERE asked <> '';

-- Wrong codes, by the address that sent them.
CREATE TABLE binding_tries (
    hash TEXT   NOT NULL,
    at   BIGINT NOT NULL
);
CREATE INDEX binding_tries_hash ON binding_tries (hash, at);

-- +goose Down
DROP TABLE binding_tries;
DROP TABLE bindings;
