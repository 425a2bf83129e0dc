"""The deficit: units that went beyond any right, worked off with whatever rights come in.

The custodian works it off. A register that sells alone hears only a part of a counter's cells and
would cover again what is covered. What the custodian's own rights do not cover is asked back of its
registers (`gateway.registers.recalling`), and given by the hub as soon as it hears.

What was used of an allowance beyond its limit stands for the chain: no store works that off.
"""

from gateway.shop import Shop
from replication.escrow import CellChange, QuotaShort, Spent
from replication.ids import is_allowance


def cover(shop: Shop, cells: list[CellChange], sku: str) -> None:
    """Work off a deficit with rights that this gateway holds; nothing at a register."""
    counter, writer = shop.counter(sku), shop.ledger.writer
    if shop.identity.is_register or is_allowance(sku):
        return
    units = min(counter.deficit(), counter.quota(writer))
    if units > 0:
        covered = counter.spend(writer, Spent.COVERED, units)
        assert not isinstance(covered, QuotaShort), "no more than the quota is spent"
        cells.append(covered)
    note_owed(shop, sku)


def note_owed(shop: Shop, sku: str) -> None:
    """A deficit may be left of a SKU."""
    if shop.counter(sku).deficit() > 0:
        shop.registers.owed.add(sku)
