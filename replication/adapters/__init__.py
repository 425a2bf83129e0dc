"""The fenced I/O of replication: SQLite, group commit, WebSocket. Nothing else here does I/O."""
