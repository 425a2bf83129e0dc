"""Goal: an unpaid order and a reservation expire when they are due, also those of the last run.

Method: the watch over the hub's holds on a loop whose time is virtual, with a writer in memory and
the rows of a hub's file; what would expire is noted.
"""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import apsw
import msgspec
import pytest

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import order_events, reservations
from cloud_hub.ordering.holds import Holds
from replication.adapters.group_commit import GroupCommit
from retail.ordering.holds import HoldStatus, Reservation
from retail.ordering.order_status import OrderStatus
from retail.ordering.orders import Order, Pickup, Ship
from tests.simulation.loop import VirtualLoop

PENDING_S, RESERVATION_S = 100, 50

ORDER = Order(
    id="hub.1-2", number="W-000001", status=OrderStatus.NEW, lines=(), allocations=(),
    fulfilment=Pickup(location="riverside"), payment="pending", total_minor=0, tax_minor=0,
    currency="USD", pickup_code=None, customer=None, contact=None, events=(),
    placed_at="2026-11-22T12:00:00.000Z",
)  # fmt: skip
RESERVATION = Reservation(
    id="hub.1-3", status=HoldStatus.OPEN, lines=(), fulfilment=Ship(), allocations=(),
    expires_at="2026-11-22T12:00:00.000Z", used_by=None,
)  # fmt: skip


class MemoryWriter:
    """Runs what it is given."""

    async def submit(self, work: Callable[[], object]) -> Any:  # noqa: ANN401 - as the real one
        return work()


def expired(
    monkeypatch: pytest.MonkeyPatch,
    *,
    watched: tuple[Order | Reservation, ...] = (),
    kept: tuple[Order | Reservation, ...] = (),
    within_s: float = 1_000,
) -> list[str]:
    """Run the watch for so long; what expired."""
    found: list[str] = []
    for verbs in (order_events, reservations):
        monkeypatch.setattr(verbs, "expire", lambda _office, hold: found.append(hold))
    reader = apsw.Connection(":memory:")
    reader.execute("CREATE TABLE online_order (id TEXT, status TEXT, data TEXT)")
    reader.execute("CREATE TABLE reservation (id TEXT, status TEXT, data TEXT)")
    for one in kept:
        table = "online_order" if isinstance(one, Order) else "reservation"
        reader.execute(
            f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - one of two names
            (one.id, one.status, msgspec.json.encode(one).decode()),
        )
    settings = SimpleNamespace(pending_s=PENDING_S, reservation_s=RESERVATION_S)
    office = cast("HeadOffice", SimpleNamespace(settings=settings))

    async def live() -> None:
        holds = Holds(office, cast("GroupCommit", MemoryWriter()), reader)
        for one in watched:
            watch = holds.watch_order if isinstance(one, Order) else holds.watch_reservation
            watch(msgspec.json.encode(one))
        running = asyncio.create_task(holds.run())
        await asyncio.sleep(within_s)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    VirtualLoop().run(live())
    return found


@pytest.mark.parametrize("is_kept", [False, True])
def test_orders_and_reservations_expire_each_after_its_own_time(
    monkeypatch: pytest.MonkeyPatch, *, is_kept: bool
) -> None:
    both = (ORDER, RESERVATION)
    kept, watched = (both, ()) if is_kept else ((), both)

    assert expired(monkeypatch, watched=watched, kept=kept) == [RESERVATION.id, ORDER.id]
    assert expired(monkeypatch, watched=watched, kept=kept, within_s=PENDING_S - 1) == [
        RESERVATION.id
    ]
    assert expired(monkeypatch, watched=watched, kept=kept, within_s=RESERVATION_S - 1) == []


@pytest.mark.parametrize("is_kept", [False, True])
def test_what_does_not_wait_does_not_expire(
    monkeypatch: pytest.MonkeyPatch, *, is_kept: bool
) -> None:
    trusted = msgspec.structs.replace(ORDER, payment="on_collection")
    used = msgspec.structs.replace(RESERVATION, status=HoldStatus.USED, used_by="hub.1-9")
    kept, watched = ((trusted, used), ()) if is_kept else ((), (trusted, used))

    assert expired(monkeypatch, watched=watched, kept=kept) == []
