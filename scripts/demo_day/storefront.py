"""The website, a client of the hub, and the back rooms that hand its orders over in the stores.

An order that the hub refuses for quota is placed again without what is not there. Some customers
cancel again; whether they are in time is decided by the store that has the goods. A box that took
another one's place cannot know what that one handed over last: the back room knows what has left
the shop, and tells it once per order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from scripts.demo_day.agenda import PlannedHold, Until
from scripts.demo_day.api import Answer, Api, Json
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.chain import until_ended
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldOrder
from scripts.demo_day.plan import Fulfilment, PlannedOrder, share_of

LOOK_S: Final = 0.4
"""How often a back room looks at its queue; it does one step of each order per look."""

LEFT_SHARE: Final = 0.1
"""Part of the pickups that nobody comes for on this day."""

STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "ship": ("picked", "packed", "shipped"),
    "pickup": ("picked", "ready_for_pickup", "collected"),
}
"""What a back room does with an order, in this order, by how it is fulfilled."""

CALLED_OFF: Final = frozenset({"cancelled", "cancel_requested"})
"""Statuses of an order that nobody wants any more."""

TOO_LATE: Final = frozenset({"conflict", "not-found"})
"""Refusals of an event: the customer has cancelled since the room looked at its queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storefront:
    """The website."""

    hub: Api
    products: Mapping[str, Product]
    notebook: Notebook

    async def place(self, planned: PlannedOrder) -> ToldOrder | None:
        """Order a basket, or what there is of it; None when nothing of it was left."""
        wanted = {line.sku: line.quantity for line in planned.basket.lines}
        refused: set[str] = set()
        placed: ToldOrder | None = None
        attempt = 0
        repriced = False
        shown_minor = self._label_minor(wanted)
        while wanted and placed is None:
            attempt += 1
            asked_s = time.monotonic()
            answer = await self._ask(planned, wanted, shown_minor, attempt)
            if answer.succeeded:
                placed = self._write_down(answer.body, wanted, shown_minor, asked_s)
                break
            if answer.slug == "price-changed" and answer.body["total_minor"] != shown_minor:
                shown_minor = answer.body["total_minor"]
                repriced = True
                continue
            sku = answer.body.get("sku")
            if answer.slug != "quota-short" or sku not in wanted:
                self.notebook.oddities.append(f"order refused: {answer.status} {answer.body}")
                break
            if sku not in refused:
                self.notebook.online.refused_on_shelf += any(
                    self.notebook.was_there(Shelf(location, sku), wanted[sku])
                    for location in self._places(planned)
                )
            refused.add(sku)
            # Quota moves while we speak; a basket that was refused asks for less each time.
            sellable = min(answer.body["sellable"], wanted[sku] - 1)
            if sellable > 0:
                wanted[sku] = sellable
            else:
                del wanted[sku]
            shown_minor = self._label_minor(wanted)
        self.notebook.online.baskets += 1
        self.notebook.online.repriced += repriced
        self.notebook.online.refused += len(refused)
        return placed

    async def check_out(self, planned: PlannedHold, until: Until) -> None:
        """Reserve a line; its customer pays in time, or has gone."""
        key = "checkout-used" if planned.used_at_s is not None else "checkout-left"
        lines = [{"sku": planned.line.sku, "quantity": planned.line.quantity}]
        answer = await self.hub.post("/v1/reservations", {"lines": lines}, key=key)
        held = answer.success("a reservation")
        kept = [
            (one["id"], [(Shelf(one["location"], one["sku"]), one["quantity"])])
            for one in held["allocations"]
        ]
        for allocation, units in kept:
            self.notebook.ledger.record(Fact.PROMISED, allocation, units)
        if planned.used_at_s is not None:
            await until(planned.used_at_s)
        for allocation, units in kept:
            self.notebook.ledger.record(Fact.FREED, allocation, units)
        if planned.used_at_s is not None:
            await self._order_reserved(planned, str(held["id"]), lines, f"{key}-order")
            self.notebook.stock.holds_used += 1
        else:
            await until_ended(self.hub, f"/v1/reservations/{held['id']}")
            self.notebook.stock.holds_expired += 1
        self.notebook.holds_ended.update(allocation for allocation, _ in kept)

    async def _order_reserved(
        self, planned: PlannedHold, reservation: str, lines: list[Json], key: str
    ) -> None:
        order = {
            "lines": lines,
            "fulfilment": {"type": Fulfilment.SHIP.value},
            "payment": "paid",
            "reservation": reservation,
        }
        asked_s = time.monotonic()
        answer = await self.hub.post("/v1/orders", order, key=key)
        wanted = {planned.line.sku: planned.line.quantity}
        self._write_down(
            answer.success("a reserved order"), wanted, self._label_minor(wanted), asked_s
        )
        self.notebook.online.baskets += 1

    async def cancel(self, told: ToldOrder) -> None:
        """The customer does not want it any more; what becomes of that is the custodian's word."""
        told.cancel_asked = True
        for allocation, shelf, quantity in told.allocations:
            self.notebook.ledger.record(Fact.FREED, allocation, [(shelf, quantity)])
        answer = await self.hub.post(
            f"/v1/orders/{told.id}/events", {"type": "cancelled"}, key=f"cancel-{told.id}"
        )
        if answer.slug == "conflict":
            self.notebook.online.refused_cancels += 1
        elif not answer.succeeded:
            self.notebook.oddities.append(f"cancel refused: {answer.status} {answer.body}")

    def _places(self, planned: PlannedOrder) -> Collection[str]:
        """The stores that could fulfil it."""
        if planned.fulfilment is Fulfilment.PICKUP:
            return {planned.basket.location}
        return self.notebook.tallies.keys()

    async def _ask(
        self, planned: PlannedOrder, wanted: Mapping[str, int], shown_minor: int, attempt: int
    ) -> Answer:
        fulfilment = {"type": planned.fulfilment.value}
        if planned.fulfilment is Fulfilment.PICKUP:
            fulfilment["location"] = planned.basket.location
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
        return await self.hub.post(
            "/v1/orders",
            {
                "lines": lines,
                "fulfilment": fulfilment,
                "payment": "paid",
                "expected_total_minor": shown_minor,
            },
            key=f"basket-{planned.basket.basket}-{attempt}",
        )

    def _label_minor(self, wanted: Mapping[str, int]) -> int:
        """What it costs by the prices of the morning."""
        return sum(self.products[sku].price_minor * wanted[sku] for sku in wanted)

    def write_down_sold(
        self, order: Json, line: Line, shown_minor: int, asked_s: float
    ) -> ToldOrder:
        """A till has sold an order of one line, instead of the website."""
        self.notebook.online.baskets += 1
        return self._write_down(order, {line.sku: line.quantity}, shown_minor, asked_s)

    def _write_down(
        self, order: Json, wanted: Mapping[str, int], shown_minor: int, asked_s: float
    ) -> ToldOrder:
        told = ToldOrder(
            lines=tuple(Line(sku=sku, quantity=wanted[sku]) for sku in wanted),
            total_minor=shown_minor,
            asked_s=asked_s,
            told_s=time.monotonic(),
            order=order,
        )
        for allocation, shelf, quantity in told.allocations:
            self.notebook.ledger.record(Fact.PROMISED, allocation, [(shelf, quantity)])
        self.notebook.orders.append(told)
        return told


@dataclass(slots=True, kw_only=True)
class BackRoom:
    """The people who pick, pack and hand over in one store, connected or not."""

    location: str
    gateway: Api
    notebook: Notebook
    seed: int
    _steps_done: dict[str, int] = field(default_factory=dict)

    async def work(self, closed: asyncio.Event) -> None:
        """Do one step of each order per look, until the doors are `closed` and nothing waits.

        Nobody is sent home in the middle of a step: what was handed over would be on no paper.
        """
        while True:
            # What came until the doors closed is seen by a look that begins after it.
            is_last = closed.is_set()
            if not await self.work_once() and is_last:
                return
            await asyncio.sleep(LOOK_S)

    async def work_once(self) -> bool:
        """One look at the queue; answers whether there was anything to do."""
        async with self.notebook.rooms[self.location]:
            orders = [order async for order in self.gateway.every("/v1/orders")]
            doubtful = [order for order in orders if order["is_unsure"]]
            for order in doubtful:
                await self._clear_doubt(order)
            waiting = [one for one in orders if not one["is_unsure"] and self._waits(one)]
            for order in waiting:
                await self._step(order)
            return bool(doubtful or waiting)

    async def knows(self, order_id: str) -> bool:
        """Whether the store has heard of an order and keeps something for it."""
        return any(
            [
                order["id"] == order_id and bool(self._shelves(order))
                async for order in self.gateway.every("/v1/orders")
            ]
        )

    async def collect(self, told: ToldOrder, code: str) -> bool:
        """Hand over an order to who shows this pick-up code; False when it is not the order's."""
        shelves = {shelf for _, shelf, _ in told.allocations}
        async with self.notebook.aisles.taking(shelves):
            answer = await self.gateway.post(
                f"/v1/orders/{told.id}/events",
                {"type": "collected", "pickup_code": code},
                key=f"{self.location}-{told.id}-{code}",
            )
            if answer.succeeded:
                self._hand_over(answer.body)
        if not answer.succeeded and "$.pickup_code" not in str(answer.body):
            self.notebook.oddities.append(f"collection refused: {answer.status} {answer.body}")
        return answer.succeeded

    async def miss(self, told: ToldOrder, line: Line) -> None:
        """Pick an order of which some is not there: the rest is what it comes to."""
        shelf = Shelf(self.location, line.sku)
        async with self.notebook.aisles.taking([shelf]):
            answer = await self.gateway.post(
                f"/v1/orders/{told.id}/events",
                {
                    "type": "short_picked",
                    "lines": [{"sku": line.sku, "quantity": line.quantity}],
                },
                key=f"{self.location}-{told.id}-missed",
            )
            order = answer.success(f"a short pick at {self.location}")
            self.notebook.ledger.record(Fact.MISSED, told.id, [(shelf, line.quantity)])
        for one in order["allocations"]:
            if one["part_of"] is not None and one["state"] == "released":
                told.missed.add(str(one["id"]))
                freed = [(shelf, int(one["quantity"]))]
                self.notebook.ledger.record(Fact.FREED, str(one["id"]), freed)
        self.notebook.after.missed += line.quantity

    def _waits(self, order: Json) -> bool:
        if order["status"] in CALLED_OFF | {"expired"}:
            return False
        if not self._shelves(order) or self.notebook.set_aside & self._skus(order):
            return False
        way = order["fulfilment"]["type"]
        nobody_comes = way == "pickup" and share_of(self.seed, f"left/{order['id']}") < LEFT_SHARE
        steps = len(STEPS[way]) - nobody_comes
        return self._steps_done.get(order["id"], 0) < steps

    async def _step(self, order: Json) -> None:
        done = self._steps_done.get(order["id"], 0)
        event = STEPS[order["fulfilment"]["type"]][done]
        await self._tell(order, {"type": event}, key=event)
        self._steps_done[order["id"]] = done + 1

    async def _clear_doubt(self, order: Json) -> None:
        """Say whether the box before this one had handed it over: the room knows what has left.

        What stands here still is told with the step that it has come to, so that it goes on.
        """
        kept = {one["id"] for one in self._kept(order)}
        had_left = bool(kept & self.notebook.handed_over)
        steps = STEPS[order["fulfilment"]["type"]]
        done = len(steps) if had_left else self._steps_here(order)
        event = steps[done - 1]
        if not had_left and order["status"] in CALLED_OFF:
            event = "cancelled"
        said = {"type": event, "handed_over_before": had_left}
        if await self._tell(order, said, key=f"in-doubt-{event}"):
            self._steps_done[order["id"]] = done
            self.notebook.doubts.had_left += had_left
            self.notebook.doubts.stood_here += not had_left

    def _steps_here(self, order: Json) -> int:
        """How many steps an order has come to that has not left, the first one at least."""
        steps = len(STEPS[order["fulfilment"]["type"]])
        return min(max(1, self._steps_done.get(order["id"], 0)), steps - 1)

    async def _tell(self, order: Json, event: Json, *, key: str) -> bool:
        """Tell an event of an order, and write down what has left with it."""
        async with self.notebook.aisles.taking(self._shelves(order)):
            answer = await self.gateway.post(
                f"/v1/orders/{order['id']}/events",
                event,
                key=f"{self.location}-{order['id']}-{key}",
            )
            if answer.succeeded:
                self._hand_over(answer.body)
        if not answer.succeeded and answer.slug not in TOO_LATE:
            self.notebook.oddities.append(f"{event} refused: {answer.status} {answer.body}")
        return answer.succeeded

    def _shelves(self, order: Json) -> set[Shelf]:
        """Where goods wait here for this order."""
        return {Shelf(self.location, one["sku"]) for one in self._kept(order)}

    def _kept(self, order: Json) -> list[Json]:
        """The allocations of it that this store keeps."""
        return [
            one
            for one in order["allocations"]
            if one["location"] == self.location and one["state"] == "committed"
        ]

    def _skus(self, order: Json) -> set[str]:
        return {one["sku"] for one in order["allocations"]}

    def _hand_over(self, order: Json) -> None:
        """Write down which goods of this store have left it, each of them once."""
        for one in order["allocations"]:
            if (
                one["location"] == self.location
                and one["state"] == "fulfilled"
                and one["id"] not in self.notebook.handed_over
            ):
                self.notebook.handed_over.add(one["id"])
                self.notebook.ledger.record(
                    Fact.HANDED_OVER,
                    one["id"],
                    [(Shelf(self.location, one["sku"]), one["quantity"])],
                )
