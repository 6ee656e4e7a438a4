-- Who has left one channel may get the issue by another.

-- +goose Up
ALTER TABLE run_channels ADD COLUMN instead_of TEXT NOT NULL DEFAULT '';  -- only for those who left this one; empty: for all

-- +goose Down
ALTER TABLE run_channels DROP COLUMN instead_of;
