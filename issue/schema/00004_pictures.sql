-- +goose Up
CREATE TABLE issue_pictures (
    issue_id TEXT    NOT NULL REFERENCES issues (id),
    name     TEXT    NOT NULL, -- made from the content
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    data     BLOB    NOT NULL,
    PRIMARY KEY (issue_id, name)
);

-- +goose Down
DROP TABLE issue_pictures;
