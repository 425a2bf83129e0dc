"""What every replica of Countertop shares: escrow stock, journal, documents, feed, session.

The core modules do no I/O: time, ids and bytes are arguments. `replication.adapters` holds the
fenced I/O (SQLite, group commit, WebSocket). `README.md` has the theory of operation.
"""
