"""How far this gateway has the hub's feed."""

from typing import Final

from replication.adapters.sqlite import ReplicaStore

CURSOR: Final = "feed_cursor"
"""The meta row with the position of the last item; absent before the first."""


def cursor_of(store: ReplicaStore) -> int:
    """The position of the last item that is here, 0 before the first."""
    return int(store.meta(CURSOR) or "0")
