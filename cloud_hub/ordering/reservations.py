"""Holds of checkouts, on the writer thread.

A reservation sets units aside at the locations that an order of the same lines would take them
from: they are spent as held and nobody else can have them (E6). It ends once, by the order that
names it (`cloud_hub.ordering.orders`), by the storefront, or when its time is over
(`cloud_hub.ordering.holds`).
"""

from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering.custody import spend_for
from cloud_hub.ordering.orders import ORDER_BYTES_MAX, ShortOnline, find_shares, products_of
from cloud_hub.ordering.reserved import end, reservation_rows, used_already
from cloud_hub.ordering.shortages import rights_changed
from replication.clock import rfc3339
from replication.escrow import Spent, latest
from replication.ids import entry_id
from replication.journal import Actor
from replication.ledger import PROGRAM
from retail.ordering.holds import HoldStatus, Reservation, ReservationRequest
from retail.ordering.orders import Allocation, as_kept
from retail.products.catalogue import demand
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug

RESERVATION: Final = "reservation"
RESERVATION_RELEASED: Final = "reservation_released"

DELETED: Final = "deleted"
EXPIRED: Final = "expired"


def reserve(
    office: HeadOffice, command: Command, request: ReservationRequest, *, may_wait: bool = False
) -> Outcome | ShortOnline:
    """Set a checkout's units aside, all of them or none. Safe to repeat with the same key.

    `may_wait`: see `cloud_hub.ordering.orders.find_shares`.
    """
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    lines = products_of(office, request.lines)
    if isinstance(lines, Problem):
        return lines
    wants = demand(lines, office.catalogue)
    shares = find_shares(office, wants, request.fulfilment, may_wait=may_wait)
    if isinstance(shares, ShortOnline | Problem):
        return shares
    ledger = office.ledger
    reservation_id = entry_id(ledger.writer, ledger.next_seq)
    reservation = Reservation(
        id=reservation_id,
        status=HoldStatus.OPEN,
        lines=request.lines,
        fulfilment=as_kept(request.fulfilment),
        allocations=tuple(
            Allocation(
                id=f"{reservation_id}-{n}", sku=share.sku, location=share.location,
                quantity=share.quantity, state="held",
            )
            for n, share in enumerate(shares, 1)
        ),
        expires_at=rfc3339(ledger.now_ms + office.settings.reservation_s * 1_000),
        used_by=None,
    )  # fmt: skip
    record = msgspec.json.encode(reservation)
    if len(record) > ORDER_BYTES_MAX:
        return Problem.too_large(ORDER_BYTES_MAX, what="A reservation's record")
    cells = [spend_for(office, one, Spent.HELD) for one in reservation.allocations]
    reservation_rows(office).add(reservation)
    office.tell_cells(cells)
    entry = ledger.append(
        RESERVATION, record, actor=command.actor, reference=reservation_id, cells=latest(cells)
    )
    ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def release(office: HeadOffice, command: Command, reservation_id: str) -> Outcome:
    """The storefront gives a reservation up. Without a key: what has ended is answered as it is."""
    reservation = reservation_rows(office).find(reservation_id)
    if reservation is None:
        return unknown_reservation(reservation_id)
    if (used := used_already(reservation)) is not None:
        return used
    if reservation.status is HoldStatus.OPEN:
        reservation = _end(
            office, reservation, HoldStatus.RELEASED, actor=command.actor, reason=DELETED
        )
    return Done(200, msgspec.json.encode(reservation))


def expire(office: HeadOffice, reservation_id: str) -> None:
    """A checkout's time is over: what is still held for it is free again."""
    reservation = reservation_rows(office).find(reservation_id)
    if reservation is not None and reservation.status is HoldStatus.OPEN:
        _end(office, reservation, HoldStatus.EXPIRED, actor=PROGRAM, reason=EXPIRED)


def unknown_reservation(reservation_id: str) -> Problem:
    """The answer to the address of a reservation that was never made."""
    return Problem(Slug.NOT_FOUND, f"There is no reservation {reservation_id}.")


def _end(
    office: HeadOffice,
    reservation: Reservation,
    status: HoldStatus,
    *,
    actor: Actor,
    reason: str,
) -> Reservation:
    ended, cells = end(office, reservation, status)
    office.tell_cells(cells)
    office.ledger.append(
        RESERVATION_RELEASED,
        msgspec.json.encode(ended),
        actor=actor,
        reason=reason,
        reference=ended.id,
        cells=latest(cells),
    )
    rights_changed(office, [(one.location, one.sku) for one in cells])
    return ended
