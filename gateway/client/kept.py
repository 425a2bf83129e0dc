"""What a register that sells alone keeps of its journal, on the writer thread.

Every entry stays until the hub has it: until then the gateway's disk and this one are its only
homes, and a gateway that is replaced gets from here what the hub lacks. After that a tail is kept
all the same, so that receipts can be shown again and keys are remembered; older entries go.
"""

from typing import Final

import msgspec

from gateway.selling.sales import SALE
from gateway.shop import Shop
from replication.adapters.sqlite import ReplicaStore
from replication.journal import Head

AT_HUB: Final = "at_hub_seq"
"""The meta row with how far the hub is known to have this journal."""

PRUNED: Final = "pruned_seq"
"""The meta row with the last entry that was given up; the one sale before it that is kept apart."""

KEPT_ENTRIES: Final = 5_000
"""Entries that stay after the hub has them, some 10 MB: a few busy days of one till."""

PRUNED_AT_ONCE: Final = 500
"""Entries that one transaction gives up: it takes some 5 ms, which a customer does not notice."""


def at_hub(store: ReplicaStore) -> int:
    """The last entry that the hub is known to have, as it was last written down."""
    return int(store.meta(AT_HUB) or "0")


def pruned_to(store: ReplicaStore) -> int:
    """The last entry that was given up; 0 while the journal is whole."""
    return int(store.meta(PRUNED) or "0")


def keep_from(shop: Shop, reached: Head) -> int:
    """The hub has the journal up to `reached`: note that, and give up what is older than the tail.

    Returns how many entries were given up; more may be left for the next time. The last sale stays,
    for the next receipt's number comes after its number. An entry whose cells are not in the
    counters' rows yet stays too.
    """
    store, writer, execute = shop.store, shop.ledger.writer, shop.connection.execute
    store.set_meta(AT_HUB, str(reached.seq))
    chosen = execute(
        "SELECT seq FROM entry WHERE writer = ?1 AND seq <= ?2 AND arrival <= ?3 "
        "AND seq <> (SELECT coalesce(max(seq), 0) FROM entry WHERE writer = ?1 AND kind = ?4) "
        "ORDER BY seq LIMIT ?5",
        (writer, reached.seq - KEPT_ENTRIES, store.counters_saved(), SALE, PRUNED_AT_ONCE),
    ).fetchall()
    if not chosen:
        return 0
    places = [f"{writer}-{seq}" for (seq,) in chosen]
    numbers = msgspec.json.encode([seq for (seq,) in chosen]).decode()
    execute(
        "DELETE FROM request WHERE entry IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(places).decode(),),
    )
    execute(
        "DELETE FROM entry_by_sku WHERE arrival IN (SELECT arrival FROM entry "
        "WHERE writer = ? AND seq IN (SELECT value FROM json_each(?)))",
        (writer, numbers),
    )
    execute(
        "DELETE FROM entry WHERE writer = ? AND seq IN (SELECT value FROM json_each(?))",
        (writer, numbers),
    )
    store.set_meta(PRUNED, str(chosen[-1][0]))
    return len(chosen)
