"""The end of the day: all that hub and gateways show is read and held against the notebook."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.demo_day.api import Api, Json, in_path
from scripts.demo_day.baskets import Product
from scripts.demo_day.chain import CONNECTIONS_PER_HOST, Chain, Store
from scripts.demo_day.head_office import UNITS
from scripts.demo_day.ledger import EFFECTS, Fact, Shelf
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.prices import WEBSITE, Terms, judge_prices, judge_quotes
from scripts.demo_day.verdict import (
    OrdersVerdict,
    SalesVerdict,
    judge_doubts,
    judge_orders,
    judge_receipts,
    judge_returns,
    judge_sales,
    judge_shortages,
    judge_totals,
    judge_transfers,
    repeated,
)

MOVED: Final[Mapping[str, tuple[Fact, ...]]] = {
    "receipt": (Fact.RECEIVED,),
    "transfer_received": (Fact.ARRIVED,),
    "transfer_shipped": (Fact.SENT,),
    "sale": (Fact.SOLD, Fact.OVERDRAWN),
    "fulfilment": (Fact.HANDED_OVER,),
    "return": (Fact.BROUGHT_BACK,),
    "inspection": (Fact.THROWN_AWAY,),
    "short_pick": (Fact.MISSED,),
    "adjustment": (Fact.BROKEN, Fact.WRITTEN_OFF),
    "count_difference": (Fact.STOLEN,),
}
"""Kinds of the journal's movements, and the facts of the physical ledger that they tell of."""

ALIKE: Final = {"recovered_sale": "sale"}
"""Kinds that are booked instead of another: a sale that only a till still knew of."""

QUOTED_LINES: Final = 250
"""Lines of one quote: some milliseconds of a gateway's time."""

NO_DIFFERENCE: Final = "no difference"
"""The audit's word for a sound chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that was compared. `differences` names each one; without any the day was sound.

    `overdrawn_units` were sold by a supervisor beyond any right, `audit` is the hub's own verdict.
    """

    sales: SalesVerdict
    orders: OrdersVerdict
    oversold: Mapping[Shelf, int]
    overdrawn_units: int
    audit: str
    shortages: Mapping[str, int]
    prices: Mapping[str, int]
    differences: tuple[str, ...]

    @property
    def oversold_units(self) -> int:
        """Units promised to customers and never received."""
        return sum(self.oversold.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """The journal's movements as the hub shows them, in units per shelf."""

    units: Mapping[str, Mapping[Shelf, int]]
    differences: tuple[str, ...]


async def close_the_books(
    chain: Chain, notebook: Notebook, goods: Mapping[str, Product]
) -> Verdict:
    """Read everything, compare everything; `goods` are what is sold, as in the morning."""
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
        notebook.orders, [each async for each in hub.every("/v1/orders")], notebook.handed_over
    )
    released = orders.released | notebook.holds_ended
    oversold = notebook.ledger.oversold(released=released)
    differences += (*sales.lost, *sales.duplicated, *sales.different, *orders.different)
    differences += [
        f"{units} x {shelf.sku} at {shelf.location} were promised and never there"
        for shelf, units in sorted(oversold.items())
    ]
    differences += [
        f"{units} x {shelf.sku} at {shelf.location} are promised and not there any more"
        for shelf, units in sorted(notebook.ledger.stranded(released=released).items())
    ]
    moved = await _movements(chain)
    differences += moved.differences
    for kind, facts in MOVED.items():
        differences += judge_totals(
            f"units of {kind}s", _moved_here(notebook, facts), moved.units[kind]
        )
    differences += await _shelves(chain, notebook)
    shortages = [each async for each in hub.every("/v1/shortages")]
    differences += judge_shortages(shortages)
    transfers = [each async for each in hub.every("/v1/transfers")]
    differences += judge_transfers(notebook.transfers, transfers)
    returns = [each async for each in hub.every("/v1/returns")]
    differences += judge_returns(notebook.returns, returns)
    priced = [told.asked for told in notebook.sales] + [told.asked for told in notebook.orders]
    labels = {sku: product.price_minor for sku, product in goods.items()}
    differences += judge_prices(notebook.prices, labels, priced)
    differences += await _price_differences(chain, notebook, labels)
    audit, wrong = await _audit(chain)
    differences += wrong
    return Verdict(
        sales=sales,
        orders=orders,
        oversold=oversold,
        overdrawn_units=sum(notebook.ledger.totals(Fact.OVERDRAWN).values()),
        audit=audit,
        shortages=Counter(each["kind"] for each in shortages),
        prices=notebook.prices.counts(priced),
        differences=tuple(differences),
    )


async def _movements(chain: Chain) -> _Moved:
    """All stock movements of all stores, from the hub."""
    units: dict[str, Counter[Shelf]] = {kind: Counter() for kind in MOVED}
    differences = []
    places = []
    for location in chain.stores:
        async for movement in chain.auditor.every("/v1/movements", location=location):
            shelf = Shelf(location, movement["sku"])
            places.append((movement["writer"], movement["seq"], movement["sku"]))
            kind = ALIKE.get(movement["kind"], movement["kind"])
            if kind not in MOVED:
                differences.append(f"nobody asked for a movement such as {movement}")
            else:
                units[kind][shelf] += movement["quantity"]
    differences += [f"the hub shows the movement {place} twice" for place in repeated(places)]
    return _Moved(units=units, differences=tuple(differences))


def _moved_here(notebook: Notebook, facts: tuple[Fact, ...]) -> Mapping[Shelf, int]:
    """Units that came (above 0) or went by these facts, per shelf."""
    units: Counter[Shelf] = Counter()
    for fact in facts:
        for shelf, many in notebook.ledger.totals(fact).items():
            units[shelf] += many * EFFECTS[fact].stands
    return units


async def _audit(chain: Chain) -> tuple[str, list[str]]:
    """What the hub finds when it checks all that it has heard, and each difference by name."""
    answer = await chain.auditor.post("/v1/audit", {}, key="audit")
    report = answer.success("the audit")
    named = [
        f"audit, {each['invariant']}: {each['detail']} {' '.join(each['entries'])}"
        for each in report["differences"]
    ]
    if report["verdict"] != NO_DIFFERENCE:
        named.append(f"the audit answers: {report['verdict']}")
    return str(report["verdict"]), named


async def _price_differences(
    chain: Chain, notebook: Notebook, labels: Mapping[str, int]
) -> tuple[str, ...]:
    """Where the hub or a gateway prices anything otherwise than head office has it in the end."""
    terms = {sku: Terms(price_minor) for sku, price_minor in labels.items()}
    terms |= notebook.prices.terms
    places = {WEBSITE: chain.website}
    places |= {name: store.manager for name, store in chain.stores.items()}
    return judge_quotes(
        terms, {where: await _quoted(api, sorted(terms)) for where, api in places.items()}
    )


async def _quoted(api: Api, skus: Sequence[str]) -> Sequence[Json]:
    """A priced line of every SKU."""
    lines: list[Json] = []
    for first in range(0, len(skus), QUOTED_LINES):
        asked = [{"sku": sku, "quantity": UNITS} for sku in skus[first : first + QUOTED_LINES]]
        lines += (await api.look_up("/v1/quotes", {"lines": asked}))["lines"]
    return lines


async def _shelves(chain: Chain, notebook: Notebook) -> list[str]:
    """Where gateway, hub or paper disagree with what a clerk would count; what is left open."""
    on_hand = notebook.ledger.on_hand()
    differences: list[str] = []
    for store in chain.stores.values():
        shown, deficit = await _stock(store)
        if deficit:
            differences.append(f"{deficit} units at {store.location} are in deficit still")
        here = {
            shelf: units for shelf, units in on_hand.items() if shelf.location == store.location
        }
        differences += judge_totals("units on hand, at its gateway,", here, shown)
        orders = [order async for order in store.manager.every("/v1/orders")]
        differences += judge_doubts(store.location, orders)
        differences += _paper(store, notebook)
    shown_at_hub = await _hub_stock(chain, notebook)
    differences += judge_totals("units on hand, at the hub,", on_hand, shown_at_hub)
    return differences


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
            stock = await chain.auditor.get(f"/v1/stock/{in_path(sku)}")
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
