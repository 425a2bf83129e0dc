"""Quota to and from the hub, on the writer thread.

The hub asks for a checkout, this gateway asks for a till. Both are answered durably: the giver's
entry is committed before the grant leaves, the taker merges the cells durably before selling on
them. As the location's custodian the gateway arbitrates: what its own customer is waiting for is
not lent away.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway import returnables
from gateway.deficit import cover
from gateway.shop import Shop
from replication.allowances import entry_of_returnable
from replication.errors import PeerViolation
from replication.escrow import CellChange, QuotaShort, check_cell
from replication.ids import HUB, WriterId, is_allowance, place_of, replica_of
from replication.quota import (
    GRANT,
    GrantRecord,
    Lent,
    allowance_lent,
    fill_online,
    lend_online,
    remember_lent,
)

COVER: Final = "cover"


def lend(shop: Shop, request: str, wants: Sequence[tuple[str, int]]) -> Lent:
    """Grant the hub the whole of its wants, above each safety stock, or nothing.

    With them comes what fills the hub up to its share again, or every buyer of a SKU that sells
    well online would wait for a loan of his own.
    """
    if (given := shop.lent.get(request)) is not None:
        return Lent(given, [(sku, shop.quota(sku)) for sku, _ in wants])
    if (sale := entry_of_returnable(wants[0][0])) is not None:
        cells = [] if shop.stopped is not None else returnables.lend(shop, request, sale)
        remember_lent(shop.lent, request, cells)
        return Lent(cells, [])
    if all(_may_lend(shop, sku, units) for sku, units in wants) and _distinct(wants):
        lines = [(sku, units + _refill(shop, sku, units)) for sku, units in wants]
        cells = [_grant(shop, sku, units) for sku, units in lines]
        record = GrantRecord(to=shop.identity.hub_writer, request=request, lines=tuple(lines))
        shop.ledger.append(GRANT, msgspec.json.encode(record), reference=request, cells=cells)
        remember_lent(shop.lent, request, cells)
    else:
        cells = []
    return Lent(cells, [(sku, shop.quota(sku)) for sku, _ in wants])


def check_grant(shop: Shop, cells: Sequence[CellChange]) -> None:
    """Check cells that came from the hub.

    Raises:
        PeerViolation: a cell that is not the hub's to write, or of another location.
    """
    for change in cells:
        place = place_of(change.sku, shop.identity.location)
        if replica_of(change.holder) != HUB or change.location != place:
            raise PeerViolation(f"the hub sent a cell of {change.holder} at {change.location}")
        check_cell(change, change.holder)


def take_grant(shop: Shop, cells: Sequence[CellChange]) -> None:
    """Merge the hub's cells (checked before), and cover with them what was overdrawn."""
    news = shop.ledger.merge_cells(cells)
    covered: list[CellChange] = []
    for sku in dict.fromkeys(change.sku for change in news):
        cover(shop, covered, sku)
    if covered:
        record = {"lines": [(change.sku, change.value) for change in covered]}
        shop.ledger.append(COVER, msgspec.json.encode(record), cells=covered)


def _may_lend(shop: Shop, sku: str, units: int) -> bool:
    if sku in shop.wanted or shop.stopped is not None:
        return False
    if is_allowance(sku):
        return shop.quota(sku) >= units
    product = shop.catalogue.get(sku)
    if product is None:
        return False
    quota_store = shop.quota(sku)
    return lend_online(quota_store=quota_store, safety_stock=product.safety_stock, wanted=units) > 0


def _refill(shop: Shop, sku: str, wanted: int) -> int:
    """Units beyond the need: what goes whole, or fills the hub up to its share, as far as heard."""
    if is_allowance(sku):
        return allowance_lent(sku, quota=shop.quota(sku), wanted=wanted) - wanted
    product = shop.catalogue.get(sku)
    if product is None:
        return 0
    return fill_online(
        quota_store=shop.quota(sku) - wanted,
        quota_online=shop.counter(sku).quota(WriterId(shop.identity.hub_writer)),
        safety_stock=product.safety_stock,
    )


def _distinct(wants: Sequence[tuple[str, int]]) -> bool:
    return len({sku for sku, _ in wants}) == len(wants)


def _grant(shop: Shop, sku: str, units: int) -> CellChange:
    granted = shop.counter(sku).grant(shop.ledger.writer, WriterId(shop.identity.hub_writer), units)
    assert not isinstance(granted, QuotaShort), "the whole need was checked before"
    return granted
