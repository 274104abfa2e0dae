-- What one hand changed in masses, and what waits for an admin because of it.

-- What an actor changed lately, to see that it is too much.
CREATE TABLE mass_tally (
    connection TEXT NOT NULL,
    actor      TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (connection, actor)
) WITHOUT ROWID;

-- `from_at` to `until_at` is when the changes happened; 0 in `settled_at`: not yet.
CREATE TABLE mass_hold (
    id         TEXT PRIMARY KEY NOT NULL,
    connection TEXT NOT NULL,
    actor      TEXT NOT NULL,
    from_at    BIGINT NOT NULL,
    until_at   BIGINT NOT NULL,
    opened_at  BIGINT NOT NULL,
    changes    BIGINT NOT NULL,
    state      TEXT NOT NULL,
    settled_at BIGINT NOT NULL
);
CREATE INDEX mass_hold_by_actor ON mass_hold (connection, actor, until_at);

-- Whose change is behind a nudge, and when it happened.
CREATE TABLE nudge_cause (
    nudge_id    TEXT PRIMARY KEY NOT NULL,
    connection  TEXT NOT NULL,
    actor       TEXT NOT NULL,
    occurred_at BIGINT NOT NULL
);
CREATE INDEX nudge_cause_by_actor ON nudge_cause (connection, actor, occurred_at);

-- Deals that a rule was true of when it was published, to be told a few a day.
-- The lowest `order_key` is the worst case and comes first.
CREATE TABLE release_case (
    rule_hash  TEXT NOT NULL,
    connection TEXT NOT NULL,
    deal       TEXT NOT NULL,
    rule_id    TEXT NOT NULL,
    person     TEXT NOT NULL,
    order_key  BIGINT NOT NULL,
    added_at   BIGINT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    settled_at BIGINT NOT NULL,
    nudge_id   TEXT NOT NULL,
    PRIMARY KEY (rule_hash, connection, deal)
) WITHOUT ROWID;
CREATE INDEX release_case_next ON release_case (state, person, order_key, deal);
CREATE INDEX release_case_by_nudge ON release_case (nudge_id);
