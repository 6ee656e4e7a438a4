-- Schedules with their slots, and alerts with what became of them. Times are UTC
-- milliseconds, 0 means never.

-- +goose Up
ALTER TABLE runs ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN slot BIGINT NOT NULL DEFAULT 0;

CREATE TABLE schedules (
    name  TEXT   PRIMARY KEY,
    slots TEXT   NOT NULL,                    -- what they are computed from: another text begins anew
    mark  BIGINT NOT NULL                     -- slots up to here are over for the clock
);

-- What was decided about a slot in each channel. Whoever adds the row has the
-- slot; in the same transaction goes the run.
CREATE TABLE slots (
    schedule   TEXT   NOT NULL,
    slot       BIGINT NOT NULL,               -- the scheduled instant
    channel    TEXT   NOT NULL,
    state      TEXT   NOT NULL,               -- planned | empty | missed
    run_id     BIGINT NOT NULL DEFAULT 0,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (schedule, slot, channel)
);

-- What a person has to be told, once. key makes it the same thing.
CREATE TABLE alerts (
    key     TEXT   PRIMARY KEY,
    event   TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    due_at  BIGINT NOT NULL,                  -- not to be sent sooner
    content TEXT   NOT NULL                   -- JSON
);
CREATE INDEX alerts_at ON alerts (at);

-- Who is told, and since when: nobody gets old news.
CREATE TABLE alert_sinks (
    name  TEXT   PRIMARY KEY,
    since BIGINT NOT NULL
);

CREATE TABLE alert_sends (
    alert   TEXT    NOT NULL REFERENCES alerts (key),
    sink    TEXT    NOT NULL,
    tries   INTEGER NOT NULL,
    due_at  BIGINT  NOT NULL,                 -- next try, unless it was sent
    sent_at BIGINT  NOT NULL DEFAULT 0,
    failure TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (alert, sink)
);

-- +goose Down
DROP TABLE alert_sends;
DROP TABLE alert_sinks;
DROP TABLE alerts;
DROP TABLE slots;
DROP TABLE schedules;
ALTER TABLE runs DROP COLUMN slot;
ALTER TABLE runs DROP COLUMN schedule;
