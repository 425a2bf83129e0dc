"""What people do at registers that sell alone, and what must be so of these in the end."""

import random
from typing import Final

import msgspec

from gateway.client.answers import SaleDone
from gateway.client.register_file import Person
from gateway.client.witness import Witness
from gateway.identity import Identity
from gateway.link.cursor import cursor_of
from replication.ids import EVERYWHERE, incarnation_of
from tests.simulation import deeds, held
from tests.simulation.alone import Enrolled, RegisterBox
from tests.simulation.door import Reply
from tests.simulation.network import Line
from tests.simulation.operations import CASH_MINOR, demand, some_basket, some_store, told, walks_out
from tests.simulation.world import World

DELAYS_S: Final = (0.001, 0.005, 0.03)
"""What is between a register and its gateway: a cable, or a bad wireless network."""

OPENING: Final = "opening "
"""What the name of a register that is set up is marked with, and stays so."""

NAMES: Final = ("alone-1", "alone-2", "alone-3")


async def open_register(world: World, dice: random.Random) -> None:
    """A box is set up as a register that sells alone, while everything else goes on."""
    at = some_store(world, dice)
    names = {one.register for one in world.registers.values() if one.identity.location == at}
    free = [name for name in NAMES if name not in names]
    if not free or f"{OPENING}{free[0]}@{at}" in world.under_way:
        return
    world.under_way.add(f"{OPENING}{free[0]}@{at}")
    await set_up(world, at, free[0], dice)


async def set_up(world: World, at: str, name: str, dice: random.Random) -> None:
    """A box becomes the register of that name."""
    box = f"{dice.getrandbits(128):032x}"
    client = world.client(f"{name}@{at}", world.shops[at], "cashier", register=name)
    reply = await client.insist("POST", "/v1/registers", {"register": name, "box": box})
    world.tell(client.name, f"is set up: {reply}")
    if not reply.is_done:
        world.accuse(f"register: {name} at {at} was refused: {reply.body}")
        return
    begin(world, at, name, box, reply)


def begin(world: World, at: str, name: str, box: str, told: Reply) -> RegisterBox:
    """A box that was told who it is starts to sell."""
    fields = {field: told.body[field] for field in (
        "writer", "name", "parent", "jurisdiction", "timezone", "chain", "kind"
    )}  # fmt: skip
    identity = Identity(**fields, token=(person := f"{name}@{at}/cashier"))
    line = Line(world.loop, dice := world.dice(f"line/{identity.writer}"), dice.choice(DELAYS_S))
    register = world.registers[identity.writer] = RegisterBox(
        Enrolled(identity, Person(id=person, role="cashier", name=f"{name}@{at}"), box),
        world.loop,
        world.dice(f"register/{identity.writer}"),
        line=line,
        gateway=lambda: world.shops.get(at),
        on_commit=world.committed,
        on_end=lambda ended: world.link_ends.of_register(identity.writer, ended),
    )
    register.known.witness = Witness.parse(told.witness)
    _give_up_earlier(world, register)
    register.start()
    return register


def _give_up_earlier(world: World, register: RegisterBox) -> None:
    """Of the boxes that were ever set up under a name it is the last one's, whoever hears first."""
    same = [
        one
        for one in world.registers.values()
        if (one.identity.location, one.register) == (register.identity.location, register.register)
    ]
    newest = max(incarnation_of(one.identity.writer) for one in same)
    for one in same:
        one.is_given_up |= incarnation_of(one.identity.writer) < newest


async def sell(world: World, dice: random.Random) -> None:
    """A customer takes goods to a register that sells alone; some ask for more than there is."""
    living = [one for one in world.registers.values() if one.is_selling]
    if living:
        await sell_at(world, dice.choice(living), dice)


async def sell_at(world: World, register: RegisterBox, dice: random.Random) -> None:
    """A customer takes goods to one of them."""
    at = register.identity.location
    basket = some_basket(world, dice, most=4)
    units = demand(world, basket)
    shelves = [world.shelves[at, sku] for sku in units]
    is_calm = not any(
        one.unbooked or one.in_hands or one.is_counted or one.is_unknown for one in shelves
    )
    is_calm &= not any(world.items[sku].policy == "tolerant" for sku in units)
    # It may not have heard yet of what went beyond any right, and has a right to the rest.
    is_calm &= not any(world.judge.union.counter((at, sku)).deficit() for sku in units)
    asks_anyway = dice.random() < 0.3 and is_calm and not held.is_exposed(world, at)
    key = world.fresh_key()
    with world.shelves.taking(at, units, anyway=asks_anyway) as is_there:
        if not (is_there or asks_anyway):
            return
        body = msgspec.json.encode(
            {
                "register": register.register,
                "lines": [{"sku": sku, "quantity": many} for sku, many in basket.items()],
                "tenders": [{"type": "cash", "amount_minor": CASH_MINOR}],
            }
        )
        answer = await register.sell(body, key, dice)
        world.notes.operations += 1
        if answer is None:
            world.tell(register.name, f"is gone, and nobody knows of {told(basket)}")
        elif isinstance(answer, SaleDone):
            link = "" if register.is_connected else ", and hears no gateway"
            world.tell(register.name, f"sells {told(basket)}: {answer.sale['id']}{link}")
            world.deeds.note(deeds.SOLD_ALONE if link else deeds.SOLD_CONNECTED)
            if register.is_given_up:
                world.deeds.note(deeds.FOUND_SELLS)
                for sku, many in units.items():
                    if world.judge.has_none(register.name, (at, sku)):
                        world.shelves[at, sku].exposed += many
            walks_out(world, at, answer.sale, units)
        else:
            world.deeds.note(deeds.ALONE_REFUSED)
            world.tell(register.name, f"sells {told(basket)}: {answer.refusal.slug}")


def alone_unrest(world: World, box: RegisterBox) -> str | None:
    """What still moves between a register and its gateway, in words."""
    if box.is_lost:
        return None
    if not (box.is_up and (box.is_over or box.is_connected)):
        return f"{box.name} is not connected"
    head = box.ledger.head.seq
    is_held = held.held_of(world, box.name) == head
    if not is_held or not (box.is_over or box.uplink.acknowledged.seq == head):
        return f"{box.name} is not heard"
    if box.is_over:
        return None
    if box.uplink.at_hub != head:
        return f"{box.name} knows only {box.uplink.at_hub} of {head} at the hub"
    has_all = is_told(world, box) and held.has_reported(world, box.name)
    return None if has_all else f"{box.name} has not told, or is not told, all"


def is_told(world: World, box: RegisterBox) -> bool:
    """Whether a register has all that its gateway has for it, by the books of both."""
    shop = world.shops[box.identity.location]
    row = shop.disk.connection.execute(
        "SELECT coalesce(max(position), 0) FROM register_feed WHERE audience IN ('', ?)",
        (box.identity.writer,),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(str(row[0])) <= cursor_of(box.shop.store)


def judge_register(world: World, box: RegisterBox) -> None:
    """A register knows what it may sell, no more and no less, and sells."""
    if box.is_lost:
        return
    if box.shop.stopped is not None:
        if not (box.is_over and box.is_given_up):
            world.accuse(f"{box.name} stopped selling: {box.shop.stopped}")
        return
    writer = box.identity.writer
    for location, sku in sorted(world.judge.union.cells):
        if location not in {box.identity.location, EVERYWHERE}:
            continue
        own, due = box.shop.quota(sku), world.judge.union.counter((location, sku)).quota(writer)
        if own != due:
            world.accuse(f"E3: {box.name} thinks that it may use {own} of {sku}, it is {due}")


def selling_unheard(world: World, at: str, sku: str) -> int:
    """Units that registers have sold alone and their gateway has not heard of.

    A count books them as missing, and the gateway puts that right when it hears of the sales. What
    a register had sold that is lost no later count finds missing again.
    """
    return sum(
        sale.units.get(sku, 0)
        for sale in world.notes.sales
        if sale.location == at
        and (sale.id, sku) not in world.notes.counted
        and held.is_unheard(world, sale)
    )


def note_counted(world: World, at: str, sku: str) -> None:
    """A shelf was counted: what lost registers had sold of it is told by that."""
    shop = world.shops[at]
    for writer in list(world.judge.lost):
        if world.registers[writer].identity.location == at:
            by = (shop.identity.writer, shop.ledger.head.seq)
            world.judge.counted(writer, (at, sku), by)
    world.notes.counted |= {
        (sale.id, sku)
        for sale in world.notes.sales
        if sale.location == at
        and sale.id.rpartition("-")[0] in world.judge.lost
        and held.is_unheard(world, sale)
    }


def note_told_late(world: World, at: str) -> None:
    """A box that was found tells of sales of a lost register that a count knew to be gone.

    The hub leaves it to the register to tell them where it lives, as far as anybody knows: so the
    book may say fewer until the next count.
    """
    for sale in world.notes.sales:
        writer, _, seq = sale.id.rpartition("-")
        if sale.location != at or world.hub.head_of(writer).seq < int(seq):
            continue
        for sku, many in sale.units.items():
            if (sale.id, sku) in world.notes.counted - world.notes.told_late:
                world.notes.told_late.add((sale.id, sku))
                world.shelves[at, sku].counted_early += many
