"""Goal: an order has one status, whoever heard of its events in whatever order (O1 to O3).

Method: Hypothesis picks a history, then deals it to replicas that hear it shuffled, repeated and
in overlapping halves, and merges what they have as sets.
"""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from retail.order_status import PRECEDENCE, EventType, OrderStatus
from retail.orders import OrderEvent, status

AT = "2026-11-22T14:02:31Z"

events = st.builds(
    OrderEvent,
    id=st.uuids().map(str),
    type=st.sampled_from(EventType),
    at=st.just(AT),
    actor=st.sampled_from(["hub.1", "riverside.1"]),
)
histories = st.lists(events, max_size=12)
dice_of_any_seed = st.randoms(use_true_random=False)

GONE = {
    EventType.SHIPPED,
    EventType.DELIVERY_REFUSED,
    EventType.DELIVERED,
    EventType.COLLECTED,
    EventType.RETURNED,
}
NOT_SOLD = {OrderStatus.CANCELLED, OrderStatus.CANCEL_REQUESTED, OrderStatus.EXPIRED}


@given(histories, dice_of_any_seed)
def test_shuffled_and_repeated_events_give_the_same_status(
    history: list[OrderEvent], dice: Random
) -> None:
    heard = history + dice.choices(history, k=len(history)) if history else []
    dice.shuffle(heard)

    assert status(heard) is status(history)


@given(histories, histories, histories)
def test_merging_in_any_grouping_gives_the_same_status(
    ours: list[OrderEvent], theirs: list[OrderEvent], others: list[OrderEvent]
) -> None:
    left = {event.id: event for event in [*ours, *theirs]} | {event.id: event for event in others}
    right = {event.id: event for event in others} | {event.id: event for event in [*theirs, *ours]}

    assert status(left.values()) is status(right.values())


@given(histories, events)
def test_goods_that_are_gone_are_not_cancelled_whoever_says_so(
    history: list[OrderEvent], another: OrderEvent
) -> None:
    if any(event.type in GONE for event in [*history, another]):
        assert status([*history, another]) not in NOT_SOLD


@given(histories, events)
def test_one_more_event_keeps_the_status_or_makes_it_its_own(
    history: list[OrderEvent], another: OrderEvent
) -> None:
    after = status([*history, another])

    assert after in {status(history), PRECEDENCE[another.type]}


def test_an_order_of_which_nothing_is_known_is_new() -> None:
    assert status([]) is OrderStatus.NEW
