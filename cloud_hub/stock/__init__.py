"""Stock of all locations as it is read, and goods between them."""
