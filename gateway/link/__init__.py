"""Everything between this store and the hub: the session, its two directions, questions."""
