"""The lives of this box: it takes a dead one's place, was restored from an image, or was copied."""
