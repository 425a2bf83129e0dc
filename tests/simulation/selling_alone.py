"""What people do at registers that sell alone, and what must be so of these in the end."""

import random
from typing import Final

import msgspec

from gateway.client.answers import SaleDone
from gateway.client.register_file import Person
from gateway.identity import Identity
from gateway.link.intake import CURSOR
from replication.ids import EVERYWHERE
from tests.simulation import deeds
from tests.simulation.alone import RegisterBox
from tests.simulation.judge import Cell
from tests.simulation.network import Line
from tests.simulation.operations import CASH_MINOR, demand, some_basket, some_store, told, walks_out
from tests.simulation.shelf import Place
from tests.simulation.world import World

DELAYS_S: Final = (0.001, 0.005, 0.03)
"""What is between a register and its gateway: a cable, or a bad wireless network."""

OPENING: Final = "opening "
"""What the name of a register that is set up is marked with, and stays so."""

NAMES: Final = ("alone-1", "alone-2", "alone-3")


async def open_register(world: World, dice: random.Random) -> None:
    """A box is set up as a register that sells alone, while everything else goes on."""
    at = some_store(world, dice)
    free = [name for name in NAMES if f"{name}@{at}" not in world.registers]
    if not free or f"{OPENING}{free[0]}@{at}" in world.under_way:
        return
    name = free[0]
    world.under_way.add(f"{OPENING}{name}@{at}")
    box = f"{dice.getrandbits(128):032x}"
    client = world.client(f"{name}@{at}", world.shops[at], "cashier", register=name)
    reply = await client.insist("POST", "/v1/registers", {"register": name, "box": box})
    world.tell(client.name, f"is set up: {reply}")
    if not reply.is_done:
        world.accuse(f"register: {name} at {at} was refused: {reply.body}")
        return
    begin(world, at, name, reply.body)


def begin(world: World, at: str, name: str, told_identity: dict[str, str]) -> RegisterBox:
    """A box that was told who it is starts to sell."""
    fields = {field: told_identity[field] for field in (
        "writer", "name", "parent", "jurisdiction", "timezone", "chain", "kind"
    )}  # fmt: skip
    identity = Identity(**fields, token=f"{name}@{at}/cashier")
    line = Line(world.loop, dice := world.dice(f"line/{identity.writer}"), dice.choice(DELAYS_S))
    register = world.registers[f"{name}@{at}"] = RegisterBox(
        identity,
        Person(id=f"{name}@{at}/cashier", role="cashier", name=f"{name}@{at}"),
        world.loop,
        world.dice(f"register/{identity.writer}"),
        enrolled_seq=world.shops[at].ledger.head.seq,
        line=line,
        gateway=lambda: world.shops.get(at),
        on_commit=world.committed,
    )
    register.start()
    return register


async def sell(world: World, dice: random.Random) -> None:
    """A customer takes goods to a register that sells alone; some ask for more than there is."""
    living = [one for one in world.registers.values() if not one.is_lost]
    if not living:
        return
    register = dice.choice(living)
    at = register.identity.location
    basket = some_basket(world, dice, most=4)
    units = demand(world, basket)
    shelves = [world.shelves[at, sku] for sku in units]
    is_calm = not any(one.unbooked or one.in_hands or one.is_counted for one in shelves)
    is_calm &= not any(world.items[sku].policy == "tolerant" for sku in units)
    asks_anyway = dice.random() < 0.3 and is_calm
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
            walks_out(world, at, answer.sale, units)
        else:
            world.deeds.note(deeds.ALONE_REFUSED)
            world.tell(register.name, f"sells {told(basket)}: {answer.refusal.slug}")


def alone_unrest(world: World, box: RegisterBox) -> str | None:
    """What still moves between a register and its gateway, in words."""
    if box.is_lost:
        return None
    if not box.is_connected:
        return f"{box.name} is not connected"
    head = box.ledger.head.seq
    if box.uplink.acknowledged.seq != head:
        return f"{box.name} is not heard"
    if box.uplink.at_hub != head:
        return f"{box.name} knows only {box.uplink.at_hub} of {head} at the hub"
    if not is_told(world, box):
        return f"{box.name} is not told all"
    return None


def is_told(world: World, box: RegisterBox) -> bool:
    """Whether a register has all that its gateway has for it, by the books of both."""
    shop = world.shops[box.identity.location]
    row = shop.disk.connection.execute(
        "SELECT coalesce(max(position), 0) FROM register_feed WHERE audience IN ('', ?)",
        (box.identity.writer,),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(str(row[0])) <= int(box.shop.store.meta(CURSOR) or "0")


def _known(box: RegisterBox, place: Place, cell: Cell) -> int:
    """What a register knows of a cell."""
    known = {one[:3]: one[3] for one in box.ledger.counter(*place).cells()}
    return known.get(cell, 0)


def judge_register(world: World, box: RegisterBox) -> None:
    """A register knows what it may sell, no more and no less, and sells.

    Of what a dead gateway granted with its last words it may never have heard: that is counted.
    """
    if box.is_lost:
        return
    writer = box.identity.writer
    for location, sku in sorted(world.judge.union.cells):
        if location not in {box.identity.location, EVERYWHERE}:
            continue
        own = box.shop.quota(sku)
        counter = world.judge.union.counter((location, sku))
        untold = sum(
            value
            for cell in counter.cells()
            for value in [cell[3] - _known(box, (location, sku), cell[:3])]
            if cell[0] == "granted" and cell[1] in world.ended and cell[2] == writer
        )
        if untold:
            world.deeds.note(deeds.GRANT_UNTOLD)
        due = counter.quota(writer) - untold
        if own != due:
            world.accuse(f"E3: {box.name} thinks that it may use {own} of {sku}, it is {due}")
    if box.shop.stopped is not None:
        world.accuse(f"{box.name} stopped selling: {box.shop.stopped}")
