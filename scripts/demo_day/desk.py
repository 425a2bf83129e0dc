"""The service desk of a shop: baskets set aside, a supervisor's overdraw, and the price of now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from scripts.demo_day.agenda import PlannedHold, PlannedOverdraw, Until
from scripts.demo_day.api import Answer, Api, Json
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.chain import until_ended
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldSale
from scripts.demo_day.progress import Tell

REGISTER: Final = "till-3"
"""The till that the desk rings up at, a thin one."""


class Shown(NamedTuple):
    """What a customer was shown, and when."""

    total_minor: int
    asked_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The desk of one store; `gateway` is spoken to with a supervisor's token."""

    location: str
    gateway: Api
    products: Mapping[str, Product]
    notebook: Notebook
    tell: Tell

    async def hold(self, planned: PlannedHold, until: Until) -> None:
        """Set a basket aside; its customer comes back in time, or does not."""
        used = "used" if planned.used_at_s is not None else "left"
        key = f"{self.location}-basket-{used}"
        answer = await self.gateway.post(
            "/v1/baskets",
            {"register": REGISTER, "lines": [_line(planned.line)]},
            key=key,
        )
        basket = str(answer.success("a basket's hold")["id"])
        self._record(Fact.PROMISED, basket, planned.line)
        self.tell(self.location, f"{self._named(planned.line)} set aside for a customer")
        if planned.used_at_s is not None:
            await until(planned.used_at_s)
            await self._sell_held(planned.line, basket, f"{key}-sale")
        else:
            await self._let_expire(planned.line, basket)

    async def overdraw(self, planned: PlannedOverdraw) -> None:
        """The till refuses what the customer has in hand; a supervisor sells it all the same."""
        line, key = planned.line, f"{self.location}-overdraw"
        shown = Shown(self._label_minor(line), time.monotonic())
        refused = await self._ask(line, key)
        if refused.slug != "quota-short":
            self.notebook.oddities.append(f"{line} needed no supervisor: {refused}")
            self._write_down(refused, line, key, shown)
            return
        sellable = int(refused.body["sellable"])
        sold = await self._ask(
            line, f"{key}-supervisor", override={"reason": "the customer has them in hand"}
        )
        overdrawn = line.quantity - sellable
        self._write_down(sold, line, f"{key}-supervisor", shown, overdrawn=overdrawn)
        self.tell(
            self.location,
            f"may sell {sellable} x {self._name(line)}, the customer has {line.quantity}:"
            " a supervisor sells them",
        )

    async def sell_at_price_of_now(self, line: Line, key: str) -> None:
        """Look up what it costs, tell the customer, and sell it; or say that it has run out."""
        async with self.notebook.aisles.taking([Shelf(self.location, line.sku)]):
            asked_s = time.monotonic()
            quote = await self.gateway.look_up("/v1/quotes", {"lines": [_line(line)]})
            total_minor = quote["total_minor"]
            answer = await self._ask_for(line, f"{self.location}-{key}", total_minor)
            if answer.slug != "quota-short":
                self._write_down(answer, line, key, Shown(total_minor, asked_s))
                return
        self.notebook.tallies[self.location].baskets += 1
        self.notebook.tallies[self.location].refused += 1
        self.tell(self.location, f"{self._name(line)} has run out")

    async def _sell_held(self, line: Line, basket: str, key: str) -> None:
        self._record(Fact.FREED, basket, line)
        shown = Shown(self._label_minor(line), time.monotonic())
        answer = await self._ask(line, key, basket=basket)
        self._write_down(answer, line, key, shown)
        self.notebook.holds_ended.add(basket)
        self.notebook.stock.holds_used += 1
        self.tell(self.location, f"{self._named(line)}, set aside before, are sold")

    async def _let_expire(self, line: Line, basket: str) -> None:
        self._record(Fact.FREED, basket, line)
        await until_ended(self.gateway, f"/v1/baskets/{basket}")
        self.notebook.holds_ended.add(basket)
        self.notebook.stock.holds_expired += 1
        self.tell(self.location, f"nobody came for {self._named(line)}: back on sale")

    async def _ask(self, line: Line, key: str, **more: object) -> Answer:
        total_minor = self._label_minor(line)
        return await self._ask_for(line, key, total_minor, **more)

    async def _ask_for(self, line: Line, key: str, total_minor: int, **more: object) -> Answer:
        return await self.gateway.post(
            "/v1/sales",
            {
                "register": REGISTER,
                "lines": [_line(line)],
                "tenders": [{"type": "card", "amount_minor": total_minor}],
                "expected_total_minor": total_minor,
                **more,
            },
            key=key,
        )

    def _label_minor(self, line: Line) -> int:
        return self.products[line.sku].price_minor * line.quantity

    async def sell_from_afar(self, line: Line, key: str) -> tuple[Json, Shown]:
        """Sell what stands in another store, through the hub; the order, and what was shown."""
        shown = Shown(self._label_minor(line), time.monotonic())
        answer = await self.gateway.post(
            "/v1/orders",
            {
                "register": REGISTER,
                "lines": [_line(line)],
                "fulfilment": {"type": "ship"},
                "tenders": [{"type": "card", "amount_minor": shown.total_minor}],
                "expected_total_minor": shown.total_minor,
            },
            key=f"{self.location}-{key}",
        )
        return answer.success(f"an order at the desk of {self.location}")["order"], shown

    async def sell(self, line: Line, key: str) -> Json:
        """Sell by the label, for a card; the sale."""
        shown = Shown(self._label_minor(line), time.monotonic())
        answer = await self._ask(line, f"{self.location}-{key}")
        self._write_down(answer, line, key, shown)
        return answer.body

    def _write_down(
        self, answer: Answer, line: Line, key: str, shown: Shown, overdrawn: int = 0
    ) -> None:
        sale = answer.success(f"a sale at the desk of {self.location}")
        self.write_down(sale, line, key, shown, overdrawn)

    def write_down(
        self, sale: Json, line: Line, key: str, shown: Shown, overdrawn: int = 0
    ) -> None:
        """A customer leaves with goods and a receipt."""
        if overdrawn:
            self._record(Fact.OVERDRAWN, sale["id"], Line(sku=line.sku, quantity=overdrawn))
        if covered := line.quantity - overdrawn:
            self._record(Fact.SOLD, sale["id"], Line(sku=line.sku, quantity=covered))
        tally = self.notebook.tallies[self.location]
        tally.baskets += 1
        tally.acknowledged += 1
        tally.lines += 1
        self.notebook.sales.append(
            ToldSale(
                location=self.location,
                register=REGISTER,
                key=key,
                lines=(line,),
                total_minor=shown.total_minor,
                asked_s=shown.asked_s,
                told_s=time.monotonic(),
                sale=sale,
            )
        )

    def _record(self, fact: Fact, reference: str, line: Line) -> None:
        shelf = Shelf(self.location, line.sku)
        self.notebook.ledger.record(fact, reference, [(shelf, line.quantity)])

    def _named(self, line: Line) -> str:
        return f"{line.quantity} x {self._name(line)}"

    def _name(self, line: Line) -> str:
        return self.products[line.sku].spoken


def _line(line: Line) -> dict[str, object]:
    return {"sku": line.sku, "quantity": line.quantity}
