"""The gateway's own tables, beside those that every replica keeps."""
