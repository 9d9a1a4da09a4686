-- What the identity provider told of a user, in its own order of time: an older event does not undo a newer one.
ALTER TABLE users ADD COLUMN told_at BIGINT;

-- When all files of a deleted user were gone. Until then somebody has to see to it, whatever was restarted meanwhile.
ALTER TABLE users ADD COLUMN files_gone_at BIGINT;

CREATE INDEX users_with_files_to_go ON users (id) WHERE deleted_at IS NOT NULL AND files_gone_at IS NULL;

-- Events that had their effect. The sender repeats one that it believes lost, under the same id.
CREATE TABLE webhook_events (
    id          TEXT   NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL
);

CREATE INDEX webhook_events_by_age ON webhook_events (received_at);
