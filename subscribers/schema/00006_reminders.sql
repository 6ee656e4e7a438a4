-- Who asked to be reminded of an issue, once. They need not be subscribers. Times are
-- UTC milliseconds.

-- +goose Up
CREATE TABLE reminders (
    channel  TEXT    NOT NULL,
    hash     TEXT    NOT NULL,                  -- of the address
    scene    INTEGER NOT NULL,                  -- the number of the issue that was to come
    address  TEXT    NOT NULL,
    language TEXT    NOT NULL,                  -- zh-CN | en
    asked_at BIGINT  NOT NULL,
    run_id   BIGINT  NOT NULL DEFAULT 0,        -- of the ledger, that uses it; 0: it waits
    used_at  BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, hash, scene)
);
CREATE INDEX reminders_waiting ON reminders (channel, scene) WHERE run_id = 0;
CREATE INDEX reminders_run ON reminders (run_id) WHERE run_id > 0;

-- +goose Down
DROP TABLE reminders;
