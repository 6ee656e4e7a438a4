-- What goes to one recipient at a time, and how long somebody can be spoken to after
-- they did something. Times are UTC milliseconds.

-- +goose Up
ALTER TABLE variants ADD COLUMN single INTEGER NOT NULL DEFAULT 0;  -- handed over one by one, under no key

CREATE TABLE conversations (
    channel       TEXT   NOT NULL,
    subscriber_id BIGINT NOT NULL,
    heard_at      BIGINT NOT NULL,             -- when they last did something
    until         BIGINT NOT NULL,
    PRIMARY KEY (channel, subscriber_id)
);

-- Reminders are forgotten like service mails.
DROP INDEX runs_service;
CREATE INDEX runs_passing ON runs (created_at) WHERE kind <> 'issue';

-- +goose Down
DROP INDEX runs_passing;
CREATE INDEX runs_service ON runs (finished_at) WHERE kind = 'service';
DROP TABLE conversations;
ALTER TABLE variants DROP COLUMN single;
