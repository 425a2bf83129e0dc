-- Why: a register that dies between asking and hearing must ask again with the same key, at the same
-- place, or a sale is lost or sold twice.

-- Single values: the location whose gateway this register asks, and the highest witness seen of it.
CREATE TABLE outbox_meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Sales asked for whose outcome is unknown. Keys begin with their time, so the oldest come first.
CREATE TABLE pending_sale (
    key        TEXT    NOT NULL PRIMARY KEY,
    body       BLOB    NOT NULL,
    written_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sales that the gateway has acknowledged, kept until the hub has them. The sale as it was answered is
-- kept, the question is not: an override in it may carry a supervisor's PIN.
CREATE TABLE done_sale (
    key    TEXT    NOT NULL PRIMARY KEY,
    writer TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    sale   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX done_sale_by_place ON done_sale (writer, seq);
