"""What may be put on a truck, and what may be counted when it arrives: asked before it is written.

Merging asks neither: what has happened has happened (`retail.stock.transfers`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from retail.stock.transfers import Received, ReceivedLine, Transfer, TransferLine


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRefused:
    """Refusal: the lines do not fit the transfer, or (`is_done`) it has happened already."""

    detail: str
    is_done: bool = False

    def __str__(self) -> str:
        return self.detail


def load_truck(
    transfer: Transfer, wanted: Mapping[str, int] | None
) -> tuple[TransferLine, ...] | TransferRefused:
    """What is shipped: all that was planned, or so much of it as `wanted` names, once."""
    if transfer.is_shipped():
        return TransferRefused(detail=f"transfer {transfer.id} was shipped already", is_done=True)
    planned = {one.sku: one.quantity for one in transfer.lines if one.quantity}
    if not planned:
        return TransferRefused(
            detail=f"what transfer {transfer.id} was to carry is not known here", is_done=True
        )
    for sku, units in (wanted or {}).items():
        if units > planned.get(sku, 0):
            return TransferRefused(
                detail=f"{units} of {sku} cannot be shipped: {planned.get(sku, 0)} were planned"
            )
    lines = planned if wanted is None else wanted
    return tuple(TransferLine(sku=sku, quantity=units) for sku, units in lines.items())


def count_in(
    transfer: Transfer, counted: Mapping[str, int] | None
) -> tuple[ReceivedLine, ...] | TransferRefused:
    """What is received: all that is in transit, or the lines that were `counted`, each once.

    While the source is unheard there is nothing to compare with but its plan, if even that.
    """
    shipped = {one.sku: one.shipped for one in transfer.lines}
    if counted is None:
        if not transfer.is_shipped():
            return TransferRefused(
                detail=f"{transfer.source} has not been heard to ship this: say what arrived"
            )
        counted = {one.sku: one.shipped for one in transfer.lines if one.in_transit}
        if not counted:
            return TransferRefused(
                detail=f"transfer {transfer.id} was received already", is_done=True
            )
    before = _received_skus(transfer)
    for sku, units in counted.items():
        if sku in before:
            return TransferRefused(
                detail=f"{sku} of transfer {transfer.id} was received already", is_done=True
            )
        if (refused := _above(transfer, sku, units)) is not None:
            return refused
    return tuple(
        ReceivedLine(sku=sku, quantity=units, lost=max(shipped.get(sku, 0) - units, 0))
        for sku, units in counted.items()
    )


def _received_skus(transfer: Transfer) -> set[str]:
    return {
        line.sku for event in transfer.events if isinstance(event, Received) for line in event.lines
    }


def _above(transfer: Transfer, sku: str, units: int) -> TransferRefused | None:
    """Why so many of a SKU cannot have come, as far as the source was heard."""
    if transfer.is_shipped():
        known, done = {one.sku: one.shipped for one in transfer.lines if one.shipped}, "shipped"
    elif transfer.created_at is not None:
        known, done = {one.sku: one.quantity for one in transfer.lines if one.quantity}, "planned"
    else:
        return None
    if sku not in known:
        return TransferRefused(detail=f"{sku} is not in transfer {transfer.id}: none was {done}")
    if units > known[sku]:
        return TransferRefused(
            detail=f"{units} of {sku} cannot have come: {known[sku]} were {done}"
        )
    return None
