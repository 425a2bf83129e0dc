"""Goal: what a register is told comes to it in the end, and what only a lost one knew is judged so.

Method: plans of one step in a world of one store; its people do what each test says, and the whole
healing and judgement of a run follows.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Final
from unittest import mock

import msgspec

from gateway.client.answers import SaleDone, SaleRefused
from replication.allowances import promotion_uses
from replication.escrow import Table
from replication.ids import EVERYWHERE
from tests.simulation import giving_up, goods, lost, offers, operations, plan, selling_alone
from tests.simulation.alone import RegisterBox
from tests.simulation.network import Mangling
from tests.simulation.notes import Sold
from tests.simulation.operations import CASH_MINOR, walks_out
from tests.simulation.run import Result, run_plan
from tests.simulation.shelf import Flow, Place
from tests.simulation.world import World

SEED: Final = 12
"""A world of one store."""

HEARD_S: Final = 20.0
AGAIN_S: Final = 40.0
"""Longer than until a register hears again how far the hub has its journal."""

Story = Callable[[World, random.Random], Awaitable[None]]


def told(story: Story) -> Result:
    """The whole run of a plan with one step."""
    with mock.patch.dict(plan.OPERATIONS, {"story": story}):
        return run_plan(SEED, [plan.Step(0, 0.0, "story")])


async def opened(world: World, dice: random.Random) -> RegisterBox:
    """A store with 40 tea and a register that sells alone, which has its part of it."""
    (at,) = world.shops
    await selling_alone.set_up(world, at, "alone-1", dice)
    world.shelves[at, "tea"].flows[Flow.RECEIVED] += 40
    body = {"lines": [{"sku": "tea", "quantity": 40}], "reference": "paper"}
    assert (await world.clerk(at).insist("POST", "/v1/stock/receipts", body)).is_done
    (register,) = world.registers.values()
    assert await world.until(lambda: is_quiet(world) and register.shop.quota("tea") > 0, HEARD_S)
    return register


def is_quiet(world: World) -> bool:
    """Whether everybody has heard of everything."""
    return not any(selling_alone.alone_unrest(world, one) for one in world.registers.values())


async def sale_of(
    world: World, register: RegisterBox, dice: random.Random, units: int
) -> SaleDone | SaleRefused | None:
    """What a register answers to whoever wants tea."""
    body = msgspec.json.encode(
        {
            "register": register.register,
            "lines": [{"sku": "tea", "quantity": units}],
            "tenders": [{"type": "cash", "amount_minor": CASH_MINOR}],
        }
    )
    return await register.sell(body, world.fresh_key(), dice)


async def sold(world: World, register: RegisterBox, dice: random.Random, units: int) -> None:
    """A customer leaves with tea."""
    answer = await sale_of(world, register, dice, units)
    assert isinstance(answer, SaleDone), answer
    walks_out(world, register.identity.location, answer.sale, {"tea": units})


def test_a_word_of_the_hub_that_is_lost_on_the_way_is_said_again() -> None:
    async def story(world: World, dice: random.Random) -> None:
        register = await opened(world, dice)
        (shop,) = world.shops.values()
        shop.line.cut()
        await sold(world, register, dice, 1)
        head = register.ledger.head.seq
        assert await world.until(lambda: register.uplink.acknowledged.seq == head, HEARD_S)
        register.line.mangle(Mangling(loses=1.0))
        shop.line.heal()
        assert await world.until(lambda: world.hub.head_of(register.name).seq == head, HEARD_S)
        assert await world.until(lambda: world.is_heard(shop), HEARD_S)
        await world.until(lambda: False, within_s=0.5)
        register.line.heal()
        assert register.uplink.at_hub < head, "it was not lost"
        assert await world.until(lambda: register.uplink.at_hub == head, AGAIN_S)
        assert register.is_connected

    assert told(story).violations == []


async def lost_with_sales(world: World, dice: random.Random) -> RegisterBox:
    """A register has sold three tea that nobody has heard of, and is destroyed; written off."""
    register = await opened(world, dice)
    register.line.cut()
    await sold(world, register, dice, 3)
    lost._lose(world, register, is_destroyed=True)
    await giving_up.write_off(world, register)
    assert register.is_given_up
    return register


async def offered(world: World, register: RegisterBox) -> Place:
    """Head office offers a tenth once; the register knows of it. Where its uses are counted."""
    world.offers.by_id["tenth"] = offers.Offer(limit=1)
    body = {"name": "tenth", "effect": offers.KINDS["tenth"].effect, "max_usage": 1}
    body["currency"] = "USD"
    assert (await world.office.insist("PUT", "/v1/promotions/tenth", body, key=False)).is_done
    assert await world.until(lambda: "tenth" in register.shop.rules.promotions, HEARD_S)
    assert await world.until(lambda: is_quiet(world), HEARD_S)
    return EVERYWHERE, promotion_uses("tenth")


def test_a_use_that_went_with_a_register_before_its_customer_was_told_is_beside_the_limit() -> None:
    async def story(world: World, dice: random.Random) -> None:
        register = await opened(world, dice)
        place = await offered(world, register)
        at = register.identity.location
        answer = await sale_of(world, register, dice, 1)
        assert isinstance(answer, SaleDone), "of which nobody hears"
        lost._lose(world, register, is_destroyed=True)
        assert world.judge.used_after(register.name, 0, place) == 1
        assert world.judge.used_after(register.name, register.ledger.head.seq, place) == 0
        await giving_up.write_off(world, register)
        shop = world.shops[at].shop
        assert await world.until(lambda: shop.quota(place[1]) == 1, HEARD_S), "it was heard"
        assert await operations.ring_up(world, at, 1, {"tea": 1})
        register.find()
        world.judge.find(register.name)
        hub = world.hub.ledger
        assert await world.until(lambda: hub.counter(*place).deficit() == 1, HEARD_S)
        assert hub.counter(*place).total(Table.SPENT, "used") == 2
        walks_out(world, at, answer.sale, {"tea": 1})  # and the customer is told at last

    assert told(story).violations == []


def test_sales_that_only_a_lost_register_had_may_be_missing_and_a_count_finds_their_goods() -> None:
    async def story(world: World, dice: random.Random) -> None:
        register = await lost_with_sales(world, dice)
        at = register.identity.location
        held = world.judge.union.counter((at, "tea")).quota(register.name)
        known = world.shops[at].ledger.counter(at, "tea").quota(register.name)
        assert held == known - 3, "what happened is true, whoever heard of it"
        await goods.count_shelf(world, at, "tea")
        assert world.shops[at].ledger.counter(at, "tea").quota(register.name) == 0
        assert world.judge.union.counter((at, "tea")).levels().on_hand == 37

    result = told(story)

    assert result.violations == []
    assert result.lost_sales == 0
    assert result.deeds.done["sales that only a lost register had are gone"] == 1


def test_a_sale_of_a_lost_register_that_others_had_may_not_be_missing() -> None:
    async def story(world: World, dice: random.Random) -> None:
        register = await opened(world, dice)
        await sold(world, register, dice, 1)
        assert await world.until(lambda: is_quiet(world), HEARD_S)
        lost._lose(world, register, is_destroyed=True)
        first = world.notes.sales[0]
        # As if the hub had forgotten one that it had: there is no such sale, and others would know.
        other = {**first.told, "number": "AIRPORT.ALONE-1-1-000000"}
        world.notes.sales.append(Sold(f"{register.name}-1", first.location, {}, other))

    result = told(story)

    assert any("the hub has not heard of" in one for one in result.violations), result.violations


def test_what_a_gateway_that_is_down_knows_of_a_lost_register_is_on_its_disk() -> None:
    async def story(world: World, dice: random.Random) -> None:
        register = await opened(world, dice)
        await sold(world, register, dice, 1)
        assert await world.until(lambda: is_quiet(world), HEARD_S)
        at = register.identity.location
        world.shops[at].crash(down_s=AGAIN_S, silently=False)
        world.hub.crash(down_s=AGAIN_S, silently=False)
        lost._lose(world, register, is_destroyed=True)
        shown = world.judge._shown[register.name]
        assert ((at, "tea"), ("spent", register.name, "sold"), 1) in shown

    assert told(story).violations == []
