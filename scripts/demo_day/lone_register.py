"""A register of a till that sells alone: always from its own quota, into its own journal."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.client import Place, SaleDone, SaleLine, SaleRefused, Tender, World
from gateway.client.register_status import RegisterStatus
from gateway.client.replica import ReplicaRegister
from gateway.status.report import LinkState
from retail.prices.quotes import Quote
from scripts.demo_day.api import Json, Unexpected
from scripts.demo_day.chain import WAIT_S_MAX, WATCH_S, NeverReady
from scripts.demo_day.setting import Discovery, TillSetting

BACK_S_MAX: Final = 3.0
"""How long a cashier waits for the gateway after a restart; then the register sells alone."""


@dataclass(slots=True)
class LoneRegister:
    """`gateway.client.replica.ReplicaRegister`, switched on and off."""

    setting: TillSetting
    discovery: Discovery
    switched_on: int = 0
    """How often it was."""
    _register: ReplicaRegister = field(init=False)
    _power: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it is off: whoever looks at it waits until it is on again."""

    async def switch_on(self) -> None:
        """Open it on its data directory; the first time it becomes a register of its gateway."""
        self._register = ReplicaRegister(
            self.setting.outbox,
            Place(location=self.setting.location),
            token=self.setting.token,
            register=self.setting.register,
            world=World(find=self.discovery.find),
        )
        await self._register.__aenter__()
        self.switched_on += 1

    async def switch_off(self) -> None:
        """Close it."""
        await self._register.__aexit__(None, None, None)

    async def _off_and_on(self) -> None:
        async with self._power:
            await self.switch_off()
            await self.switch_on()

    async def greet(self) -> None:
        """Hear of the catalogue before the first customer comes.

        Raises:
            NeverReady: it did not within `WAIT_S_MAX`.
        """
        if not await self._register.until(ReplicaRegister.is_up_to_date, WAIT_S_MAX):
            raise NeverReady(f"{self.named} waits for its gateway's catalogue in vain")

    async def sell(
        self, lines: Sequence[SaleLine], tenders: Sequence[Tender], total_minor: int
    ) -> SaleDone | SaleRefused:
        """Sell here and now."""
        return await self._register.sell(lines, tenders, expected_total_minor=total_minor)

    async def sell_in_a_power_cut(
        self, lines: Sequence[SaleLine], tenders: Sequence[Tender], total_minor: int, cut_s: float
    ) -> SaleDone | SaleRefused:
        """Ask, be switched off before the answer is seen, and ask again with the same key."""
        key = self._register.new_key()
        asking = asyncio.create_task(
            self._register.sell(lines, tenders, key=key, expected_total_minor=total_minor)
        )
        answered, _ = await asyncio.wait({asking}, timeout=cut_s)
        if answered:
            return asking.result()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await asking
        await self._off_and_on()
        # A gateway that is there is soon heard, and lends what the next customer wants.
        await self._register.until(lambda one: one.link is LinkState.CONNECTED, BACK_S_MAX)
        return await self._register.sell(lines, tenders, key=key, expected_total_minor=total_minor)

    async def quote(self, lines: Sequence[Mapping[str, Json]]) -> Json:
        """What a basket costs at this register, as JSON."""
        quote = await self._register.quote(
            [SaleLine(sku=line["sku"], quantity=line["quantity"]) for line in lines]
        )
        if not isinstance(quote, Quote):
            raise Unexpected(f"{self.named} has no price: {quote}")
        return msgspec.to_builtins(quote)

    async def status(self) -> RegisterStatus:
        """Its figures, at this instant."""
        async with self._power:
            return await self._register.status()

    async def until_alone(self) -> None:
        """Wait until it has noticed that its gateway is away.

        Raises:
            NeverReady: it did not within `WAIT_S_MAX`.
        """
        if not await self._register.until(
            lambda one: one.link is not LinkState.CONNECTED, WAIT_S_MAX
        ):
            raise NeverReady(f"{self.named} still hears a gateway that is not there")

    async def until_handed_over(self) -> None:
        """Wait until its gateway has every entry of now.

        Raises:
            NeverReady: it did not within `WAIT_S_MAX`.
        """
        await self._until_there("its gateway", lambda now: now.at_gateway_seq)

    async def until_at_hub(self) -> None:
        """Wait until it knows that the hub has every entry of now.

        Raises:
            NeverReady: it did not within `WAIT_S_MAX`.
        """
        await self._until_there("the hub", lambda now: now.at_hub_seq)

    async def _until_there(self, who: str, reached: Callable[[RegisterStatus], int]) -> None:
        last_seq = (await self.status()).last_seq
        give_up_s = time.monotonic() + WAIT_S_MAX
        while (seq := reached(await self.status())) < last_seq:
            if time.monotonic() > give_up_s:
                raise NeverReady(f"{who} has {self.named} up to {seq} of {last_seq}, in vain")
            await asyncio.sleep(WATCH_S)

    @property
    def named(self) -> str:
        """The register in words."""
        return f"{self.setting.register} of {self.setting.location}"
