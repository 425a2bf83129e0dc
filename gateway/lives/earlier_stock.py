"""News of boxes that were here before, on the writer thread: what a fenced one did, heard late.

The hub hears the last entries of a box that was replaced, or what a register knew of it, and tells
the box that lives: all cells that the others of this location have of a counter, and the hub's,
which may have conceded what they lacked. They are merged like any cells; what they leave short is
covered with rights that are here.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.registers import reclaiming
from gateway.registers.lending import tell_earlier_grants, work_off
from gateway.shop import Shop
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import HUB, WriterId, is_register, is_writer_id, location_of, place_of
from web.lives import EARLIER_HEARD, EarlierHeard

_GIVEN: Final = frozenset({Table.GRANTED, Table.CONCEDED})
"""What gives a register more than it had, though it is gone."""


def read(shop: Shop, data: bytes) -> list[CellChange]:
    """The cells in an item of the feed that are not this box's own.

    Raises:
        PeerViolation: a cell of another location, or one that nobody may write.
    """
    cells = msgspec.json.decode(data, type=list[CellChange])
    for change in cells:
        check_cell(change, change.holder)
        whose = location_of(change.holder)
        if whose not in {shop.location, HUB} or change.location != place_of(
            change.sku, shop.location
        ):
            raise PeerViolation(
                f"the hub told a cell of {change.holder} at {change.location} as one from before"
            )
    return [change for change in cells if change.holder != shop.ledger.writer]


def take_in(shop: Shop, cells: list[CellChange]) -> None:
    """Merge them; concede what a register that is gone has used beyond what it had; cover.

    An earlier box may have taken back what was taken back here as well, or from one that lives.
    """
    news = shop.ledger.merge_cells(cells)
    skus = sorted({change.sku for change in news})
    named = {one for change in news for one in (change.holder, change.detail)}
    for writer in sorted(one for one in named if is_writer_id(one) and is_register(one)):
        reclaiming.make_good(shop, WriterId(writer), skus)
    for writer in {change.detail for change in news if change.table in _GIVEN}:
        shop.registers.rows.reclaim_again(writer)
    tell_earlier_grants(shop, skus)
    work_off(shop, skus)


def say_heard(shop: Shop, skus: Sequence[str], position: int) -> None:
    """Write down that this box has what the feed told of these, up to `position`.

    The hub tells by it which counts came without that.
    """
    if skus:
        record = EarlierHeard(position=position, skus=tuple(skus))
        shop.ledger.append(EARLIER_HEARD, msgspec.json.encode(record))
