"""Goal: no unit of an order is promised twice and none forgotten, however it is heard (P1 to P4).

Method: real documents, and the rules themselves as the programs apply them. A hub and two stores
hold one order. Hypothesis picks who does what, and who hears whom when; a store answers what is
asked of it from its own copy, the hub hears stores in the order of their journals. After each step
of the hub units are summed up, and in the end everybody has heard everything, in any order.
"""

from random import Random
from typing import Final, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.document import EntityDocument, actor_for
from retail.documents import (
    DocumentUnfit,
    added_field,
    custody_field,
    event_texts,
    order_of,
    part_field,
    placed_fields,
)
from retail.ordering.allocations import (
    NotKept,
    Touched,
    missing,
    missing_units,
    new_parts,
    part_of,
    settle_stand_ins,
    touched_by,
)
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import (
    Allocation,
    AllocationState,
    Order,
    OrderEvent,
    OrderLine,
    Ship,
    asked_back,
)
from retail.selling.sales import SaleLine

AT: Final = "2026-11-22T14:02:31Z"
STORES: Final = ("airport", "bazaar")
ORDERED: Final = 9

ORDER: Final = Order(
    id="hub.1-7", number="W-000001", status=OrderStatus.NEW,
    lines=(
        SaleLine(
            sku="tea", name="Tea", quantity=ORDERED, unit_price_minor=100, discounts=(),
            net_minor=900, tax_class="standard", tax_rate="0", tax_minor=0, total_minor=900,
        ),
    ),
    allocations=(
        Allocation(id="hub.1-7-1", sku="tea", location="airport", quantity=5),
        Allocation(id="hub.1-7-2", sku="tea", location="bazaar", quantity=4),
    ),
    fulfilment=Ship(), payment="paid", total_minor=900, tax_minor=0, currency="USD",
    pickup_code=None, customer=None, contact=None, events=(), placed_at=AT,
)  # fmt: skip


class Step(NamedTuple):
    """One thing that happens; `which` and `units` say to what, as far as it matters."""

    what: str
    at: int
    which: int
    units: int


steps = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(
            ["send", "miss", "give back", "journal", "feed", "ask back", "replace", "cancel"]
        ),
        at=st.integers(0, 1),
        which=st.integers(0, 5),
        units=st.integers(1, 9),
    ),
    max_size=30,
)
dice_of_any_seed = st.randoms(use_true_random=False)


class Chain:
    """The order as the hub and the stores have it, and what stores have told and nobody heard."""

    def __init__(self) -> None:
        self.hub = EntityDocument.new(actor_for("hub.1", "boot"))
        self.hub.put(placed_fields(ORDER))
        self.stores = [EntityDocument.load(self.hub.save()) for _ in STORES]
        for name, store in zip(STORES, self.stores, strict=True):
            store.set_actor(actor_for(f"{name}.1", "boot"))
        self.journals: list[list[Order]] = [[], []]
        self.numbers = 8

    @property
    def order(self) -> Order:
        """As the hub reads it."""
        return read(self.hub)

    def take(self, step: Step) -> None:
        """Do one thing; what makes no sense now is left."""
        match step.what:
            case "send" | "miss" | "give back":
                kept = self._kept(step.at)
                if kept:
                    one = kept[step.which % len(kept)]
                    units = min(step.units, one.quantity)
                    state: AllocationState = "fulfilled" if step.what == "send" else "released"
                    self._tell(step.at, [Touched(one, units)], state)
            case "journal":
                if self.journals[step.at]:
                    self._hear(step.at, self.journals[step.at].pop(0))
            case "feed":
                self.feed(step.at)
            case "ask back":
                self._ask_back(step)
            case "replace":
                short = missing(self.order)
                if short:
                    self._replace(short[step.which % len(short)])
            case _:
                self._write_event(EventType.CANCEL_REQUESTED)
                self._settle()

    def _event(self, writer: str, event: EventType, asked: str | None = None) -> dict[str, str]:
        self.numbers += 1
        return event_texts(
            (
                OrderEvent(
                    id=f"{writer}-{self.numbers}", type=event, at=AT, actor=writer,
                    allocations=None if asked is None else (asked,),
                ),
            )
        )  # fmt: skip

    def _kept(self, at: int) -> list[Allocation]:
        order = read(self.stores[at])
        return [
            one for one in order.allocations
            if (one.location, one.state) == (STORES[at], "committed")
        ]  # fmt: skip

    def _tell(self, at: int, touched: list[Touched], state: AllocationState) -> None:
        store = self.stores[at]
        fields: dict[str, str] = {}
        for one in touched:
            if one.is_whole:
                fields |= custody_field(one.allocation.id, state)
            else:
                fields |= part_field(part_of(read(store), one, state))
        store.put(fields, self._event(f"{STORES[at]}.1", EventType.RELEASED))
        self.journals[at].append(read(store))

    def _hear(self, at: int, told: Order) -> None:
        """A store's entry, as the hub takes it in: its parts, what ended, and what follows."""
        parts = new_parts(self.order, told, STORES[at])
        assert not isinstance(parts, str), parts
        fields: dict[str, str] = {}
        for part in parts:
            fields |= part_field(part)
        for one in told.allocations:
            if one.location == STORES[at] and one.state in {"fulfilled", "released"}:
                fields |= {} if one in parts else custody_field(one.id, one.state)
        self.hub.put(fields, event_texts(told.events))
        self._settle()

    def feed(self, at: int) -> None:
        """A store hears the hub, and answers what it is asked."""
        self.stores[at].merge(self.hub)
        order = read(self.stores[at])
        asked = asked_back(order)
        ends = any(event.type is EventType.CANCEL_REQUESTED for event in order.events)
        back = [Touched(one, one.quantity) for one in self._kept(at) if ends or one.id in asked]
        if back:
            self._tell(at, back, "released")

    def _ask_back(self, step: Step) -> None:
        order = self.order
        kept = [
            one for one in order.allocations
            if one.state == "committed" and one.id not in asked_back(order)
        ]  # fmt: skip
        if not kept:
            return
        one = kept[step.which % len(kept)]
        fields = added_field(self._stand_in(order, one, "held")) if step.units % 2 else {}
        self.hub.put(fields, self._event("hub.1", EventType.RELEASE_REQUESTED, one.id))
        self._settle()

    def _replace(self, one: Allocation) -> None:
        self.hub.put(added_field(self._stand_in(self.order, one, "committed")), {})
        self._settle()

    @staticmethod
    def _stand_in(order: Order, one: Allocation, state: AllocationState) -> Allocation:
        elsewhere = STORES[1 - STORES.index(one.location)]
        return Allocation(
            id=f"{order.id}-{len(order.allocations) + 1}", sku=one.sku, location=elsewhere,
            quantity=one.quantity, state=state, replaces=one.id,
        )  # fmt: skip

    def _write_event(self, event: EventType) -> None:
        self.hub.put({}, self._event("hub.1", event))

    def _settle(self) -> None:
        settled = settle_stand_ins(self.order)
        fields: dict[str, str] = {}
        for part in settled.parts:
            fields |= part_field(part)
        for one, state in settled.states.items():
            fields |= custody_field(one, state)
        self.hub.put(fields, {})
        assert settle_stand_ins(self.order) == ((), {}), "told again, it comes to nothing"
        sums_up(self.order)


def read(document: EntityDocument) -> Order:
    """The order that a copy describes."""
    return order_of(document.fields(), document.events())


def sums_up(order: Order) -> None:
    """P3 and P4, as the hub knows the order."""
    known = {one.id: one for one in order.allocations}
    there = missing_units(order).get("tea", 0)
    for one in order.allocations:
        if one.state in {"committed", "fulfilled"}:
            there += one.quantity
        if one.state == "held":
            assert one.replaces is not None
            assert one.quantity == known[one.replaces].quantity, "P4"
    assert there == ORDERED, "P3"


@given(steps, dice_of_any_seed)
def test_units_are_promised_once_and_none_is_forgotten(history: list[Step], dice: Random) -> None:
    chain = Chain()
    for step in history:
        chain.take(step)
    for _ in range(4):
        for at in dice.sample((0, 1), k=2):
            chain.feed(at)
            for _ in range(len(chain.journals[at])):
                chain.take(Step("journal", at, 0, 1))

    order = chain.order
    sums_up(order)
    assert all(one.state != "held" for one in order.allocations)
    sides = [chain.hub, *chain.stores]
    dice.shuffle(sides)
    merged = EntityDocument.load(sides[0].save())
    for side in sides[1:]:
        merged.merge(EntityDocument.load(side.save()))
    assert read(merged) == order == read(chain.stores[0]) == read(chain.stores[1])


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.integers(1, 25),
)
def test_an_event_touches_the_units_that_it_names_and_splits_one_at_most(
    quantities: list[int], units: int
) -> None:
    kept = [
        msgspec.structs.replace(ORDER.allocations[0], id=f"a{n}", quantity=many)
        for n, many in enumerate(quantities)
    ]
    touched = touched_by(kept, [OrderLine(sku="tea", quantity=units)])

    if units > sum(quantities):
        assert touched == NotKept(sku="tea", quantity=units, kept_units=sum(quantities))
        return
    assert not isinstance(touched, NotKept)
    assert sum(one.quantity for one in touched) == units
    assert sum(not one.is_whole for one in touched) <= 1
    assert touched_by(kept, None) == [Touched(one, one.quantity) for one in kept]


PART: Final = Allocation(
    id="hub.1-7-1-1", sku="tea", location="airport", quantity=2, state="released",
    part_of="hub.1-7-1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"part_of": "hub.1-7-9"}, "which it does not keep"),
        ({"sku": "jam"}, "which it does not keep"),
        ({"part_of": "hub.1-7-2"}, "which it does not keep"),
        ({"state": "committed"}, "is committed"),
        ({"quantity": 5}, "5 are split off the 5"),
    ],
)
def test_a_store_splits_only_what_it_keeps(change: dict[str, object], why: str) -> None:
    part = msgspec.structs.replace(PART, **change)
    told = msgspec.structs.replace(ORDER, allocations=(*ORDER.allocations, part))

    refused = new_parts(ORDER, told, "airport")

    assert isinstance(refused, str)
    assert why in refused


@pytest.mark.parametrize("change", [{"part_of": "hub.1-7-9"}, {"quantity": 5}])
def test_parts_that_cannot_be_make_no_order(change: dict[str, object]) -> None:
    part = msgspec.structs.replace(PART, **change)

    with pytest.raises(DocumentUnfit):
        order_of(placed_fields(ORDER) | part_field(part), {})
