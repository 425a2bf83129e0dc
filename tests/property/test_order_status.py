"""Goal: an order has one status, whoever heard of its events in whatever order (O1 to O3).

Method: every pair of events by itself; then Hypothesis picks a history, cuts it at some instant
into what each side heard, and deals both on shuffled, repeated and in any grouping. The order asks
for two SKUs in three lines, so that what came back may be all of it or a part.
"""

import itertools
from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.ordering.order_status import PRECEDENCE, RANK, WHOLE_ONLY, EventType, OrderStatus
from retail.ordering.orders import OrderEvent, OrderLine, status

AT = "2026-11-22T14:02:31Z"
LINES = tuple(
    OrderLine(sku=sku, quantity=many) for sku, many in [("tea", 2), ("jam", 1), ("tea", 1)]
)

GONE = {
    EventType.SHIPPED,
    EventType.DELIVERY_REFUSED,
    EventType.DELIVERED,
    EventType.COLLECTED,
    EventType.RETURNED,
}
"""Events after which the goods are, or were, outside."""
INTENTIONS = {
    EventType.PLACED,
    EventType.PAID,
    EventType.EXPIRED,
    EventType.RELEASE_REQUESTED,
    EventType.CANCEL_REQUESTED,
    EventType.CANCELLED,
}
"""Events that only say what somebody wants, owes or has given up."""

parts = st.lists(
    st.builds(OrderLine, sku=st.sampled_from(["tea", "jam"]), quantity=st.integers(1, 3)),
    min_size=1,
    max_size=2,
    unique_by=lambda line: line.sku,
).map(tuple)
events = st.builds(
    OrderEvent,
    id=st.uuids().map(str),
    type=st.sampled_from(EventType),
    at=st.just(AT),
    actor=st.sampled_from(["hub.1", "riverside.1"]),
    lines=st.none() | parts,
)
histories = st.lists(events, max_size=12)
dice_of_any_seed = st.randoms(use_true_random=False)


def happened(number: int, event_type: EventType, *lines: OrderLine) -> OrderEvent:
    """An event, of some lines or (none named) of all."""
    return OrderEvent(id=f"e{number}", type=event_type, at=AT, actor="hub.1", lines=lines or None)


def stands(*told: Iterable[OrderEvent]) -> OrderStatus:
    """The status after hearing these tellings, one after the other."""
    return status(itertools.chain(*told), LINES)


def some_of(told: Sequence[OrderEvent], dice: Random) -> list[OrderEvent]:
    """A telling of the same events: shuffled, some of them again."""
    again = [*told, *dice.choices(told, k=len(told))] if told else []
    dice.shuffle(again)
    return again


# Pairs


@pytest.mark.parametrize("weak", PRECEDENCE)
@pytest.mark.parametrize("strong", PRECEDENCE)
def test_of_any_two_events_the_stronger_says_the_status_whoever_is_heard_first(
    weak: EventType, strong: EventType
) -> None:
    if RANK[weak] > RANK[strong]:
        weak, strong = strong, weak
    one, other = [happened(1, weak)], [happened(2, strong)]

    heard = {stands(one, other), stands(other, one), stands(one, other, one, other, other)}

    assert heard == {PRECEDENCE[strong]}


@pytest.mark.parametrize("fact", sorted(GONE))
@pytest.mark.parametrize("intention", sorted(INTENTIONS))
def test_a_physical_fact_beats_an_intention(fact: EventType, intention: EventType) -> None:
    assert RANK[fact] > RANK[intention]
    assert stands([happened(1, fact)], [happened(2, intention)]) is PRECEDENCE[fact]


def test_facts_and_intentions_are_all_there_is_besides_the_stores_own_work() -> None:
    at_work = set(EventType) - GONE - INTENTIONS

    assert at_work == {
        EventType.RELEASED,
        EventType.SHORT_PICKED,
        EventType.READY_TO_PICK,
        EventType.PICKED,
        EventType.PACKED,
        EventType.READY_FOR_PICKUP,
        EventType.UNCOLLECTED,
    }
    assert max(RANK[one] for one in at_work) < min(RANK[one] for one in GONE)


# Histories


@given(histories, dice_of_any_seed)
def test_shuffled_and_repeated_events_give_the_same_status(
    history: list[OrderEvent], dice: Random
) -> None:
    assert stands(some_of(history, dice)) is stands(history)


@given(histories, histories, histories)
def test_merging_in_any_grouping_gives_the_same_status(
    ours: list[OrderEvent], theirs: list[OrderEvent], others: list[OrderEvent]
) -> None:
    left = {event.id: event for event in [*ours, *theirs]} | {event.id: event for event in others}
    right = {event.id: event for event in others} | {event.id: event for event in [*theirs, *ours]}

    assert stands(left.values()) is stands(right.values())


@given(histories, histories, histories, dice_of_any_seed)
def test_both_sides_of_a_cut_agree_once_they_have_heard_each_other(
    before: list[OrderEvent], here: list[OrderEvent], there: list[OrderEvent], dice: Random
) -> None:
    at_store = [*some_of(before, dice), *some_of(here, dice), *some_of([*there, *before], dice)]
    at_hub = [*some_of(before, dice), *some_of(there, dice), *some_of([*before, *here], dice)]

    assert stands(at_store) is stands(at_hub) is stands(before, here, there)


@given(histories, events)
def test_goods_that_are_gone_are_not_cancelled_whoever_says_so(
    history: list[OrderEvent], another: OrderEvent
) -> None:
    told = [*history, another]
    if any(
        event.type in GONE and (event.lines is None or event.type not in WHOLE_ONLY)
        for event in told
    ):
        not_sold = {OrderStatus.CANCELLED, OrderStatus.CANCEL_REQUESTED, OrderStatus.EXPIRED}
        assert stands(told) not in not_sold


@given(histories, events)
def test_one_more_event_keeps_the_status_or_makes_it_its_own(
    history: list[OrderEvent], another: OrderEvent
) -> None:
    after = stands([*history, another])

    assert after in {stands(history), PRECEDENCE[another.type]}


def test_an_order_of_which_nothing_is_known_is_new() -> None:
    assert stands([]) is OrderStatus.NEW


# What came back


@given(
    histories, st.lists(parts, max_size=6), st.sampled_from(sorted(WHOLE_ONLY)), dice_of_any_seed
)
def test_what_came_back_in_parts_counts_when_the_parts_are_all_of_it(
    history: list[OrderEvent],
    came: list[tuple[OrderLine, ...]],
    event_type: EventType,
    dice: Random,
) -> None:
    before = [event for event in history if event.type is not event_type]
    back = [happened(number, event_type, *lines) for number, lines in enumerate(came)]

    after = stands(some_of([*before, *back], dice))

    units = {
        sku: sum(line.quantity for lines in came for line in lines if line.sku == sku)
        for sku in ("tea", "jam")
    }
    if units["tea"] >= 3 and units["jam"] >= 1:
        assert after is stands(before, [happened(99, event_type)])
    else:
        assert after is stands(before)


@given(histories)
def test_a_return_that_names_no_lines_is_of_all(history: list[OrderEvent]) -> None:
    assert stands(history, [happened(0, EventType.RETURNED)]) is OrderStatus.RETURNED


def test_the_same_part_told_twice_is_one_part() -> None:
    collected = happened(0, EventType.COLLECTED)
    half = happened(1, EventType.RETURNED, OrderLine(sku="tea", quantity=2))
    rest = happened(
        2, EventType.RETURNED, OrderLine(sku="tea", quantity=1), OrderLine(sku="jam", quantity=1)
    )

    assert stands([collected, half, half]) is OrderStatus.COLLECTED
    assert stands([collected, half, rest]) is OrderStatus.RETURNED
