-- Why: what every replica keeps, whatever program it runs in: its journal, its stock counters, the first
-- success of each request, its documents and its bearer tokens.

-- Single values: who this replica is, how far the other end of the link has come.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The journals held here, verbatim. `arrival` is the order in which this replica stored them, so that an
-- export can go on from a cursor; order within a writer is `seq`.
CREATE TABLE entry (
    arrival INTEGER NOT NULL PRIMARY KEY,
    writer  TEXT    NOT NULL,
    seq     INTEGER NOT NULL CHECK (seq > 0),
    kind    TEXT    NOT NULL,
    hash    BLOB    NOT NULL CHECK (length(hash) = 32),
    body    BLOB    NOT NULL,
    UNIQUE (writer, seq)
) STRICT;

-- One escrow counter per (SKU, location); `cells` is JSON: [[table, holder, detail, value], ...]. A checkpoint:
-- entries that arrived after meta.counters_saved have cells that may not be in these rows yet.
CREATE TABLE counter (
    location TEXT NOT NULL,
    sku      TEXT NOT NULL,
    cells    TEXT NOT NULL,
    PRIMARY KEY (location, sku)
) STRICT, WITHOUT ROWID;

-- A register that lost our answer repeats its request; the answer is the record of the entry.
-- Kept as long as the journal.
CREATE TABLE request (
    principal TEXT    NOT NULL,
    path      TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    digest    BLOB    NOT NULL,
    status    INTEGER NOT NULL,
    entry     TEXT    NOT NULL,
    PRIMARY KEY (principal, path, key)
) STRICT, WITHOUT ROWID;

-- An Automerge document is loaded from its snapshot plus its changes, which are rows.
CREATE TABLE document (
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    snapshot BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE document_change (
    kind   TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    number INTEGER NOT NULL,
    change BLOB    NOT NULL,
    PRIMARY KEY (kind, id, number)
) STRICT, WITHOUT ROWID;

-- Only digests of bearer tokens are kept. `token` commands write here while the program runs.
CREATE TABLE token (
    digest        BLOB    NOT NULL PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    role          TEXT    NOT NULL,
    register      TEXT,
    name          TEXT    NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
