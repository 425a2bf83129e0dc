"""Paper: documents of sales, orders and returns, the spool, and a worker per printer."""
