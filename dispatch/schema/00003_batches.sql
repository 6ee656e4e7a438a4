-- Hand-overs that the carrier knows by their key are made again when their answer
-- is missing, and are reported on later. Times are UTC milliseconds, 0 means never.

-- +goose Up
ALTER TABLE batches ADD COLUMN repeat_until BIGINT NOT NULL DEFAULT 0;  -- so long the carrier knows the key
ALTER TABLE batches ADD COLUMN repeat_at BIGINT NOT NULL DEFAULT 0;     -- not to be repeated sooner
ALTER TABLE batches ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN claim BIGINT NOT NULL DEFAULT 0;         -- the session that repeats it
ALTER TABLE batches ADD COLUMN job TEXT NOT NULL DEFAULT '';            -- its name at the carrier
ALTER TABLE batches ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;      -- when the carrier was last asked about the job
ALTER TABLE batches ADD COLUMN reported_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN report TEXT NOT NULL DEFAULT '';         -- JSON: what the carrier said of the job
CREATE INDEX batches_job ON batches (channel, job) WHERE job <> '';
CREATE INDEX deliveries_unanswered ON deliveries (channel, batch_id) WHERE state = 'marked' AND claim = 0;
CREATE INDEX deliveries_batch ON deliveries (batch_id) WHERE batch_id > 0;

-- What carriers have told us and nobody has worked on yet. key makes it the same
-- thing however often it is told.
CREATE TABLE inbound (
    channel     TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    content     TEXT    NOT NULL,              -- the channel's own form
    received_at BIGINT  NOT NULL,
    due_at      BIGINT  NOT NULL,              -- not to be worked on sooner
    done_at     BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, key)
);
CREATE INDEX inbound_due ON inbound (channel, due_at) WHERE done_at = 0;

-- +goose Down
DROP TABLE inbound;
DROP INDEX deliveries_batch;
DROP INDEX deliveries_unanswered;
DROP INDEX batches_job;
ALTER TABLE batches DROP COLUMN report;
ALTER TABLE batches DROP COLUMN reported_at;
ALTER TABLE batches DROP COLUMN asked_at;
ALTER TABLE batches DROP COLUMN job;
ALTER TABLE batches DROP COLUMN claim;
ALTER TABLE batches DROP COLUMN repeats;
ALTER TABLE batches DROP COLUMN repeat_at;
ALTER TABLE batches DROP COLUMN repeat_until;
