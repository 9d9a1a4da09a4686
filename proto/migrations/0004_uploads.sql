-- Uploads, each from before its first byte goes to storage. At its end one transaction makes a row of `files` of it.
CREATE TABLE uploads (
    -- Of the file that is to be.
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL,
    kind          TEXT   NOT NULL CHECK (kind IN ('stream', 'tus', 'presigned')),
    -- SHA-256 of the secret that its URL holds, in hexadecimal; not every kind has one.
    handle        TEXT   UNIQUE,
    -- One that is expired takes no more bytes, whatever ended it.
    state         TEXT   NOT NULL CHECK (state IN ('open', 'finished', 'expired')),
    object_key    TEXT   NOT NULL,
    -- Unknown until somebody says it.
    declared_size BIGINT,
    description   TEXT   NOT NULL DEFAULT '{}',
    -- Bytes that are durable, and the state of SHA-256 behind them.
    received      BIGINT NOT NULL DEFAULT 0,
    hash_state    TEXT,
    part_bytes    BIGINT NOT NULL DEFAULT 0,
    multipart_id  TEXT,
    -- Who writes it, and until when nobody else may.
    holder        TEXT,
    held_until    BIGINT,
    created_at    BIGINT NOT NULL,
    -- Moves on with progress.
    expires_at    BIGINT NOT NULL,
    -- Since when storage holds nothing of one that is expired.
    gone_at       BIGINT
);

CREATE INDEX uploads_by_owner ON uploads (user_id) WHERE state = 'open';
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
CREATE INDEX uploads_to_clean ON uploads (id) WHERE state = 'expired' AND gone_at IS NULL;

-- Parts of a multipart upload that storage has, numbered from 1.
CREATE TABLE upload_parts (
    upload_id   TEXT   NOT NULL,
    part_number BIGINT NOT NULL,
    etag        TEXT   NOT NULL,
    PRIMARY KEY (upload_id, part_number)
);

-- What is done by the clock and not at a request: by one process, however many there are.
CREATE TABLE chores (
    name   TEXT   NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL
);

-- Files that end by themselves.
CREATE INDEX files_by_end ON files (expires_at_seconds) WHERE expires_at_seconds IS NOT NULL AND state = 'ready';
