"""Goal: whatever a chain lives through, it sells no unit twice, and all agree once it is healed.

Method: a hub and two shops on real files (`tests.chain`). Hypothesis picks who sells, orders,
cancels, hands over or gives back; how much of which journal or feed arrives, again or from the
start; which grants come late or twice; whose commit fails and who starts again. The model is what
customers and clerks saw: goods received, sales acknowledged, goods handed over or brought back.
Caches are tiny, so that checkpoints and evictions happen all the time.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_hub.ordering import order_events
from cloud_hub.ordering.orders import ShortOnline
from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from gateway.selling.sales import Short
from replication import ledger
from replication.escrow import CellChange, EscrowCounter, check_invariants
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order, Payment, Pickup, asked_back
from retail.ordering.shortages import Action
from retail.returning.returns import Disposition
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, order_in
from tests.short_stories import adds_up, pays_back
from web.once import Done
from web.problems import Problem

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

SKUS: Final = ("tea", "jam")
SHOPS: Final = ("airport", "bazaar")
PRICE_MINOR: Final = 100

T = TypeVar("T")
Place = tuple[str, str]

DEEDS: Final = (
    EventType.SHIPPED, EventType.RELEASED, EventType.CANCELLED, EventType.SHORT_PICKED
)  # fmt: skip

skus = st.sampled_from(SKUS)
shops = st.sampled_from(SHOPS)
units = st.integers(1, 8)
lately = st.integers(0, 2)  # one of the last orders, so that a few of them live through a lot
payments: st.SearchStrategy[Payment] = st.sampled_from(["paid", "pending", "on_delivery"])


class ChainMachine(RuleBasedStateMachine):
    """A hub, two shops, and the people who know what really happened."""

    def __init__(self) -> None:
        super().__init__()
        self.caches = pytest.MonkeyPatch()
        self.caches.setattr(ledger, "COUNTERS_CACHED_MAX", 2)
        self.caches.setattr(ledger, "SAVE_ENTRIES", 7)
        self.directory = tempfile.TemporaryDirectory()
        self.chain = Chain(Path(self.directory.name), skus=SKUS, shops=SHOPS)
        self.hub = self.chain.hub
        self.hub.state.reachable.update(SHOPS)
        self.received: Counter[Place] = Counter()
        self.gone: Counter[Place] = Counter()
        self.returned: Counter[Place] = Counter()
        self.restocked: Counter[Place] = Counter()
        self.left_of: dict[str, tuple[str, str, int]] = {}
        self.uninspected: list[tuple[str, str, str, int]] = []
        self.told: dict[str, list[str]] = {"sale": [], "return": [], "exchange": []}
        self.orders: list[Order] = []
        self.grants: list[Callable[[], None]] = []
        self.asked = 0
        for at in SHOPS:
            self.receive(at, "tea", 20)
            self.receive(at, "jam", 12)
        self.chain.sync()

    @staticmethod
    def _try(act: Callable[[], T]) -> T | None:
        """What an act comes to; None when its commit failed."""
        try:
            return act()
        except CommitFailed:
            return None

    # What people do

    @rule(at=shops, sku=skus, many=st.integers(1, 20))
    def receive(self, at: str, sku: str, many: int) -> None:
        if self._try(lambda: self.chain.shops[at].receive(**{sku: many})) is not None:
            self.received[at, sku] += many

    @rule(at=shops, sku=skus, many=units, borrows=st.booleans(), is_late=st.booleans())
    def sell(self, at: str, sku: str, many: int, *, borrows: bool, is_late: bool) -> None:
        shop = self.chain.shops[at]
        outcome = self._ask_a_till(
            shop, lambda: shop.sell(sku, many), borrows=borrows, is_late=is_late
        )
        if isinstance(outcome, Done):
            self._is_sold(at, sku, many, msgspec.json.decode(outcome.record))

    def _ask_a_till(
        self, shop: ShopSide, ask: Callable[[], T], *, borrows: bool, is_late: bool
    ) -> T | None:
        outcome = self._try(ask)
        if isinstance(outcome, Short) and borrows:
            wants = [(lack.sku, lack.missing()) for lack in outcome.lacks]
            self._borrow_for_till(shop, wants, is_late=is_late)
            outcome = self._try(ask)
        return outcome

    def _is_sold(self, at: str, sku: str, many: int, sale: Mapping[str, Any]) -> None:
        self.told["sale"].append(sale["id"])
        self.left_of[sale["id"]] = (at, sku, many)
        self.gone[at, sku] += many

    @precondition(lambda self: self.left_of)
    @rule(which=lately, many=units)
    def bring_back(self, which: int, many: int) -> None:
        """A customer brings units back: those that are left of the sale, and no other."""
        sale = list(self.left_of)[-1 - which % len(self.left_of)]
        at, sku, left = self.left_of[sale]
        outcome = self._try(lambda: self.chain.shops[at].take_back(sale, sku, many))
        assert outcome is None or isinstance(outcome, Done) == (many <= left), outcome
        if isinstance(outcome, Done):
            self._is_back(sale, many, msgspec.json.decode(outcome.record))

    @precondition(lambda self: self.left_of)
    @rule(which=lately, many=units, wanted=skus, more=units, borrows=st.booleans())
    def exchange(self, which: int, many: int, wanted: str, more: int, *, borrows: bool) -> None:
        """A customer brings units back and takes others, or keeps what they have."""
        sale = list(self.left_of)[-1 - which % len(self.left_of)]
        at, sku, left = self.left_of[sale]
        shop = self.chain.shops[at]
        outcome = self._ask_a_till(
            shop, lambda: shop.exchange(sale, (sku, many), (wanted, more)),
            borrows=borrows, is_late=False,
        )  # fmt: skip
        assert outcome is None or isinstance(outcome, Problem) == (many > left), outcome
        if isinstance(outcome, Done):
            both = msgspec.json.decode(outcome.record)
            self._is_back(sale, many, both["returned"])
            self._is_sold(at, wanted, more, both["sale"])
            self.told["exchange"].append(both["id"])

    def _is_back(self, sale: str, many: int, note: Mapping[str, Any]) -> None:
        at, sku, left = self.left_of[sale]
        assert sum(one["amount_minor"] for one in note["refunds"]) == many * PRICE_MINOR
        self.left_of[sale] = (at, sku, left - many)
        self.returned[at, sku] += many
        self.told["return"].append(note["id"])
        self.uninspected.append((note["id"], at, sku, many))

    @precondition(lambda self: self.uninspected)
    @rule(which=lately, restock=st.booleans())
    def inspect(self, which: int, *, restock: bool) -> None:
        """Somebody looks at what came back: it is sold again, or it is waste."""
        waiting = self.uninspected[-1 - which % len(self.uninspected)]
        came, at, sku, many = waiting
        fate = Disposition.RESTOCK if restock else Disposition.WRITE_OFF
        outcome = self._try(lambda: self.chain.shops[at].inspect(came, sku, many, fate))
        if outcome is not None:
            assert isinstance(outcome, Done), outcome
            self.uninspected.remove(waiting)
            self.restocked[at, sku] += many if restock else 0
            self.returned[at, sku] -= 0 if restock else many

    def _borrow_for_till(
        self, shop: ShopSide, wants: Sequence[tuple[str, int]], *, is_late: bool
    ) -> None:
        writer, request = shop.state.ledger.writer, self._request()
        lent = self._try(
            lambda: self.hub.commit(
                lambda: hub_lending.lend(self.hub.state, writer, request, wants)
            )
        )
        if lent is not None and lent.cells:
            self._grant(lambda: self._take_at_shop(shop, lent.cells), is_late=is_late)

    @staticmethod
    def _take_at_shop(shop: ShopSide, cells: list[CellChange]) -> None:
        shop.commit(lambda: shop_lending.take_grant(shop.state, cells))

    @rule(
        wants=st.dictionaries(skus, units, min_size=1, max_size=2),
        payment=payments,
        pickup=st.none() | shops,
        is_late=st.booleans(),
    )
    def order(
        self, wants: dict[str, int], payment: Payment, pickup: str | None, *, is_late: bool
    ) -> None:
        def place() -> object:
            return self._try(lambda: self.hub.place(wants, pickup=pickup, payment=payment))

        outcome = place()
        if isinstance(outcome, ShortOnline):
            for location, lines in outcome.borrow.items():
                self._borrow_for_checkout(self.chain.shops[location], lines, is_late=is_late)
            outcome = place()
        if isinstance(outcome, Done):
            self.orders.append(order_in(outcome))

    def _borrow_for_checkout(
        self, shop: ShopSide, wants: Sequence[tuple[str, int]], *, is_late: bool
    ) -> None:
        request = self._request()
        lent = self._try(lambda: shop.commit(lambda: shop_lending.lend(shop.state, request, wants)))
        if lent is not None and lent.cells:
            self._grant(lambda: self._take_at_hub(shop, lent.cells), is_late=is_late)

    def _take_at_hub(self, shop: ShopSide, cells: list[CellChange]) -> None:
        writer = shop.state.ledger.writer
        self.hub.commit(lambda: hub_lending.take_grant(self.hub.state, writer, cells))

    def _request(self) -> str:
        self.asked += 1
        return f"request/{self.asked}"

    def _grant(self, take: Callable[[], None], *, is_late: bool) -> None:
        self.grants.append(take)
        if not is_late:
            self._try(take)

    @precondition(lambda self: self.orders)
    @rule(which=lately, event=st.sampled_from([EventType.PAID, EventType.CANCELLED]))
    def tell_the_hub(self, which: int, event: EventType) -> None:
        order = self.orders[-1 - which % len(self.orders)]
        self._try(lambda: self.hub.tell(order.id, event))

    @precondition(lambda self: self.orders)
    @rule(which=lately)
    def expire(self, which: int) -> None:
        order = self.orders[-1 - which % len(self.orders)]
        self._try(lambda: self.hub.commit(lambda: order_events.expire(self.hub.state, order.id)))

    @precondition(lambda self: self.orders)
    @rule(which=lately, part=st.integers(0, 3), to=st.none() | shops)
    def ask_for_units_back(self, which: int, part: int, to: str | None) -> None:
        """Head office wants a part of an order to be sent from elsewhere."""
        placed = self.orders[-1 - which % len(self.orders)]
        allocations = self.hub.order(placed.id).allocations
        if allocations:
            one = allocations[-1 - part % len(allocations)]
            self._try(lambda: self.hub.reallocate(placed.id, one.id, location=to))

    @precondition(lambda self: self.hub.shortages(state="open"))
    @rule(which=st.integers(0, 9), action=st.none() | st.sampled_from(list(Action)))
    def settle_a_shortage(self, which: int, action: Action | None) -> None:
        items = self.hub.shortages(state="open")
        decided = {"action": action.value} if action else {}
        self._try(lambda: self.hub.resolve(items[which % len(items)].id, **decided))

    @precondition(lambda self: self.orders)
    @rule(
        at=shops,
        which=lately,
        event=st.sampled_from(DEEDS),
        part=st.none() | units,
        is_open=st.integers(0, 9),
    )
    def tell_the_shop(
        self, at: str, which: int, event: EventType, *, part: int | None, is_open: int
    ) -> None:
        """All that waits here, or so much of a line; now and then nothing waits."""
        waiting = [order for order in self.orders if self._kept(at, order.id)]
        known = waiting if waiting and is_open else self.orders
        order = known[-1 - which % len(known)]
        own = [one for one in order.allocations if one.location == at]
        lines = {own[0].sku: min(part, own[0].quantity)} if part and own else None
        before = self._kept(at, order.id)
        if event is EventType.SHIPPED and isinstance(order.fulfilment, Pickup):
            event = EventType.COLLECTED
        self._try(lambda: self.chain.shops[at].tell(order.id, event, lines))
        if event not in {EventType.RELEASED, EventType.CANCELLED}:
            for sku, many in (before - self._kept(at, order.id)).items():
                self.gone[at, sku] += many

    def _kept(self, at: str, order_id: str) -> Counter[str]:
        rows = self.chain.shops[at].state.connection.execute(
            "SELECT sku, quantity FROM allocation WHERE order_id = ? AND state = 'committed'",
            (order_id,),
        )
        kept: Counter[str] = Counter()
        for sku, quantity in rows:
            kept[str(sku)] += int(str(quantity))
        return kept

    # What the world does

    @precondition(lambda self: self.grants)
    @rule(which=st.integers(0))
    def a_grant_arrives_late_or_again(self, which: int) -> None:
        self._try(self.grants[which % len(self.grants)])

    @rule(at=shops, entries_max=st.integers(1, 9))
    def a_part_of_a_journal_arrives(self, at: str, entries_max: int) -> None:
        self._try(lambda: self.chain.send(self.chain.shops[at], entries_max=entries_max))

    @rule(at=shops, items_max=st.integers(1, 9), from_zero=st.booleans(), is_lost=st.booleans())
    def a_part_of_the_feed_arrives(
        self, at: str, items_max: int, *, from_zero: bool, is_lost: bool
    ) -> None:
        shop = self.chain.shops[at]
        items = self._try(lambda: self.chain.offer(shop, after=0 if from_zero else None))
        if items and not is_lost:
            self._try(lambda: shop.apply(items[:items_max]))

    @rule(at=shops)
    def a_shop_is_heard(self, at: str) -> None:
        self._try(lambda: self.chain.sync(self.chain.shops[at]))

    @rule(at=st.sampled_from(("hub", *SHOPS)))
    def a_commit_will_fail(self, at: str) -> None:
        (self.hub if at == "hub" else self.chain.shops[at]).refuse_next_commit()

    @rule(at=st.sampled_from(("hub", *SHOPS)))
    def a_program_starts_again(self, at: str) -> None:
        known = self._known_at(at)
        if at == "hub":
            self.hub.restart()
            self.hub.state.reachable.update(SHOPS)
        else:
            self.chain.shops[at].restart()
        assert self._known_at(at) == known, "memory and file are the same"

    def _known_at(self, at: str) -> dict[Place, object]:
        if at == "hub":
            places = [(shop, sku) for shop in SHOPS for sku in SKUS]
            return {place: self.hub.counter(*place).cells() for place in places}
        state = self.chain.shops[at].state
        return {(at, sku): state.counter(sku).cells() for sku in SKUS}

    # What holds after every step

    @invariant()
    def nobody_owes_rights(self) -> None:
        """E1: of each holder in its own eyes, and of all on the union of the durable states."""
        for at, shop in self.chain.shops.items():
            for sku in SKUS:
                mine, hubs = shop.state.counter(sku), self.hub.counter(at, sku)
                assert mine.quota(shop.state.ledger.writer) >= 0
                assert hubs.quota(self.hub.state.ledger.writer) >= 0
                union = EscrowCounter(at, sku)
                union.merge(mine)
                union.merge(hubs)
                assert all(quota >= 0 for quota in union.holders().values())

    @invariant()
    def nothing_is_sold_or_promised_twice(self) -> None:
        """By the shelf alone: what is gone or promised never exceeds what came in."""
        promised = self._promised()
        for place, came in self.received.items():
            assert self.gone[place] + promised[place] <= came + self.restocked[place], place
        assert set(self.gone) | set(promised) <= set(self.received)
        for (at, sku), came in self.received.items():
            counter = self.chain.shops[at].state.counter(sku)
            assert counter.physical() == came + self.returned[at, sku] - self.gone[at, sku]

    def _promised(self) -> Counter[Place]:
        """Units of open allocations: a shop that has custody of one knows, else the hub does."""
        kept = {
            one: quantity if state == "committed" else 0
            for shop in self.chain.shops.values()
            for one, quantity, state in shop.state.connection.execute(
                "SELECT id, quantity, state FROM allocation"
            )
        }
        promised: Counter[Place] = Counter()
        for one, location, sku, quantity in self.hub.state.connection.execute(
            "SELECT id, location, sku, quantity FROM allocation "
            "WHERE state IN ('held', 'committed')"
        ):
            promised[str(location), str(sku)] += int(str(kept.get(one, quantity)))
        return promised

    # What holds when all has arrived

    def teardown(self) -> None:
        try:
            self.heal()
        finally:
            self.caches.undo()
            self.chain.close()
            self.directory.cleanup()

    def heal(self) -> None:
        """All start again and talk, entry by entry; then both sides know and keep the same."""
        self.hub.restart()
        for shop in self.chain.shops.values():
            shop.restart()
        self.chain.sync(entries_max=1)
        self.nobody_owes_rights()
        self.nothing_is_sold_or_promised_twice()
        for at, shop in self.chain.shops.items():
            at_hub = self._rows(at)
            for sku in SKUS:
                counter = self.hub.counter(at, sku)
                assert counter.cells() == shop.state.counter(sku).cells()
                assert check_invariants(counter) == []
                assert counter.levels().held == at_hub["held", sku]
                assert counter.levels().committed == at_hub["committed", sku]
            kept = {key: many for key, many in at_hub.items() if key[0] == "committed"}
            own = "SELECT state, sku, quantity FROM allocation WHERE state = 'committed'"
            assert self._summed(shop.state.connection.execute(own)) == kept
        for kind, told in self.told.items():
            assert sorted(self.hub.ids_of(kind)) == sorted(told)
        self._no_unit_waits_for_nobody()

    def _no_unit_waits_for_nobody(self) -> None:
        """A stand-in is held while it is needed, and what was asked back was answered for.

        What was ordered is kept, has gone, or is missing: no unit twice, and none forgotten.
        """
        for placed in self.orders:
            order = self.hub.order(placed.id)
            for one in order.allocations:
                assert one.state != "held" or one.replaces is None
                assert one.state != "committed" or one.id not in asked_back(order)
            adds_up(order)
            pays_back(order, self.hub.shortages(), PRICE_MINOR)

    def _rows(self, at: str) -> Counter[Place]:
        rows = self.hub.state.connection.execute(
            "SELECT state, sku, quantity FROM allocation "
            "WHERE location = ? AND state IN ('held', 'committed')",
            (at,),
        )
        return self._summed(rows)

    @staticmethod
    def _summed(rows: Iterable[tuple[object, ...]]) -> Counter[Place]:
        summed: Counter[Place] = Counter()
        for state, sku, quantity in rows:
            summed[str(state), str(sku)] += int(str(quantity))
        return summed


TestChainMachine = ChainMachine.TestCase
TestChainMachine.settings = settings(stateful_step_count=100)
