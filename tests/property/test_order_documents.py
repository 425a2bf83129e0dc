"""Goal: an order that both sides of a cut went on writing is one order afterwards, for both.

Method: real documents. A hub and two stores hold one; Hypothesis picks who writes what while nobody
hears anybody, in how many cuts, and in which order, grouping and repetition the copies are merged,
as objects and as saved bytes. What they then say is compared whole, and with the set of all events.
"""

from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.document import EntityDocument, actor_for
from retail.documents import added_field, custody_field, event_texts, order_of, placed_fields
from retail.ordering.order_status import PRECEDENCE, RANK, EventType, OrderStatus
from retail.ordering.orders import (
    Allocation,
    AllocationState,
    Order,
    OrderEvent,
    OrderLine,
    Pickup,
    status,
)
from retail.selling.sales import SaleLine

AT: Final = "2026-11-22T14:02:31Z"
WRITERS: Final = ("hub.1", "airport.1", "bazaar.1")
ENDS: Final[Sequence[AllocationState]] = ("fulfilled", "released")

LINE: Final = SaleLine(
    sku="tea", name="Tea", quantity=2, unit_price_minor=100, discounts=(), net_minor=174,
    tax_class="standard", tax_rate="0.15", tax_minor=26, total_minor=200,
)  # fmt: skip
ORDER: Final = Order(
    id="hub.1-7", number="W-000001", status=OrderStatus.NEW, lines=(LINE,),
    allocations=tuple(
        Allocation(id=f"hub.1-7-{n}", sku="tea", location=location, quantity=1)
        for n, location in enumerate(("airport", "bazaar"), 1)
    ),
    fulfilment=Pickup(location="airport"), payment="pending", total_minor=200, tax_minor=26,
    currency="USD", pickup_code="ABC234", customer=None, contact="Amira", events=(), placed_at=AT,
)  # fmt: skip


class Write(NamedTuple):
    """Somebody writes an event, and with it perhaps that the custody of its own part has ended."""

    by: int
    type: EventType
    lines: tuple[OrderLine, ...] | None
    ends: AllocationState | None
    adds: bool


writes = st.builds(
    Write,
    by=st.integers(0, len(WRITERS) - 1),
    type=st.sampled_from(EventType),
    lines=st.none() | st.integers(1, 2).map(lambda many: (OrderLine(sku="tea", quantity=many),)),
    ends=st.none() | st.sampled_from(ENDS),
    adds=st.booleans(),
)
cuts = st.lists(st.lists(writes, max_size=8), min_size=1, max_size=3)
dice_of_any_seed = st.randoms(use_true_random=False)


class Copies:
    """One order's document as the hub and two stores have it, and every event that was written."""

    def __init__(self) -> None:
        hub = EntityDocument.new(actor_for(WRITERS[0], "boot"))
        hub.put(placed_fields(ORDER))
        self.held = [hub]
        for writer in WRITERS[1:]:
            copy = EntityDocument.load(hub.save())
            copy.set_actor(actor_for(writer, "boot"))
            self.held.append(copy)
        self.told: list[OrderEvent] = []

    def write(self, one: Write) -> None:
        """An event, with what its writer alone may say besides."""
        event = OrderEvent(
            id=f"{WRITERS[one.by]}-{len(self.told) + 8}", type=one.type, at=AT,
            actor=WRITERS[one.by], lines=one.lines,
        )  # fmt: skip
        fields: dict[str, str] = {}
        if one.by and one.ends is not None:  # only the custodian says what became of its own units
            fields |= custody_field(f"hub.1-7-{one.by}", one.ends)
        if not one.by and one.adds:  # only the hub takes units elsewhere
            fields |= added_field(
                Allocation(id=f"hub.1-7-{event.id}", sku="tea", location="airport", quantity=1)
            )
        self.held[one.by].put(fields, event_texts((event,)))
        self.told.append(event)

    def hear(self, listener: int, speaker: int, *, saved: bool) -> None:
        """One side takes in what another has, as bytes or as it is."""
        said = self.held[speaker]
        self.held[listener].merge(EntityDocument.load(said.save()) if saved else said)

    def talk(self, dice: Random) -> None:
        """Everybody hears everybody, some twice, in some order; then again, until all have all."""
        pairs = [(a, b) for a in range(len(WRITERS)) for b in range(len(WRITERS)) if a != b]
        for _ in WRITERS:
            for listener, speaker in dice.sample([*pairs, *pairs], k=2 * len(pairs)):
                self.hear(listener, speaker, saved=dice.random() < 0.5)

    def orders(self) -> list[Order]:
        """The order as each of them reads it."""
        return [order_of(one.fields(), one.events()) for one in self.held]


@given(cuts, dice_of_any_seed)
def test_all_sides_read_one_order_after_each_cut(cuts: list[list[Write]], dice: Random) -> None:
    copies = Copies()
    for cut in cuts:
        for one in cut:
            copies.write(one)

        copies.talk(dice)

        hub, *stores = copies.orders()
        assert stores == [hub, hub]
        assert {event.id: event for event in hub.events} == {one.id: one for one in copies.told}
        assert hub.status is status(copies.told, ORDER.lines)


@given(st.lists(writes, max_size=8))
def test_who_merges_first_and_in_which_grouping_does_not_matter(cut: list[Write]) -> None:
    read: list[Order] = []
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        copies = Copies()
        for one in cut:
            copies.write(one)
        first, second, third = order
        copies.hear(second, third, saved=True)
        copies.hear(first, second, saved=False)
        copies.hear(first, third, saved=True)
        read.append(copies.orders()[first])

    assert read[1:] == [read[0], read[0]]


@pytest.mark.parametrize("here", PRECEDENCE)
@pytest.mark.parametrize("there", PRECEDENCE)
def test_any_two_events_of_both_sides_of_a_cut_are_one_status_for_both(
    here: EventType, there: EventType
) -> None:
    copies = Copies()
    copies.write(Write(0, there, None, None, adds=False))
    copies.write(Write(1, here, None, None, adds=False))

    copies.hear(1, 0, saved=True)
    copies.hear(0, 1, saved=True)

    hub, store, _ = copies.orders()
    assert hub == store
    assert hub.status is PRECEDENCE[max(here, there, key=RANK.__getitem__)]
