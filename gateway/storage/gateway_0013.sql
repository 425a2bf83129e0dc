-- Why: a register whose disk went back to an older state, or that runs from a copy, goes on as another incarnation, by itself.
-- `image_of` is the writer that its disk said it was: people see what became of whom, and the same disk, put back once more, is
-- known.
ALTER TABLE register ADD COLUMN image_of TEXT;
