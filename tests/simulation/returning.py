"""What people do with goods that come back: bring them to any store, exchange them, try it on."""

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.simulation import deeds, offers
from tests.simulation.bought import GOODS, ONLINE, Back, Bought, Pledge
from tests.simulation.client import Client
from tests.simulation.door import Reply
from tests.simulation.goods import lines_of
from tests.simulation.operations import CASH_MINOR, demand, some_basket, told, walks_out
from tests.simulation.shelf import Flow
from tests.simulation.world import World

LATELY: Final = 12
"""Purchases are brought back while they are young, so that a few of them live through a lot."""

RETURNS: Final = "/v1/returns"
EXCHANGES: Final = "/v1/exchanges"
RESTS_MAX: Final = 5
"""Purchases of which something is brought back when everything is over."""

ADVANCE_MINOR_MAX: Final = 50


def some_purchase(world: World, dice: random.Random) -> Bought | None:
    """One of the last purchases of which something is left."""
    known = [one for one in world.customers.receipts[-LATELY:] if one.left()]
    return dice.choice(known) if known else None


def _some_units(bought: Bought, dice: random.Random) -> dict[str, int]:
    """Some of what the customer still has, often all of it."""
    left = bought.left()
    chosen = dice.sample(list(left), dice.randint(1, len(left)))
    return {sku: left[sku] if dice.random() < 0.5 else dice.randint(1, left[sku]) for sku in chosen}


def _body(bought: Bought, dice: random.Random, number: int) -> dict[str, Any]:
    """Who brings what of which sale, by its id or by the number on its paper."""
    name = bought.id if dice.random() < 0.5 else bought.number
    return {"register": f"till-{number}", "sale": name, "reason": "unwanted"}


@contextmanager
def beside(world: World, at: str, skus: Iterable[str]) -> Iterator[None]:
    """Somebody is busy with goods of a shelf: nobody begins to count it."""
    shelves = [world.shelves[at, sku] for sku in skus]
    for shelf in shelves:
        shelf.under_way += 1
    try:
        yield
    finally:
        for shelf in shelves:
            shelf.under_way -= 1


def is_counted(world: World, at: str, skus: Iterable[str]) -> bool:
    return any(world.shelves[at, sku].is_counted for sku in skus)


def _some_store(world: World, dice: random.Random, bought: Bought) -> str:
    """Where it was bought, mostly; or any store."""
    if bought.location in world.shops and dice.random() < 0.6:
        return bought.location
    return dice.choice(list(world.shops))


async def bring_back(world: World, dice: random.Random) -> None:
    """A customer brings some of a purchase back to the store that sold it, or to another one."""
    bought = some_purchase(world, dice)
    if bought is not None:
        at = _some_store(world, dice, bought)
        await _bring(world, dice, bought, at, _some_units(bought, dice))


async def _bring(
    world: World, dice: random.Random, bought: Bought, at: str, units: dict[str, int]
) -> bool:
    """Bring these units to that store; False when they were not taken."""
    goods, number = demand(world, units), dice.randint(1, world.tills[at])
    if is_counted(world, at, goods):
        return False
    till, key = world.till(at, number), world.fresh_key()
    names_lines = dice.random() < 0.3
    lines = bought.lines_with(units) if names_lines else lines_of(units)
    body = _body(bought, dice, number) | {"lines": lines}
    till = _leave_it(world, dice, at, number, body) or till
    bought.is_known_elsewhere |= at != bought.location
    is_alone = not any(bought.in_hands.values())
    with bought.bringing(units), beside(world, at, goods):
        reply = await till.insist("POST", RETURNS, body, key=key)
        world.tell(till.name, f"takes back {told(units)} of {bought.id}: {reply}")
        if reply.is_done and reply.body.get("unverified"):
            _pledge(world, bought, at, reply.body, units, is_true=True)
        elif reply.is_done:
            _came_back(world, bought, at, reply.body, units)
        else:
            _check_not_taken(world, bought, at, reply, is_alone=is_alone)
    if reply.is_done and dice.random() < 0.2:
        again = await till.insist("POST", RETURNS, body, key=key)
        _check_same(world, reply, again)
    return reply.is_done


def _leave_it(
    world: World, dice: random.Random, at: str, number: int, body: dict[str, Any]
) -> Client | None:
    """A customer may leave the goods where nobody can verify them, perhaps for some cash."""
    if dice.random() < 0.5:
        return None
    body["unverified"] = True
    if dice.random() < 0.7:
        return None
    body["advance_minor"] = dice.randint(1, ADVANCE_MINOR_MAX)
    return world.till(at, number, role="supervisor")


def _pledge(
    world: World,
    bought: Bought,
    at: str,
    note: Mapping[str, Any],
    units: dict[str, int],
    *,
    is_true: bool,
) -> None:
    """Goods stand in quality control, and their customer waits for the money."""
    goods, advance_minor = demand(world, units), note["unverified"]["advance_minor"]
    for sku, many in goods.items():
        shelf = world.shelves[at, sku]
        shelf.flows[Flow.BROUGHT_BACK] += many
        shelf.in_control += many
    if note["goods"] != goods or note["lines"] or note["total_minor"] != advance_minor:
        world.accuse(f"return: {units} of {bought.id} came in unverified, the paper says {note}")
    if is_true:
        bought.pledged.update(units)
    world.customers.notes.append(Back(note["id"], note["number"], at, dict(goods)))
    pledge = Pledge(note["id"], bought, at, dict(units), advance_minor, is_true)
    world.customers.pledges.append(pledge)
    world.deeds.note(deeds.TAKEN_IN_UNVERIFIED)


async def verify(world: World, dice: random.Random) -> None:
    """Somebody in a store tries to settle what was taken in unverified."""
    waiting = [one for one in world.customers.pledges if not one.is_decided]
    if waiting:
        await _verify(world, dice.choice(waiting))


async def _verify(world: World, pledge: Pledge) -> None:
    """Pay for it, or find that it was none: which of them is decided by who knows the sale."""
    bought, clerk = pledge.bought, world.clerk(pledge.location)
    pledge.is_decided = True
    if pledge.is_true:
        bought.pledged.subtract(pledge.units)
    with bought.bringing(pledge.units):
        body: dict[str, Any] = {"register": "till-1"}
        target = f"{RETURNS}/{pledge.note}/settle"
        reply = await clerk.insist("POST", target, body)
        world.tell(clerk.name, f"settles {told(pledge.units)} of {bought.id}: {reply}")
        if reply.is_done:
            world.deeds.note(deeds.SETTLED_LATER)
            bought.advance_minor += pledge.advance_minor
            world.customers.brought_back(
                world, bought, pledge.location, reply.body, pledge.units, {}
            )
            return
        is_counted_out = _is_counted_out(reply)
        if pledge.is_true and is_counted_out and world.is_settled and bought.location != ONLINE:
            world.accuse(f"return: {pledge} is true, and not paid for: {reply.body}")
        if is_counted_out and not pledge.is_true:
            rejected = await clerk.insist("POST", target, body | {"reject": True})
            world.tell(clerk.name, f"rejects {told(pledge.units)} of {bought.id}: {rejected}")
            world.deeds.note(deeds.REJECTED_LATER)
            if not rejected.is_done:
                world.accuse(f"return: {pledge} could not be rejected: {rejected.body}")
            return
    pledge.is_decided = False
    if pledge.is_true:
        bought.pledged.update(pledge.units)
    if world.is_settled:
        world.accuse(f"return: with all lines whole {pledge} is not settled: {reply.body}")


def _is_counted_out(reply: Reply) -> bool:
    says = str(reply.body.get("detail", ""))
    return "of the sale are left" in says or "all of it came back" in says


def _check_not_taken(
    world: World, bought: Bought, at: str, reply: Reply, *, is_alone: bool
) -> None:
    """What is proper is taken, by whoever can know that it is.

    A store that never shared a sale of its own knows all of it. Any other has to ask, and refuses
    while somebody is not heard, but never with a wrong number. While others bring units of the same
    sale, or brought some a moment ago, numbers are theirs to say.
    """
    world.deeds.note(f"refused in {'its own' if at == bought.location else 'another'} store")
    if at == bought.location and not bought.is_known_elsewhere:
        world.accuse(f"return: {bought.id} was refused by {at}, which sold it: {reply.body}")
    if _is_counted_out(reply) and is_alone and bought.location != ONLINE:
        world.accuse(f"return: {at} says of {bought.id}, {bought.left()} left: {reply.body}")
    if world.is_settled:
        world.accuse(f"return: with all lines whole {at} refuses {bought.id}: {reply.body}")


def _check_same(world: World, first: Reply, again: Reply) -> None:
    if first.is_done and (again.status, again.body) != (first.status, first.body):
        world.accuse(f"return: asked again, {first.body['id']} came to {again.body}")


def _came_back(
    world: World, bought: Bought, at: str, note: Mapping[str, Any], units: Mapping[str, int]
) -> None:
    """The goods stand in quality control, and the customer has a credit note."""
    goods = demand(world, units)
    for sku, many in goods.items():
        shelf = world.shelves[at, sku]
        shelf.flows[Flow.BROUGHT_BACK] += many
        shelf.in_control += many
    world.customers.brought_back(world, bought, at, note, units, goods)
    if bought.location == ONLINE:
        world.deeds.note(deeds.ORDER_BACK)
    elif at != bought.location:
        world.deeds.note(deeds.SALE_BACK_ELSEWHERE)


async def take_aside(world: World, order: str, at: str, units: Mapping[str, int]) -> None:
    """Goods of an order that no customer took stand in quality control, by a paper of their own.

    It pays nobody anything; the caller had these units in the hand.
    """
    for sku, many in units.items():
        shelf = world.shelves[at, sku]
        shelf.flows[Flow.BROUGHT_BACK] += many
        shelf.in_control += many
    known = {back.id for back in world.customers.notes}
    listed = await world.clerk(at).insist("GET", f"{RETURNS}?open=true&limit=500", key=False)
    papers = [
        note
        for note in listed.body["items"]
        if note["sale"] == order and note["goods"] == units and note["id"] not in known
    ]
    if not papers:
        world.accuse(f"return: {units} of {order} stand aside at {at}, and no paper says so")
        return
    note = papers[0]
    world.customers.notes.append(Back(note["id"], note["number"], at, dict(units)))


async def bring_twice(world: World, dice: random.Random) -> None:
    """A customer and a friend ask for the money of the same units, all that is left, at once."""
    bought = some_purchase(world, dice)
    if bought is not None:
        await bring_to_two(world, dice, bought, [_some_store(world, dice, bought) for _ in "ab"])


async def bring_to_two(
    world: World, dice: random.Random, bought: Bought, places: list[str]
) -> None:
    """All that is left of a purchase is brought to two tills, perhaps of two stores, at once."""
    units, goods = bought.left(), demand(world, bought.left())
    # What waits to be verified is nobody's yet: a store may still take as many others.
    is_busy = any(bought.in_hands.values()) or any(bought.pledged.values())
    is_busy |= any(is_counted(world, at, goods) for at in places)
    if is_busy or not units:
        return
    bought.is_known_elsewhere |= any(at != bought.location for at in places)
    is_plain = not bought.is_known_elsewhere
    numbers = (1, world.tills[places[1]])
    tills = [world.till(at, number) for at, number in zip(places, numbers, strict=True)]
    bodies = [_body(bought, dice, number) | {"lines": lines_of(units)} for number in numbers]
    with bought.bringing(units), beside(world, places[0], goods), beside(world, places[1], goods):
        replies = await asyncio.gather(
            *(till.insist("POST", RETURNS, body) for till, body in zip(tills, bodies, strict=True))
        )
        world.tell(
            " and ".join(till.name for till in tills),
            f"are brought {told(units)} of {bought.id}: {[*map(str, replies)]}",
        )
        taken = [place for place in zip(places, replies, strict=True) if place[1].is_done]
        if len(taken) > 1 or (is_plain and not taken):
            world.accuse(f"return: {units} of {bought.id} were taken {len(taken)} times")
        for at, reply in taken:
            _came_back(world, bought, at, reply.body, units)
    if places[0] != places[1]:
        world.deeds.note(deeds.BROUGHT_TO_TWO)


async def bring_too_much(world: World, dice: random.Random) -> None:
    """Somebody brings more than is left of a sale, there or to another store: refused."""
    receipts = world.customers.receipts[-LATELY:]
    if not receipts:
        return
    bought = dice.choice(receipts)
    line = dice.choice(bought.lines)
    at = _some_store(world, dice, bought)
    left = line.units - line.back
    units = {line.sku: left + dice.randint(1, 3)}
    bought.is_known_elsewhere |= at != bought.location
    number = dice.randint(1, world.tills[at])
    till = world.till(at, number)
    body = _body(bought, dice, number)
    is_left_there = dice.random() < 0.5
    if is_left_there:
        target, body = RETURNS, body | {"lines": lines_of(units)}
        till = _leave_it(world, dice, at, number, body) or till
    else:
        tenders = [{"type": "cash", "amount_minor": CASH_MINOR}]
        wants = [{"sku": "bag", "quantity": 1}]
        target, body = EXCHANGES, body | {"returned": lines_of(units), "lines": wants}
        body["tenders"] = tenders
    goods = demand(world, units)
    if is_left_there and is_counted(world, at, goods):
        return
    with beside(world, at, goods):
        reply = await till.insist("POST", target, body)
        world.tell(till.name, f"is brought {told(units)} of {bought.id}, {left} left: {reply}")
        if reply.is_done and reply.body.get("unverified"):
            _pledge(world, bought, at, reply.body, units, is_true=False)
            return
    if reply.is_done:
        world.accuse(f"return: {at} took {units} of {bought.id}, of which {left} were left")


async def exchange(world: World, dice: random.Random) -> None:
    """A customer brings something back and takes something else, dearer or cheaper."""
    bought = some_purchase(world, dice)
    if bought is None:
        return
    units, at = _some_units(bought, dice), _some_store(world, dice, bought)
    basket = some_basket(world, dice, most=4)
    back, out = demand(world, units), demand(world, basket)
    if is_counted(world, at, {**back, **out}):
        return
    shelves = [world.shelves[at, sku] for sku in out]
    asks_anyway = dice.random() < 0.2 and not any(one.unbooked or one.in_hands for one in shelves)
    asks_anyway &= not any(world.items[sku].policy == "tolerant" for sku in out)
    with (
        bought.bringing(units),
        beside(world, at, back),
        world.shelves.taking(at, out, anyway=asks_anyway) as is_there,
    ):
        if is_there or asks_anyway:
            await _exchange(world, dice, bought, at, units, basket)


async def _exchange(
    world: World,
    dice: random.Random,
    bought: Bought,
    at: str,
    units: Mapping[str, int],
    basket: Mapping[str, int],
) -> None:
    number = dice.randint(1, world.tills[at])
    bought.is_known_elsewhere |= at != bought.location
    till, key = world.till(at, number), world.fresh_key()
    wants = {"lines": lines_of(basket), "coupons": offers.some_coupons(world, dice)}
    quoted = await till.insist("POST", "/v1/quotes", wants, key=False)
    if not quoted.is_done and "coupon" in quoted.body:
        wants["coupons"] = ()
        quoted = await till.insist("POST", "/v1/quotes", wants, key=False)
    if not quoted.is_done:
        world.accuse(f"exchange: there was no price of {basket}: {quoted.body}")
        return
    body = _body(bought, dice, number) | wants | {"returned": lines_of(units)}
    if dice.random() < 0.5:
        body["expected_total_minor"] = quoted.body["total_minor"]
    rest_minor = quoted.body["total_minor"] - bought.worth(units)
    if rest_minor > 0:
        by_card = dice.random() < 0.4
        tender = {"type": "card", "amount_minor": rest_minor}
        body["tenders"] = [tender if by_card else {"type": "cash", "amount_minor": CASH_MINOR}]
    reply = await till.insist("POST", EXCHANGES, body, key=key)
    world.tell(till.name, f"exchanges {told(units)} of {bought.id} for {told(basket)}: {reply}")
    if not reply.is_done:
        _check_refusal(world, bought, at, reply)
        return
    returned, sale = reply.body["returned"], reply.body["sale"]
    _came_back(world, bought, at, returned, units)
    if at != bought.location:
        world.deeds.note(deeds.EXCHANGED_ELSEWHERE)
    walks_out(world, at, sale, demand(world, basket))
    paid = sum(one["amount_minor"] for one in sale["tenders"] if one["type"] == GOODS)
    if paid != min(returned["total_minor"], sale["total_minor"]):
        world.accuse(f"exchange: {returned['total_minor']} of goods paid {paid} of {sale}")
    if dice.random() < 0.2:
        again = await till.insist("POST", EXCHANGES, body, key=key)
        _check_same(world, reply, again)


def _check_refusal(world: World, bought: Bought, at: str, reply: Reply) -> None:
    """What is wanted may be gone or dearer by now, an offer over; what is brought is taken.

    Where it may come back is not known in every store at every time; see `_check_not_taken`.
    """
    may_be_unknown = at != bought.location or bought.is_known_elsewhere
    if may_be_unknown and not world.is_settled:
        return
    slug = str(reply.body["type"]).rpartition("/")[2]
    is_unpaid = slug == "invalid-request" and "not paid" in reply.body["detail"]
    if (
        slug not in {"quota-short", "price-changed"}
        and not is_unpaid
        and "coupon" not in reply.body
    ):
        world.accuse(f"exchange: it was refused: {reply.body}")


async def bring_the_rest(world: World) -> None:
    """With all lines whole again what customers still have is taken by any store, as it is theirs.

    Those of which more than one store had a part come first; a few are enough.
    """
    for pledge in world.customers.pledges:
        if not pledge.is_decided:
            await _verify(world, pledge)
    dice = world.dice("the rest")
    known = [one for one in world.customers.receipts if one.left()]
    known.sort(key=lambda one: not one.is_known_elsewhere)
    for bought in known[:RESTS_MAX]:
        sku = dice.choice(sorted(bought.left()))
        for at in dice.choices(list(world.shops), k=2):  # one after the other
            if bought.left().get(sku):
                await _bring(world, dice, bought, at, {sku: 1})
