-- What is usual among won deals: a snapshot of each local midnight, never changed.

CREATE TABLE baseline (
    connection    TEXT NOT NULL,
    at            BIGINT NOT NULL,
    in_force_from BIGINT NOT NULL,
    body          BLOB NOT NULL,
    PRIMARY KEY (connection, at)
);
