-- Why: goods travel between locations. A transfer is a document; what is listed and summed is in rows, which
-- are rebuilt from the document whenever it changes.

-- Each transfer that this location sends ('out') or is to receive ('in'), in the order in which it was heard.
CREATE TABLE transfer (
    number    INTEGER NOT NULL PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    direction TEXT    NOT NULL CHECK (direction IN ('in', 'out')),
    status    TEXT    NOT NULL,
    data      TEXT    NOT NULL
) STRICT;

-- What is on its way to this location: a line is here while it is shipped and nobody has counted it.
CREATE TABLE transfer_line (
    sku        TEXT    NOT NULL,
    transfer   TEXT    NOT NULL REFERENCES transfer (id),
    in_transit INTEGER NOT NULL CHECK (in_transit > 0),
    PRIMARY KEY (sku, transfer)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfer_line_by_transfer ON transfer_line (transfer);
