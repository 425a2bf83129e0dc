"""E7: what left stores for others, came there, is on its way or was lost, over all transfers. Pure.

Told by the transfers' events, and compared with the cells of all locations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retail.stock.transfers import (
    Received,
    Shipped,
    Transfer,
    TransferItem,
    last_lives,
    life_of,
    told_units,
    units_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTotals:
    """One SKU over many transfers, in base units.

    `in_transit` has the unmatched units taken off, so that E7 also holds before the source of a
    transfer is heard: shipped + surplus == received + in_transit + lost.
    """

    shipped: int
    received: int
    in_transit: int
    lost: int
    surplus: int
    unmatched: int


def conservation(transfers: Iterable[Transfer]) -> dict[str, TransferTotals]:
    """What all transfers together say of each SKU (E7)."""
    lines: dict[str, list[TransferItem]] = {}
    for transfer in transfers:
        for one in transfer.lines:
            lines.setdefault(one.sku, []).append(one)
    return {
        sku: TransferTotals(
            shipped=sum(one.shipped for one in several),
            received=sum(one.received for one in several),
            in_transit=sum(one.in_transit - one.unmatched for one in several),
            lost=sum(one.lost for one in several),
            surplus=sum(one.surplus for one in several),
            unmatched=sum(one.unmatched for one in several),
        )
        for sku, several in lines.items()
    }


def check_conservation(
    transfers: Iterable[Transfer],
    *,
    transferred_out: Mapping[str, int],
    transferred_in: Mapping[str, int],
) -> list[str]:
    """E7 against the cells of all locations, summed per SKU, as sentences; empty when it holds.

    What does not count (TR4) is in the cells all the same: it is booked back apart.
    Both sides come from the same folded entries: a receipt whose source is unheard is no breach.
    """
    known = list(transfers)
    broken = [
        f"E7 {transfer.id}: {sku} was received {times} times"
        for transfer in known
        for sku, times in _times_received(transfer).items()
        if times > 1
    ]
    events = [event for transfer in known for event in transfer.events]
    for sku, way, cells, told in sorted(
        (sku, way, moved.get(sku, 0), units.get(sku, 0))
        for way, moved, units in (
            ("out", transferred_out, told_units(events, Shipped, once=False)),
            ("in", transferred_in, told_units(events, Received, once=False)),
        )
        for sku in {*moved, *units}
    ):
        if cells != told:
            broken.append(
                f"E7 {sku}: {cells} were transferred {way} by the cells and {told} by the transfers"
            )
    return broken


def _times_received(transfer: Transfer) -> dict[str, int]:
    came = [event for event in transfer.events if isinstance(event, Received)]
    last = last_lives(came)
    return units_of(
        (sku, 1)
        for event in came
        for sku in {line.sku for line in event.lines}
        if life_of(event) == last[sku]
    )
