-- Why: printers take more than receipts: slips, tickets, test pages, and the pulse that opens a drawer. A job that
-- cannot be printed must not stand before the others for ever, and a picking slip is printed once per order.

-- `sale` is set for a receipt, `order_id` for a picking slip, `document` (JSON of devices.paper.Document) for a
-- document. `kicks` opens the drawer with the first attempt; `marked` says POSSIBLE DUPLICATE on the paper. A job in
-- doubt waits for a person; one that is set aside says why in `reason`. `cut_counter` is what the cutter counted before
-- the first byte of an attempt, and of a printed job what it must count since. Jobs of older files have no times; of
-- those that were printed, the latest 2,000 are kept.
CREATE TABLE print_job_new (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    printer     TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('receipt', 'slip', 'document', 'kick')),
    title       TEXT    NOT NULL,
    sale        TEXT,
    order_id    TEXT,
    document    TEXT,
    copy        INTEGER NOT NULL CHECK (copy IN (0, 1)),
    kicks       INTEGER NOT NULL CHECK (kicks IN (0, 1)),
    marked      INTEGER NOT NULL CHECK (marked IN (0, 1)),
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'doubt', 'printed', 'aside')),
    cut_counter INTEGER,
    reason      TEXT    NOT NULL,
    created_ms  INTEGER NOT NULL,
    CHECK ((kind = 'receipt') = (sale IS NOT NULL)),
    CHECK ((kind = 'slip') = (order_id IS NOT NULL)),
    CHECK ((kind = 'document') = (document IS NOT NULL))
) STRICT;
INSERT INTO print_job_new
    SELECT id, printer, 'receipt', 'Receipt ' || sale, sale, NULL, NULL, copy, 0, 0, state, cut_counter, '', 0
    FROM print_job
    WHERE state <> 'printed' OR id > (SELECT max(id) FROM print_job) - 2000;
DROP TABLE print_job;
ALTER TABLE print_job_new RENAME TO print_job;
CREATE INDEX print_job_open ON print_job (printer, id) WHERE state IN ('waiting', 'sent');
CREATE INDEX print_job_doubt ON print_job (printer, id) WHERE state = 'doubt';
CREATE INDEX print_job_aside ON print_job (printer, id) WHERE state = 'aside';
CREATE INDEX print_job_sale ON print_job (sale) WHERE sale IS NOT NULL;

-- Orders whose picking slip was spooled; an order that comes again, or is heard again, prints none.
CREATE TABLE picking_slip (
    order_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO picking_slip SELECT id FROM shop_order;
