"""Goal: tax rates and the rounding that head office settled hold at every store and for the web.

Method: a hub and two shops in one process (`tests.chain`), one of them cut off where that matters;
till and storefront are asked for prices before and after.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_hub.prices import taxes
from cloud_hub.prices.priced import price
from cloud_hub.products import catalogue
from gateway.shop import SET_ASIDE, SetAside
from replication import feed
from replication.feed import FeedItem
from retail.ordering.orders import OrderQuoteRequest
from retail.prices.pricing import PricedBasket
from retail.prices.quotes import Quote
from retail.prices.tax import TaxPlace, TaxRate, TaxRateBody, TaxRounding
from retail.products.catalogue import ProductBody
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide, command
from tests.holds_seen import slug_of
from tests.price_asking import DAY_MS, asked, cost, cost_online, open_chain, sell
from web.once import Done, Outcome
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops that sell tea and jam at 1.00, the tax of 15 % in it."""
    made = open_chain(tmp_path)
    yield made
    made.close()


def today(chain: Chain, *, days: int = 0) -> datetime.date:
    return chain.hub.state.today() + datetime.timedelta(days=days)


def put_rate(
    hub: HubSide,
    tax_class: str,
    rate: str,
    valid_from: datetime.date,
    *,
    inclusive: bool = True,
) -> Outcome:
    place = TaxPlace(jurisdiction="home", tax_class=tax_class, valid_from=valid_from)
    body = TaxRateBody(rate=rate, inclusive=inclusive)
    return hub.commit(lambda: taxes.put_tax_rate(hub.state, command(), place, body))


def withdraw_rate(hub: HubSide, tax_class: str, valid_from: datetime.date) -> Outcome:
    place = TaxPlace(jurisdiction="home", tax_class=tax_class, valid_from=valid_from)
    return hub.commit(lambda: taxes.withdraw_tax_rate(hub.state, command(), place))


def settle_rounding(hub: HubSide, rounding: TaxRounding) -> None:
    """Head office starts its program with another setting."""
    hub.state.settings = msgspec.structs.replace(hub.state.settings, tax_rounding=rounding)
    hub.commit(lambda: catalogue.tell_settings(hub.state))


def online(hub: HubSide) -> int:
    """The total of one tea and one jam that the storefront is told."""
    lines = [(hub.state.catalogue[sku], 1) for sku in ("tea", "jam")]
    body = {"lines": [{"sku": "tea", "quantity": 1}, {"sku": "jam", "quantity": 1}]}
    request = msgspec.convert(body, OrderQuoteRequest)
    priced = hub.commit(lambda: price(hub.state, lines, request, request.fulfilment))
    assert isinstance(priced, PricedBasket)
    return priced.total_minor


def tax_of(shop: ShopSide, *, lines: int) -> tuple[int, int]:
    """Tax and total of so many lines of one tea each."""
    quoted = asked(shop, "tea", lines=[{"sku": "tea", "quantity": 1}] * lines)
    assert isinstance(quoted, Quote)
    assert quoted.net_minor + quoted.tax_minor == quoted.total_minor
    assert sum(line.tax_minor for line in quoted.lines) == quoted.tax_minor
    return quoted.tax_minor, quoted.total_minor


# Rounding


def test_the_rounding_of_the_chain_reaches_a_store_that_was_cut_off(chain: Chain) -> None:
    chain.hub.product("tea", price_minor=299)
    chain.sync()
    harbour, riverside = chain.shops["harbour"], chain.shops["riverside"]
    assert tax_of(harbour, lines=3) == (117, 897)  # 2.99 x 15/115 = 0.39, three times

    settle_rounding(chain.hub, "total")
    chain.sync(harbour)

    assert tax_of(harbour, lines=4) == (156, 1196)  # 11.96 x 15/115 = 1.56
    chain.hub.product("tea", price_minor=102)
    chain.sync(harbour)
    assert tax_of(harbour, lines=3) == (40, 306)  # 3.06 x 15/115 = 0.399; by line 0.13 x 3
    chain.sync()
    assert tax_of(riverside, lines=3) == (40, 306)
    riverside.restart()
    assert tax_of(riverside, lines=3) == (40, 306)


def test_till_and_storefront_round_alike(chain: Chain) -> None:
    assert isinstance(put_rate(chain.hub, "added", "0.15", today(chain), inclusive=False), Done)
    body = ProductBody(name="Tea", price_minor=103, currency="USD", tax_class="added")
    chain.hub.put("tea", body)
    chain.hub.put("jam", body)
    both: Any = {"lines": [{"sku": "tea", "quantity": 1}, {"sku": "jam", "quantity": 1}]}
    settle_rounding(chain.hub, "line")
    chain.sync()
    till = chain.shops["riverside"]
    by_line = cost(till, "tea", **both)

    settle_rounding(chain.hub, "total")
    chain.sync()

    assert (by_line, cost(till, "tea", **both)) == (236, 237)  # 2.06 x 15 % = 0.309; by line 0.30
    assert online(chain.hub) == 237
    sale = sell(till, "tea", **both)
    assert not isinstance(sale, Problem)
    assert (sale.total_minor, sale.tax_minor) == (237, 31)
    assert sum(line.tax_minor for line in sale.lines) == 31


def test_a_rounding_that_changes_tells_the_tills_to_ask_again(chain: Chain) -> None:
    shop = chain.shops["riverside"].state
    shop.news.clear()

    settle_rounding(chain.hub, "total")
    chain.sync()

    assert [news.type for news in shop.news] == ["prices"]


# Rates


def test_zero_rated_and_exempt_goods_are_sold_without_tax_and_told_apart(chain: Chain) -> None:
    for tax_class, rate in {"books": "0", "post": "exempt"}.items():
        assert isinstance(put_rate(chain.hub, tax_class, rate, today(chain)), Done)
        chain.hub.put(
            "tea" if tax_class == "books" else "jam",
            ProductBody(name=tax_class, price_minor=115, currency="USD", tax_class=tax_class),
        )
    chain.sync()
    till = chain.shops["riverside"]

    quoted = asked(
        till,
        "tea",
        lines=[{"sku": "tea", "quantity": 1}, {"sku": "jam", "quantity": 1}],
    )

    assert isinstance(quoted, Quote)
    assert [(line.tax_rate, line.tax_minor) for line in quoted.lines] == [("0", 0), ("exempt", 0)]
    assert [(one.tax_rate, one.total_minor) for one in quoted.taxes] == [
        ("0", 115),
        ("exempt", 115),
    ]
    assert cost_online(chain.hub, "jam") == 115


def test_a_rate_begins_on_its_day_also_where_nobody_hears_the_hub(chain: Chain) -> None:
    till = chain.shops["riverside"]
    assert isinstance(put_rate(chain.hub, "standard", "0.25", today(chain, days=1)), Done)
    chain.sync()
    before = tax_of(till, lines=1)

    chain.advance(DAY_MS)

    assert (before, tax_of(till, lines=1)) == ((13, 100), (20, 100))


def test_what_has_begun_is_not_edited_and_what_is_to_come_may_be(chain: Chain) -> None:
    hub, tomorrow = chain.hub, today(chain, days=1)
    head = hub.state.ledger.head

    refused = [
        put_rate(hub, "standard", "0.2", today(chain)),
        put_rate(hub, "standard", "0.2", datetime.date(1970, 1, 1)),
        put_rate(hub, "standard", "0.2", datetime.date(1969, 12, 31)),
        withdraw_rate(hub, "standard", datetime.date(1970, 1, 1)),
    ]
    assert [slug_of(one) for one in refused] == [Slug.CONFLICT] * 4
    assert slug_of(withdraw_rate(hub, "standard", tomorrow)) == Slug.NOT_FOUND
    assert hub.state.ledger.head == head

    statuses = []
    for rate in ("0.2", "0.2", "0.21"):
        done = put_rate(hub, "standard", rate, tomorrow)
        assert isinstance(done, Done)
        statuses.append(done.status)
    assert statuses == [201, 200, 200]
    taken_back = withdraw_rate(hub, "standard", tomorrow)
    assert isinstance(taken_back, Done)
    chain.sync()
    chain.advance(DAY_MS)
    assert tax_of(chain.shops["harbour"], lines=1) == (13, 100)
    kinds = hub.state.connection.execute("SELECT count(*) FROM entry WHERE kind = 'tax_rate'")
    assert kinds.fetchone() == (3,)


def test_two_rates_for_one_day_are_set_aside_and_the_store_sells_on(chain: Chain) -> None:
    till = chain.shops["riverside"]
    row = TaxRate(
        tax_class="standard",
        jurisdiction="home",
        valid_from=datetime.date(2026, 1, 1),
        rate="0.9",
        inclusive=True,
    )
    item = FeedItem(10**9, feed.TAXES, "all", msgspec.json.encode([row, row]))

    till.apply([item])

    told = msgspec.json.decode(till.state.store.meta(SET_ASIDE) or "", type=SetAside)
    assert told.reason == "two tax rates for class standard in home from 2026-01-01"
    assert tax_of(till, lines=1) == (13, 100)
