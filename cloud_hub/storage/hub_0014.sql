-- Why: a sale was put back because of a count after it, though the clock by which that was counted was wrong: it may have
-- been made after the count. Now each line says whether its clock could be believed. Of counts before nobody knows, and
-- they are taken as they were.
ALTER TABLE counting ADD COLUMN is_believed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE counted ADD COLUMN is_believed INTEGER NOT NULL DEFAULT 1;
