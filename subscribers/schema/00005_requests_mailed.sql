-- The limits count mails by when they were sent, not by when they were asked for:
-- what waited through an attack must not go out at once behind it.

-- +goose Up
CREATE INDEX requests_mailed ON requests (done_at) WHERE mailed = 1;

-- +goose Down
DROP INDEX requests_mailed;
