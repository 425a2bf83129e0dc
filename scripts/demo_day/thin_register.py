"""A thin register of a till: it commits at its gateway, and says so when the gateway is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.client import (
    GatewayClient,
    GatewayGone,
    OrderDone,
    Place,
    SaleDone,
    SaleLine,
    SaleRefused,
    Tender,
    World,
)
from scripts.demo_day.api import Unexpected
from scripts.demo_day.setting import Discovery, TillSetting

AGAIN_S: Final = 0.3
"""Between two looks for a gateway that is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotSell:
    """The register has not sold, certainly, and says why; the customer may go to another till."""

    why: str


@dataclass(slots=True)
class ThinRegister:
    """`gateway.client.GatewayClient`, switched on and off."""

    setting: TillSetting
    discovery: Discovery
    patience_s: float | None = None
    """How long a customer waits for an answer; None: until there is one."""
    switched_on: int = 0
    """How often it was."""
    doubted: int = 0
    """Sales that may have been heard by a gateway that did not answer in time."""
    _client: GatewayClient = field(init=False)
    _power: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it is off: whoever looks at it waits until it is on again."""

    async def switch_on(self) -> None:
        """Open it on its outbox."""
        self._client = GatewayClient(
            Place(location=self.setting.location),
            outbox=self.setting.outbox,
            token=self.setting.token,
            register=self.setting.register,
            world=World(find=self.discovery.find),
        )
        await self._client.__aenter__()
        self.switched_on += 1

    async def switch_off(self) -> None:
        """Close it; what is pending stays so."""
        await self._client.__aexit__(None, None, None)

    async def _off_and_on(self) -> None:
        async with self._power:
            await self.switch_off()
            await self.switch_on()

    async def greet(self) -> None:
        """Find the gateway before the first customer comes."""
        await self._client.products("")

    async def until_heard(self) -> None:
        """Wait for a gateway that is away."""
        while True:
            try:
                await self._client.products("")
            except GatewayGone:
                await asyncio.sleep(AGAIN_S)
            else:
                return

    @property
    def witnessed_seq(self) -> int:
        """The last entry of the gateway's journal that this register has seen a sign of."""
        witness = self._client.witness
        return 0 if witness is None else witness.seq

    async def hand_in(self) -> None:
        """Give a new gateway what the one before it answered, as far as the hub lacks it.

        Raises:
            Unexpected: it does not take something.
        """
        async with self._power:
            await self.until_heard()
            while await self._client.orphans.hand_in():
                pass
        if self._client.orphans.not_taken:
            raise Unexpected(f"{self.setting.register}: {self._client.orphans.not_taken}")

    async def sell(
        self, lines: Sequence[SaleLine], tenders: Sequence[Tender], total_minor: int
    ) -> SaleDone | SaleRefused | CannotSell:
        """Sell; after `patience_s`, take the sale back if it certainly never left."""
        known = await self._done_ids()
        asking = asyncio.create_task(
            self._client.sell(lines, tenders, expected_total_minor=total_minor)
        )
        answered, _ = await asyncio.wait({asking}, timeout=self.patience_s)
        if answered:
            return asking.result()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await asking
        for pending in self._client.pending():
            if await self._client.withdraw(pending.key):
                return CannotSell(why=pending.problem or "the gateway does not answer")
        # It may have been heard: only the gateway can say what came of it.
        self.doubted += 1
        outcome = await self._outcome_since(known)
        return CannotSell(why="the answer was lost: no sale") if outcome is None else outcome

    async def sell_in_a_power_cut(
        self, lines: Sequence[SaleLine], tenders: Sequence[Tender], total_minor: int, cut_s: float
    ) -> SaleDone | SaleRefused | None:
        """Ask, lose the power, come back and ask again; None when nothing had been written yet."""
        known = await self._done_ids()
        asking = asyncio.create_task(
            self._client.sell(lines, tenders, expected_total_minor=total_minor)
        )
        answered, _ = await asyncio.wait({asking}, timeout=cut_s)
        if answered:
            return asking.result()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await asking
        await self._off_and_on()
        return await self._outcome_since(known)

    async def _done_ids(self) -> set[str]:
        return {str(sale["id"]) for sale in await self._client.done()}

    async def _outcome_since(self, known: Collection[str]) -> SaleDone | SaleRefused | None:
        """What came of the last request; None where it left nothing behind."""
        for outcome in await self._client.resume():
            assert not isinstance(outcome, OrderDone), "nobody ordered anything here"
            return outcome
        # The answer was on its disk already, and the cashier did not get to see it.
        for sale in await self._client.done():
            if str(sale["id"]) not in known:
                return SaleDone(key="answered before", sale=sale)
        return None

    async def scans(self) -> AsyncIterator[str]:
        """Codes that reach this register, for ever."""
        async for scan in self._client.scans():
            yield scan.code
