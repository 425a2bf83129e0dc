-- Why: a number in dispute is told as the story of the entries that made it, and those of one SKU are found
-- without reading the whole journal.

-- The entries that have a cell or a move of a SKU at a location. Written with each checkpoint of the counters,
-- not with each sale: entries that arrived after meta.counters_saved are not in here yet.
CREATE TABLE entry_by_sku (
    sku      TEXT    NOT NULL,
    location TEXT    NOT NULL,
    arrival  INTEGER NOT NULL,
    PRIMARY KEY (sku, location, arrival)
) STRICT, WITHOUT ROWID;

-- The entries that are in the counters' rows already. One that SQLite cannot read as JSON (our own reader takes
-- deeper ones) must not keep the program from starting; the audit still reads it.
WITH checkpointed AS MATERIALIZED (
    SELECT arrival, writer, CAST(body AS TEXT) AS body FROM entry
    WHERE arrival <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'counters_saved')
      AND json_valid(CAST(body AS TEXT))
)
INSERT OR IGNORE INTO entry_by_sku
SELECT cell.value ->> 1, cell.value ->> 0, arrival
FROM checkpointed, json_each(checkpointed.body, '$.cells') AS cell
UNION
SELECT move.value ->> 0, substr(writer, 1, instr(writer, '.') - 1), arrival
FROM checkpointed, json_each(checkpointed.body, '$.moves') AS move;
