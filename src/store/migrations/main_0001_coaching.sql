-- What was decided and said: firings, nudges, deliveries, the ledger, outcomes.

CREATE TABLE firing (
    id           TEXT PRIMARY KEY NOT NULL,
    connection   TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id   TEXT NOT NULL,
    rule_id      TEXT NOT NULL,
    rule_hash    TEXT NOT NULL,
    fired_at     BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    body         BLOB NOT NULL
);
CREATE INDEX firing_by_subject ON firing (connection, subject_kind, subject_id);

CREATE TABLE nudge (
    id           TEXT PRIMARY KEY NOT NULL,
    firing_id    TEXT NOT NULL,
    person       TEXT NOT NULL,
    connection   TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id   TEXT NOT NULL,
    rule_id      TEXT NOT NULL,
    rule_hash    TEXT NOT NULL,
    attention    TEXT NOT NULL,
    priority     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    state        TEXT NOT NULL,
    body         BLOB NOT NULL
);
CREATE INDEX nudge_pending ON nudge (due_at, person) WHERE state = 'pending';
CREATE INDEX nudge_held ON nudge (created_at, id) WHERE state = 'held';
CREATE INDEX nudge_by_person ON nudge (person, state, created_at);
CREATE INDEX nudge_by_firing ON nudge (firing_id);
CREATE INDEX nudge_by_subject ON nudge (connection, subject_kind, subject_id);

-- `until`: waiting, not before; claimed, the lease's end; unknown, when to look again.
CREATE TABLE delivery (
    id          TEXT PRIMARY KEY NOT NULL,
    connection  TEXT NOT NULL,
    channel     TEXT NOT NULL,
    person      TEXT NOT NULL,
    attention   TEXT NOT NULL,
    subject     TEXT NOT NULL,
    on_end      TEXT NOT NULL,
    priority    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    state       TEXT NOT NULL,
    why         TEXT NOT NULL,
    until       BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    resends     BIGINT NOT NULL,
    spent_at    BIGINT NOT NULL,
    sent_at     BIGINT NOT NULL,
    receipt     BLOB NOT NULL,
    body        BLOB NOT NULL
);
CREATE INDEX delivery_waiting ON delivery (connection, until) WHERE state = 'waiting';
CREATE INDEX delivery_claimed ON delivery (until) WHERE state = 'claimed';
CREATE INDEX delivery_unknown ON delivery (until) WHERE state = 'unknown';
CREATE INDEX delivery_by_person ON delivery (person, created_at);

-- A digest is one delivery of several nudges.
CREATE TABLE delivery_nudge (
    nudge_id    TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    PRIMARY KEY (nudge_id, delivery_id)
) WITHOUT ROWID;
CREATE INDEX delivery_nudge_by_delivery ON delivery_nudge (delivery_id);

CREATE TABLE suppressed (
    nudge_id   TEXT PRIMARY KEY NOT NULL,
    person     TEXT NOT NULL,
    connection TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    rule_id    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    body       BLOB NOT NULL
);
CREATE INDEX suppressed_by_person ON suppressed (person, at);
CREATE INDEX suppressed_by_time ON suppressed (at, reason);

CREATE TABLE outcome (
    id       TEXT PRIMARY KEY NOT NULL,
    nudge_id TEXT NOT NULL,
    person   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    at       BIGINT NOT NULL,
    body     BLOB NOT NULL
);
CREATE INDEX outcome_by_nudge ON outcome (nudge_id, at);
