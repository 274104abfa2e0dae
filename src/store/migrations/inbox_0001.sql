-- One row per HTTP request or read record, as it came. `seq` is the order of arrival.
CREATE TABLE inbox (
    seq         INTEGER PRIMARY KEY NOT NULL,
    connection  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    headers     BLOB NOT NULL,
    body        BLOB NOT NULL,
    -- Length of the body before it was compressed; 0 for one stored as it is.
    raw_bytes   BIGINT NOT NULL
);
