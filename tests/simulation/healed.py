"""What must hold when all faults are over and everybody has talked.

The programs are asked as anybody would ask them (their HTTP), their disks are read, and both are
held against the shelves and against what people were told.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from cloud_hub.lives import rows
from replication.escrow import check_invariants
from replication.ids import EVERYWHERE
from tests.simulation import deeds, images, inspecting, ordering, paying
from tests.simulation.handing_in import (
    may_be_missing,
    record_at_hub,
    refused_sales,
    sales_given,
    stands_for,
    uses_handed_in,
)
from tests.simulation.notes import Placed
from tests.simulation.selling_alone import alone_unrest, judge_register
from tests.simulation.shelf import Flow, Place
from tests.simulation.shop_box import ShopBox
from tests.simulation.world import HOLD_S, World

QUIET_S_MAX: Final = 240
"""Beats, pauses and deadlines are seconds: what has not become quiet by then never will."""

HELD_S_MAX: Final = HOLD_S + 10
PAGE: Final = 500

ROUNDS_MAX: Final = 30
"""A deficit may take several decisions, each of which a store must answer."""

SETTLING_S: Final = 2.0


class Verdict:
    """What came out of a run, besides the sentences that were broken."""

    def __init__(self) -> None:
        self.lost_sales = 0
        self.duplicated_sales = 0
        self.is_unconverged = False


async def become_quiet(world: World) -> bool:
    """Wait until every store is connected, heard and fed, and nothing is held any more."""
    await world.until(lambda: world.hub.is_up and not _held(world), HELD_S_MAX, every_s=1.0)
    for _ in range(2):
        if not await world.until(lambda: not unrest(world), QUIET_S_MAX, every_s=0.5):
            return False
        await asyncio.sleep(SETTLING_S)
    return True


def unrest(world: World) -> list[str]:
    """What still moves, in words."""
    if not world.hub.is_up:
        return ["the hub is down"]
    moves: list[str] = []
    for shop in world.shops.values():
        # A hub that died without a word has no link, while the store waits for it to speak.
        if not (shop.is_connected and shop.name in world.hub.office.reachable):
            moves.append(f"{shop.name} is not connected")
        elif shop.uplink.acknowledged.seq != shop.shop.head.seq or not world.is_heard(shop):
            moves.append(f"{shop.name} is not heard")
        elif not world.is_fed(shop):
            moves.append(f"{shop.name} is not fed")
        elif shop.shop.registers.rows.to_reclaim() and not _is_open(world, shop):
            moves.append(f"{shop.name} has not taken back all that registers held")
    moves += [
        sentence for box in world.registers.values() if (sentence := alone_unrest(world, box))
    ]
    return moves


def _is_open(world: World, shop: ShopBox) -> bool:
    """Whether the hub may still hear more of a box that was there before."""
    lives = rows.lives_of(world.hub.office.connection, shop.name)
    return any(life.state == "open" for life in lives)


def _held(world: World) -> int:
    union = world.judge.union
    return sum(union.counter(place).levels().held for place in sorted(union.cells))


async def settle(world: World) -> None:
    """Work off the shortage queue: each item as it proposes, or else by cancelling."""
    for _ in range(ROUNDS_MAX):
        await become_quiet(world)
        items = await pages(world, "/v1/shortages", "&state=open")
        if not items and not _short(world):
            return
        for item in items:
            if not await ordering.decide(world, item, {}):
                await ordering.decide(world, item, {"action": "cancel"})
        await asyncio.sleep(SETTLING_S)
    world.accuse(f"shortages: still open: {items}, short: {_short(world)}")


def _short(world: World) -> dict[Place, int]:
    """Deficits, by the cells that are durable somewhere."""
    union = world.judge.union
    deficits = {place: union.counter(place).deficit() for place in sorted(union.cells)}
    return {
        place: units
        for place, units in deficits.items()
        # What went with a register stands for ever: there are no goods to make it good with.
        if not 0 <= units <= (place[0] == EVERYWHERE and world.offers.beside(world, place[1]))
    }


async def judge(world: World, verdict: Verdict) -> None:
    """Hold everything against everything."""
    world.judge.add_up()
    for shop in world.shops.values():
        _replicas_agree(world, shop, verdict)
    for register in world.registers.values():
        judge_register(world, register)
    images.judge(world)
    _counters(world)
    await _sales(world, verdict)
    await inspecting.judge(world)
    await _orders(world)
    await _transfers(world)
    await _audit(world)


def _replicas_agree(world: World, shop: ShopBox, verdict: Verdict) -> None:
    """The hub, the store and the union of all durable states have the same cells."""
    for location, sku in sorted(world.judge.union.cells):
        if location == EVERYWHERE:
            _allowances_agree(world, shop, sku)
        if location != shop.name:
            continue
        union = world.judge.union.counter((location, sku)).cells()
        at_hub = world.hub.ledger.counter(location, sku).cells()
        at_store = shop.ledger.counter(location, sku).cells()
        if not at_hub == at_store == union:
            verdict.is_unconverged = True
            apart = {
                name: sorted(set(cells) - (set(at_hub) & set(at_store) & set(union)))
                for name, cells in (("hub", at_hub), ("store", at_store), ("union", union))
            }
            world.accuse(f"E3: {sku} at {location} is not the same everywhere: {apart}")
    if shop.shop.stopped is not None:
        world.accuse(f"{shop.name} stopped selling: {shop.shop.stopped}")


def _allowances_agree(world: World, shop: ShopBox, key: str) -> None:
    """The hub knows all cells of an allowance; a store what it may still use, and no more."""
    union = world.judge.union.counter((EVERYWHERE, key))
    if world.hub.ledger.counter(EVERYWHERE, key).cells() != union.cells():
        world.accuse(f"E3: the hub does not know all of {key}")
    own, due = shop.shop.quota(key), union.quota(shop.identity.writer)
    if own != due:
        world.accuse(f"E3: {shop.name} thinks that it may use {own} of {key}, it is {due}")


def _counters(world: World) -> None:
    """E1, E2 on the union; nothing held; the book is the shelf; nobody unknown holds rights."""
    living = {"hub.1", *(shop.identity.writer for shop in world.shops.values())}
    living |= {writer for writer, register in world.registers.items() if register.is_selling}
    places = set(world.judge.union.cells) | {place for place, _ in world.shelves.items()}
    for place in sorted(places):
        counter = world.judge.union.counter(place)
        for sentence in check_invariants(counter):
            world.accuse(sentence)
        stranded = {
            one: units - min(max(0, units), uses_handed_in(world, one, place[1]))
            for one, units in counter.holders().items()
            if one not in living and units
        }
        if any(stranded.values()):
            world.accuse(f"stranded: {place[1]} at {place[0]}: {stranded}")
        if place[0] == EVERYWHERE:
            continue
        levels = counter.levels()
        if levels.held:
            world.accuse(f"E6: {levels.held} of {place[1]} at {place[0]} are held for nobody")
        there, weighed_up = world.shelves[place].there, world.shelves[place].weighed_up
        is_right = there <= levels.on_hand <= there + weighed_up
        if not is_right or levels.on_hand != counter.physical():
            world.accuse(
                f"shelf: {place[1]} at {place[0]}: {there} stand there, the book says "
                f"{levels.on_hand} by rights and {counter.physical()} by what moved"
            )


async def pages(world: World, target: str, query: str = "") -> list[Any]:
    """All items of a list of the hub."""
    items: list[Any] = []
    cursor = ""
    while True:
        reply = await world.office.insist("GET", f"{target}?limit={PAGE}{query}{cursor}", key=False)
        assert reply.is_done, reply
        items += reply.body["items"]
        if reply.body["next_cursor"] is None:
            return items
        cursor = f"&cursor={reply.body['next_cursor']}"


async def _sales(world: World, verdict: Verdict) -> None:
    """Each sale that a customer was told of is at the hub once, and there are no others."""
    listed = await pages(world, "/v1/sales")
    if len({sale["id"] for sale in listed}) != len(listed):
        world.accuse("sales: the hub lists two sales under one id")
    at_hub = Counter(map(_papers, listed))
    told = Counter(_papers(sale.told) for sale in world.notes.sales)
    if any(many > 1 for many in told.values()):
        world.accuse("sales: two customers were told of the same sale")
    missing = [sale for sale in world.notes.sales if not at_hub[_papers(sale.told)]]
    gone = [sale for sale in missing if may_be_missing(world, sale)]
    world.deeds.note(deeds.SALES_GONE, len(gone))
    told_gone = world.notes.gone  # with a register
    lost = sorted(one.id for one in missing if one not in gone and one.id not in told_gone)
    verdict.lost_sales = len(lost)
    if lost:
        world.accuse(f"sales: the hub has not heard of {lost}")
    untold = [*refused_sales(world), *stands_for(world, gone)]
    doubled = sorted(at_hub - told - Counter(map(_papers, untold)))
    verdict.duplicated_sales = len(doubled)
    if doubled:
        world.accuse(f"sales: the hub has more than was sold: {doubled}")


def _papers(sale: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells a sale from all others: an image may give one id and number to two."""
    lines = [(line["sku"], line["quantity"], line["total_minor"]) for line in sale["lines"]]
    return (sale["number"], sale["register"], sale["at"], str(lines))


async def _orders(world: World) -> None:
    """Each order is at the hub once, and each allocation ended as people saw it end."""
    at_hub = {order["id"]: order for order in await pages(world, "/v1/orders")}
    placed = {order.id: order for order in world.notes.orders}
    # An order whose till was never told of it is nobody's: it was not paid for, and expired.
    for number in sorted(set(at_hub) - set(placed)):
        if at_hub[number]["sold_at"] is not None and at_hub[number]["status"] == "expired":
            del at_hub[number]
    if set(at_hub) != set(placed) or len(placed) != len(world.notes.orders):
        world.accuse(f"orders: {sorted(set(at_hub) ^ set(placed))} are not known to both sides")
    queue = await pages(world, "/v1/shortages")
    explained = _explained(queue)
    paying.judge(world, at_hub, queue)
    open_units: Counter[Place] = Counter()
    for number, body in at_hub.items():
        order = placed[number]
        world.deeds.read(body)
        _note_given_back(world, order)
        counted_on = {one["id"] for one in body["allocations"] if _counts(world, one["id"])}
        ordering.hear(world, order, body)
        replaced = {one["replaces"] for one in body["allocations"]}
        asked_back = {
            one
            for event in body["events"]
            if event["type"] == "release_requested"
            for one in event["allocations"] or ()
        }
        for one in body["allocations"]:
            promise, state = world.shelves.promises[one["id"]], one["state"]
            if promise.is_handed_over != (state == "fulfilled"):
                world.accuse(f"E9: {one['id']} is {state}, handed over: {promise.is_handed_over}")
            if state == "committed":
                open_units[promise.place] += promise.units
            if state == "held":
                world.accuse(f"E6: {one['id']} is held for nobody")
            is_told = body["status"] == "cancelled" or (number, one["id"]) in explained
            is_known = is_told or one["id"] in replaced | asked_back
            if one["id"] in counted_on and state == "released" and not is_known:
                world.accuse(f"E9: {one['id']} was promised, and is released without a word")
    for place in sorted(world.judge.union.cells):
        committed = world.judge.union.counter(place).levels().committed
        if committed != open_units[place]:
            world.accuse(
                f"E9: {committed} of {place[1]} at {place[0]} are committed, "
                f"{open_units[place]} for open orders"
            )


def _note_given_back(world: World, order: Placed) -> None:
    """Whether a store gave back what was cancelled while it heard nothing."""
    for promise in world.shelves.promises.values():
        is_of_it = promise.order == order.id and promise.place[0] in order.cancelled_behind
        if is_of_it and not promise.is_handed_over:
            world.deeds.note(deeds.CANCELLED_AND_KEPT)


def _explained(queue: list[Any]) -> set[tuple[str | None, str | None]]:
    """(order, allocation) of all that somebody was told about: refunds, and what was decided."""
    explained: set[tuple[str | None, str | None]] = set()
    for item in queue:
        decided = item["resolution"] or {}
        explained.add((item["order"], item["allocation"]))
        explained.add((decided.get("order"), decided.get("allocation")))
    return explained


def _counts(world: World, allocation: str) -> bool:
    """Whether a customer counts on an allocation, as far as people know."""
    promise = world.shelves.promises.get(allocation)
    return promise is not None and promise.counts(world.loop.now_s)


async def _transfers(world: World) -> None:
    """E7: each truck came in once, with what was counted, and the rest is known to be lost."""
    at_hub = {one["id"]: one for one in await pages(world, "/v1/transfers")}
    for truck in world.notes.trucks:
        lines = {line["sku"]: line for line in at_hub.get(truck.id, {}).get("lines", ())}
        for sku, shipped in truck.shipped.items():
            counted = truck.counted[sku]
            said = {name: lines.get(sku, {}).get(name) for name in ("shipped", "received", "lost")}
            due = {"shipped": shipped, "received": counted, "lost": shipped - counted}
            if not truck.shipped_by:  # who saw it leave has lost his memory
                due = {"shipped": 0, "received": counted, "lost": 0}
            if said != due:
                world.accuse(
                    f"E7: {truck.id}: {shipped} {sku} left, {counted} came, the hub says {said}"
                )


async def _audit(world: World) -> None:
    """The hub's own audit finds nothing, and each number can be told as a story."""
    reply = await world.office.insist("POST", "/v1/audit", {}, key=False)
    found = reply.body["differences"] if reply.is_done else [reply.body]
    told = [one for one in found if not (reply.is_done and _is_known(world, one))]
    if told:
        world.accuse(f"audit: {reply.status} {reply.body.get('verdict')}: {told[:3]}")
    for (location, sku), shelf in world.shelves.items():
        reply = await world.clerk(location).insist("GET", f"/v1/stock/{sku}/explain", key=False)
        if not reply.is_done:
            world.accuse(f"explain: {sku} at {location}: {reply.body}")
        del shelf


def _is_known(world: World, difference: Mapping[str, Any]) -> bool:
    """Whether people have to see it: an id on two disks, or an order that two boxes told of.

    What one had handed over in parts, and people said as a whole, ended twice by the journals.
    """
    place = (difference["location"], difference["sku"])
    is_said = difference["invariant"] == "E9" and place in world.notes.told_by_two
    return is_said or _is_of_two_disks(world, difference)


def _is_of_two_disks(world: World, difference: Mapping[str, Any]) -> bool:
    """Whether the audit names an id that two disks gave, and tells each of these sales once.

    Where one burnt before the hub heard of it, nobody can tell the hub that the journal parted: a
    supervisor has handed that sale in, and the audit asks people which of the two was.
    """
    sale, _, _ = str(difference["detail"]).partition(" was told as ")
    given = sales_given(world, sale)
    told = [record_at_hub(world, entry) for entry in difference["entries"]]
    is_each_once = len(set(told)) == len(told) > 1 and given.issuperset(told)
    return difference["invariant"] == "E5" and is_each_once


def totals(world: World) -> tuple[int, int]:
    """Units oversold, and units overdrawn on a supervisor's word."""
    oversold = sum(shelf.oversold for _, shelf in world.shelves.items())
    overdrawn = sum(
        min(shelf.overridden, world.judge.union.total(place, "overdrawn", Flow.SOLD.value))
        for place, shelf in world.shelves.items()
    )
    return oversold, overdrawn
