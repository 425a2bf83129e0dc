"""What a reservation keeps, for whoever ends it: an order, the storefront, or the clock."""

from collections import Counter
from collections.abc import Mapping

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.custody import mint_for
from replication.escrow import CellChange, Minted
from retail.ordering.fulfilment import Share
from retail.ordering.holds import HoldStatus, Reservation
from retail.ordering.orders import OrderRequest, Pickup
from web.hold_rows import HoldRows
from web.problems import Problem, Slug


def reservation_rows(office: HeadOffice) -> HoldRows[Reservation]:
    """The reservations, on the writer thread."""
    return HoldRows(office.connection, "reservation", Reservation)


def used_already(reservation: Reservation) -> Problem | None:
    """The refusal of a reservation that an order took over, or None."""
    if reservation.status is not HoldStatus.USED:
        return None
    return Problem(
        Slug.CONFLICT,
        f"Reservation {reservation.id} became order {reservation.used_by}.",
        members={"order": reservation.used_by},
    )


def reservation_for(
    office: HeadOffice, request: OrderRequest, wants: Mapping[str, int]
) -> Reservation | Problem | None:
    """The reservation that an order names, or why it does not fit; None when it names none.

    One that has ended without an order keeps nothing any more: only its demand has to fit.
    """
    if request.reservation is None:
        return None
    reservation = reservation_rows(office).find(request.reservation)
    if reservation is None:
        return Problem.invalid(
            f"There is no reservation {request.reservation}.", field="$.reservation"
        )
    if (used := used_already(reservation)) is not None:
        return used
    reserved: Counter[str] = Counter()
    for one in reservation.allocations:
        reserved[one.sku] += one.quantity
    if dict(reserved) != wants:
        return Problem.invalid(
            f"Reservation {reservation.id} is for other units than the order's lines.",
            field="$.lines",
        )
    if reservation.status is HoldStatus.OPEN and isinstance(request.fulfilment, Pickup):
        at = {one.location for one in reservation.allocations}
        if not at <= {request.fulfilment.location}:
            return Problem.invalid(
                f"Reservation {reservation.id} keeps units at {', '.join(sorted(at))}.",
                field="$.fulfilment.location",
            )
    return reservation


def shares_held(reservation: Reservation | None) -> tuple[Share, ...]:
    """What is set aside for a reservation now: nothing once its hold has ended."""
    if reservation is None or reservation.status is not HoldStatus.OPEN:
        return ()
    return tuple(
        Share(location=one.location, sku=one.sku, quantity=one.quantity)
        for one in reservation.allocations
    )


def end(
    office: HeadOffice,
    reservation: Reservation,
    status: HoldStatus,
    *,
    used_by: str | None = None,
) -> tuple[Reservation, list[CellChange]]:
    """End a reservation: what it still keeps is minted again (E6), and its row says how it ended.

    The caller journals the cells, tells the locations, and does with the units what it came for.
    """
    cells: list[CellChange] = []
    if reservation.status is HoldStatus.OPEN:
        cells = [mint_for(office, one, Minted.HOLD_RELEASED) for one in reservation.allocations]
    return reservation_rows(office).end(reservation, status, used_by), cells
