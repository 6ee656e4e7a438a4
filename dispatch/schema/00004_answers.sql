-- What somebody says to us by a carrier may be answered at once; the same thing told
-- again is given the same answer. Times are UTC milliseconds, 0 means never.

-- +goose Up
ALTER TABLE inbound ADD COLUMN answer TEXT NOT NULL DEFAULT '';       -- of a chat, as it was given; empty: silence
ALTER TABLE inbound ADD COLUMN answered_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE inbound DROP COLUMN answered_at;
ALTER TABLE inbound DROP COLUMN answer;
