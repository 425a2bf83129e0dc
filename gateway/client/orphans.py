"""Acknowledged sales whose gateway died before the hub had them: handed to the box after it.

A thin register keeps each sale until the hub has it. Once the gateway shows itself as another box
(a higher incarnation of the location), what the boxes before it answered is handed in, oldest
first: some after each sale, the rest by `Orphans.hand_in`. What is journalled there is kept here
until the hub has that, and what is at the hub already need not be kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol, TypeVar

import apsw

from gateway.client.answers import Refusal, refusal_from
from gateway.client.finding import GatewayGone, Known
from gateway.client.line import Line
from gateway.client.outbox import Outbox
from gateway.client.witness import HEADER, Witness
from replication.errors import StorageFailed
from replication.ids import WriterId, incarnation_of

T = TypeVar("T")

HANDED_IN_MAX: Final = 1_000
"""Sales that one call hands to a new gateway."""

HANDED_IN_BETWEEN_MAX: Final = 20
"""And those after a sale: in some 0.2 s, while the customer packs."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

LATER: Final = frozenset({401, 403, 404, 408, 429, 500, 502, 503, 504})
"""Answers that say nothing about a sale that is handed in."""


class OnDisk(Protocol):
    """Runs a call on the thread that has the outbox."""

    def __call__(self, call: Callable[[], T]) -> Awaitable[T]:
        """What it returns."""


class Orphans:
    """See the module's theory. `outbox` is set once it is open.

    `not_taken` are refusals, by the keys of sales that stay here: a person has to look.
    """

    outbox: Outbox

    def __init__(self, line: Line, known: Known, on_disk: OnDisk) -> None:
        self.not_taken: dict[str, Refusal] = {}
        self._line = line
        self._known = known
        self._on_disk = on_disk
        self._done_for = 0
        self._alone = asyncio.Lock()

    async def hand_in(self, count_max: int = HANDED_IN_MAX) -> int:
        """Hand sales of boxes before the present gateway to that; returns how many it decided on.

        Raises:
            GatewayGone: no answer.
            StorageFailed, apsw.Error: the outbox could not be read or written.
        """
        async with self._alone:
            return await self._hand_in_up_to(count_max)

    async def _hand_in_up_to(self, count_max: int) -> int:
        witness = self._known.witness
        if witness is None or witness.incarnation <= self._done_for:
            return 0
        orphans = await self._on_disk(
            lambda: self.outbox.orphans(witness.incarnation, self.not_taken, count_max)
        )
        for decided, (key, sale) in enumerate(orphans):
            if not await self._hand_in(key, sale, witness):
                return decided
        if len(orphans) < count_max:
            self._done_for = witness.incarnation
        return len(orphans)

    async def hand_in_some(self) -> None:
        """Between two sales: what is not taken now is taken after the next one."""
        with suppress(GatewayGone, StorageFailed, apsw.Error):
            await self.hand_in(HANDED_IN_BETWEEN_MAX)

    async def _hand_in(self, key: str, sale: bytes, witness: Witness) -> bool:
        """Whether the gateway has decided on one sale; False: ask again later."""
        await self._line.connect()
        reply, _ = await self._line.ask(
            "POST",
            "/v1/recovered-sales",
            body=b'{"sale":' + sale + b"}",
            headers={HEADER: str(witness), IDEMPOTENCY_KEY: key},
        )
        match reply.document:
            case {"entry": str(), "writer": str(writer), "seq": int(seq)}:
                is_at_hub = incarnation_of(WriterId(writer)) < witness.incarnation
                place = None if is_at_hub else (writer, seq)
                await self._on_disk(lambda: self.outbox.handed_in(key, place))
                return True
        # "Come back later" is also said while an earlier try of the same sale is under way.
        if reply.slug is None or reply.status in LATER or reply.retry_after_s is not None:
            return False
        self.not_taken[key] = refusal_from(reply)
        return True
