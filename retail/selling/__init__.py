"""The sale: its occasion, its lines and tenders as a record that lasts, what is on its paper."""
