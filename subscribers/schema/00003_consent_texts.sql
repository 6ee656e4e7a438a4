-- Wordings of the consent by their version.

-- +goose Up
CREATE TABLE consent_texts (
    version  TEXT   PRIMARY KEY,                -- of the wording
    language TEXT   NOT NULL,
    text     TEXT   NOT NULL,
    since    BIGINT NOT NULL
);

-- +goose Down
DROP TABLE consent_texts;
