-- Why: a count says what is left of what a lost register held only where the goods were scanned after nobody could sell at it
-- any more: `lost_ms` is when it was written off (of one that an earlier gateway had written off, when this one took over).
ALTER TABLE register ADD COLUMN lost_ms INTEGER;

-- What a register held whose last entry was heard comes back in steps, for no sale waits for all of it: the place of the
-- counter that was looked at last, as `location/sku`. NULL where nothing is to come back any more, or not yet.
ALTER TABLE register ADD COLUMN reclaimed_to TEXT;
