-- Why: goods that another shop or the website sold come back here too, and this shop has to know of them what the seller knows.

-- `data` is gateway.returning.returnables.KeptClaim as JSON: what was sold, what came back before, and what was left when the hub said so.
CREATE TABLE claimed_sale (
    id     TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    data   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claimed_sale_by_number ON claimed_sale (number);
