"""Goal: no rule that makes no sense is stored, and what changed is told and shown.

Method: the hub and two shops in one process (`tests.chain`).
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.prices import shelf_labels
from gateway.prices.price_changes import shelf_price
from gateway.prices.price_watch import PriceWatch
from replication import feed
from tests.chain import Chain
from tests.chain_sides import ShopSide, command
from tests.price_asking import (
    DAY_MS,
    MINUTE_MS,
    TENTH,
    cost,
    hours,
    open_chain,
    put_list,
    put_promotion,
    withdraw,
)
from web.once import Done, Outcome
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = open_chain(tmp_path)
    yield chain
    chain.close()


# What head office may not write


def test_two_lists_with_a_price_for_one_sku_at_one_time_are_refused_by_name(chain: Chain) -> None:
    put_list(chain.hub, "autumn", {"tea": 80})
    before = chain.hub.state.ledger.head

    refused = put_list(chain.hub, "sale", {"jam": 1, "tea": 70})

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.CONFLICT
    assert refused.members == {"price_list": "sale", "overlaps": "autumn", "sku": "tea"}
    assert chain.hub.state.ledger.head == before
    assert list(chain.hub.state.rules.price_lists) == ["autumn"]


def test_a_list_may_be_written_again(chain: Chain) -> None:
    first = put_list(chain.hub, "autumn", {"tea": 80})
    again = put_list(chain.hub, "autumn", {"tea": 80})
    other = put_list(chain.hub, "autumn", {"tea": 70})

    assert [one.status for one in (first, again, other) if isinstance(one, Done)] == [201, 200, 200]
    entries = chain.hub.state.connection.execute(
        "SELECT count(*) FROM entry WHERE kind = 'price_list'"
    ).fetchone()
    assert entries == (2,)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prices": {"rum": 1}}, "$.prices.rum"),
        ({"currency": "EUR"}, "$.currency"),
        ({"currency": "XXY"}, "$.currency"),
        ({"locations": ["mars"]}, "$.locations[0]"),
        (
            {"valid_from": "2026-01-02T00:00:00", "valid_until": "2026-01-01T00:00:00"},
            "$.valid_until",
        ),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_its_field(
    chain: Chain, body: dict[str, object], field: str
) -> None:
    prices = body.pop("prices", {"tea": 80})
    assert isinstance(prices, dict)

    refused = put_list(chain.hub, "autumn", prices, **body)

    assert isinstance(refused, Problem)
    assert refused.members["field"] == field


@pytest.mark.parametrize(
    ("effect", "more", "field"),
    [
        ({"kind": "amount", "skus": ["tea"], "off_minor": 101}, {"currency": "USD"},
         "$.effect.off_minor"),
        ({"kind": "amount", "skus": ["tea"], "off_minor": 10}, {}, "$.currency"),
        ({"kind": "amount", "skus": ["tea"], "off_minor": 10}, {"currency": "EUR"}, "$.currency"),
        ({"kind": "percentage", "skus": ["rum"], "off_bp": 10}, {}, "$.effect.skus"),
        (TENTH, {"locations": ["mars"]}, "$.locations[0]"),
    ],
)  # fmt: skip
def test_a_promotion_that_makes_no_sense_is_refused_with_its_field(
    chain: Chain, effect: dict[str, object], more: dict[str, object], field: str
) -> None:
    refused = put_promotion(chain.hub, "tenth", effect, **more)

    assert isinstance(refused, Problem)
    assert refused.members["field"] == field


def test_no_price_goes_below_what_a_promotion_takes_off(chain: Chain) -> None:
    effect = {"kind": "amount", "skus": ["tea"], "off_minor": 90}
    put_promotion(chain.hub, "ninety", effect, currency="USD")

    refused = put_list(chain.hub, "autumn", {"tea": 89})

    assert isinstance(refused, Problem)
    assert refused.members == {"promotion": "ninety", "sku": "tea"}
    with pytest.raises(AssertionError, match="ninety"):
        chain.hub.product("tea", price_minor=89)


# What the shop shows


def test_registers_hear_of_a_price_that_changed_here(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    shop.state.news.clear()
    put_list(chain.hub, "autumn", {"tea": 80, "jam": 100})
    put_list(chain.hub, "trade", {"tea": 60}, customer_group="trade")
    chain.sync()
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()

    heard = [(one.type, one.sku, one.price_minor) for one in shop.state.news]

    assert heard == [("price", "tea", 80), ("prices", None, None)]
    assert shelf_price(shop.state, shop.state.catalogue["tea"]).price_minor == 80


def test_registers_hear_of_an_offer_that_begins_by_the_clock(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH, **hours(chain, 10, 20))
    chain.sync()
    watch = PriceWatch(shop.state)
    heard = []
    for _ in range(4):
        shop.state.news.clear()
        shop.commit(watch.look)
        heard.append([one.type for one in shop.state.news])
        chain.advance(6 * MINUTE_MS)

    assert heard == [[], [], ["prices"], []]


def due(shop: ShopSide) -> dict[str, tuple[int, int | None]]:
    """The labels that are due: what they are to say, and what they say."""
    shop_ = shop.state
    found = shop.commit(lambda: shelf_labels.due(shop_, list(shop_.catalogue.values())))
    return {one.sku: (one.price_minor, one.printed_minor) for one in found}


def printed(shop: ShopSide, **prices: int) -> Outcome:
    """Somebody hung labels up."""
    labels = [{"sku": sku, "price_minor": price_minor} for sku, price_minor in prices.items()]
    report = msgspec.convert({"labels": labels}, shelf_labels.LabelsPrinted)
    return shop.commit(lambda: shelf_labels.report_printed(shop.state, command(), report))


def test_a_label_is_due_while_it_says_another_price_than_the_till(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    assert due(shop) == {"jam": (100, None), "tea": (100, None)}
    printed(shop, tea=100, jam=100)
    assert due(shop) == {}

    put_list(chain.hub, "autumn", {"tea": 80, "jam": 150})
    chain.sync()
    assert due(shop) == {"tea": (80, 100)}
    printed(shop, tea=80)
    chain.advance(DAY_MS)
    assert due(shop) == {"jam": (150, 100)}

    withdraw(chain.hub, feed.PRICE_LIST, "autumn")
    chain.sync()
    assert due(shop) == {"tea": (100, 80)}


def test_a_label_of_what_nobody_knows_is_refused(chain: Chain) -> None:
    shop = chain.shops["riverside"]

    refused = printed(shop, tea=100, rum=100)

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.UNKNOWN_PRODUCT
    assert "tea" in due(shop)


@pytest.mark.parametrize(
    ("strange", "why"),
    [
        ({"only_on_rainy_days": True}, "not a rule"),
        ({"effect": {"kind": "free"}}, "not a rule"),
        ({"id": "other"}, "says that it is other"),
    ],
)
def test_a_rule_that_is_not_understood_is_set_aside_and_the_one_before_stays(
    chain: Chain, strange: dict[str, object], why: str
) -> None:
    rule = {"id": "tenth", "name": "x", "effect": TENTH | {"skus": "all", "off_bp": 5000}}
    record = msgspec.json.encode(rule | strange)
    shop, office = chain.shops["riverside"], chain.hub.state
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()
    chain.hub.commit(lambda: office.tell(feed.PROMOTION, "tenth", feed.EVERYONE, record))

    chain.sync()

    assert cost(shop, "tea", 10) == 900
    assert why in (shop.state.store.meta("set_aside") or "")
