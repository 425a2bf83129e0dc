-- Why: what a shop needs at hand beside its journal: the catalogue and its orders as they are read, and
-- the receipts that wait for paper.

-- Each product as its document says it now; rebuilt from the document whenever the feed changes it.
CREATE TABLE product (
    sku           TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    data          TEXT    NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one form of a barcode under which it is found (`retail.products.barcodes.index_key`).
CREATE TABLE barcode (
    code TEXT NOT NULL PRIMARY KEY,
    sku  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX barcode_by_sku ON barcode (sku);

-- Each order that this location fulfils, as its document says it now.
CREATE TABLE shop_order (
    id        TEXT NOT NULL PRIMARY KEY,
    status    TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    data      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX shop_order_by_status ON shop_order (status, id);

-- This location's allocations; each is fulfilled or released once, here (E9).
CREATE TABLE allocation (
    id       TEXT    NOT NULL PRIMARY KEY,
    order_id TEXT    NOT NULL,
    sku      TEXT    NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    state    TEXT    NOT NULL CHECK (state IN ('committed', 'fulfilled', 'released'))
) STRICT, WITHOUT ROWID;
CREATE INDEX allocation_by_order ON allocation (order_id);

-- The spool: receipts of committed sales on their way to paper. `cut_counter` is what the printer counted
-- before the first byte of an attempt, so that a broken attempt can be told from a printed one; a job in
-- doubt waits for a person.
CREATE TABLE print_job (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    printer     TEXT    NOT NULL,
    sale        TEXT    NOT NULL,
    copy        INTEGER NOT NULL CHECK (copy IN (0, 1)),
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'doubt', 'printed')),
    cut_counter INTEGER
) STRICT;
CREATE INDEX print_job_open ON print_job (printer, id) WHERE state IN ('waiting', 'sent');
