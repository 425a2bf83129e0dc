"""Head office at the hub: it changes prices for all stores, and looks where they have arrived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.demo_day.agenda import PlannedPrices
from scripts.demo_day.api import Api, Json
from scripts.demo_day.baskets import Product
from scripts.demo_day.chain import WAIT_S_MAX, NeverReady
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.prices import WEBSITE, is_charged
from scripts.demo_day.progress import Tell

LOOK_S: Final = 0.25
"""Between two looks at a place that has not heard yet."""

UNITS: Final = 10
"""Pieces in a look: of one, a share may round away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOffice:
    """One person; `hub` is spoken to with an admin's token."""

    hub: Api
    currency: str
    stores: Mapping[str, Api]
    lone: Mapping[str, Sequence[LoneRegister]]
    """Registers that price by a copy of their own, by location."""
    products: Mapping[str, Product]
    notebook: Notebook
    tell: Tell

    async def change_prices(self, planned: PlannedPrices) -> None:
        """Lower one price, raise another, start a promotion; the website has all of it at once."""
        self.notebook.prices.announce(planned.terms, time.monotonic())
        lowered, raised, promoted = (
            self.products[sku].spoken for sku in (planned.lowered, planned.raised, planned.promoted)
        )
        await self._put(
            "/v1/prices/of-the-day",
            {
                "name": "Prices of the day",
                "currency": self.currency,
                "prices": {
                    sku: planned.terms[sku].price_minor for sku in (planned.lowered, planned.raised)
                },
                "force": True,
            },
        )
        off_bp = planned.terms[planned.promoted].off_bp
        await self._put(
            "/v1/promotions/offer-of-the-day",
            {
                "name": f"{off_bp // 100} % off",
                "effect": {"kind": "percentage", "skus": [planned.promoted], "off_bp": off_bp},
            },
        )
        self.notebook.prices.seen_s[WEBSITE] = time.monotonic()
        self.tell(
            "head office",
            f"{lowered} is cheaper now, {raised} dearer, {off_bp // 100} % off {promoted};"
            f" {planned.location} is cut off and keeps the old prices",
        )

    async def until_seen(self, planned: PlannedPrices, where: str) -> None:
        """Wait until a store charges the new prices, at its gateway and at each register of it.

        Raises:
            NeverReady: it did not within `WAIT_S_MAX` after the last line was mended.
        """
        give_up_s = time.monotonic() + planned.mended_at_s - planned.at_s + WAIT_S_MAX
        lines = [{"sku": sku, "quantity": UNITS} for sku in planned.terms]
        while time.monotonic() < give_up_s:
            quotes = [await self.stores[where].look_up("/v1/quotes", {"lines": lines})]
            quotes += [await register.quote(lines) for register in self.lone.get(where, ())]
            if all(is_charged(planned.terms, quote) for quote in quotes):
                self.notebook.prices.seen_s[where] = time.monotonic()
                return
            await asyncio.sleep(LOOK_S)
        raise NeverReady(f"{where} waits for the new prices in vain")

    async def _put(self, path: str, body: Json) -> None:
        (await self.hub.put(path, body)).success(path)
