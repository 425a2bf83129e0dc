"""Goods in and out of the stockroom: receipts, adjustments, counts, transfers, the deficit."""
