-- What is kept, and how it is found again when its time is over.

-- The request that dead letters came in: once, however many events of it were given up.
CREATE TABLE dead_request (
    seq         BIGINT PRIMARY KEY NOT NULL,
    connection  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    headers     BLOB NOT NULL,
    body        BLOB NOT NULL
);
-- Those that wait still hold the request; 'waiting' is the last of the words.
INSERT INTO dead_request (seq, connection, kind, received_at, headers, body)
    SELECT seq, connection, kind, received_at, headers, body FROM dead_letter AS one
    WHERE place = (SELECT place FROM dead_letter AS other WHERE other.seq = one.seq
        ORDER BY state DESC, place LIMIT 1);
ALTER TABLE dead_letter DROP COLUMN connection;
ALTER TABLE dead_letter DROP COLUMN kind;
ALTER TABLE dead_letter DROP COLUMN received_at;
ALTER TABLE dead_letter DROP COLUMN headers;
ALTER TABLE dead_letter DROP COLUMN body;
CREATE INDEX dead_request_by_time ON dead_request (received_at);

CREATE INDEX firing_by_time ON firing (fired_at);
