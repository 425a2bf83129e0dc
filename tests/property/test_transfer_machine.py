"""Goal: whatever overtakes what, a unit is in one place, in transit or lost (E7).

Method: a hub and three shops on real files (`tests.chain`). Hypothesis picks who plans, ships or
counts in, by the news or by the paper; how much of which journal or feed arrives, again or from the
start; whose commit fails and who starts again. The model is what the clerks and drivers saw: goods
on each shelf and on each truck.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_hub.stock import transfers as hub_transfers
from retail.stock.transfer_totals import conservation
from retail.stock.transfers import parse_transfer_id
from tests.chain import Chain
from tests.chain_sides import CommitFailed, transfer_in
from tests.transfers_seen import SKUS, conserved, incoming, known, transfers_heard
from web.once import Done

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

SHOPS: Final = ("airport", "bazaar", "castle")

T = TypeVar("T")

loads = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 9), min_size=1)
shops = st.sampled_from(SHOPS)
lately = st.integers(0, 3)


class TransferMachine(RuleBasedStateMachine):
    """A hub, three shops, their trucks, and the people who know what is on them."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.chain = Chain(Path(self.directory.name), skus=SKUS, shops=SHOPS)
        self.shelf: Counter[tuple[str, str]] = Counter()
        self.plans: list[str] = []
        self.shipped: Counter[str] = Counter()
        self.trucks: dict[str, dict[str, int]] = {}
        self.counted: set[tuple[str, str]] = set()
        for at in SHOPS[:2]:
            self.chain.shops[at].receive(tea=20, jam=12)
            self.shelf.update({(at, "tea"): 20, (at, "jam"): 12})
        self.chain.sync()

    @staticmethod
    def _try(act: Callable[[], T]) -> T | None:
        """What an act comes to; None when its commit failed."""
        try:
            return act()
        except CommitFailed:
            return None

    # What people do

    @rule(at=shops, to=shops, load=loads)
    def plan(self, at: str, to: str, load: dict[str, int]) -> None:
        outcome = self._try(lambda: self.chain.shops[at].create_transfer(to, **load))
        if isinstance(outcome, Done):
            self.plans.append(transfer_in(outcome).id)

    @precondition(lambda self: self.plans)
    @rule(which=lately, load=st.none() | loads)
    def ship(self, which: int, load: dict[str, int] | None) -> None:
        number = self.plans[-1 - which % len(self.plans)]
        at, _ = ends_of(number)
        outcome = self._try(lambda: self.chain.shops[at].ship_transfer(number, load))
        if isinstance(outcome, Done):
            assert number not in self.trucks, "a truck leaves once"
            left = {one.sku: one.shipped for one in transfer_in(outcome).lines if one.shipped}
            assert load in (None, left)
            self.trucks[number] = left
            self.shipped.update(left)
            self.shelf.subtract({(at, sku): many for sku, many in left.items()})

    @precondition(lambda self: self.trucks)
    @rule(which=lately, astray=st.none() | shops)
    def count_in_as_shipped(self, which: int, astray: str | None) -> None:
        number = list(self.trucks)[-1 - which % len(self.trucks)]
        _, to = ends_of(number)
        outcome = self._try(lambda: self.chain.shops[astray or to].receive_transfer(number))
        if isinstance(outcome, Done):
            assert astray in (None, to), "nobody else takes it in"
            assert self.trucks[number], "an empty truck brings nothing"
            self._unload(number, dict(self.trucks[number]))

    @precondition(lambda self: self.trucks)
    @rule(which=lately, sku=st.sampled_from(SKUS), more=st.integers(-9, 2))
    def count_in_one_line(self, which: int, sku: str, more: int) -> None:
        """What was on the truck, less, or (nobody counts for a driver) more."""
        number = list(self.trucks)[-1 - which % len(self.trucks)]
        _, to = ends_of(number)
        units = {sku: max(self.trucks[number].get(sku, 0) + more, 0)}
        outcome = self._try(lambda: self.chain.shops[to].receive_transfer(number, units))
        if isinstance(outcome, Done):
            self._unload(number, units)

    def _unload(self, number: str, units: dict[str, int]) -> None:
        _, to = ends_of(number)
        for sku, many in units.items():
            assert (number, sku) not in self.counted, "a line is counted in once"
            self.counted.add((number, sku))
            self.trucks[number].pop(sku, None)
            self.shelf[to, sku] += many

    # What the world does

    @rule(at=shops, entries_max=st.integers(1, 9))
    def a_part_of_a_journal_arrives(self, at: str, entries_max: int) -> None:
        self._try(lambda: self.chain.send(self.chain.shops[at], entries_max=entries_max))

    @rule(at=shops, items_max=st.integers(1, 9), from_zero=st.booleans())
    def a_part_of_the_feed_arrives(self, at: str, items_max: int, *, from_zero: bool) -> None:
        shop = self.chain.shops[at]
        items = self._try(lambda: self.chain.offer(shop, after=0 if from_zero else None))
        if items:
            self._try(lambda: shop.apply(items[:items_max]))

    @rule(at=shops)
    def a_shop_is_heard(self, at: str) -> None:
        self._try(lambda: self.chain.sync(self.chain.shops[at]))

    @rule(at=st.sampled_from(("hub", *SHOPS)))
    def a_commit_will_fail(self, at: str) -> None:
        (self.chain.hub if at == "hub" else self.chain.shops[at]).refuse_next_commit()

    @rule(at=st.sampled_from(("hub", *SHOPS)))
    def a_program_starts_again(self, at: str) -> None:
        (self.chain.hub if at == "hub" else self.chain.shops[at]).restart()

    # What holds after every step

    @invariant()
    def books_are_what_stands_on_the_shelves(self) -> None:
        for at, shop in self.chain.shops.items():
            for sku in SKUS:
                counter = shop.state.counter(sku)
                assert counter.physical() == self.shelf[at, sku]
                assert counter.quota(shop.state.ledger.writer) >= 0

    @invariant()
    def units_are_conserved_as_far_as_the_hub_has_heard(self) -> None:
        conserved(self.chain)

    # What holds when all has arrived

    def teardown(self) -> None:
        try:
            self.heal()
        finally:
            self.chain.close()
            self.directory.cleanup()

    def heal(self) -> None:
        """All start again and talk, entry by entry; then all know the same of each transfer."""
        self.chain.hub.restart()
        for shop in self.chain.shops.values():
            shop.restart()
        self.chain.sync(entries_max=1)
        self.books_are_what_stands_on_the_shelves()
        self.units_are_conserved_as_far_as_the_hub_has_heard()
        heard = transfers_heard(self.chain)
        assert sorted(one.id for one in heard) == sorted(self.plans)
        for transfer in heard:
            for end in (transfer.source, transfer.destination):
                assert known(self.chain.shops[end], transfer.id) == transfer
        self._trucks_are_what_is_in_transit()

    def _trucks_are_what_is_in_transit(self) -> None:
        heard = transfers_heard(self.chain)
        totals = conservation(heard)
        for sku in SKUS:
            loads = {number: load.get(sku, 0) for number, load in self.trucks.items()}
            assert sum(loads.values()) == (totals[sku].in_transit if sku in totals else 0)
            assert self.shipped[sku] == (totals[sku].shipped if sku in totals else 0)
            for at, shop in self.chain.shops.items():
                coming = sum(many for number, many in loads.items() if ends_of(number)[1] == at)
                assert incoming(shop, sku) == coming
                assert hub_transfers.incoming(self.chain.hub.state, sku).get(at, 0) == coming


def ends_of(number: str) -> tuple[str, str]:
    """Where a transfer comes from and goes to."""
    route = parse_transfer_id(number)
    assert route is not None
    return route.source, route.destination


TestTransferMachine = TransferMachine.TestCase
TestTransferMachine.settings = settings(stateful_step_count=60)
