"""Holds that expire: unpaid orders, on the hub's own monotonic clock.

A deadline is kept in memory, never on disk: after a restart a hold starts its full time again,
which is late and safe, where a wall clock that jumped would free units under a customer's hands.
"""

import asyncio
import heapq
import logging
from contextlib import suppress
from functools import partial
from typing import Final

import apsw
import msgspec

from cloud_hub import order_events
from cloud_hub.head_office import HeadOffice
from replication.adapters.group_commit import GroupCommit
from replication.errors import StorageFailed
from retail.orders import Order, OrderStatus

log: Final = logging.getLogger(__name__)

LOOK_S: Final = 1.0


class Holds:
    """Watches what is held; expiring is a commit like any other."""

    def __init__(self, office: HeadOffice, writer: GroupCommit, reader: apsw.Connection) -> None:
        self._office = office
        self._writer = writer
        self._reader = reader
        self._deadlines: list[tuple[float, str]] = []

    def watch(self, record: bytes) -> None:
        """An order was placed: when its payment is pending, its time runs from now."""
        order = msgspec.json.decode(record, type=Order)
        if order.payment == "pending" and order.status is OrderStatus.NEW:
            self._add(order.id)

    async def run(self) -> None:
        """Expire what is due, until cancelled; open holds of the last run start anew."""
        for order_id, data in self._reader.execute(
            "SELECT id, data FROM online_order WHERE status = ?", (OrderStatus.NEW,)
        ):
            if msgspec.json.decode(str(data), type=Order).payment == "pending":
                self._add(str(order_id))
        while True:
            await asyncio.sleep(LOOK_S)
            with suppress(StorageFailed):  # the disk is full: the next look tries again
                await self._expire_due()

    async def _expire_due(self) -> None:
        while self._deadlines and self._deadlines[0][0] <= asyncio.get_running_loop().time():
            due = heapq.heappop(self._deadlines)
            try:
                await self._writer.submit(partial(order_events.expire, self._office, due[1]))
            except StorageFailed:
                heapq.heappush(self._deadlines, due)
                raise
            except Exception:  # one order that cannot be read must not keep the others' units
                log.exception("hold not expired", extra={"action": "hold_stuck", "order": due[1]})

    def _add(self, order_id: str) -> None:
        deadline = asyncio.get_running_loop().time() + self._office.settings.pending_s
        heapq.heappush(self._deadlines, (deadline, order_id))
