"""Goal: what was sold once comes back once, in whichever shop, connected or not (W1, W2).

Method: a hub and two shops on real files (`tests.chain`); rights to what may come back are claimed,
lent and used up in the order that each test says, journals arrive late, programs start again. What
is paid back is compared with what was paid, to the cent.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.returning import returnables, returns_heard
from gateway.returning.returnables import Elsewhere
from replication.allowances import all_returnable, returnable, usage_of
from replication.ids import EVERYWHERE
from retail.returning.return_requests import AnnounceRequest
from retail.returning.returns import AnnouncedReturn, ReturnRequestLine
from tests.chain import Chain
from tests.chain_sides import ShopSide, command
from tests.returns_elsewhere import came, claimed, differences, sold, two_shops
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = two_shops(tmp_path)
    yield chain
    chain.close()


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
    nothing = chain.claim(harbour, sale)
    assert isinstance(nothing, Problem)
    assert "all of it came back" in nothing.detail
    assert differences(chain) == []


def test_no_right_is_given_before_every_return_that_used_others_was_heard(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale = sold(riverside, units=3)
    chain.sync()
    came(riverside.take_back(sale, "tea", 2))  # the hub has not heard of it
    assert chain.lend_returnables(riverside, [(all_returnable(sale), 1)])

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
    assert "all of it came back" in refused.detail


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


@pytest.mark.parametrize("off_ms", [-3_600_000, 0, 3_600_000])
def test_what_was_announced_has_come_whatever_the_shops_clock_says(
    chain: Chain, riverside: ShopSide, harbour: ShopSide, off_ms: int
) -> None:
    harbour.state._now_ms = lambda: chain.now_ms() + off_ms
    sale, hub = sold(riverside, units=4), chain.hub
    chain.sync()
    claimed(chain, harbour, sale)
    came(harbour.take_back(sale, "tea", 1))
    chain.sync()
    asked = msgspec.convert(
        {"sale": sale, "reason": "too small", "lines": [{"sku": "tea", "quantity": 2}]},
        AnnounceRequest,
    )
    assert isinstance(hub.commit(lambda: returns_heard.announce(hub.state, command(), asked)), Done)
    state = "SELECT state FROM announced_return"
    came(harbour.take_back(sale, "tea", 1))
    chain.sync()
    assert hub.state.connection.execute(state).fetchall() == [("announced",)]
    too_many = hub.commit(lambda: returns_heard.announce(hub.state, command(), asked))
    one = msgspec.structs.replace(asked, lines=(ReturnRequestLine(sku="tea", quantity=1),))
    more = hub.commit(lambda: returns_heard.announce(hub.state, command(), one))

    came(harbour.take_back(sale, "tea", 1))
    chain.sync()

    assert isinstance(too_many, Problem), "one is waited for, and one is left"
    assert isinstance(more, Done)
    assert hub.state.connection.execute(state).fetchall() == [("came",), ("announced",)]
    assert differences(chain) == []


def test_goods_that_come_by_the_number_of_one_announcement_are_not_another_ones(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    sale, hub = sold(riverside, units=2), chain.hub
    chain.sync()
    asked = msgspec.convert(
        {"sale": sale, "reason": "too small", "lines": [{"sku": "tea", "quantity": 1}]},
        AnnounceRequest,
    )
    for _ in range(2):
        hub.commit(lambda: returns_heard.announce(hub.state, command(), asked))
    claimed(chain, harbour, sale)

    record = came(harbour.take_back(sale, "tea", 1, named="rma-000002"))
    chain.sync()

    assert record.announced == "RMA-000002"
    states = hub.state.connection.execute("SELECT state FROM announced_return ORDER BY number")
    assert states.fetchall() == [("announced",), ("came",)]


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
