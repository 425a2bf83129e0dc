-- Why: a shop is counted while it sells. A count has a start and an end, and a line keeps what the book
-- expected at the instant of its scan.

-- Each count, in the order in which they were started; `data` is its head as JSON. No scan of it is older
-- than `started_ms`.
CREATE TABLE stock_count (
    number     INTEGER NOT NULL PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    status     TEXT    NOT NULL CHECK (status IN ('open', 'closed', 'cancelled')),
    started_ms INTEGER NOT NULL,
    data       TEXT    NOT NULL
) STRICT;
CREATE INDEX stock_count_by_status ON stock_count (status, number);

-- What a count is about; `data` is the counted line as JSON, NULL while nobody has counted it.
CREATE TABLE count_line (
    count_id TEXT    NOT NULL REFERENCES stock_count (id),
    sku      TEXT    NOT NULL,
    is_open  INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    data     TEXT,
    PRIMARY KEY (count_id, sku)
) STRICT, WITHOUT ROWID;

-- A SKU is in at most one open count: its difference is booked once.
CREATE UNIQUE INDEX count_line_open ON count_line (sku) WHERE is_open = 1;
