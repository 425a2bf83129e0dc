-- Why: what came back of a sale is asked for by its sale, wherever it came back, and announced by customers beforehand.

-- What shops told. `data` is retail.returning.returns.GoodsReturn as it was last told; `number` is the order in which they became known.
CREATE TABLE goods_return (
    number   INTEGER NOT NULL PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    sale     TEXT    NOT NULL,
    location TEXT    NOT NULL,
    is_open  INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    data     TEXT    NOT NULL
) STRICT;
CREATE INDEX goods_return_by_sale ON goods_return (sale);

-- Returns that were told before there was this table; what was inspected of them is told again with the next inspection.
INSERT INTO goods_return (number, id, sale, location, is_open, data)
SELECT arrival,
       json_extract(CAST(body AS TEXT), '$.record.id'),
       json_extract(CAST(body AS TEXT), '$.record.sale'),
       json_extract(CAST(body AS TEXT), '$.record.location'),
       1,
       json_extract(CAST(body AS TEXT), '$.record')
FROM entry WHERE kind = 'return';

-- What customers said that they will bring. `data` is retail.returning.returns.AnnouncedReturn as JSON.
CREATE TABLE announced_return (
    number INTEGER NOT NULL PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE,
    sale   TEXT    NOT NULL,
    state  TEXT    NOT NULL CHECK (state IN ('announced', 'came')),
    data   TEXT    NOT NULL
) STRICT;
CREATE INDEX announced_return_by_sale ON announced_return (sale);
