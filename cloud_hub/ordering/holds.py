"""Holds that expire: `web.hold_watch` over the unpaid orders and the reservations of the hub."""

from functools import partial

import apsw
import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import order_events, reservations
from replication.adapters.group_commit import GroupCommit
from retail.ordering.holds import HoldStatus, Reservation
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Order
from web.hold_rows import HoldRows
from web.hold_watch import HoldWatch


class Holds:
    """Watches what is held, each for its full time from now on."""

    def __init__(self, office: HeadOffice, writer: GroupCommit, reader: apsw.Connection) -> None:
        self._office = office
        self._reader = reader
        self._watch = HoldWatch(writer)

    def watch_order(self, record: bytes) -> None:
        """An order was placed: when its payment is pending, its time runs from now."""
        order = msgspec.json.decode(record, type=Order)
        if order.payment == "pending" and order.status is OrderStatus.NEW:
            self._add_order(order.id)

    def watch_reservation(self, record: bytes) -> None:
        """A checkout's units were set aside: its time runs from now."""
        reservation = msgspec.json.decode(record, type=Reservation)
        if reservation.status is HoldStatus.OPEN:
            self._add_reservation(reservation.id)

    async def run(self) -> None:
        """Expire what is due, until cancelled; open holds of the last run start anew."""
        for order_id, data in self._reader.execute(
            "SELECT id, data FROM online_order WHERE status = ?", (OrderStatus.NEW,)
        ):
            if msgspec.json.decode(str(data), type=Order).payment == "pending":
                self._add_order(str(order_id))
        for reservation_id in HoldRows(self._reader, "reservation", Reservation).open_ids():
            self._add_reservation(reservation_id)
        await self._watch.run()

    def _add_order(self, order_id: str) -> None:
        pending_s = self._office.settings.pending_s
        self._watch.add(order_id, pending_s, partial(order_events.expire, self._office, order_id))

    def _add_reservation(self, reservation_id: str) -> None:
        self._watch.add(
            reservation_id,
            self._office.settings.reservation_s,
            partial(reservations.expire, self._office, reservation_id),
        )
