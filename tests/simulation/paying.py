"""Money for orders that tills take: at the hand-over, twice, late, and for what stands elsewhere.

People keep their own books: what was paid for an order, wherever, and in the end what of it went
back. Of each order:

    M1  what goes back is never more than what was paid
    M2  for an order of which nothing was handed over, all of it goes back
    M3  for goods that came back of an order that was paid, what they are worth goes back
    M4  what does not go back is never more than the price
    M5  what does not go back of an order that was paid, with what the hub says is still owed, is
        what its goods cost that went out or are still kept, less what came back: within a cent for
        each line
"""

import random
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.simulation import deeds, ordering
from tests.simulation.goods import lines_of
from tests.simulation.items import ITEMS
from tests.simulation.notes import Placed
from tests.simulation.operations import CASH_MINOR, some_basket, some_store, told
from tests.simulation.world import HOLD_S, World

if TYPE_CHECKING:
    from tests.simulation.door import Reply

PRICED_BY_UNIT: Final = frozenset(
    item.sku for item in ITEMS if not item.bundle and item.policy != "untracked"
)
"""What an order's allocations say all of, unit by unit."""

ON_THE_SPOT: Final = frozenset({"on_delivery", "on_collection"})


async def pay_here(world: World, dice: random.Random) -> None:
    """Somebody pays at a till for an order that is paid when it is handed over, or pays again."""
    owed = [
        order
        for order in world.notes.orders[-ordering.LATELY :]
        if order.body["payment"] in ON_THE_SPOT and order.locations
    ]
    if owed:
        order = dice.choice(owed)
        await take_money(world, dice, order, dice.choice(order.locations))


async def take_money(world: World, dice: random.Random, order: Placed, at: str) -> None:
    """One store takes the money for an order; once is enough for it."""
    number = dice.randint(1, world.tills[at])
    till = world.till(at, number)
    tenders = [{"type": "cash", "amount_minor": CASH_MINOR}]
    body = {"register": f"till-{number}", "tenders": tenders}
    reply = await till.insist("POST", f"/v1/orders/{order.id}/payments", body)
    world.tell(till.name, f"is paid for {order.id}: {reply}")
    if reply.is_done:
        _paid(world, order, at, reply)


def _paid(world: World, order: Placed, at: str, reply: "Reply") -> None:
    if at in order.paid_at:
        world.accuse(f"payment: {at} took the money for {order.id} twice")
    payment = reply.body["payment"]
    note_paid(world, order, at, payment["id"], payment["total_minor"])


def note_paid(world: World, order: Placed, at: str, payment: str, minor: int) -> None:
    """A store has this money for an order."""
    if order.paid_minor:
        world.deeds.note(deeds.PAID_TWICE)
    order.paid_at.add(at)
    order.paid_minor += minor
    order.payments.append((payment, minor))
    if not order.is_paid and minor == order.body["total_minor"]:
        order.is_paid = True
        order.tender = "cash"
        ordering.note_complete(world, order)


async def sell_from_elsewhere(world: World, dice: random.Random) -> None:
    """A till sells what stands in another store, through the hub, as an order."""
    at, basket = some_store(world, dice), some_basket(world, dice, most=2)
    number, ships = dice.randint(1, world.tills[at]), dice.random() < 0.5
    till, place = world.till(at, number), {"type": "pickup", "location": some_store(world, dice)}
    asked = {
        "register": f"till-{number}",
        "lines": lines_of(basket),
        "fulfilment": {"type": "ship"} if ships else place,
    }
    quoted = await till.insist("POST", "/v1/orders/quotes", asked, key=False)
    if not quoted.is_done:
        world.deeds.note(deeds.AISLE_UNHEARD)
        return
    total_minor = quoted.body["total_minor"]
    tenders = [{"type": "card", "amount_minor": total_minor}]
    asked_s = world.loop.now_s
    body = asked | {"tenders": tenders, "expected_total_minor": total_minor}
    reply = await till.insist("POST", "/v1/orders", body)
    world.tell(till.name, f"sells {told(basket)} from elsewhere: {reply}")
    if not reply.is_done:
        return
    placed = reply.body["order"]
    order = ordering.keep(world, placed, ships=ships, until_s=asked_s + HOLD_S)
    order.is_pending, order.is_paid, order.tender = False, True, "card"
    order.paid_minor, order.paid_at = total_minor, {at}
    world.deeds.note(deeds.AISLE_SOLD)
    if placed["total_minor"] != total_minor or reply.body["payment"]["total_minor"] != total_minor:
        world.accuse(f"payment: {total_minor} were asked for {placed['id']}: {reply.body}")


def judge(world: World, orders: Mapping[str, Any], refunds: list[Mapping[str, Any]]) -> None:
    """After the healing: of each order no more went back than was paid, and all of it if need be.

    `orders` and `refunds` are the hub's, with its queue worked off: what goes back through it, and
    what the customer's papers say was paid at a till, are all that goes back.
    """
    back: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    for item in refunds:
        if item["kind"] == "refund":
            back[item["order"]] += item["amount_minor"] or 0
        elif item["kind"] == "notice" and item["payment"] is not None:
            owed[item["order"]] += item["amount_minor"]
    for order in world.notes.orders:
        papers = world.customers.papers_of(order.id)
        worth = sum(paper.worth_minor for paper in papers)
        paid = order.paid_minor
        returned = back[order.id] + sum(paper.paid_minor for paper in papers)
        if returned > paid:
            world.accuse(f"M1: {paid} were paid for {order.id}, {returned} go back")
        if order.is_paid and returned < worth:
            world.accuse(f"M3: {worth} of {order.id} came back, {returned} go back of {paid}")
        if paid - returned > order.body["total_minor"]:
            world.accuse(
                f"M4: {order.id} costs {order.body['total_minor']}, {paid - returned} stay"
            )
        went_out = any(one["state"] == "fulfilled" for one in orders[order.id]["allocations"])
        kept = any(one["state"] == "committed" for one in orders[order.id]["allocations"])
        if not went_out and not kept and returned != paid:
            world.accuse(
                f"M2: {paid} were paid for {order.id}, nothing of it comes, {returned} go back"
            )
        comes = _price_of_what_comes(order, orders[order.id])
        stays = paid - returned + owed[order.id]
        if paid and comes is not None and abs(stays - (comes - worth)) > len(order.body["lines"]):
            world.accuse(
                f"M5: {stays} stay of {paid} for {order.id}: {comes} are what comes of it, {worth} "
                "came back"
            )


def _price_of_what_comes(order: Placed, body: Mapping[str, Any]) -> float | None:
    """What an order's units cost that went out or are kept; None where people cannot say yet.

    They cannot price parts of a bundle, nor see what is untracked go out.
    """
    units: Counter[str] = Counter()
    for one in body["allocations"]:
        if one["state"] != "released":
            units[one["sku"]] += one["quantity"]
    lines = order.body["lines"]
    are_apart = len({line["sku"] for line in lines}) == len(lines)
    if not are_apart or not {line["sku"] for line in lines} <= PRICED_BY_UNIT:
        return None
    return sum(
        (float(line["total_minor"] * units[line["sku"]] / line["quantity"]) for line in lines), 0.0
    )
