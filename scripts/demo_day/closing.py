"""The end of the day: all that hub and gateways show is read and held against the notebook."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scripts.demo_day.chain import CONNECTIONS_PER_HOST, Chain, Store
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.verdict import (
    OrdersVerdict,
    SalesVerdict,
    judge_orders,
    judge_receipts,
    judge_sales,
    judge_totals,
    repeated,
)

MOVED: Final[Mapping[Fact, str]] = {
    Fact.RECEIVED: "receipt",
    Fact.SOLD: "sale",
    Fact.HANDED_OVER: "fulfilment",
}
"""Facts of the physical ledger and the kinds of the journal's movements that tell of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that was compared. `differences` names each one; without any the day was sound."""

    sales: SalesVerdict
    orders: OrdersVerdict
    oversold: Mapping[Shelf, int]
    overdrawn_units: int
    differences: tuple[str, ...]

    @property
    def oversold_units(self) -> int:
        """Units promised to customers and never received."""
        return sum(self.oversold.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """The journal's movements as the hub shows them, in units per shelf."""

    units: Mapping[Fact, Mapping[Shelf, int]]
    differences: tuple[str, ...]


async def close_the_books(chain: Chain, notebook: Notebook) -> Verdict:
    """Read everything, compare everything."""
    hub = chain.auditor
    differences = list(notebook.oddities)
    shown = []
    for location in chain.stores:
        async for sale in hub.every("/v1/sales", location=location):
            shown.append(sale)
            if sale["location"] != location:
                differences.append(f"{sale['id']} is listed for {location}")
    sales = judge_sales(notebook.sales, shown)
    orders = judge_orders(
        notebook.orders, [each async for each in hub.every("/v1/orders")], notebook.gone_from
    )
    oversold = notebook.ledger.oversold(released=orders.released)
    differences += (*sales.lost, *sales.duplicated, *sales.different, *orders.different)
    differences += [
        f"{units} x {shelf.sku} at {shelf.location} were promised and never there"
        for shelf, units in sorted(oversold.items())
    ]
    moved = await _movements(chain)
    differences += moved.differences
    for fact, kind in MOVED.items():
        differences += judge_totals(
            f"units of {kind}s", notebook.ledger.totals(fact), moved.units[fact]
        )
    overdrawn_units, wrong = await _shelves(chain, notebook)
    differences += wrong
    return Verdict(
        sales=sales,
        orders=orders,
        oversold=oversold,
        overdrawn_units=overdrawn_units,
        differences=tuple(differences),
    )


async def _movements(chain: Chain) -> _Moved:
    """All stock movements of all stores, from the hub."""
    units: dict[Fact, Counter[Shelf]] = {fact: Counter() for fact in MOVED}
    facts = {kind: fact for fact, kind in MOVED.items()}
    differences = []
    places = []
    for location in chain.stores:
        async for movement in chain.auditor.every("/v1/movements", location=location):
            shelf = Shelf(location, movement["sku"])
            places.append((movement["writer"], movement["seq"], movement["sku"]))
            fact = facts.get(movement["kind"])
            if fact is None:
                differences.append(f"nobody asked for a movement such as {movement}")
            else:
                units[fact][shelf] += abs(movement["quantity"])
    differences += [f"the hub shows the movement {place} twice" for place in repeated(places)]
    return _Moved(units=units, differences=tuple(differences))


async def _shelves(chain: Chain, notebook: Notebook) -> tuple[int, list[str]]:
    """Units in deficit, and where gateway, hub or paper disagree with what a clerk would count."""
    on_hand = notebook.ledger.on_hand()
    differences: list[str] = []
    overdrawn_units = 0
    for store in chain.stores.values():
        shown, deficit = await _stock(store)
        overdrawn_units += deficit
        here = {
            shelf: units for shelf, units in on_hand.items() if shelf.location == store.location
        }
        differences += judge_totals("units on hand, at its gateway,", here, shown)
        differences += _paper(store, notebook)
    shown_at_hub = await _hub_stock(chain, notebook)
    differences += judge_totals("units on hand, at the hub,", on_hand, shown_at_hub)
    if overdrawn_units:
        differences.append(f"{overdrawn_units} units are in deficit, and nobody overdrew")
    return overdrawn_units, differences


async def _stock(store: Store) -> tuple[Mapping[Shelf, int], int]:
    """What one gateway says is on hand, per shelf that has anything, and its deficits together."""
    on_hand: dict[Shelf, int] = {}
    deficit = 0
    async for stock in store.manager.every("/v1/stock"):
        deficit += stock["deficit"]
        if stock["on_hand"]:
            on_hand[Shelf(store.location, stock["sku"])] = stock["on_hand"]
    return on_hand, deficit


async def _hub_stock(chain: Chain, notebook: Notebook) -> Mapping[Shelf, int]:
    """What the hub says is on hand, for every shelf that ever had anything."""
    on_hand: dict[Shelf, int] = {}
    waiting = iter(sorted({shelf.sku for shelf in notebook.ledger.on_hand()}))

    async def ask_some() -> None:
        for sku in waiting:
            stock = await chain.auditor.get(f"/v1/stock/{sku}")
            for place in stock["locations"]:
                on_hand[Shelf(place["location"], sku)] = place["on_hand"]

    await asyncio.gather(*(ask_some() for _ in range(CONNECTIONS_PER_HOST)))
    return on_hand


def _paper(store: Store, notebook: Notebook) -> tuple[str, ...]:
    """The receipts on the printer's paper against the sales of its tills."""
    if store.printer is None:
        return ()
    numbers = [told.sale["number"] for told in notebook.sales if told.location == store.location]
    return judge_receipts(numbers, store.printer.receipts)
