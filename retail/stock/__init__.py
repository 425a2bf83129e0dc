"""Goods that stand somewhere: why they change, are counted, travel, and may be offered."""
