-- Why: a number on a receipt that is not of this shop's own sales may be of one that was booked in the place of a box that is
-- gone (web.sale_numbers). After a takeover that would be looked for among a hundred thousand entries of other kinds.
-- What SQLite cannot read as JSON must not keep an entry from being stored.
CREATE INDEX entry_recovered ON entry (
    CASE WHEN json_valid(CAST(body AS TEXT)) THEN json_extract(CAST(body AS TEXT), '$.record.number') END
) WHERE kind = 'recovered_sale';
