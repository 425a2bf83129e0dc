"""The deficit: units that went beyond any right, worked off with whatever rights come in."""

from gateway.shop import Shop
from replication.escrow import CellChange, QuotaShort, Spent


def cover(shop: Shop, cells: list[CellChange], sku: str) -> None:
    """Work off a deficit with rights that this gateway holds."""
    counter = shop.counter(sku)
    writer = shop.ledger.writer
    units = min(counter.deficit(), counter.quota(writer))
    if units > 0:
        covered = counter.spend(writer, Spent.COVERED, units)
        assert not isinstance(covered, QuotaShort), "no more than the quota is spent"
        cells.append(covered)
