-- What a carrier keeps for us: pictures that were uploaded once. And what a channel
-- had to leave out of a run's content. Times are UTC milliseconds.

-- +goose Up
CREATE TABLE uploads (
    channel TEXT   NOT NULL,
    key     TEXT   NOT NULL,                  -- the channel's own; made from the content
    name    TEXT   NOT NULL,                  -- of it at the carrier
    at      BIGINT NOT NULL,
    PRIMARY KEY (channel, key)
);
ALTER TABLE run_channels ADD COLUMN remarks TEXT NOT NULL DEFAULT '';  -- one a line
CREATE INDEX batches_run ON batches (run_id);

-- +goose Down
DROP INDEX batches_run;
ALTER TABLE run_channels DROP COLUMN remarks;
DROP TABLE uploads;
