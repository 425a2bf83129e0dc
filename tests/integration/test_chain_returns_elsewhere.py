"""Goal: what was sold once comes back once, in whichever shop, connected or not (W1, W2).

Method: a hub and two shops on real files (`tests.chain`); rights to what may come back are claimed,
lent and used up in the order that each test says, journals arrive late, programs start again. What
is paid back is compared with what was paid, to the cent.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub import returnables, returns_heard
from cloud_hub.audit import audit
from gateway.returnables import Elsewhere
from replication.allowances import returnable, usage_of
from replication.ids import EVERYWHERE
from retail.order_status import EventType, OrderStatus
from retail.return_requests import AnnounceRequest
from retail.returns import AnnouncedReturn, GoodsReturn, ReturnClaim
from tests.aisle import Aisle
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, order_in
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Riverside and harbour have 20 tea and jam each, at 100 the piece; both are heard."""
    chain = Chain(tmp_path, skus=["tea", "jam"], shops=["riverside", "harbour"])
    for shop in chain.shops.values():
        assert isinstance(shop.receive(tea=20, jam=20), Done)
    chain.sync()
    chain.hub.state.reachable.update(chain.shops)
    yield chain
    chain.close()


@pytest.fixture
def riverside(chain: Chain) -> ShopSide:
    return chain.shops["riverside"]


@pytest.fixture
def harbour(chain: Chain) -> ShopSide:
    return chain.shops["harbour"]


def sold(shop: ShopSide, sku: str = "tea", units: int = 3) -> str:
    """A shop sells; the id of the sale."""
    done = shop.sell(sku, units)
    assert isinstance(done, Done), done
    return str(msgspec.json.decode(done.record)["id"])


def came(outcome: object) -> GoodsReturn:
    """The return that a success answered with."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=GoodsReturn)


def differences(chain: Chain) -> list[str]:
    chain.sync()
    return [one.detail for one in audit(chain.hub.state.store, None).differences]


def claimed(chain: Chain, shop: ShopSide, sale: str) -> ReturnClaim:
    claim = chain.claim(shop, sale)
    assert isinstance(claim, ReturnClaim), claim
    return claim


def test_what_one_shop_sold_comes_back_in_another_and_then_nowhere_else(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=3)
    chain.sync()

    assert harbour.take_back(sale, "tea", 2) == Elsewhere(sale)
    claimed(chain, harbour, sale)
    back = came(harbour.take_back(sale, "tea", 2))

    assert (back.location, back.total_minor, back.goods) == ("harbour", 200, {"tea": 2})
    assert riverside.take_back(sale, "tea", 1) == Elsewhere(sale), "its rights are in harbour"
    refused = harbour.take_back(sale, "tea", 2)
    assert isinstance(refused, Problem)
    assert "1 of the sale are left" in refused.detail
    assert differences(chain) == []


def test_the_shop_that_sold_goes_on_when_it_has_claimed_its_sale_back(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=3)
    came(riverside.take_back(sale, "tea", 1))
    chain.sync()
    claimed(chain, harbour, sale)
    came(harbour.take_back(sale, "tea", 1))

    claimed(chain, riverside, sale)
    came(riverside.take_back(sale, "tea", 1))

    refused = riverside.take_back(sale, "tea", 1)
    assert isinstance(refused, Problem)
    assert harbour.take_back(sale, "tea", 1) == Elsewhere(sale)
    assert claimed(chain, harbour, sale).left == (0,)
    assert differences(chain) == []


def test_no_right_is_given_before_every_return_that_used_others_was_heard(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=3)
    chain.sync()
    came(riverside.take_back(sale, "tea", 2))  # the hub has not heard of it
    assert chain.lend_returnables(riverside, sale)

    hub, writer = chain.hub, harbour.state.ledger.writer
    waits = hub.commit(lambda: returnables.claim(hub.state, writer, sale, seq=0))

    assert isinstance(waits, returnables.Unheard)
    claim = claimed(chain, harbour, sale)
    assert claim.left == (1,)
    assert (claim.came.units, sum(one.amount_minor for one in claim.came.refunds)) == ((2,), 200)
    back = came(harbour.take_back(sale, "tea", 1))
    assert back.total_minor == 100
    assert differences(chain) == []


def test_all_parts_of_a_line_are_paid_back_to_the_cent_wherever_they_come(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    chain.hub.product("odd", price_minor=333)
    chain.sync()
    assert isinstance(riverside.receive(odd=14), Done)
    sale = sold(riverside, "odd", 7)
    chain.sync()
    paid_back = 0
    for number in range(7):
        shop = (riverside, harbour)[number % 2]
        if isinstance(shop.take_back(sale, "odd", 1), Elsewhere):
            claimed(chain, shop, sale)
            paid_back += came(shop.take_back(sale, "odd", 1)).total_minor
        else:
            paid_back += 333
    assert paid_back == 7 * 333
    assert differences(chain) == []


def test_rights_that_were_claimed_are_good_while_the_line_is_cut_and_after_a_restart(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=3)
    chain.sync()
    claimed(chain, harbour, sale)
    came(harbour.take_back(sale, "tea", 1))
    harbour.restart()
    riverside.restart()

    came(harbour.take_back(sale, "tea", 1))

    assert riverside.take_back(sale, "tea", 1) == Elsewhere(sale)
    assert differences(chain) == []


def test_a_store_that_is_not_heard_keeps_its_rights(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside)
    chain.sync()
    chain.hub.state.reachable.discard("riverside")

    refused = chain.claim(harbour, sale)

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.UNAVAILABLE
    assert "Only riverside knows what is left" in refused.detail
    came(riverside.take_back(sale, "tea", 3))
    assert differences(chain) == []


def test_a_sale_that_came_back_whole_gives_nobody_a_right(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside)
    came(riverside.take_back(sale, "tea", 3))
    chain.sync()

    refused = chain.claim(harbour, sale)

    assert isinstance(refused, Problem)
    assert "nothing is left" in refused.detail


def test_goods_of_an_online_order_come_back_in_a_store(chain: Chain, harbour: ShopSide) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    chain.sync()
    assert isinstance(chain.shops["riverside"].tell(order.id, EventType.COLLECTED), Done)
    chain.sync()

    claimed(chain, harbour, order.id)
    back = came(harbour.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()

    assert [(one.type, one.amount_minor) for one in back.refunds] == [("online", 100)]
    known = chain.hub.order(order.id)
    assert known.status is OrderStatus.COLLECTED, "a part of it is still with the customer"
    assert known.events[-1].type is EventType.RETURNED
    (owed,) = chain.hub.shortages(state="open")
    assert (owed.kind, owed.amount_minor, owed.payment) == ("refund", 100, back.id)
    assert harbour.take_back(order.id, "tea", 2) == Elsewhere(order.id), "the hub is asked anew"
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 2, has_asked=True))
    assert differences(chain) == []
    assert chain.hub.order(order.id).status is OrderStatus.RETURNED
    assert isinstance(chain.hub.resolve(owed.id), Done)


def test_what_never_went_out_of_an_order_cannot_come_back(chain: Chain, harbour: ShopSide) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    chain.sync()

    assert claimed(chain, harbour, order.id).left == (0,)

    refused = harbour.take_back(order.id, "tea", 1, has_asked=True)
    assert isinstance(refused, Problem)
    assert "0 of the sale are left" in refused.detail


def test_what_goes_out_of_an_order_after_a_claim_comes_back_with_the_next(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    claimed(chain, harbour, order.id)
    chain.sync()
    assert isinstance(riverside.tell(order.id, EventType.COLLECTED), Done)
    chain.sync()

    assert harbour.take_back(order.id, "tea", 1) == Elsewhere(order.id)
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 3, has_asked=True))

    assert differences(chain) == []


def test_an_announced_return_is_taken_in_by_its_number(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=2)
    chain.sync()
    hub = chain.hub
    asked = msgspec.convert(
        {"sale": sale, "reason": "too small", "lines": [{"sku": "tea", "quantity": 2}]},
        AnnounceRequest,
    )
    done = hub.commit(lambda: returns_heard.announce(hub.state, command(), asked))
    assert isinstance(done, Done)
    said = msgspec.json.decode(done.record, type=AnnouncedReturn)
    assert (said.state, said.total_minor) == ("announced", 200)
    again = hub.commit(lambda: returns_heard.announce(hub.state, command(), asked))
    assert isinstance(again, Problem), "the same two units are announced already"

    assert returnables.sale_told(hub.state, said.number.lower()) == sale
    claimed(chain, harbour, sale)
    came(harbour.take_back(sale, "tea", 2))
    chain.sync()

    row = hub.state.connection.execute("SELECT state FROM announced_return").fetchone()
    assert row == ("came",)


def test_rights_are_never_more_than_what_was_sold(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=3)
    chain.sync()
    claimed(chain, harbour, sale)
    came(harbour.take_back(sale, "tea", 1))
    chain.sync()
    claimed(chain, riverside, sale)

    usage = usage_of(chain.hub.counter(EVERYWHERE, returnable(sale, 1)))

    assert (usage.allowed, usage.used) == (3, 1)


@pytest.mark.parametrize("first", ["riverside", "harbour"])
def test_goods_that_came_back_before_anybody_knew_that_they_are_paid_are_paid_for_by_the_queue(
    chain: Chain, riverside: ShopSide, harbour: ShopSide, first: str
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside", payment="on_collection"))
    chain.sync()
    assert isinstance(riverside.tell(order.id, EventType.COLLECTED), Done)
    chain.sync()
    assert isinstance(Aisle(chain, "riverside").pay(order.id), Done)  # the hub has not heard of it
    claimed(chain, harbour, order.id)

    back = came(harbour.take_back(order.id, "tea", 1, has_asked=True))

    assert (back.total_minor, back.refunds) == (100, ())
    chain.sync(chain.shops[first])
    chain.sync()
    (owed,) = chain.hub.shortages(state="open")
    assert (owed.kind, owed.amount_minor, owed.payment) == ("refund", 100, back.id)
    assert differences(chain) == []


def test_what_is_paid_after_a_claim_is_asked_for_again_and_goes_back_over_the_counter(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside", payment="on_collection"))
    chain.sync()
    assert isinstance(riverside.tell(order.id, EventType.COLLECTED), Done)
    chain.sync()
    claimed(chain, harbour, order.id)
    assert isinstance(Aisle(chain, "riverside").pay(order.id), Done)
    chain.sync()

    assert harbour.take_back(order.id, "tea", 3) == Elsewhere(order.id)
    claimed(chain, harbour, order.id)
    back = came(harbour.take_back(order.id, "tea", 3, has_asked=True))

    assert [(one.type, one.amount_minor) for one in back.refunds] == [("cash", 300)]
    assert differences(chain) == []
    assert chain.hub.shortages() == []


def test_what_came_back_unpaid_is_not_owed_any_more(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside", payment="on_collection"))
    chain.sync()
    assert isinstance(riverside.tell(order.id, EventType.COLLECTED), Done)
    chain.sync()
    claimed(chain, harbour, order.id)
    came(harbour.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()

    paid = Aisle(chain, "riverside").pay(order.id)

    assert isinstance(paid, Done)
    assert msgspec.json.decode(paid.record)["payment"]["total_minor"] == 200
    chain.sync()
    assert chain.hub.shortages() == [], "nothing goes back of what was never paid"
    assert differences(chain) == []


@pytest.mark.parametrize("wanted", [1, 3])
def test_goods_that_nobody_paid_for_pay_for_no_others(
    chain: Chain, riverside: ShopSide, harbour: ShopSide, wanted: int
) -> None:
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside", payment="on_collection"))
    chain.sync()
    assert isinstance(riverside.tell(order.id, EventType.COLLECTED), Done)
    chain.sync()
    claimed(chain, harbour, order.id)

    refused = harbour.exchange(order.id, ("tea", 3), ("jam", wanted))

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.detail) == (
        Slug.CONFLICT,
        "Of these goods only 0 of 300 are paid: they pay for no others.",
    )


def test_one_of_two_announced_units_is_one_announcement(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=2)
    chain.sync()
    hub = chain.hub
    asked = msgspec.convert(
        {"sale": sale, "reason": "too small", "lines": [{"sku": "tea", "quantity": 1}]},
        AnnounceRequest,
    )
    for _ in range(2):
        done = hub.commit(lambda: returns_heard.announce(hub.state, command(), asked))
        assert isinstance(done, Done)
    claimed(chain, harbour, sale)
    came(harbour.take_back(sale, "tea", 1))
    chain.sync()

    states = hub.state.connection.execute("SELECT state FROM announced_return ORDER BY number")
    assert states.fetchall() == [("came",), ("announced",)]

    chain.advance(returns_heard.ANNOUNCED_MS_MAX)
    again = hub.commit(lambda: returns_heard.announce(hub.state, command(), asked))
    assert isinstance(again, Done), "nobody waits for the second one any more"


def test_a_claim_is_as_large_after_many_returns_as_after_one(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sizes: list[int] = []
    for sku, parts in (("tea", 1), ("jam", 8)):
        sale = sold(riverside, sku, 9)
        for _ in range(parts):
            came(riverside.take_back(sale, sku, 1))
        chain.sync()
        sizes.append(len(msgspec.json.encode(claimed(chain, harbour, sale))))

    assert abs(sizes[1] - sizes[0]) < 20, "some digits, and nothing for each return"


def test_goods_whose_rights_a_lost_box_held_are_nobodys_to_refuse(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside)
    chain.sync()
    claimed(chain, harbour, sale)
    chain.hub.enrol("harbour", replace=True)

    refused = chain.claim(riverside, sale)

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.UNAVAILABLE, "so that the goods can be taken in unverified"


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_was_refused_at_the_door_is_not_brought_back_and_paid_for_once(
    chain: Chain, *, is_heard: bool
) -> None:
    order = order_in(chain.hub.place({"tea": 3}))
    chain.sync()
    sender = chain.shops[order.allocations[0].location]
    assert isinstance(sender.tell(order.id, EventType.SHIPPED), Done)
    chain.sync()
    claimed(chain, sender, order.id)
    came(sender.take_back(order.id, "tea", 1, has_asked=True))
    chain.sync()
    assert isinstance(sender.tell(order.id, EventType.DELIVERY_REFUSED), Done)
    if is_heard:
        chain.sync()

    claimed(chain, sender, order.id)
    refused = sender.take_back(order.id, "tea", 2, has_asked=True)

    assert isinstance(refused, Problem)
    assert "0 of the sale are left" in refused.detail
    chain.sync()
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 300
    assert differences(chain) == []


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_a_customer_brought_back_is_not_back_from_the_carrier_too(
    chain: Chain, *, is_heard: bool
) -> None:
    order = order_in(chain.hub.place({"tea": 3}))
    chain.sync()
    sender = chain.shops[order.allocations[0].location]
    taker = sender if is_heard else next(s for s in chain.shops.values() if s is not sender)
    assert isinstance(sender.tell(order.id, EventType.SHIPPED), Done)
    chain.sync()
    claimed(chain, taker, order.id)
    came(taker.take_back(order.id, "tea", 1, has_asked=True))

    told = sender.tell(order.id, EventType.DELIVERY_REFUSED)  # the hub has heard of no return yet

    assert isinstance(told, Done)
    back = next(one for one in order_in(told).events if one.type is EventType.DELIVERY_REFUSED)
    assert [line.quantity for line in back.lines or ()] == [2 if is_heard else 3]
    chain.sync()
    assert sum(one.amount_minor or 0 for one in chain.hub.shortages()) == 300, "and no cent more"
    assert differences(chain) == []
