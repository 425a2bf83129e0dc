"""Goal: whoever keeps units of an order can always hand them over or put them back (E9).

Method: first the tables alone: every state of an order that its doors let it reach, and every one
that comes of merging two of them, is asked what a custodian may still say. Then a hub and two shops
in one process (`tests.chain`): Hypothesis writes their story, cut lines and partial events among
it; when all has arrived, whatever is still kept is ended in one of three ways, and nothing is left.
"""

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_hub.ordering import order_events
from gateway.ordering.orders import may_tell
from replication.ids import LocationId
from retail.ordering import orders
from retail.ordering.order_status import PRECEDENCE, RANK, EventType, OrderStatus
from retail.ordering.orders import (
    Allocation,
    Order,
    OrderEvent,
    OrderLine,
    Payment,
    Pickup,
    Ship,
    check_event,
    status,
)
from retail.selling.sales import SaleLine
from tests.chain import Chain
from tests.chain_sides import order_in
from web.once import Done
from web.problems import Problem

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

AT: Final = "2026-11-22T14:02:31Z"
SHOPS: Final = ("airport", "bazaar")
PART: Final = (OrderLine(sku="tea", quantity=1),)
LINE: Final = SaleLine(
    sku="tea", name="Tea", quantity=2, unit_price_minor=100, discounts=(), net_minor=174,
    tax_class="standard", tax_rate="0.15", tax_minor=26, total_minor=200,
)  # fmt: skip

PUTS_BACK: Final = (EventType.CANCELLED, EventType.RELEASED, EventType.SHORT_PICKED)
"""What a custodian says that keeps the goods, gives them up as it was asked to, or misses them."""


def hands_over(way: Ship | Pickup) -> EventType:
    return EventType.COLLECTED if isinstance(way, Pickup) else EventType.SHIPPED


# The tables


class State(NamedTuple):
    """All of a history that the doors look at: its strongest event that counts, and the money."""

    strongest: EventType
    is_paid: bool

    def merged(self, other: "State") -> "State":
        strongest = max(self.strongest, other.strongest, key=RANK.__getitem__)
        return State(strongest, self.is_paid or other.is_paid)


def order_at(state: State, way: Ship | Pickup, payment: Payment) -> Order:
    """An order that has come so far."""
    types = [state.strongest, EventType.PAID] if state.is_paid else [state.strongest]
    events = tuple(
        OrderEvent(id=f"e{n}", type=type_, at=AT, actor="hub.1") for n, type_ in enumerate(types)
    )
    return Order(
        id="o1", number="W-000001", status=status(events, (LINE,)), lines=(LINE,),
        allocations=(Allocation(id="a1", sku="tea", location="airport", quantity=2),),
        fulfilment=way, payment=payment, total_minor=200, tax_minor=26, currency="USD",
        pickup_code=None, customer=None, contact=None, events=events, placed_at=AT,
    )  # fmt: skip


def reached(way: Ship | Pickup, payment: Payment) -> set[State]:
    """Every state to which the doors let an order come, on either side of a cut, and merged."""
    begins = EventType.PAID if payment == "paid" else EventType.PLACED
    known = {State(begins, begins is EventType.PAID)}
    new = set(known)
    while new:
        told = {
            here.merged(State(event_type, event_type is EventType.PAID))
            for here in new
            for event_type in EventType
            if check_event(order_at(here, way, payment), event_type) is None
        }
        merged = {one.merged(other) for one in told | known for other in told}
        new = (told | merged) - known
        known |= new
    return known


ways = pytest.mark.parametrize("way", [Ship(), Pickup(location="airport")], ids=["ship", "pickup"])


@ways
@pytest.mark.parametrize("payment", get_args(Payment))
def test_a_custodian_may_hand_over_or_put_back_in_every_state_that_can_be_reached(
    way: Ship | Pickup, payment: Payment
) -> None:
    states = reached(way, payment)

    for state in states:
        if payment == "pending" and not state.is_paid:
            continue  # the hub still holds it: no location has heard of it
        order = order_at(state, way, payment)
        for event_type in (hands_over(way), *PUTS_BACK):
            assert check_event(order, event_type) is None, (state, event_type)


@ways
def test_the_hub_may_ask_for_an_end_in_every_state_in_which_somebody_keeps_units(
    way: Ship | Pickup,
) -> None:
    for state in reached(way, "on_delivery"):
        order = order_at(state, way, "on_delivery")
        for event_type in (EventType.CANCELLED, EventType.RELEASE_REQUESTED):
            assert check_event(order, event_type) is None, (state, event_type)


@ways
def test_an_unpaid_order_that_the_hub_holds_can_always_be_paid_called_off_or_has_expired(
    way: Ship | Pickup,
) -> None:
    for state in reached(way, "pending"):
        if state.is_paid:
            continue
        order = order_at(state, way, "pending")
        takes = {one for one in EventType if check_event(order, one) is None}
        ended = PRECEDENCE[state.strongest] in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}
        assert ended or takes & {EventType.CANCELLED, EventType.EXPIRED}, state


def test_the_walk_reaches_every_status() -> None:
    found = {
        PRECEDENCE[state.strongest]
        for way in (Ship(), Pickup(location="airport"))
        for payment in get_args(Payment)
        for state in reached(way, payment)
    }

    assert found == set(OrderStatus)


# The programs


class Step(NamedTuple):
    """Somebody does something about one of the last orders, or a line carries something.

    A part is one unit of tea. `event` is one of those that the hub or a store tells.
    """

    deed: str
    at: int
    which: int
    event: int
    is_part: bool


HUB_TELLS: Final = (
    EventType.CANCELLED,
    EventType.PAID,
    EventType.DELIVERED,
    EventType.DELIVERY_REFUSED,
    EventType.RETURNED,
)
STORE_TELLS: Final = (
    EventType.SHIPPED,
    EventType.COLLECTED,
    EventType.READY_FOR_PICKUP,
    EventType.PICKED,
    EventType.PACKED,
    EventType.DELIVERED,
    EventType.DELIVERY_REFUSED,
    EventType.UNCOLLECTED,
    *PUTS_BACK,
)
DEEDS: Final = (
    "hub", "store", "store", "store", "ask back", "settle", "lose", "expire", "up", "down", "talk",
)  # fmt: skip

steps = st.builds(
    Step,
    deed=st.sampled_from(DEEDS),
    at=st.integers(0, 1),
    which=st.integers(0, 2),
    event=st.integers(0, len(HUB_TELLS) * len(STORE_TELLS) - 1),
    is_part=st.sampled_from([True, True, False]),
)
asked = st.tuples(
    st.fixed_dictionaries({"tea": st.integers(2, 40), "jam": st.integers(1, 4)}),
    st.none() | st.sampled_from(SHOPS),
    st.sampled_from(get_args(Payment)),
)
ends = st.lists(st.sampled_from(["hand over", "put back", "head office"]), min_size=1)


class Story:
    """What happens to some orders of a chain of two shops."""

    def __init__(self, directory: Path) -> None:
        self.chain = Chain(directory, skus=["tea", "jam"], shops=SHOPS)
        self.orders: list[str] = []
        for shop in self.chain.shops.values():
            shop.receive(tea=120, jam=120)
        self.chain.sync()

    def place(self, units: dict[str, int], pickup: str | None, payment: Payment) -> None:
        """An order, of which the stores hear at once; where there is too little, nothing."""
        placed = self.chain.hub.place(units, pickup=pickup, payment=payment)
        if isinstance(placed, Done):
            self.orders.append(order_in(placed).id)
            self.chain.sync()

    def take(self, step: Step) -> None:
        """One step; what makes no sense is refused."""
        order = self.orders[-1 - step.which % len(self.orders)]
        keepers = sorted({at for at, kept in self.kept() if kept == order}) or SHOPS
        hub, shop = self.chain.hub, self.chain.shops[keepers[step.at % len(keepers)]]
        match step.deed:
            case "hub":
                hub.tell(order, HUB_TELLS[step.event % len(HUB_TELLS)])
            case "store":
                event = STORE_TELLS[step.event % len(STORE_TELLS)]
                shop.tell(order, event, {"tea": 1} if step.is_part else None)
            case "ask back":
                for one in hub.order(order).allocations[:1]:
                    hub.reallocate(order, one.id)
            case "settle":
                for item in hub.shortages(state="open")[:1]:
                    hub.resolve(item.id)
            case "lose":
                shop.adjust("tea", -100, "theft")
            case "expire":
                self.expire(order)
            case "up":
                self.chain.send(shop, entries_max=2)
            case "down":
                if items := self.chain.offer(shop):
                    shop.apply(items[:2])
            case _:
                self.chain.sync(shop)

    def expire(self, order: str) -> None:
        hub = self.chain.hub
        hub.commit(lambda: order_events.expire(hub.state, order))

    def kept(self) -> Iterator[tuple[str, str]]:
        """The shops that keep units, each with the order."""
        for name, shop in self.chain.shops.items():
            for (order,) in shop.state.connection.execute(
                "SELECT DISTINCT order_id FROM allocation WHERE state = 'committed'"
            ).fetchall():
                yield name, str(order)

    def end(self, at: str, order: str, how: str) -> None:
        """End the custody of a shop; it has to work."""
        way, shop = self.chain.hub.order(order).fulfilment, self.chain.shops[at]
        if how == "head office":
            assert isinstance(self.chain.hub.tell(order, EventType.CANCELLED), Done)
            self.chain.sync()
            return
        told = shop.tell(order, hands_over(way) if how == "hand over" else EventType.CANCELLED)
        assert isinstance(told, Done), told

    def close(self) -> None:
        """Close all files."""
        self.chain.close()

    def check_none_left(self) -> None:
        """Nobody keeps a unit, nobody holds one, and all of them agree."""
        for at, sku in itertools.product(SHOPS, ("tea", "jam")):
            counter = self.chain.hub.counter(at, sku)
            assert counter.cells() == self.chain.shops[at].state.counter(sku).cells()
            assert (counter.levels().held, counter.levels().committed) == (0, 0)
        for order in map(self.chain.hub.order, self.orders):
            assert {one.state for one in order.allocations} <= {"fulfilled", "released"}


@given(
    st.lists(st.tuples(asked, st.lists(steps, max_size=6)), min_size=1, max_size=3),
    st.lists(steps, min_size=3, max_size=15),
    ends,
)
def test_whatever_happened_everything_that_is_kept_can_be_ended_and_nothing_stays(
    placed: list[tuple[tuple[dict[str, int], str | None, Payment], list[Step]]],
    more: list[Step],
    how: list[str],
) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        contextlib.closing(Story(Path(directory))) as story,
    ):
        for asked_for, then in placed:
            story.place(*asked_for)
            for step in then if story.orders else []:
                story.take(step)
        for step in more if story.orders else []:
            story.take(step)

        story.chain.sync()

        for at, order in story.kept():
            known = story.chain.hub.order(order)
            assert known.status is not OrderStatus.CANCELLED, "somebody still keeps some of it"
            for event_type in (hands_over(known.fulfilment), *PUTS_BACK):
                assert may_tell(LocationId(at), known, event_type, keeps=True) is None, (
                    known.status,
                    event_type,
                )
        for choice in itertools.cycle(how):
            if (waiting := next(story.kept(), None)) is None:
                break
            story.end(*waiting, choice)
            story.chain.sync()
        for order in story.orders:
            story.expire(order)
        story.chain.sync()
        story.check_none_left()


# A full history


@pytest.mark.parametrize("way", [None, "airport"], ids=["ship", "pickup"])
def test_however_often_somebody_says_the_same_the_goods_can_still_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str | None
) -> None:
    monkeypatch.setattr(orders, "HISTORY_BYTES_MAX", 2_000)
    story = Story(tmp_path)
    story.place({"tea": 30}, way, "paid")
    (order,) = story.orders
    story.chain.sync()
    at, _ = next(story.kept())
    shop, hub = story.chain.shops[at], story.chain.hub

    told = [isinstance(shop.tell(order, EventType.PICKED), Done) for _ in range(40)]
    story.chain.sync()
    assert told.index(False) < 20, "some 100 bytes each"
    assert not any(told[told.index(False) :])
    assert isinstance(shop.tell(order, EventType.PACKED), Done), "it is news"
    assert isinstance(shop.tell(order, EventType.PACKED), Problem)
    for event in (EventType.SHORT_PICKED, hands_over(hub.order(order).fulfilment)):
        refused = shop.tell(order, event, {"tea": 1})
        assert isinstance(refused, Problem), "a part makes the history longer without end"
    told = [isinstance(hub.tell(order, EventType.CANCELLED), Done) for _ in range(3)]
    assert told == [True, False, False], "before anybody answers"
    story.end(at, order, "hand over")
    story.chain.sync()
    story.check_none_left()
    story.close()


def test_of_a_full_history_the_second_parcel_can_leave_as_the_first_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(tmp_path)
    story.place({"tea": 40}, None, "paid")
    (order,) = story.orders
    story.chain.sync()
    story.end("airport", order, "hand over")
    story.chain.sync()
    monkeypatch.setattr(orders, "HISTORY_BYTES_MAX", 100)

    assert isinstance(story.chain.shops["bazaar"].tell(order, EventType.PICKED), Done), "news"
    assert isinstance(story.chain.shops["bazaar"].tell(order, EventType.PICKED), Problem)
    story.end("bazaar", order, "hand over")

    story.chain.sync()
    story.check_none_left()
    story.close()
