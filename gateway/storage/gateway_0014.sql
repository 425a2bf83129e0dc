-- Why: a box that takes another's place keeps orders that its predecessor may have handed over, with nobody to tell of it. Until
-- somebody says what became of such an order, it is not handed over, and not given back by itself (gateway.ordering.unsure).
CREATE TABLE unsure_order (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
