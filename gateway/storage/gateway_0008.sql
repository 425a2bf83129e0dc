-- Why: what came back of a sale must not come back twice, and stands in quality control until somebody has looked at it.

-- `data` is retail.returning.returns.GoodsReturn as JSON; `is_open` while some of its goods wait for an inspection.
CREATE TABLE goods_return (
    number  INTEGER NOT NULL PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    sale    TEXT    NOT NULL,
    is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    data    TEXT    NOT NULL
) STRICT;
CREATE INDEX goods_return_by_sale ON goods_return (sale);
CREATE INDEX goods_return_open ON goods_return (number) WHERE is_open;
