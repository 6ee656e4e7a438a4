-- The condition of an index is looked at twice whenever a row's state changes, and
-- SQLite makes a table of an IN list each time.

-- +goose Up
DROP INDEX deliveries_busy;
CREATE INDEX deliveries_busy ON deliveries (run_id) WHERE state = 'queued' OR state = 'leased' OR state = 'marked';

-- +goose Down
DROP INDEX deliveries_busy;
CREATE INDEX deliveries_busy ON deliveries (run_id) WHERE state IN ('queued', 'leased', 'marked');
