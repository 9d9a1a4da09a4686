-- What ends access, in the order of its commits, without gaps: gateways go on reading from where they were. They go by
-- the file or user that is named, whatever the kind. Old rows are trimmed, the newest never.
CREATE TABLE changes (
    seq     BIGINT NOT NULL PRIMARY KEY,
    kind    TEXT   NOT NULL,
    file_id TEXT,
    user_id TEXT,
    at      BIGINT NOT NULL
);

-- What was done in somebody's name or to somebody else's things. Ids are UUIDv7: in the order of time.
CREATE TABLE audit (
    id      TEXT   NOT NULL PRIMARY KEY,
    actor   TEXT   NOT NULL,
    action  TEXT   NOT NULL,
    target  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    details TEXT   NOT NULL DEFAULT '{}'
);

CREATE INDEX audit_by_actor ON audit (actor, at DESC);
CREATE INDEX audit_by_target ON audit (target, at DESC);

-- Requests that must not be done twice. Without a file the first one is still under way; the fingerprint tells a
-- repeated request from another under the same key.
CREATE TABLE idempotency_keys (
    user_id         TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    fingerprint     TEXT   NOT NULL,
    file_id         TEXT,
    answer          TEXT,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
