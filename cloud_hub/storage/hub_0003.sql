-- Why: what was promised and is not there, or is owed back, waits in a queue until it is settled.

-- `data` is the whole item as JSON; the other columns are what it is found by.
CREATE TABLE shortage (
    id         TEXT NOT NULL PRIMARY KEY,
    number     INTEGER NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('deficit', 'unfulfilled', 'refund', 'notice')),
    state      TEXT NOT NULL CHECK (state IN ('open', 'resolving', 'resolved')),
    location   TEXT,
    sku        TEXT,
    order_id   TEXT,
    allocation TEXT,
    data       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A location has one deficit per SKU, however often it grows.
CREATE UNIQUE INDEX shortage_open_deficit ON shortage (location, sku)
    WHERE kind = 'deficit' AND state <> 'resolved';
CREATE INDEX shortage_open_by_sku ON shortage (sku) WHERE state = 'open';
CREATE INDEX shortage_by_order ON shortage (order_id);
CREATE INDEX shortage_by_state ON shortage (state, number);

-- Promises of a SKU at a location are looked for when it has too few.
CREATE INDEX allocation_by_sku ON allocation (location, sku) WHERE state = 'committed';
