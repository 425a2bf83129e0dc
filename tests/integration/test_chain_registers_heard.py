"""Goal: the hub hears all that the registers of its stores did, each thing once, in any order.

Method: a chain in one process; registers sell, borrow, hand back, are lost and found again while
the gateway's line to the hub is cut at random places, and the hub's books are compared with the
gateway's.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.returning.returnables import Elsewhere
from replication.escrow import check_invariants
from replication.ids import WriterId
from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide
from tests.register_chain import SKU, RegisterChain, RegisterSide, opened, sold
from tests.returns_elsewhere import came, claimed, differences
from web.once import Done


def check_same_books(stores: RegisterChain, shop: ShopSide) -> None:
    """The hub and the gateway tell the same of this location."""
    stores.sync(shop)
    ours, hubs = shop.state.counter(SKU), stores.hub.counter("riverside", SKU)
    assert hubs.cells() == ours.cells()
    assert not check_invariants(hubs)


def test_a_sale_of_a_register_is_known_at_the_hub_by_its_own_id(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sale = sold(till.sell(SKU, 2))
    stores.replay(till)
    stores.sync(shop)
    stores.fold(till, stores.entries(till, after=0))
    stores.sync(shop)

    assert stores.hub.sale_ids().count(sale) == 1
    check_same_books(stores, shop)


def test_a_sale_of_a_register_comes_back_in_another_store_once(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sale = sold(till.sell(SKU, 3))
    stores.replay(till)
    stores.sync(shop)
    stores.hub.state.reachable.update(stores.shops)
    hillside = stores.shops["hillside"]

    claimed(stores, hillside, sale)
    back = came(hillside.take_back(sale, SKU, 2))

    assert (back.location, back.goods) == ("hillside", {SKU: 2})
    assert shop.take_back(sale, SKU, 1) == Elsewhere(sale), "its rights are in hillside"
    assert differences(stores) == []


def test_units_that_came_back_and_were_sold_are_no_riddle_to_the_hub(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.borrow(till, (SKU, shop.state.quota(SKU)))
    assert stores.recall(shop, (SKU, 4)) == []
    sold(shop.sell(SKU, 4))
    stores.sync(shop)  # before the register's own word of it

    stores.replay(till)
    check_same_books(stores, shop)


def test_what_was_reclaimed_and_conceded_stands_in_the_hubs_books_too(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.cut(till)
    for _ in range(3):
        sold(till.sell(SKU))
    stores.write_off(shop, "till-1")
    count = sold(shop.start_count())
    shop.close_count(count)
    check_same_books(stores, shop)
    till.seal()
    stores.replay(till)

    check_same_books(stores, shop)
    assert stores.hub.counter("riverside", SKU).deficit() == 0


@pytest.mark.parametrize(("is_believed", "on_hand"), [(True, 38), (False, 36)])
def test_a_count_is_put_right_for_a_late_sale_only_while_the_clock_can_be_believed(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide, *, is_believed: bool, on_hand: int
) -> None:
    stores.cut(till)
    sold(till.sell(SKU, 2))
    stores.synchronised = is_believed
    count = sold(shop.start_count())
    shop.count(count, ScannedLine(sku=SKU, counted=38))
    shop.close_count(count)

    stores.synchronised = True
    stores.replay(till)

    assert shop.state.counter(SKU).physical() == on_hand


def test_a_count_is_not_put_right_by_a_gateway_that_was_a_year_ahead_once(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.advance(365 * 86_400_000)
    shop.receive(**{SKU: 1})  # from here on its entries are a year ahead, however right its clock
    stores.advance(-365 * 86_400_000)
    stores.cut(till)
    count = sold(shop.start_count())
    shop.count(count, ScannedLine(sku=SKU, counted=41))
    shop.close_count(count)
    sold(till.sell(SKU, 2))

    stores.replay(till)

    assert shop.state.counter(SKU).physical() == 39


def test_a_count_is_not_put_right_for_who_had_been_heard_up_to_its_scan(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    count = sold(shop.start_count())
    shop.count(count, ScannedLine(sku=SKU, counted=40))
    shop.state.registers.heard_ms[WriterId(till.writer)] = stores.now_ms()
    shop.close_count(count)
    stores.advance(-86_400_000)  # its clock, as the gateway's was a day ahead
    sold(till.sell(SKU, 2))

    stores.replay(till)

    assert shop.state.counter(SKU).physical() == 38


class Day:
    """A store with two registers, and what really stands on its shelf."""

    def __init__(self, stores: RegisterChain) -> None:
        self.stores = stores
        self.shop = stores.shops["riverside"]
        self.names = ("till-1", "till-2")
        self.tills = [stores.register(self.shop, name) for name in self.names]
        self.gone: list[RegisterSide] = []
        self.on_shelf = 40

    def step(self, what: str, number: int, units: int) -> None:
        """One thing happens, or is refused."""
        {
            "sell": self.sell,
            "sell here": self.sell_here,
            "borrow": lambda till, many: self.stores.borrow(till, (SKU, many)),
            "recall": lambda _till, many: self.stores.recall(self.shop, (SKU, many)),
            "replay": lambda till, _: self.stores.replay(till),
            "hear": lambda till, _: self.stores.hear(till),
            "sync": lambda _till, _: self.stores.sync(self.shop),
            "send": lambda _till, many: self.stores.send(self.shop, entries_max=many),
            "cut": lambda till, _: self.stores.cut(till),
            "meet": lambda till, _: self.stores.meet(till),
            "receive": self.receive,
            "restart": lambda _till, _: self.shop.restart(),
            "restart till": lambda till, _: till.restart(),
            "count": self.count,
            "replace": lambda _till, many: self.replace(many % 2),
            "lose": lambda _till, many: self.lose(many % 2),
            "found": self.found,
        }[what](self.tills[number], units)

    def sell(self, till: RegisterSide, units: int) -> None:
        """A register sells."""
        if isinstance(till.sell(SKU, units), Done):
            self.on_shelf -= units

    def sell_here(self, _till: RegisterSide, units: int) -> None:
        """A thin register sells."""
        if isinstance(self.shop.sell(SKU, units), Done):
            self.on_shelf -= units

    def receive(self, _till: RegisterSide, units: int) -> None:
        """Goods arrive."""
        self.shop.receive(**{SKU: units})
        self.on_shelf += units

    def count(self, _till: RegisterSide, _units: int) -> None:
        """Somebody counts what really stands there."""
        count = sold(self.shop.start_count())
        self.shop.count(count, ScannedLine(sku=SKU, counted=self.on_shelf))
        self.shop.close_count(count)

    def replace(self, number: int) -> None:
        """Another box is the register now."""
        self.gone.append(self.tills[number])
        self.tills[number] = self.stores.register(self.shop, self.names[number])

    def lose(self, number: int) -> None:
        """A register is written off, and there is a new one."""
        self.stores.cut(self.tills[number])
        assert isinstance(self.stores.write_off(self.shop, self.names[number]), Done)
        self.replace(number)

    def found(self, _till: RegisterSide, _units: int) -> None:
        """One that is gone hands over what it did."""
        if self.gone:
            till = self.gone.pop(0)
            till.seal()
            self.stores.replay(till)

    def end(self) -> None:
        """Everything is heard."""
        for till in self.tills:
            self.stores.replay(till)
        while self.gone:
            self.found(self.tills[0], 0)
        for till in self.tills:
            self.stores.hear(till)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["sell", "sell", "sell here", "borrow", "recall", "replay", "hear", "sync", "send",
             "cut", "meet", "receive", "restart", "restart till", "count", "replace", "lose",
             "found"]
        ),
        st.integers(0, 1),
        st.integers(1, 6),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_however_a_day_goes_all_books_say_what_stands_on_the_shelf(
    steps: list[tuple[str, int, int]],
) -> None:
    with opened("riverside") as stores:
        day = Day(stores)
        for what, number, units in steps:
            day.step(what, number, units)
        day.end()

        check_same_books(stores, day.shop)
        own = day.shop.state.counter(SKU)
        assert own.physical() == own.levels().on_hand == day.on_shelf
        assert own.quota(day.shop.state.ledger.writer) >= 0
        for till in day.tills:
            assert till.quota(SKU) == own.quota(till.state.ledger.writer)
