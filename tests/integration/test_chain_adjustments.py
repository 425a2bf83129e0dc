"""Goal: adjustments and a scale's tolerance, as stories of one shop and its hub.

Method: a hub and a shop in one process (`tests.chain`); each story ends with both agreeing.
"""

from pathlib import Path

import msgspec
import pytest

from cloud_hub.auditing.audit import audit
from gateway.selling import sales
from gateway.selling.sales import Short
from gateway.stockroom.adjustments import Adjustment
from replication.escrow import Minted, check_invariants
from retail.products.catalogue import ProductBody
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, sale_of
from tests.stock_stories import SKUS, check_agreed, entries_of, unacceptable
from web.once import Done, Outcome


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub with tea, jam and salt, and Riverside."""
    return Chain(tmp_path, skus=SKUS, shops=["riverside"])


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    """Riverside."""
    return chain.shops["riverside"]


def adjusted(outcome: Outcome | Short) -> Adjustment:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Adjustment)


def test_damaged_goods_are_on_hand_and_not_for_sale_until_they_are_repaired(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=8)
    chain.sync()

    damaged = adjusted(shop.adjust("tea", -3, "damaged"))
    quota = shop.state.quota("tea")
    too_many = shop.adjust("tea", 4, "repaired")
    repaired = adjusted(shop.adjust("tea", 1, "repaired"))
    written_off = adjusted(shop.adjust("tea", -1, "damaged_written_off"))
    sent_back = adjusted(shop.adjust("tea", -1, "damaged_returned_to_vendor"))

    assert (damaged.on_hand, damaged.damaged, quota) == (8, 3, 3)
    assert "more than the 3 among the damaged goods" in unacceptable(too_many)
    assert (repaired.on_hand, repaired.damaged) == (8, 2)
    assert (written_off.on_hand, written_off.damaged) == (7, 1)
    assert (sent_back.on_hand, sent_back.damaged) == (6, 0)
    assert [one.moves for one in entries_of(shop, "adjustment")] == [
        [], [], [("tea", -1)], [("tea", -1)],
    ]  # fmt: skip
    check_agreed(chain, shop)


def test_damage_of_what_was_promised_is_a_deficit(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=8)
    chain.sync()
    assert shop.state.quota("tea") == 6, "two are the website's"

    done = adjusted(shop.adjust("tea", -8, "damaged"))

    assert (done.on_hand, done.damaged, done.deficit) == (8, 8, 2)
    check_agreed(chain, shop)


def test_what_came_back_is_inspected_and_goes_one_of_four_ways(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=8)
    sold = shop.sell("tea", 6)
    assert isinstance(sold, Done)
    shop.take_back(msgspec.json.decode(sold.record)["id"], "tea", 5)
    before = adjusted(shop.adjust("tea", 1, "inspected_restocked"))
    for reason in ("damaged", "written_off", "returned_to_vendor"):
        after = adjusted(shop.adjust("tea", -1, f"inspected_{reason}"))

    assert (before.on_hand, before.quality_control) == (7, 4)
    assert (after.on_hand, after.quality_control, after.damaged) == (5, 1, 1)
    refused = shop.adjust("tea", -2, "inspected_written_off")
    assert "more than the 1 in quality control" in unacceptable(refused)
    check_agreed(chain, shop)


def test_goods_are_sent_back_only_with_the_rights_to_them(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=8)
    chain.sync()

    short = shop.adjust("tea", -7, "return_to_vendor")
    beyond = shop.adjust("tea", -9, "return_to_vendor")
    done = adjusted(shop.adjust("tea", -6, "return_to_vendor"))

    assert isinstance(short, Short)
    assert short.wants() == [("tea", 1)]
    unacceptable(beyond)
    assert (done.on_hand, done.deficit) == (2, 0)
    check_agreed(chain, shop)


def test_a_loss_takes_what_stands_anywhere_and_never_more(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=8)
    chain.sync()
    adjusted(shop.adjust("tea", -3, "damaged"))

    unacceptable(shop.adjust("tea", -9, "theft"))
    unacceptable(shop.adjust("tea", -6, "damaged"))
    gone = adjusted(shop.adjust("tea", -7, "theft"))

    assert (gone.on_hand, gone.damaged, gone.deficit) == (1, 1, 2)
    check_agreed(chain, shop)


# A scale's tolerance


def weighed(chain: Chain, policy: str) -> None:
    body = {
        "name": "cheese", "price_minor": 1990, "currency": "USD", "price_per_quantity": 1000,
        "stock_policy": policy, "safety_stock": 10**6,
    }  # fmt: skip
    chain.hub.put("cheese", msgspec.convert(body, ProductBody))
    chain.sync()


@pytest.mark.parametrize(
    ("policy", "grams", "sold"),
    [("tolerant", 252, True), ("tolerant", 260, False), ("strict", 252, False)],
)
def test_a_scale_finds_a_little_more_than_the_book_has(
    chain: Chain, shop: ShopSide, policy: str, grams: int, *, sold: bool
) -> None:
    weighed(chain, policy)
    shop.receive(cheese=240)
    request = sale_of("cheese", grams)

    unasked = shop.sell("cheese", grams)
    outcome = shop.commit(lambda: sales.sell(shop.state, command(), request, asked_hub=True))

    assert isinstance(unasked, Short), "the hub is asked first"
    counter = shop.state.counter("cheese")
    if sold:
        assert isinstance(outcome, Done)
        (entry,) = entries_of(shop, "sale")
        assert entry.moves == [("cheese", grams - 240), ("cheese", -grams)]
        assert entry.reason == "found"
        found = counter.value("minted", shop.state.ledger.writer, Minted.COUNTED_UP)
        assert found == grams - 240
    else:
        assert isinstance(outcome, Short)
    assert counter.physical() == (0 if sold else 240)
    assert counter.deficit() == 0
    assert check_invariants(counter) == []
    chain.sync()
    assert chain.hub.counter("riverside", "cheese").cells() == counter.cells()
    assert audit(chain.hub.state.store, None).differences == []


def test_where_there_is_no_quota_a_scale_finds_nothing(chain: Chain, shop: ShopSide) -> None:
    weighed(chain, "tolerant")

    outcome = shop.commit(
        lambda: sales.sell(shop.state, command(), sale_of("cheese", 1), asked_hub=True)
    )

    assert isinstance(outcome, Short)


def test_what_the_website_holds_is_asked_for_before_anything_is_found() -> None:
    def short(*holders: int) -> Short:
        known = dict(zip("abc", holders, strict=False))
        return Short([sales.Lack("cheese", 252, holders[0], known, is_tolerant=True)])

    assert short(180, 72).wants_of_tolerant() == [], "the whole need is asked for already"
    assert short(180, 60).wants_of_tolerant() == [("cheese", 60)]
    assert short(180, 30, 30).wants_of_tolerant() == [("cheese", 60)]
    assert short(180, 40).wants_of_tolerant() == [], "220 g are too few for 252"
    assert short(240).wants_of_tolerant() == []
    assert short(240).may_all_be_found()
    assert not short(180, 60).may_all_be_found()
