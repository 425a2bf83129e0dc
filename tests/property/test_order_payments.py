"""Goal: whatever arrives when, the customer has paid once for what comes, and for nothing else.

Method: a hub and three shops in one process (`tests.chain`). Hypothesis picks who is paid, what
becomes of the order meanwhile, and in which order the hub hears of it. The model is a sum: what was
paid less what goes back is the price of what is kept for the customer.
"""

import tempfile
from pathlib import Path
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_hub.ordering import order_events
from replication.ids import HUB, location_of_entry
from retail.ordering.order_money import standing_tenders
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Order, is_paid
from tests.aisle import Aisle, ended_well, paid_in, tea_at_harbour
from tests.chain import Chain
from tests.chain_sides import order_in
from tests.shortage_stories import lend_all
from web.once import Done

SHOPS: Final = ("airport", "bazaar", "corniche")

TOLD: Final = (EventType.RELEASED, EventType.CANCELLED, EventType.SHIPPED, None)

MEANWHILE: Final = ("cancel", "expire", "paid online", "sold to another", "heard")


def paid_minor(order: Order) -> int:
    """What was paid for an order, by whomever."""
    return sum(
        order.total_minor
        if event.tenders is None
        else sum(one.amount_minor for one in event.tenders)
        for event in order.events
        if event.type is EventType.PAID
    )


def owed_back_minor(chain: Chain, order: str) -> int:
    """What of it goes back."""
    items = [one for one in chain.hub.shortages() if one.order == order and one.kind == "refund"]
    return sum(one.amount_minor or 0 for one in items)


@settings(max_examples=30, deadline=None)
@given(
    tills=st.lists(st.sampled_from(SHOPS), min_size=1, max_size=3, unique=True),
    online=st.sampled_from(["never", "first", "last"]),
    heard=st.permutations(SHOPS),
)
def test_of_all_that_was_paid_for_one_order_what_is_heard_first_stands(
    tills: list[str], online: str, heard: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        chain = Chain(Path(directory), skus=["tea"], shops=SHOPS)
        for shop in chain.shops.values():
            shop.receive(tea=4)
        chain.sync()
        for shop in chain.shops.values():
            lend_all(chain, shop, 4)
        order = order_in(chain.hub.place({"tea": 12}, payment="on_delivery"))
        chain.sync()
        if online == "first":
            chain.hub.tell(order.id, EventType.PAID)
        payments = [paid_in(Aisle(chain, till).pay(order.id)).payment for till in tills]
        if online == "last":
            chain.hub.tell(order.id, EventType.PAID)

        for name in heard:
            chain.sync(chain.shops[name])
        chain.sync()

        told = chain.hub.order(order.id)
        events = [event for event in told.events if event.type is EventType.PAID]
        first = HUB if online != "never" else next(one for one in heard if one in tills)
        back = {item.payment for item in chain.hub.shortages()}
        assert back == {event.id for event in events if location_of_entry(event.id) != first}
        assert {one.id for one in payments} <= {event.id for event in events}
        assert paid_minor(told) - owed_back_minor(chain, order.id) == 1_200
        ended_well(chain)
        chain.close()


@settings(max_examples=60, deadline=None)
@given(
    told=st.fixed_dictionaries({shop: st.sampled_from(TOLD) for shop in SHOPS}),
    tills=st.permutations(SHOPS).flatmap(lambda shops: st.integers(1, 3).map(lambda n: shops[:n])),
    is_called_off=st.booleans(),
    heard=st.permutations(SHOPS),
)
@example(
    told=dict(zip(SHOPS, (EventType.RELEASED, EventType.SHIPPED, EventType.RELEASED), strict=True)),
    tills=["airport", "bazaar"],
    is_called_off=True,
    heard=["corniche", "bazaar", "airport"],
)
def test_what_stays_of_all_payments_is_the_price_of_what_is_kept_or_gone(
    told: dict[str, EventType | None], tills: list[str], heard: list[str], *, is_called_off: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        chain = Chain(Path(directory), skus=["tea"], shops=SHOPS)
        for shop in chain.shops.values():
            shop.receive(tea=4)
        chain.sync()
        for shop in chain.shops.values():
            lend_all(chain, shop, 4)
        order = order_in(chain.hub.place({"tea": 12}, payment="on_delivery"))
        chain.sync()
        for name, event in told.items():
            if event is not None:
                order_in(chain.shops[name].tell(order.id, event))
        if is_called_off:
            chain.hub.tell(order.id, EventType.CANCELLED)
        for till in tills:
            Aisle(chain, till).pay(order.id)

        for name in heard:
            chain.sync(chain.shops[name])
        chain.sync()
        for item in chain.hub.shortages(state="open"):
            if item.kind == "unfulfilled":
                assert isinstance(chain.hub.resolve(item.id, action="cancel"), Done)
        chain.sync()

        after = chain.hub.order(order.id)
        comes = sum(one.quantity for one in after.allocations if one.state != "released")
        stays_minor = paid_minor(after) - owed_back_minor(chain, order.id)
        assert stays_minor == (100 * comes if is_paid(after) else 0)
        of_payments = [one for one in chain.hub.shortages() if one.payment is not None]
        standing = sum(one.amount_minor for one in standing_tenders(after, of_payments))
        on_top = sum(one.amount_minor or 0 for one in of_payments if one.kind == "refund")
        assert standing == paid_minor(after) - on_top, "all of it may go back over the counter"
        ended_well(chain)
        chain.close()


@settings(max_examples=40, deadline=None)
@given(
    meanwhile=st.lists(st.sampled_from(MEANWHILE), max_size=5),
    units=st.integers(1, 8),
    others=st.integers(1, 8),
)
def test_what_a_till_sold_from_elsewhere_is_paid_once_or_goes_back(
    meanwhile: list[str], units: int, others: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        chain = tea_at_harbour(Path(directory))
        hub = chain.hub
        order = paid_in(Aisle(chain, "riverside").order({"tea": units})).order.id
        for step in meanwhile:
            match step:
                case "cancel":
                    hub.tell(order, EventType.CANCELLED)
                case "expire":
                    hub.commit(lambda: order_events.expire(hub.state, order))
                case "paid online":
                    hub.tell(order, EventType.PAID)
                case "sold to another":
                    hub.place({"tea": others})
                case _:
                    chain.sync()
        chain.sync()

        told = hub.order(order)
        kept = told.total_minor if told.status is not OrderStatus.CANCELLED else 0
        assert told.status in {OrderStatus.PAID, OrderStatus.CANCELLED}
        assert paid_minor(told) - owed_back_minor(chain, order) == kept
        ended_well(chain)
        chain.close()
