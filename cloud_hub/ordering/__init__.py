"""Online orders: set aside, placed, moved, short, overpaid; each to its end."""
