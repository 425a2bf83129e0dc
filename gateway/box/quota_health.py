"""Quota health for the status page: how many SKUs are known, empty, or in deficit.

Every counter's row is decoded for it, some 10 us each: half a second in a shop of 50,000 SKUs. So
it is counted in a thread, only while somebody looks, and rests twenty times as long as it worked.
The rows are brought up to date for it (`replication.ledger`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from gateway.identity import Identity
from gateway.status.report import QuotaReport
from replication.adapters.machine_clock import monotonic_ms
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed
from replication.escrow import EscrowCounter

REST_MS_MIN: Final = 2_000
"""A technician does not see two seconds."""

REST_FACTOR: Final = 20
"""Counting takes at most a twentieth of one core."""


class QuotaHealth:
    """The latest figures. `report` is at hand; `fresh` counts again when that is due."""

    def __init__(
        self,
        store: ReplicaStore,
        identity: Identity,
        *,
        save: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        """Own `store`, whose connection is used by one thread at a time.

        `save` brings the counters' rows up to date, `changed` hears of new figures.
        """
        self.report = QuotaReport(skus=0, empty=0, deficits=0)
        self._store = store
        self._location = identity.location
        self._writer = identity.writer
        self._save = save
        self._changed = changed
        self._due_ms = 0
        self._counting = asyncio.Lock()
        self._watched = asyncio.Event()

    def watched(self) -> QuotaReport:
        """The latest figures; somebody looks at them, so they are counted again in a while."""
        self._watched.set()
        return self.report

    async def fresh(self) -> None:
        """Count, unless that was done a moment ago."""
        async with self._counting:
            began_ms = monotonic_ms()
            if began_ms < self._due_ms:
                return
            with suppress(StorageFailed):  # then the figures are old, and the page says why
                await self._save()
            report = await asyncio.to_thread(self._count)
            ended_ms = monotonic_ms()
            self._due_ms = ended_ms + max(REST_MS_MIN, REST_FACTOR * (ended_ms - began_ms))
        if report != self.report:
            self.report = report
            self._changed()

    async def run(self) -> None:
        """Keep the figures fresh while somebody looks, until cancelled."""
        while True:
            await self._watched.wait()
            self._watched.clear()
            await self.fresh()
            await asyncio.sleep(max(0, self._due_ms - monotonic_ms()) / 1_000)

    def _count(self) -> QuotaReport:
        skus = empty = deficits = 0
        for sku, cells in self._store.connection.execute(
            "SELECT sku, cells FROM counter WHERE location = ?", (self._location,)
        ):
            counter = EscrowCounter(self._location, str(sku), msgspec.json.decode(str(cells)))
            skus += 1
            empty += counter.quota(self._writer) <= 0
            deficits += counter.deficit() > 0
        return QuotaReport(skus=skus, empty=empty, deficits=deficits)
