-- Why: the chain's price lists and promotions are priced with here, also when the line is cut; a basket that was open
-- when a price went up keeps the lower one; and a price that changed needs another label on the shelf.

-- `data` is the whole rule as JSON: retail.prices.price_rises.KeptPriceList or retail.prices.promotions.Promotion.
CREATE TABLE rule (
    kind TEXT NOT NULL CHECK (kind IN ('price_list', 'promotion')),
    id   TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- What goods cost on the shelf until then, where they cost more now.
CREATE TABLE former_price (
    sku         TEXT    NOT NULL,
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    until_ms    INTEGER NOT NULL,
    PRIMARY KEY (sku, price_minor)
) STRICT, WITHOUT ROWID;

-- What the label on the shelf says.
CREATE TABLE shelf_label (
    sku         TEXT    NOT NULL PRIMARY KEY,
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0)
) STRICT, WITHOUT ROWID;
