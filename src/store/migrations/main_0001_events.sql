-- The path of an event: cursor, dedupe, deals and their history, timers, work.
-- Types are portable: times are BIGINT milliseconds, ids TEXT, payloads opaque
-- bytes, everything NOT NULL. WITHOUT ROWID is SQLite's table option.

CREATE TABLE cursor (
    name TEXT PRIMARY KEY NOT NULL,
    seq  BIGINT NOT NULL
);
INSERT INTO cursor (name, seq) VALUES ('ingest', 0);

-- Keyed by the hour of occurrence first, so that the pages in use stay few.
CREATE TABLE dedupe (
    hour          BIGINT NOT NULL,
    hash          BLOB NOT NULL,
    received_hour BIGINT NOT NULL,
    PRIMARY KEY (hour, hash)
) WITHOUT ROWID;

CREATE TABLE deal (
    connection TEXT NOT NULL,
    id         TEXT NOT NULL,
    version    BIGINT NOT NULL,
    owner      TEXT NOT NULL,
    pipeline   TEXT NOT NULL,
    stage      TEXT NOT NULL,
    status     TEXT NOT NULL,
    engine_at  BIGINT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE INDEX deal_by_owner ON deal (connection, owner, status);

-- A deal's history lies together, in the order that counts are derived from.
CREATE TABLE change (
    connection  TEXT NOT NULL,
    deal        TEXT NOT NULL,
    field       TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    vendor_seq  BIGINT NOT NULL,
    value_hash  BLOB NOT NULL,
    engine_at   BIGINT NOT NULL,
    late        BIGINT NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (connection, deal, field, occurred_at, vendor_seq, value_hash)
) WITHOUT ROWID;

CREATE TABLE timer (
    kind       TEXT NOT NULL,
    connection TEXT NOT NULL,
    id         TEXT NOT NULL,
    due_at     BIGINT NOT NULL,
    PRIMARY KEY (kind, connection, id)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE work (
    kind        TEXT NOT NULL,
    connection  TEXT NOT NULL,
    key         TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    why         TEXT NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (kind, connection, key)
) WITHOUT ROWID;
CREATE INDEX work_next ON work (kind, connection, next_at);

CREATE TABLE counter (
    scope  TEXT NOT NULL,
    name   TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    value  BIGINT NOT NULL,
    PRIMARY KEY (scope, name, bucket)
) WITHOUT ROWID;

CREATE TABLE dead_letter (
    seq         BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    connection  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    reason      TEXT NOT NULL,
    state       TEXT NOT NULL,
    headers     BLOB NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (seq, place)
);

-- Tries of a piece of the inbox, counted before each, so that a crash counts too.
CREATE TABLE attempt (
    seq   BIGINT NOT NULL,
    place BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    PRIMARY KEY (seq, place)
);
