-- Why: customers are told where a pick-up point is and when it is open, and goods are sent from where it is near.

-- What head office says of a location. Degrees, both or neither; address and hours are for people.
ALTER TABLE location ADD COLUMN address TEXT;
ALTER TABLE location ADD COLUMN hours TEXT;
ALTER TABLE location ADD COLUMN latitude REAL CHECK (latitude BETWEEN -90 AND 90);
ALTER TABLE location ADD COLUMN longitude REAL
    CHECK (longitude BETWEEN -180 AND 180 AND (latitude IS NULL) = (longitude IS NULL));
