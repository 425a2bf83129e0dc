"""Second thoughts played out: cancels behind a cut line, goods that come back, and exchanges.

What customers bring and are paid is written down here as they see it; the verdict holds it against
the hub. Goods that come back are looked at at once: some are sold again, some are thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scripts.demo_day.api import Api, Json, Unexpected
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.desk import REGISTER, Desk, Shown
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldReturn

RETURNS: Final = "/v1/returns"
GOODS: Final = "exchange"
"""The tender of an exchange that is no money: the worth of what came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnsDesk:
    """Where a store takes goods back; a clerk with `manager`'s token looks at them."""

    desk: Desk
    manager: Api

    @property
    def location(self) -> str:
        """The store."""
        return self.desk.location

    @property
    def _notebook(self) -> Notebook:
        return self.desk.notebook

    @property
    def _products(self) -> Mapping[str, Product]:
        return self.desk.products

    async def take_back(self, bought: Json, line: Line, key: str, *, restock: bool) -> Json:
        """Take goods of a sale or order back, pay for them, and look at them; the credit note."""
        body = {
            "register": REGISTER,
            "sale": bought["id"],
            "lines": [_line(line)],
            "reason": "unwanted",
        }
        answer = await self.desk.gateway.post(RETURNS, body, key=self._key(key))
        note = answer.success(f"a return at {self.location}")
        self._write_down(bought, note)
        await self._inspect(note, line, key, restock=restock)
        return note

    async def exchange(self, bought: Json, back: Line, out: Line, key: str) -> Json:
        """Take one thing back and sell another, in one piece; the whole exchange."""
        worth_minor = self._label_minor(back)
        price_minor = self._label_minor(out)
        body = {
            "register": REGISTER,
            "sale": bought["id"],
            "returned": [_line(back)],
            "reason": "wrong size",
            "lines": [_line(out)],
            "expected_total_minor": price_minor,
        }
        if price_minor > worth_minor:
            rest_minor = price_minor - worth_minor
            body["tenders"] = [{"type": "card", "amount_minor": rest_minor}]
        asked_s = time.monotonic()
        answer = await self.desk.gateway.post("/v1/exchanges", body, key=self._key(key))
        both = answer.success(f"an exchange at {self.location}")
        self._write_down(bought, both["returned"])
        self.desk.write_down(both["sale"], out, self._key(key), Shown(price_minor, asked_s))
        self._notebook.after.exchanged += 1
        await self._inspect(both["returned"], back, key, restock=True)
        paid_by_goods = sum(
            tender["amount_minor"] for tender in both["sale"]["tenders"] if tender["type"] == GOODS
        )
        if paid_by_goods != min(worth_minor, price_minor):
            self._notebook.oddities.append(f"goods worth {worth_minor} paid {paid_by_goods}")
        return both

    def _write_down(self, bought: Json, note: Json) -> None:
        goods = [(Shelf(self.location, sku), units) for sku, units in sorted(note["goods"].items())]
        self._notebook.ledger.record(Fact.BROUGHT_BACK, note["id"], goods)
        self._notebook.returns.append(ToldReturn(location=self.location, bought=bought, note=note))

    async def _inspect(self, note: Json, line: Line, key: str, *, restock: bool) -> None:
        """Look at what came back; only then may it be sold again."""
        fate = "restock" if restock else "write_off"
        if restock:
            self._record(Fact.RESTOCKED, note["id"], line)
        lines = [{**_line(line), "disposition": fate}]
        answer = await self.manager.post(
            f"{RETURNS}/{note['id']}/inspect", {"lines": lines}, key=self._key(f"{key}-look")
        )
        answer.success(f"an inspection at {self.location}")
        if not restock:
            self._record(Fact.THROWN_AWAY, note["id"], line)

    def _record(self, fact: Fact, reference: str, line: Line) -> None:
        shelf = Shelf(self.location, line.sku)
        self._notebook.ledger.record(fact, reference, [(shelf, line.quantity)])

    def _label_minor(self, line: Line) -> int:
        return self._products[line.sku].price_minor * line.quantity

    def _key(self, key: str) -> str:
        return f"{self.location}-{key}"


def check_worth(note: Json, line: Line, product: Product) -> None:
    """What came back is worth what was paid for it.

    Raises:
        Unexpected: it is not, to the cent.
    """
    worth_minor = product.price_minor * line.quantity
    if note["total_minor"] != worth_minor:
        raise Unexpected(f"{line} came to {note['total_minor']}, and had cost {worth_minor}")


def _line(line: Line) -> dict[str, object]:
    return {"sku": line.sku, "quantity": line.quantity}
