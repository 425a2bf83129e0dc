-- Why: a number on a receipt that is not of this shop's own sales may be of one that was booked in the place of a box that is
-- gone (web.sale_numbers). After a takeover that would be looked for among a hundred thousand entries of other kinds.
CREATE INDEX entry_recovered ON entry (json_extract(CAST(body AS TEXT), '$.record.number')) WHERE kind = 'recovered_sale';
