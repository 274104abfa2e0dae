-- What is usual among won deals: a snapshot of each local midnight, never changed.

CREATE TABLE baseline (
    connection    TEXT NOT NULL,
    at            BIGINT NOT NULL,
    in_force_from BIGINT NOT NULL,
    body          BLOB NOT NULL,
    PRIMARY KEY (connection, at)
);

-- What deals mean for people: an ordered log of what they told, folded into one
-- standing for each deal and one row for each edit, and what rules about people
-- remember.

CREATE TABLE portfolio_log (
    seq        BIGINT PRIMARY KEY NOT NULL,
    connection TEXT NOT NULL,
    deal       TEXT NOT NULL,
    body       BLOB NOT NULL
);
CREATE INDEX portfolio_log_by_deal ON portfolio_log (connection, deal);
INSERT INTO cursor (name, seq) VALUES ('portfolio', 0);

-- `closed_at`: 0 while it is open. A deal that says nothing of anybody has no owner.
CREATE TABLE portfolio_deal (
    connection TEXT NOT NULL,
    deal       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    version    BIGINT NOT NULL,
    closed_at  BIGINT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (connection, deal)
) WITHOUT ROWID;
CREATE INDEX portfolio_deal_by_owner ON portfolio_deal (owner);
CREATE INDEX portfolio_deal_closed ON portfolio_deal (closed_at) WHERE closed_at > 0;

CREATE TABLE portfolio_edit (
    id         TEXT PRIMARY KEY NOT NULL,
    owner      TEXT NOT NULL,
    connection TEXT NOT NULL,
    deal       TEXT NOT NULL,
    at         BIGINT NOT NULL,
    body       BLOB NOT NULL
);
CREATE INDEX portfolio_edit_by_owner ON portfolio_edit (owner, at);
CREATE INDEX portfolio_edit_by_deal ON portfolio_edit (connection, deal);
CREATE INDEX portfolio_edit_by_time ON portfolio_edit (at);

-- `due_at` 0: something was told since, and the rules are to be looked at.
CREATE TABLE person_state (
    person  TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    due_at  BIGINT NOT NULL,
    body    BLOB NOT NULL
);
CREATE INDEX person_state_due ON person_state (due_at);
