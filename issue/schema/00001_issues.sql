-- Times are UTC milliseconds.

-- +goose Up
CREATE TABLE issues (
    id          TEXT    PRIMARY KEY,
    state       TEXT    NOT NULL CHECK (state IN ('draft', 'approved', 'withdrawn')),
    revision    INTEGER NOT NULL, -- the current one
    hash        TEXT    NOT NULL, -- of the current revision
    title       TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    imported_at BIGINT  NOT NULL, -- when the current revision was
    approved_at BIGINT,           -- NULL unless approved
    approved_by TEXT    NOT NULL DEFAULT '',
    source_name TEXT    NOT NULL DEFAULT '',
    source      BLOB
);

CREATE TABLE issue_revisions (
    issue_id    TEXT    NOT NULL REFERENCES issues (id),
    n           INTEGER NOT NULL,
    hash        TEXT    NOT NULL,
    model       TEXT    NOT NULL, -- JSON of the issue
    diagnostics TEXT    NOT NULL, -- JSON
    created_at  BIGINT  NOT NULL,
    approved_at BIGINT, -- stays when the approval is voided: this revision may have been sent
    approved_by TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (issue_id, n)
);

-- +goose Down
DROP TABLE issue_revisions;
DROP TABLE issues;
