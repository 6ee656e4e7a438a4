-- Service mails are deliveries of runs without an issue. See dispatch/letters.go.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN link_epoch INTEGER NOT NULL DEFAULT 0;  -- of the subscriber when planned
CREATE INDEX runs_service ON runs (finished_at) WHERE kind = 'service';

-- +goose Down
DROP INDEX runs_service;
ALTER TABLE deliveries DROP COLUMN link_epoch;
