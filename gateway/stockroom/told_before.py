"""What the book had of registers at a scan that had not told this box all yet; writer thread.

The hub tells a new box what it hears late of the one before it, what registers had told that one
among it. Such a register tells the same again, to this box: then the movement is news here, and in
the book since before. A count that came between has it already, and is not put right by it
(`late_moves`).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.shop import Shop
from replication.escrow import Moved, Table
from replication.ids import is_register
from replication.journal import EntryBody

TOLD_BEFORE: Final = "told_before:"
"""Of the meta row of a counted line: units that the book had as sold, by register."""


def keep(shop: Shop, count_id: str, sku: str) -> None:
    """A line is compared with the book as it is now."""
    heard = {one.writer for one in shop.registers.rows.all() if one.sealed or one.reported}
    told = {
        holder: units
        for table, holder, detail, units in shop.counter(sku).cells()
        if (table, detail) == (Table.MOVED, Moved.SOLD)
        if is_register(holder) and holder not in heard
    }
    name = _name(count_id, sku)
    if told or shop.store.meta(name) is not None:  # a recount says it anew
        shop.store.set_meta(name, msgspec.json.encode(told).decode())


def had(shop: Shop, count_id: str, body: EntryBody, sku: str) -> bool:
    """Whether the book had a register's sale when the line was compared."""
    kept = shop.store.meta(_name(count_id, sku))
    told: Mapping[str, int] = {} if kept is None else msgspec.json.decode(kept, type=dict[str, int])
    return any(
        told.get(one.holder, 0) >= one.value
        for one in body.cells
        if (one.table, one.sku, one.detail) == (Table.MOVED, sku, Moved.SOLD)
    )


def _name(count_id: str, sku: str) -> str:
    return f"{TOLD_BEFORE}{count_id}:{sku}"
