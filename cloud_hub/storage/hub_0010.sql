-- Why: a register that heard no answer asks the next box again. Where the box before it had answered after all, and is heard
-- later, one request was done by two lives of a location, and its goods are booked back once (cloud_hub.lives.twice).

-- Requests that moved goods, of locations that have had more than one box. `entry` is the first that was heard to answer it.
CREATE TABLE asked (
    location  TEXT NOT NULL REFERENCES location (id),
    principal TEXT NOT NULL,
    path      TEXT NOT NULL,
    key       TEXT NOT NULL,
    digest    BLOB NOT NULL,
    entry     TEXT NOT NULL,
    PRIMARY KEY (location, principal, path, key)
) STRICT, WITHOUT ROWID;
