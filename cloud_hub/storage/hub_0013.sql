-- Why: what came of an announced return was told by the clocks of two programs, which may differ. Now it is told by the
-- order in which the hub heard of it: `after` is the number of the last return heard before the announcement.
ALTER TABLE announced_return ADD COLUMN after INTEGER NOT NULL DEFAULT 0;
UPDATE announced_return SET after = coalesce((
    SELECT max(number) FROM goods_return
    WHERE goods_return.sale = announced_return.sale
      AND goods_return.data ->> '$.at' < announced_return.data ->> '$.at'
), 0);
