-- The house around it: people, connections, settings, rules, links, audit.

CREATE TABLE person (
    id      TEXT PRIMARY KEY NOT NULL,
    email   TEXT NOT NULL,
    version BIGINT NOT NULL,
    body    BLOB NOT NULL
);
CREATE UNIQUE INDEX person_by_email ON person (email) WHERE email <> '';

-- Who somebody is at a vendor: a CRM has owner ids and user ids, a chat its own.
CREATE TABLE identity (
    connection TEXT NOT NULL,
    kind       TEXT NOT NULL,
    vendor_id  TEXT NOT NULL,
    person     TEXT NOT NULL,
    PRIMARY KEY (connection, kind, vendor_id)
);
CREATE INDEX identity_by_person ON identity (person);

CREATE TABLE preference (
    person TEXT NOT NULL,
    kind   TEXT NOT NULL,
    key    TEXT NOT NULL,
    until  BIGINT NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (person, kind, key)
);

CREATE TABLE connection (
    name       TEXT PRIMARY KEY NOT NULL,
    connector  TEXT NOT NULL,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       BLOB NOT NULL
);

-- What changes at its own pace: metadata, poll cursor, backfill, usage, verdicts.
CREATE TABLE connection_part (
    connection TEXT NOT NULL,
    part       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (connection, part)
);

-- Bodies are encrypted before they come here.
CREATE TABLE credential (
    connection TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (connection, name)
);

CREATE TABLE setting (
    name       TEXT PRIMARY KEY NOT NULL,
    updated_at BIGINT NOT NULL,
    body       BLOB NOT NULL
);
CREATE TABLE settings_version (
    id      BIGINT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO settings_version (id, version) VALUES (1, 1);

CREATE TABLE rule_version (
    hash       TEXT PRIMARY KEY NOT NULL,
    rule_id    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    body       BLOB NOT NULL
);
CREATE INDEX rule_version_by_rule ON rule_version (rule_id, created_at);

CREATE TABLE link (
    nonce_hash BLOB PRIMARY KEY NOT NULL,
    purpose    TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    body       BLOB NOT NULL
);
CREATE INDEX link_by_expiry ON link (expires_at);

CREATE TABLE audit (
    seq       BIGINT PRIMARY KEY NOT NULL,
    at        BIGINT NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    body      BLOB NOT NULL,
    prev_hash BLOB NOT NULL,
    hash      BLOB NOT NULL
);
