-- What was corrected, in the editor's words: readers see it with a revision that
-- follows one that was sent.

-- +goose Up
ALTER TABLE issue_revisions ADD COLUMN note TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE issue_revisions DROP COLUMN note;
