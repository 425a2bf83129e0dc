-- Why: registers that sell alone keep journals of their own, and this gateway is their parent: it knows who they are, how
-- far it holds each journal, how far the hub does, and what each of them has to hear.

-- One row per writer, so one per box that ever was the register of that name. `box` is the box's own random id.
-- `head_*` is the last of its entries that is held here, `cursor` how far it has the feed. `sealed` once its last entry
-- was heard: then nothing of it is missing. `reported` once it has told this gateway what it did at the one before it.
-- `reason` is why it was written off.
CREATE TABLE register (
    writer      TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    incarnation INTEGER NOT NULL CHECK (incarnation > 0),
    box         TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('living', 'replaced', 'lost')),
    sealed      INTEGER NOT NULL CHECK (sealed IN (0, 1)),
    reported    INTEGER NOT NULL CHECK (reported IN (0, 1)),
    head_seq    INTEGER NOT NULL CHECK (head_seq >= 0),
    head_hash   BLOB    NOT NULL CHECK (length(head_hash) = 32),
    cursor      INTEGER NOT NULL,
    enrolled_ms INTEGER NOT NULL,
    heard_ms    INTEGER,
    software    TEXT,
    reason      TEXT    NOT NULL,
    UNIQUE (name, incarnation),
    UNIQUE (name, box)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX register_living ON register (name) WHERE state = 'living';

-- Which entry of this gateway's own journal carries a register's entries up to `seq`. Once the hub has the one, it has
-- the others. `carried_by` is 0 for what the hub had before this gateway began.
CREATE TABLE register_relay (
    writer     TEXT    NOT NULL REFERENCES register (writer),
    carried_by INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (writer, carried_by)
) STRICT, WITHOUT ROWID;

-- What registers have to hear, compacted by key: a newer change of an item takes a new position. `data` is in the rows that
-- the item names, but for what is one register's own: then `audience` is its writer.
CREATE TABLE register_feed (
    position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    audience TEXT    NOT NULL,
    data     BLOB,
    UNIQUE (kind, key, audience)
) STRICT;
CREATE INDEX register_feed_by_audience ON register_feed (audience, position);

-- What a register sold alone may be heard after a count: then the count's line is looked up by its SKU.
CREATE INDEX count_line_by_sku ON count_line (sku);

-- Whoever writes these rows, registers hear of it. A shop without such registers pays nothing; when the first is enrolled
-- all rows are told at once.
CREATE TRIGGER product_told AFTER INSERT ON product WHEN EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES ('product', NEW.sku, '');
END;
CREATE TRIGGER product_changed AFTER UPDATE ON product WHEN EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES ('product', NEW.sku, '');
END;
CREATE TRIGGER product_removed AFTER DELETE ON product WHEN EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES ('product', OLD.sku, '');
END;
CREATE TRIGGER rule_told AFTER INSERT ON rule WHEN EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES (NEW.kind, NEW.id, '');
END;
CREATE TRIGGER rule_removed AFTER DELETE ON rule WHEN EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES (OLD.kind, OLD.id, '');
END;
CREATE TRIGGER meta_told AFTER INSERT ON meta
WHEN NEW.name IN ('taxes', 'settings') AND EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES (NEW.name, 'all', '');
END;
CREATE TRIGGER meta_changed AFTER UPDATE ON meta
WHEN NEW.name IN ('taxes', 'settings') AND EXISTS (SELECT 1 FROM register)
BEGIN
    INSERT OR REPLACE INTO register_feed (kind, key, audience) VALUES (NEW.name, 'all', '');
END;
