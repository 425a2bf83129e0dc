-- Why: a checkout sets units aside before there is an order; what is held has a row that says for whom.

-- `data` is the whole reservation as JSON. A deadline is kept in memory only: see web/hold_watch.py.
CREATE TABLE reservation (
    id     TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('open', 'released', 'expired', 'used')),
    data   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_open ON reservation (id) WHERE status = 'open';
