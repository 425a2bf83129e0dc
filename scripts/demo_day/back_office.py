"""The back office at the hub: it works off the shortage queue, as a person who trusts proposals."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scripts.demo_day.api import Api, Json
from scripts.demo_day.baskets import Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldOrder
from scripts.demo_day.progress import Tell

LOOK_S: Final = 0.5
"""Between two looks at the queue."""

DECIDED: Final = frozenset({"reallocate", "cancel", "refund"})
"""Proposals that a person can accept here. Cover is done by rule; a count is for the store."""


@dataclass(slots=True, kw_only=True)
class BackOffice:
    """One person; `hub` is spoken to with an admin's token."""

    hub: Api
    products: Mapping[str, Product]
    notebook: Notebook
    tell: Tell
    _told: set[str] = field(default_factory=set)

    async def work(self, closed: asyncio.Event) -> None:
        """Decide what waits in the queue, until it is empty and the doors are `closed`."""
        while True:
            # What came until the doors closed is seen by a look that begins after it.
            is_last = closed.is_set()
            if not await self.work_once() and is_last:
                return
            await asyncio.sleep(LOOK_S)

    async def work_once(self) -> bool:
        """One look at the queue; answers whether there is anything in it that is not settled."""
        items = [item async for item in self.hub.every("/v1/shortages")]
        for item in items:
            self._tell_of(item)
            if item["state"] == "open" and item["proposal"]["action"] in DECIDED:
                await self._accept(item)
        return any(item["state"] != "resolved" for item in items)

    def _tell_of(self, item: Json) -> None:
        """Tell of a shortage of goods when it is first seen; refunds are many and alike."""
        if item["kind"] == "refund" or item["id"] in self._told:
            return
        self._told.add(item["id"])
        proposal, name = item["proposal"], self.products[item["sku"]].spoken
        what = {
            "cover": "covered from what is not promised online",
            "reallocate": f"{proposal['location']} sends {proposal['units']} instead",
            "cancel": "the customer is told and paid back",
        }
        self.tell(
            "back office",
            f"{item['units']} x {name} short at {item['location']}: "
            + what.get(proposal["action"], proposal["why"]),
        )

    async def _accept(self, item: Json) -> None:
        """Accept an item's proposal: money is paid back, or promised units are moved."""
        action = item["proposal"]["action"]
        if action == "refund":
            if await self._resolve(item, {"reference": f"paid-back-{item['id']}"}):
                self.notebook.stock.refunds += 1
            return
        allocation = item["proposal"]["allocation"]
        told = self._order(item["proposal"]["order"])
        kept = [(shelf, units) for one, shelf, units in told.allocations if one == allocation]
        self.notebook.ledger.record(Fact.FREED, allocation, kept)
        if await self._resolve(item, {"action": action, "allocation": allocation}):
            told.given_up.add(allocation)
            self.notebook.stock.decisions += 1
            await self._write_down_stand_in(told, allocation)

    async def _resolve(self, item: Json, body: Json) -> bool:
        """Say what is to be done; False when it was settled, or is another, since we looked."""
        answer = await self.hub.post(
            f"/v1/shortages/{item['id']}/resolve", body, key=f"resolve-{item['id']}-{body}"
        )
        if answer.slug in {"conflict", "quota-short"}:
            return False
        answer.success(f"the shortage {item['id']}")
        return True

    async def _write_down_stand_in(self, told: ToldOrder, allocation: str) -> None:
        """The units that another store keeps for the order from now on."""
        order = await self.hub.get(f"/v1/orders/{told.id}")
        for one in order["allocations"]:
            if one["replaces"] == allocation:
                shelf = Shelf(one["location"], one["sku"])
                self.notebook.ledger.record(Fact.PROMISED, one["id"], [(shelf, one["quantity"])])

    def _order(self, order: str) -> ToldOrder:
        return next(told for told in self.notebook.orders if told.id == order)
