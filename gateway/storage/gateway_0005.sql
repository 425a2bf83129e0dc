-- Why: two stores that are cut off may add drafts of one thing. Both keep its barcode until head office decides,
-- and neither takes it from the other.

ALTER TABLE barcode RENAME TO barcode_before;
DROP INDEX barcode_by_sku;

-- The one form of a barcode under which it is found (`retail.products.barcodes.index_key`). `number` says who had it first.
CREATE TABLE barcode (
    number INTEGER NOT NULL PRIMARY KEY,
    code   TEXT    NOT NULL,
    sku    TEXT    NOT NULL,
    UNIQUE (code, sku)
) STRICT;
CREATE INDEX barcode_by_sku ON barcode (sku);
INSERT INTO barcode (code, sku) SELECT code, sku FROM barcode_before ORDER BY code;
DROP TABLE barcode_before;
