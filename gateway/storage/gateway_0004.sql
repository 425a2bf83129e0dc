-- Why: a till sets units aside for an open basket; what is held has a row that says for whom.

-- `data` is the whole basket as JSON. A deadline is kept in memory only: see web/hold_watch.py.
CREATE TABLE basket (
    id     TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('open', 'released', 'expired', 'used')),
    data   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX basket_open ON basket (id) WHERE status = 'open';
