-- Who gets which sections of an issue: frozen with the run, like its content.

-- +goose Up
ALTER TABLE run_channels ADD COLUMN outline TEXT NOT NULL DEFAULT ''; -- JSON: the sections to choose among; '': everybody gets all

-- What each list of sections comes to in this run, as it stands in subscribers.
CREATE TABLE choices (
    run_id   BIGINT NOT NULL REFERENCES runs (id),
    channel  TEXT   NOT NULL,
    sections TEXT   NOT NULL,
    variant  TEXT   NOT NULL,
    reason   TEXT   NOT NULL,            -- why such a delivery is skipped, else ''
    PRIMARY KEY (run_id, channel, sections)
);

-- +goose Down
DROP TABLE choices;
ALTER TABLE run_channels DROP COLUMN outline;
