"""Goal: an unpaid order expires when it is due, and a full disk does not make the hub forget it.

Method: the watch over holds with a writer in memory that refuses the first commits.
"""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import apsw
import msgspec
import pytest

from cloud_hub import holds, order_events
from cloud_hub.head_office import HeadOffice
from cloud_hub.holds import Holds
from replication.adapters.group_commit import GroupCommit
from replication.errors import StorageFailed
from retail.orders import Order, OrderStatus, Pickup

ORDER = Order(
    id="hub.1-2", number="W-000001", status=OrderStatus.NEW, lines=(), allocations=(),
    fulfilment=Pickup(location="riverside"), payment="pending", total_minor=0, tax_minor=0,
    currency="USD", pickup_code=None, customer=None, contact=None, events=(),
    placed_at="2026-11-22T12:00:00.000Z",
)  # fmt: skip


class MemoryWriter:
    """Runs what it is given, after it has failed so many times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def submit(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - as the real one
        if self.failures:
            self.failures -= 1
            raise StorageFailed("disk full")
        return work()


async def expired_in(
    monkeypatch: pytest.MonkeyPatch, *, failures: int, watched: Order | None, kept: Order | None
) -> list[str]:
    """Run the watch until something expires; what did."""
    expired: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(holds, "LOOK_S", 0)
    monkeypatch.setattr(
        order_events, "expire", lambda _office, order_id: expired.put_nowait(order_id)
    )
    reader = apsw.Connection(":memory:")
    reader.execute("CREATE TABLE online_order (id TEXT, status TEXT, data TEXT)")
    if kept is not None:
        reader.execute(
            "INSERT INTO online_order VALUES (?, ?, ?)",
            (kept.id, kept.status, msgspec.json.encode(kept).decode()),
        )
    office = cast("HeadOffice", SimpleNamespace(settings=SimpleNamespace(pending_s=0)))
    watch = Holds(office, cast("GroupCommit", MemoryWriter(failures)), reader)
    if watched is not None:
        watch.watch(msgspec.json.encode(watched))
    running = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(10):
            return [await expired.get()]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_pending_order_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await expired_in(monkeypatch, failures=0, watched=ORDER, kept=None) == [ORDER.id]


async def test_a_hold_of_the_last_run_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await expired_in(monkeypatch, failures=0, watched=None, kept=ORDER) == [ORDER.id]


async def test_a_hold_that_fell_due_on_a_full_disk_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await expired_in(monkeypatch, failures=3, watched=ORDER, kept=None) == [ORDER.id]


async def test_an_order_that_does_not_wait_for_money_does_not_expire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paid = msgspec.structs.replace(ORDER, id="hub.1-9", payment="on_collection")

    assert await expired_in(monkeypatch, failures=0, watched=paid, kept=ORDER) == [ORDER.id]
