"""Quota to and from the parent, on the writer thread.

The hub asks for a checkout, this gateway asks for a till. Both are answered durably: the giver's
entry is committed before the grant leaves, the taker merges the cells durably before selling on
them. As the location's custodian the gateway arbitrates: what its own customer is waiting for is
not lent away. Of a register that sells alone the gateway asks back what somebody else needs now.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.returning import returnables
from gateway.shop import Shop
from gateway.stockroom.deficit import cover
from replication.allowances import entry_of_returnable
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange, QuotaShort
from replication.ids import is_allowance, place_of, replica_of
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
    well online would wait for a loan of his own. A register hands its gateway back what it has.
    """
    if (given := shop.lent.get(request)) is not None:
        return Lent(given, [(sku, shop.quota(sku)) for sku, _ in wants])
    if shop.identity.is_register:
        return _hand_back(shop, request, wants)
    if entry_of_returnable(wants[0][0]) is not None:
        cells = [] if shop.stopped is not None else returnables.lend(shop, request, wants)
        remember_lent(shop.lent, request, cells)
        return Lent(cells, [])
    if all(_may_lend(shop, sku, units) for sku, units in wants) and _distinct(wants):
        lines = [(sku, units + _refill(shop, sku, units)) for sku, units in wants]
        cells = _grant(shop, request, lines)
    else:
        cells = []
    return Lent(cells, [(sku, shop.quota(sku)) for sku, _ in wants])


def check_grant(shop: Shop, cells: Sequence[CellChange]) -> None:
    """Check cells that came from the parent.

    Raises:
        PeerViolation: a cell that is not the parent's to write, or of another location. Any
            incarnation of it will do: a replaced gateway hands on what the one before had given.
    """
    parent = replica_of(shop.identity.parent)
    for change in cells:
        place = place_of(change.sku, shop.identity.location)
        if replica_of(change.holder) != parent or change.location != place:
            raise PeerViolation(f"{parent} sent a cell of {change.holder} at {change.location}")
        check_cell(change, change.holder)


def take_grant(shop: Shop, cells: Sequence[CellChange]) -> None:
    """Merge the parent's cells (checked before), and cover with them what was overdrawn."""
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
    return (
        lend_online(
            quota_store=shop.quota(sku),
            quota_registers=shop.registers.quota_of(shop.counter(sku)),
            safety_stock=product.safety_stock,
            wanted=units,
        )
        > 0
    )


def _refill(shop: Shop, sku: str, wanted: int) -> int:
    """Units beyond the need: what goes whole, or fills the hub up to its share, as far as heard."""
    if is_allowance(sku):
        return allowance_lent(sku, quota=shop.quota(sku), wanted=wanted) - wanted
    product = shop.catalogue.get(sku)
    if product is None:
        return 0
    return fill_online(
        quota_store=shop.quota(sku) - wanted,
        quota_registers=shop.registers.quota_of(shop.counter(sku)),
        quota_online=shop.counter(sku).quota(shop.identity.parent_id),
        safety_stock=product.safety_stock,
    )


def _distinct(wants: Sequence[tuple[str, int]]) -> bool:
    return len({sku for sku, _ in wants}) == len(wants)


def _hand_back(shop: Shop, request: str, wants: Sequence[tuple[str, int]]) -> Lent:
    """Grant the gateway of each want what is here, but nothing that a customer here waits for.

    Also less than it wants: it may need what several registers have, and it decides anew.
    """
    is_idle = shop.stopped is None and _distinct(wants)
    lines = [
        (sku, min(units, shop.quota(sku)))
        for sku, units in wants
        if is_idle and sku not in shop.wanted and shop.quota(sku) > 0
    ]
    cells = _grant(shop, request, lines) if lines else []
    return Lent(cells, [(sku, max(0, shop.quota(sku))) for sku, _ in wants])


def _grant(shop: Shop, request: str, lines: Sequence[tuple[str, int]]) -> list[CellChange]:
    """Give the parent these units, which are all here, and remember what the borrow came to."""
    writer, parent = shop.ledger.writer, shop.identity.parent_id
    cells: list[CellChange] = []
    for sku, units in lines:
        granted = shop.counter(sku).grant(writer, parent, units)
        assert not isinstance(granted, QuotaShort), "the whole need was checked before"
        cells.append(granted)
    record = GrantRecord(to=parent, request=request, lines=tuple(lines))
    shop.ledger.append(GRANT, msgspec.json.encode(record), reference=request, cells=cells)
    remember_lent(shop.lent, request, cells)
    return cells
