-- Why: head office writes price lists and promotions; online orders are priced with them.

-- `data` is the whole rule as JSON: retail.prices.price_rises.KeptPriceList or retail.prices.promotions.Promotion.
CREATE TABLE rule (
    kind TEXT NOT NULL CHECK (kind IN ('price_list', 'promotion')),
    id   TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
