"""What the registers were told, compared with what the hub has: pure, and named difference by name.

Whole sales are compared, not ids: lines, prices, taxes, tenders. A sale is

    lost         when a register was told of it and the hub does not show it, or when two keys were
                 answered with one sale (then one customer's basket is nowhere)
    duplicated   when the hub shows it more than once, or shows a sale that no register was told of
                 (each key was retried until it was answered, so nobody will ever ask for it)
    different    when the hub shows anything else than the register was told
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.demo_day.api import Json
from scripts.demo_day.ledger import Shelf
from scripts.demo_day.notebook import ToldOrder, ToldReturn, ToldSale, ToldTransfer

SETTLED: Final = frozenset({"collected", "shipped", "cancelled", "ready_for_pickup"})
"""Statuses in which an order may end the day: gone, released, or waiting for its customer."""

PLACE: Final = ("id", "sku", "location", "quantity")
"""What of an allocation never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesVerdict:
    """The comparison of all sales; `at_hub` counts per location what is there exactly once."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    different: tuple[str, ...]
    at_hub: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersVerdict:
    """The comparison of all orders; `ends` counts their statuses at the end of the day."""

    different: tuple[str, ...]
    released: frozenset[str]
    """Ids of the allocations that their location gave back."""
    ends: Mapping[str, int]


def judge_sales(told: Sequence[ToldSale], shown: Iterable[Json]) -> SalesVerdict:
    """Compare every acknowledged sale with what the hub shows."""
    at_hub: defaultdict[str, list[Json]] = defaultdict(list)
    for sale in shown:
        at_hub[sale["id"]].append(sale)
    by_id: dict[str, ToldSale] = {}
    lost: list[str] = []
    duplicated: list[str] = []
    different: list[str] = []
    once: Counter[str] = Counter()
    for each in told:
        sale_id = each.sale["id"]
        different += _misheard(each)
        if sale_id in by_id:
            lost.append(f"{sale_id} answers two keys: {by_id[sale_id].key} and {each.key}")
            continue
        by_id[sale_id] = each
        copies = at_hub.get(sale_id, [])
        if not copies:
            lost.append(f"{sale_id} of {each.register} at {each.location} is not at the hub")
        elif len(copies) > 1:
            duplicated += [f"{sale_id} is at the hub {len(copies)} times"] * (len(copies) - 1)
        else:
            once[each.location] += 1
            different += [f"{sale_id}: {what}" for what in _unlike(each.sale, copies[0])]
    for sale_id in sorted(at_hub.keys() - by_id.keys()):
        register = at_hub[sale_id][0].get("register")
        duplicated.append(f"{sale_id} is at the hub, and {register} was never told of it")
    return SalesVerdict(
        lost=tuple(lost), duplicated=tuple(duplicated), different=tuple(different), at_hub=once
    )


def judge_orders(
    told: Sequence[ToldOrder], shown: Iterable[Json], handed_over: Collection[str]
) -> OrdersVerdict:
    """Compare every order with what the hub shows at the end of the day.

    Args:
        told: what the storefront placed.
        shown: what the hub has.
        handed_over: ids of the allocations whose goods were told to have left.
    """
    at_hub: defaultdict[str, list[Json]] = defaultdict(list)
    for order in shown:
        at_hub[order["id"]].append(order)
    different: list[str] = []
    released: set[str] = set()
    ends: Counter[str] = Counter()
    for each in told:
        copies = at_hub.get(each.id, [])
        if len(copies) != 1:
            different.append(f"order {each.id} is at the hub {len(copies)} times")
            continue
        order = copies[0]
        different += [f"order {each.id}: {what}" for what in _order_unlike(each, order)]
        different += [
            f"order {each.id}: {what}" for what in _custody_unlike(each, order, handed_over)
        ]
        released |= {one["id"] for one in order["allocations"] if one["state"] == "released"}
        ends[order["status"]] += 1
    strangers = sorted(at_hub.keys() - {each.id for each in told})
    different += [f"order {each} is at the hub, and nobody placed it" for each in strangers]
    return OrdersVerdict(different=tuple(different), released=frozenset(released), ends=ends)


def judge_totals(
    what: str, counted: Mapping[Shelf, int], shown: Mapping[Shelf, int]
) -> tuple[str, ...]:
    """Compare units per shelf, ours against theirs; `what` says of what, in the plural."""
    return tuple(
        f"{shelf.sku} at {shelf.location}: {counted.get(shelf, 0)} {what} here,"
        f" {shown.get(shelf, 0)} there"
        for shelf in sorted(counted.keys() | shown.keys())
        if counted.get(shelf, 0) != shown.get(shelf, 0)
    )


def judge_transfers(told: Iterable[ToldTransfer], shown: Iterable[Json]) -> tuple[str, ...]:
    """Compare every transfer with what the hub shows: what left, what came, what is lost."""
    at_hub = {each["id"]: each for each in shown}
    wrong = []
    for each in told:
        known = at_hub.pop(each.id, None)
        if known is None:
            wrong.append(f"transfer {each.id} is not at the hub")
            continue
        received = {line.sku: line.quantity for line in each.received}
        right = {
            line.sku: (line.quantity, received[line.sku], line.quantity - received[line.sku], 0, 0)
            for line in each.shipped
        }
        names = ("shipped", "received", "lost", "surplus", "unmatched")
        heard = {line["sku"]: tuple(line[name] for name in names) for line in known["lines"]}
        ends = (known["from"], known["to"], known["status"])
        if ends != (each.source, each.destination, "received") or heard != right:
            wrong.append(f"transfer {each.id} is {ends} {heard}, not {right}")
    wrong += [f"transfer {each} is at the hub, and nobody made it" for each in sorted(at_hub)]
    return tuple(wrong)


def judge_returns(told: Sequence[ToldReturn], shown: Iterable[Json]) -> tuple[str, ...]:
    """Compare every credit note with the hub's, and all of them with what had been bought.

    What became of the goods since is no part of the paper.
    """
    at_hub = {note["id"]: note for note in shown}
    wrong = []
    came: Counter[tuple[str, int]] = Counter()
    paid_minor: Counter[tuple[str, int]] = Counter()
    for each in told:
        note, known = each.note, at_hub.pop(each.note["id"], None)
        if known is None:
            wrong.append(f"the credit note {note['number']} is not at the hub")
            continue
        wrong += [
            f"the credit note {note['number']}: {what}"
            for what in _unlike(note, known | {"inspected": note["inspected"]})
        ]
        for line in note["lines"]:
            bought = each.bought["lines"][line["line"] - 1]
            place = (str(note["sale"]), int(line["line"]))
            came[place] += line["quantity"]
            paid_minor[place] += line["total_minor"]
            if came[place] > bought["quantity"] or paid_minor[place] > bought["total_minor"]:
                wrong.append(
                    f"{came[place]} of {bought['quantity']} of line {place} came back, for"
                    f" {paid_minor[place]} of {bought['total_minor']}"
                )
    wrong += [f"the credit note {each} is at the hub, and nobody got it" for each in sorted(at_hub)]
    return tuple(wrong)


def judge_shortages(shown: Iterable[Json]) -> tuple[str, ...]:
    """Shortages that nobody, and no rule, has settled by the end of the day."""
    return tuple(
        f"the shortage {each['id']} ({each['kind']}, {each['units']} x {each['sku']} at"
        f" {each['location']}) is still {each['state']}"
        for each in shown
        if each["state"] != "resolved"
    )


def judge_doubts(location: str, orders: Iterable[Json]) -> tuple[str, ...]:
    """Orders of which a store's gateway still asks whether the box before had handed them over."""
    return tuple(
        f"nobody has said whether order {each['id']} had left {location} with the box before"
        for each in orders
        if each["is_unsure"]
    )


def judge_receipts(numbers: Collection[str], papers: Sequence[str]) -> tuple[str, ...]:
    """Compare the numbers of the sales with the receipts that were printed, each exactly once."""
    found = Counter(word for paper in papers for word in set(paper.split()) & set(numbers))
    return tuple(
        f"the receipt of {number} was printed {found[number]} times"
        for number in numbers
        if found[number] != 1
    )


def repeated(places: Collection[tuple[object, ...]]) -> tuple[tuple[object, ...], ...]:
    """Those that are there more than once."""
    return tuple(place for place, times in Counter(places).items() if times > 1)


def _misheard(told: ToldSale) -> list[str]:
    """Whether the register was told of the basket that it asked for, at the prices it knew."""
    sale = told.sale
    asked = Counter({line.sku: line.quantity for line in told.lines})
    heard: Counter[str] = Counter()
    for line in sale["lines"]:
        heard[line["sku"]] += line["quantity"]
    wrong = []
    if heard != asked:
        wrong.append(f"{sale['id']}: asked for {dict(asked)}, told {dict(heard)}")
    if (sale["location"], sale["register"]) != (told.location, told.register):
        wrong.append(f"{sale['id']}: told as of {sale['register']} at {sale['location']}")
    paid = sum(tender["amount_minor"] for tender in sale["tenders"]) - sale["change_minor"]
    sums = (sale["total_minor"], sum(line["total_minor"] for line in sale["lines"]), paid)
    if set(sums) != {told.total_minor}:
        wrong.append(
            f"{sale['id']}: the basket costs {told.total_minor};"
            f" told, in lines and paid: {', '.join(map(str, sums))}"
        )
    return wrong


def _unlike(told: Mapping[str, Json], shown: Mapping[str, Json]) -> list[str]:
    """Fields of a sale in which two accounts of it disagree."""
    return [
        f"{name} was told as {told.get(name)!r} and is {shown.get(name)!r} at the hub"
        for name in sorted(told.keys() | shown.keys())
        if told.get(name) != shown.get(name)
    ]


def _order_unlike(told: ToldOrder, shown: Json) -> list[str]:
    """Fields of an order in which two accounts of it disagree."""
    wrong = [
        f"{name} was told as {told.order[name]!r} and is {shown[name]!r}"
        for name in ("number", "lines", "total_minor", "tax_minor", "currency")
        if told.order[name] != shown[name]
    ]
    originals = _wholes(shown)
    places = [tuple(one[name] for name in PLACE) for one in originals]
    if sorted(places) != sorted(
        tuple(one[name] for name in PLACE) for one in told.order["allocations"]
    ):
        wrong.append(f"its goods were promised elsewhere, now {places}")
    wrong += _stand_ins_unlike(told, shown)
    asked = Counter({line.sku: line.quantity for line in told.lines})
    allocated: Counter[str] = Counter()
    for allocation in originals:
        allocated[allocation["sku"]] += allocation["quantity"]
    if allocated != asked:
        wrong.append(f"asked for {dict(asked)}, allocated {dict(allocated)}")
    if shown["total_minor"] != told.total_minor:
        wrong.append(f"the basket costs {told.total_minor}, told {shown['total_minor']}")
    if shown["status"] not in SETTLED:
        wrong.append(f"still {shown['status']} at the end of the day")
    return wrong


def _wholes(shown: Json) -> list[Json]:
    """The allocations that were placed, as many units as they had before any part was taken."""
    parts: Counter[str] = Counter()
    for one in shown["allocations"]:
        if one["part_of"] is not None:
            parts[one["part_of"]] += one["quantity"]
    return [
        {**one, "quantity": one["quantity"] + parts[one["id"]]}
        for one in shown["allocations"]
        if one["replaces"] is None and one["part_of"] is None
    ]


def _stand_ins_unlike(told: ToldOrder, shown: Json) -> list[str]:
    """Allocations in the place of others, of which the back office knows nothing or otherwise."""
    by_id = {one["id"]: one for one in shown["allocations"]}
    wrong = []
    for one in shown["allocations"]:
        original = by_id.get(one["replaces"])
        if one["replaces"] is None:
            continue
        if original is None or original["id"] not in told.given_up:
            wrong.append(f"{one['id']} stands in for {one['replaces']}, which nobody gave up")
        elif any(one[name] != original[name] for name in ("sku", "quantity")):
            wrong.append(f"{one['id']} is other goods than {original['id']}")
        elif told.cancel_asked and one["state"] != "released":
            wrong.append(f"{one['location']} sends {one['sku']}, and the customer has cancelled")
    return wrong


def _custody_unlike(told: ToldOrder, shown: Json, handed_over: Collection[str]) -> list[str]:
    """Allocations that did not end as the people in the store saw it."""
    wrong = []
    for one in shown["allocations"]:
        if one["id"] in handed_over:
            right = "fulfilled"
        elif (
            told.cancel_asked
            or one["id"] in told.given_up | told.missed
            or one["replaces"] in handed_over
        ):
            right = "released"
        else:
            right = "committed"
        if one["state"] != right:
            wrong.append(f"{one['sku']} at {one['location']} is {one['state']}, not {right}")
    return wrong
