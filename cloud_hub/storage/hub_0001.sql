-- Why: what the hub keeps beside the journals: the fleet, the feed that flows down to it, the catalogue and
-- the orders as they are read.

-- Sales and movements of one location are read by kind, in the order in which they arrived.
ALTER TABLE entry ADD COLUMN location TEXT
    GENERATED ALWAYS AS (substr(writer, 1, instr(writer, '.') - 1)) VIRTUAL;
CREATE INDEX entry_by_location ON entry (location, kind, arrival);
CREATE INDEX counter_by_sku ON counter (sku, location);
CREATE INDEX entry_by_kind ON entry (kind, arrival);

-- A store or warehouse. `incarnation` is the box that may speak for it, 0 before the first. `offered` is
-- the feed position up to which it may have been told things: written before they are sent.
CREATE TABLE location (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('store', 'warehouse')),
    jurisdiction  TEXT    NOT NULL,
    timezone      TEXT    NOT NULL,
    incarnation   INTEGER NOT NULL DEFAULT 0,
    software      TEXT,
    last_heard_ms INTEGER,
    offered       INTEGER NOT NULL DEFAULT 0,
    cursor        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- One-time codes; only digests. `incarnation` is the box that the code makes. A used code stays, so that its
-- second use can be told from a wrong one; `used_by` is the box, which may ask again when our answer was lost.
CREATE TABLE enrolment_code (
    digest        BLOB    NOT NULL PRIMARY KEY,
    location      TEXT    NOT NULL REFERENCES location (id),
    incarnation   INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_at_ms    INTEGER,
    used_by       TEXT
) STRICT, WITHOUT ROWID;

-- The feed, compacted by key: a newer change of an item takes a new position and replaces the older one.
CREATE TABLE feed (
    position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    audience TEXT    NOT NULL,
    data     BLOB    NOT NULL,
    UNIQUE (kind, key, audience)
) STRICT;
CREATE INDEX feed_by_audience ON feed (audience, position);

CREATE TABLE product (
    sku           TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    data          TEXT    NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX product_by_update ON product (updated_at_ms, sku);

CREATE TABLE barcode (
    code TEXT NOT NULL PRIMARY KEY,
    sku  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX barcode_by_sku ON barcode (sku);

-- Dated tax rates: a change is a new row.
CREATE TABLE tax_rate (
    tax_class    TEXT    NOT NULL,
    jurisdiction TEXT    NOT NULL,
    valid_from   TEXT    NOT NULL,
    rate         TEXT    NOT NULL,
    inclusive    INTEGER NOT NULL CHECK (inclusive IN (0, 1)),
    PRIMARY KEY (tax_class, jurisdiction, valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE online_order (
    id     TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    status TEXT    NOT NULL,
    data   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX online_order_by_status ON online_order (status, number);

-- Units that a location keeps for an order. `position` is the feed position that tells the location: once
-- it has been offered, only the location's gateway fulfils or releases the units (E9).
CREATE TABLE allocation (
    id       TEXT    NOT NULL PRIMARY KEY,
    order_id TEXT    NOT NULL REFERENCES online_order (id),
    sku      TEXT    NOT NULL,
    location TEXT    NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    state    TEXT    NOT NULL CHECK (state IN ('held', 'committed', 'fulfilled', 'released')),
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX allocation_by_order ON allocation (order_id);
