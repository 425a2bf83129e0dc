"""Orders: those that this store fulfils, and those that its tills place and are paid for."""
