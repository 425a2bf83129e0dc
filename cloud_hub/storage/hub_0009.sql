-- Why: boxes die, are replaced, restored from images and copied, and registers keep journals of their own. The hub knows which
-- lives each location has had, what of them is still frozen, and what was told by more than one of them.

-- A life of a location's gateway that is over. `open`: its last entries may still come; `sealed`: they came; `attested`:
-- somebody has said that they never will. With `branch_of` it is no box, but what one handed in that had gone on from an old
-- image of that writer. `fenced_ms` is null where nobody noted it.
CREATE TABLE life (
    writer    TEXT    NOT NULL PRIMARY KEY,
    location  TEXT    NOT NULL REFERENCES location (id),
    state     TEXT    NOT NULL CHECK (state IN ('open', 'sealed', 'attested')),
    fenced_ms INTEGER,
    heard_ms  INTEGER,
    branch_of TEXT,
    ended_by  TEXT,
    reason    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX life_by_location ON life (location);

INSERT INTO life (writer, location, state)
WITH RECURSIVE earlier (id, incarnation) AS (
    SELECT id, incarnation - 1 FROM location WHERE incarnation > 1
    UNION ALL
    SELECT id, incarnation - 1 FROM earlier WHERE incarnation > 1
)
SELECT id || '.' || incarnation, id, 'open' FROM earlier;

-- A box that is connected is alive: it is replaced only by a code that says so.
ALTER TABLE enrolment_code ADD COLUMN although_connected INTEGER NOT NULL DEFAULT 0
    CHECK (although_connected IN (0, 1));

-- Units of a fenced writer's holds that the hub has ended. Its last entries may show that it had ended some of them itself:
-- they are conceded, and taken off again.
CREATE TABLE hold_ended (
    writer TEXT    NOT NULL,
    sku    TEXT    NOT NULL,
    units  INTEGER NOT NULL,
    PRIMARY KEY (writer, sku)
) STRICT, WITHOUT ROWID;

-- A register that sells alone. `reported_to` is the last gateway that has all of its journal, as far as it is written.
-- `enrolled` is the record of its enrolment, for whoever takes its gateway's place.
CREATE TABLE register (
    writer      TEXT    NOT NULL PRIMARY KEY,
    location    TEXT    NOT NULL REFERENCES location (id),
    name        TEXT    NOT NULL,
    box         TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('living', 'replaced', 'lost')),
    sealed      INTEGER NOT NULL CHECK (sealed IN (0, 1)),
    reported_to TEXT,
    enrolled_by TEXT    NOT NULL,
    enrolled    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX register_by_location ON register (location);

-- Lines of counts that are not closed yet (`count` has its location before it), and when a SKU was counted last: by which
-- box, and at which instant.
CREATE TABLE counting (
    count TEXT    NOT NULL,
    sku   TEXT    NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (count, sku)
) STRICT, WITHOUT ROWID;
CREATE TABLE counted (
    location TEXT    NOT NULL,
    sku      TEXT    NOT NULL,
    writer   TEXT    NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (location, sku)
) STRICT, WITHOUT ROWID;

-- Sales that somebody else than their writer booked, by what they say: two branches of one journal may give two sales one id.
-- `entry` is the first entry that told of it.
CREATE TABLE recovered_sale (
    id     TEXT NOT NULL,
    digest BLOB NOT NULL,
    entry  TEXT NOT NULL,
    PRIMARY KEY (id, digest)
) STRICT, WITHOUT ROWID;

-- Entries that tell a sale once more: lists leave them out.
CREATE TABLE sale_again (entry TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;

-- What a location's gateway has to book back because it was told or counted already, until its journal says that it has.
CREATE TABLE told_twice (
    key      TEXT NOT NULL PRIMARY KEY,
    location TEXT NOT NULL,
    data     TEXT NOT NULL,
    booked   TEXT
) STRICT, WITHOUT ROWID;

-- Branches of a journal, verbatim, as boxes hand them over. `name` is the incarnation that it is folded as. It leaves the journal
-- of `writer`, or the branch `leaves` of it, after `common_seq`. `became` is the one that its box has been since; `taken_ms` says
-- when the last of it had come.
CREATE TABLE branch (
    name        TEXT    NOT NULL PRIMARY KEY,
    writer      TEXT    NOT NULL,
    leaves      TEXT    REFERENCES branch (name),
    common_seq  INTEGER NOT NULL,
    box         TEXT    NOT NULL,
    became      TEXT,
    exposed     INTEGER NOT NULL DEFAULT 0,
    taken_ms    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX branch_by_writer ON branch (writer);

-- `place` is the seq of the same entry in the journal of `branch`.
CREATE TABLE branch_entry (
    writer TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    branch TEXT    NOT NULL REFERENCES branch (name),
    place  INTEGER NOT NULL,
    body   BLOB    NOT NULL,
    PRIMARY KEY (writer, seq, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX branch_entry_by_branch ON branch_entry (branch, seq);
