-- Why: a store that was cut off from the hub counted goods which a box before its own had taken in. The hub had heard that
-- box before it heard the count, and did not see that the count came without: the goods were in the book twice. Now it
-- keeps of which entries the box that lived then, `waits_for`, has not said that it has heard (`cloud_hub.lives.unheard`).
-- `place` is the entry, `gateway` who told it, `came` whether it brought goods, `position` where the feed tells its cells.
CREATE TABLE unheard (
    waits_for TEXT    NOT NULL,
    sku       TEXT    NOT NULL,
    place     TEXT    NOT NULL,
    gateway   TEXT    NOT NULL,
    came      INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (waits_for, sku, place)
) STRICT, WITHOUT ROWID;

-- Entries that a line of an open count was compared without.
CREATE TABLE counted_without (
    count     TEXT    NOT NULL,
    waits_for TEXT    NOT NULL,
    sku       TEXT    NOT NULL,
    place     TEXT    NOT NULL,
    gateway   TEXT    NOT NULL,
    came      INTEGER NOT NULL,
    PRIMARY KEY (count, sku, place)
) STRICT, WITHOUT ROWID;

-- Who counts. Of a line that was kept before, nobody knows, and its count is left as it is.
ALTER TABLE counting ADD COLUMN writer TEXT NOT NULL DEFAULT '';
