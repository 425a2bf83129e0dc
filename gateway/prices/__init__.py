"""What goods cost in this store now, and the labels that say so."""
