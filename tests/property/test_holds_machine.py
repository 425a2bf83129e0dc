"""Goal: no interleaving of holds with all else that a chain lives through loses or leaks a unit.

Method: the chain of `test_chain_machine`, in which checkouts and baskets also set units aside, and
end by use, word or time, in any order, some more than once. After every step what each holder has
spent as held, less what it minted again, is what its own rows say is held (E6); what is sold or
promised never exceeds what came in, holds included; in the end both sides know the same (E1, E2).
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from cloud_hub.ordering.orders import ShortOnline
from gateway.selling.sales import Short
from replication.escrow import Minted, Spent, Table
from retail.ordering.holds import Reservation
from retail.ordering.orders import Payment
from tests.chain_sides import basket_in, order_in, reservation_in
from tests.property.test_chain_machine import (
    SHOPS,
    SKUS,
    ChainMachine,
    Place,
    lately,
    payments,
    shops,
    skus,
    units,
)
from web.once import Done
from web.problems import Problem

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

HELD_ONLINE: Final = (
    "SELECT location, sku, quantity FROM allocation WHERE state = 'held' UNION ALL "
    "SELECT value ->> 'location', value ->> 'sku', value ->> 'quantity' "
    "FROM reservation, json_each(data, '$.allocations') WHERE status = 'open'"
)
HELD_IN_SHOP: Final = (
    "SELECT value ->> 'sku', value ->> 'quantity' "
    "FROM basket, json_each(data, '$.held') WHERE status = 'open'"
)

ways = st.sampled_from(["drop", "expire"])


class HeldBasket(NamedTuple):
    """A basket that was acknowledged, and where."""

    at: str
    id: str
    sku: str
    units: int


class HoldsMachine(ChainMachine):
    """The chain, with customers who make up their minds."""

    def __init__(self) -> None:
        self.reservations: list[Reservation] = []
        self.baskets: list[HeldBasket] = []
        self.used: set[str] = set()
        super().__init__()

    def _use(self, hold: str) -> None:
        assert hold not in self.used, "a hold is used once"
        self.used.add(hold)

    # Checkouts

    @rule(
        wants=st.dictionaries(skus, units, min_size=1, max_size=2),
        pickup=st.none() | shops,
        is_late=st.booleans(),
    )
    def reserve(self, wants: dict[str, int], pickup: str | None, *, is_late: bool) -> None:
        outcome = self._asking_shops(
            lambda: self._try(lambda: self.hub.reserve(wants, pickup=pickup)), is_late=is_late
        )
        if isinstance(outcome, Done):
            self.reservations.append(reservation_in(outcome))

    def _asking_shops(self, decide: Callable[[], object], *, is_late: bool) -> object:
        outcome = decide()
        if isinstance(outcome, ShortOnline):
            for location, lines in outcome.borrow.items():
                self._borrow_for_checkout(self.chain.shops[location], lines, is_late=is_late)
            outcome = decide()
        return outcome

    @precondition(lambda self: self.reservations)
    @rule(which=lately, way=ways)
    def end_a_reservation(self, which: int, way: str) -> None:
        reservation = self.reservations[-1 - which % len(self.reservations)]
        outcome = self._try(lambda: getattr(self.hub, way)(reservation.id))
        assert reservation.id not in self.used or not isinstance(outcome, Done)

    @precondition(lambda self: self.reservations)
    @rule(
        which=lately,
        payment=payments,
        pickup=st.none() | shops,
        more=st.sampled_from([0, 0, 0, 1]),
        is_late=st.booleans(),
    )
    def order_what_was_reserved(
        self, which: int, payment: Payment, pickup: str | None, more: int, *, is_late: bool
    ) -> None:
        reservation = self.reservations[-1 - which % len(self.reservations)]
        wants = {line.sku: line.quantity + more for line in reservation.lines}
        outcome = self._asking_shops(
            lambda: self._try(
                lambda: self.hub.place(
                    wants, pickup=pickup, payment=payment, reservation=reservation.id
                )
            ),
            is_late=is_late,
        )
        if isinstance(outcome, Done):
            assert not more, "a reservation is for its own lines"
            self._use(reservation.id)
            self.orders.append(order_in(outcome))
        elif reservation.id in self.used:
            assert outcome is None or isinstance(outcome, Problem)

    # Baskets

    @rule(at=shops, sku=skus, many=units, borrows=st.booleans(), is_late=st.booleans())
    def hold(self, at: str, sku: str, many: int, *, borrows: bool, is_late: bool) -> None:
        shop = self.chain.shops[at]
        outcome = self._try(lambda: shop.hold({sku: many}))
        if isinstance(outcome, Short) and borrows:
            self._borrow_for_till(shop, outcome.wants(), is_late=is_late)
            outcome = self._try(lambda: shop.hold({sku: many}))
        if isinstance(outcome, Done):
            self.baskets.append(HeldBasket(at, basket_in(outcome).id, sku, many))

    @precondition(lambda self: self.baskets)
    @rule(which=lately, way=ways)
    def end_a_basket(self, which: int, way: str) -> None:
        basket = self.baskets[-1 - which % len(self.baskets)]
        outcome = self._try(lambda: getattr(self.chain.shops[basket.at], way)(basket.id))
        assert basket.id not in self.used or not isinstance(outcome, Done)

    @precondition(lambda self: self.baskets)
    @rule(which=lately, sku=st.none() | skus, more=st.integers(-4, 4), borrows=st.booleans())
    def sell_a_basket(self, which: int, sku: str | None, more: int, *, borrows: bool) -> None:
        basket = self.baskets[-1 - which % len(self.baskets)]
        shop, sku = self.chain.shops[basket.at], sku or basket.sku
        many = max(1, basket.units + more)
        outcome = self._try(lambda: shop.sell(sku, many, basket=basket.id))
        if isinstance(outcome, Short) and borrows:
            self._borrow_for_till(shop, outcome.wants(), is_late=False)
            outcome = self._try(lambda: shop.sell(sku, many, basket=basket.id))
        if isinstance(outcome, Done):
            self._use(basket.id)
            self._is_sold(basket.at, sku, many, msgspec.json.decode(outcome.record))

    # What holds after every step

    @invariant()
    def each_holder_holds_what_its_rows_say(self) -> None:
        """E6, of each holder's own cells and rows."""
        online = self._held_online()
        for at, shop in self.chain.shops.items():
            in_shop = self._held_in_shop(at)
            for sku in SKUS:
                hub_held = self._held_by(self.hub.state.ledger.writer, at, sku, is_hub=True)
                assert hub_held == online[at, sku], (at, sku)
                shop_held = self._held_by(shop.state.ledger.writer, at, sku, is_hub=False)
                assert shop_held == in_shop[sku], (at, sku)

    def _held_by(self, writer: str, at: str, sku: str, *, is_hub: bool) -> int:
        counter = self.hub.counter(at, sku) if is_hub else self.chain.shops[at].state.counter(sku)
        return counter.value(Table.SPENT, writer, Spent.HELD) - counter.value(
            Table.MINTED, writer, Minted.HOLD_RELEASED
        )

    def _held_online(self) -> Counter[Place]:
        held: Counter[Place] = Counter()
        for location, sku, quantity in self.hub.state.connection.execute(HELD_ONLINE):
            held[str(location), str(sku)] += int(str(quantity))
        return held

    def _held_in_shop(self, at: str) -> Counter[str]:
        held: Counter[str] = Counter()
        for sku, quantity in self.chain.shops[at].state.connection.execute(HELD_IN_SHOP):
            held[str(sku)] += int(str(quantity))
        return held

    def _promised(self) -> Counter[Place]:
        promised = super()._promised()
        for location, sku, quantity in self.hub.state.connection.execute(
            HELD_ONLINE.rpartition("UNION ALL")[2]
        ):
            promised[str(location), str(sku)] += int(str(quantity))
        for at in SHOPS:
            for sku, many in self._held_in_shop(at).items():
                promised[at, sku] += many
        return promised

    def _rows(self, at: str) -> Counter[Place]:
        rows = super()._rows(at)
        online, in_shop = self._held_online(), self._held_in_shop(at)
        return rows | Counter({("held", sku): online[at, sku] + in_shop[sku] for sku in SKUS})


TestHoldsMachine = HoldsMachine.TestCase
TestHoldsMachine.settings = settings(stateful_step_count=100)
