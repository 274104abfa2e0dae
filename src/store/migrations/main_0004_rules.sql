-- The life of rules: where each stands, what was done to it, and what waits for it.

-- A rule of which nothing stands here is on, as its file declares it.
CREATE TABLE rule_life (
    rule_id      TEXT PRIMARY KEY NOT NULL,
    state        TEXT NOT NULL,
    -- Where one that is paused stood before.
    before       TEXT NOT NULL,
    -- Rises whenever the rule begins anew.
    epoch        BIGINT NOT NULL,
    since        BIGINT NOT NULL,
    actor        TEXT NOT NULL,
    why          TEXT NOT NULL,
    -- E-mail of the manager whose team's rule it is; empty for the company's.
    team         TEXT NOT NULL,
    -- The version in force, and what it decides by as it is written; empty while
    -- no file declares the rule.
    hash         TEXT NOT NULL,
    trigger_hash TEXT NOT NULL,
    -- Whether that version is a published one, and not the file's own.
    stored       BIGINT NOT NULL,
    position     BIGINT NOT NULL,
    counted_from BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL
);

-- What was done to each rule; `seq` is the place of the audit row that tells of it.
CREATE TABLE rule_log (
    rule_id TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    state   TEXT NOT NULL,
    hash    TEXT NOT NULL,
    why     TEXT NOT NULL,
    PRIMARY KEY (rule_id, seq)
) WITHOUT ROWID;

-- What a team wants otherwise for its own people: 'mute', 'tighten'.
CREATE TABLE team_choice (
    team    TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    kind    TEXT NOT NULL,
    at      BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    why     TEXT NOT NULL,
    body    BLOB NOT NULL,
    PRIMARY KEY (team, rule_id, kind)
) WITHOUT ROWID;

-- What waits for a second person: 'open', 'approved', 'refused'.
CREATE TABLE rule_request (
    id         TEXT PRIMARY KEY NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    state      TEXT NOT NULL,
    settled_at BIGINT NOT NULL,
    settled_by TEXT NOT NULL,
    body       BLOB NOT NULL
);
CREATE INDEX rule_request_open ON rule_request (at, id) WHERE state = 'open';

-- What a rule's owner was told, by the delivery that tells it: 'asked', 'told', 'untold'.
CREATE TABLE rule_notice (
    id      TEXT PRIMARY KEY NOT NULL,
    rule_id TEXT NOT NULL,
    kind    TEXT NOT NULL,
    person  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    state   TEXT NOT NULL,
    why     TEXT NOT NULL
);
CREATE INDEX rule_notice_asked ON rule_notice (at, id) WHERE state = 'asked';
CREATE INDEX rule_notice_by_rule ON rule_notice (rule_id, at);

CREATE INDEX nudge_by_rule ON nudge (rule_id, created_at);
