-- Who owns what. Times are Unix milliseconds unless the name says seconds; the same statements serve SQLite and Postgres.

CREATE TABLE files (
    id                          TEXT   NOT NULL PRIMARY KEY,
    user_id                     TEXT   NOT NULL,
    job_id                      TEXT,
    object_key                  TEXT   NOT NULL UNIQUE,
    filename                    TEXT   NOT NULL,
    content_type                TEXT   NOT NULL,
    size                        BIGINT NOT NULL CHECK (size >= 0),
    etag                        TEXT   NOT NULL,
    sha256                      TEXT,
    metadata                    TEXT   NOT NULL DEFAULT '{}',
    -- A deleted row waits here until its object is gone too.
    state                       TEXT   NOT NULL CHECK (state IN ('ready', 'deleted')),
    created_at                  BIGINT NOT NULL,
    modified_at_seconds         BIGINT NOT NULL,
    expires_at_seconds          BIGINT,
    urls_revoked_before_seconds BIGINT
);

-- A user's files, newest first; ids are UUIDv7, so they break ties in the order of creation.
CREATE INDEX files_by_owner ON files (user_id, created_at DESC, id DESC);
CREATE INDEX files_by_job ON files (user_id, job_id, created_at DESC, id DESC);
CREATE INDEX files_deleted ON files (id) WHERE state = 'deleted';

-- Only users of whom something is known that the files do not say.
CREATE TABLE users (
    id                          TEXT   NOT NULL PRIMARY KEY,
    blocked_at                  BIGINT,
    banned_at                   BIGINT,
    deleted_at                  BIGINT,
    urls_revoked_before_seconds BIGINT
);
