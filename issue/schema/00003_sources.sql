-- The files that revisions were read from, each content once.

-- +goose Up
CREATE TABLE sources (
    hash TEXT PRIMARY KEY, -- SHA-256 of data; of files kept before this table: their issue
    data BLOB NOT NULL
);
ALTER TABLE issue_revisions ADD COLUMN source_name TEXT NOT NULL DEFAULT '';
ALTER TABLE issue_revisions ADD COLUMN source_hash TEXT NOT NULL DEFAULT '';
INSERT INTO sources (hash, data) SELECT 'issue ' || id, source FROM issues WHERE source IS NOT NULL;
UPDATE issue_revisions SET source_hash = 'issue ' || issue_id,
    source_name = (SELECT i.source_name FROM issues i WHERE i.id = issue_revisions.issue_id)
WHERE n = (SELECT i.revision FROM issues i WHERE i.id = issue_revisions.issue_id AND i.source IS NOT NULL);
ALTER TABLE issues DROP COLUMN source;
ALTER TABLE issues DROP COLUMN source_name;

-- +goose Down
ALTER TABLE issues ADD COLUMN source_name TEXT NOT NULL DEFAULT '';
ALTER TABLE issues ADD COLUMN source BLOB;
ALTER TABLE issue_revisions DROP COLUMN source_hash;
ALTER TABLE issue_revisions DROP COLUMN source_name;
DROP TABLE sources;
