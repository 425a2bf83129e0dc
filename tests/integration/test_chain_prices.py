"""Goal: a price list or a promotion that head office writes is what every channel charges, at last.

Method: the hub and two shops in one process (`tests.chain`). A cut is a shop that is not synced.
Time stands at a Sunday's noon, or is put where a test needs it.
"""

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
import pytest

from cloud_hub import price_rules
from cloud_hub.priced import price
from devices.receipt import render_text
from gateway import sales
from gateway.price_changes import shelf_price
from gateway.priced import quote
from gateway.receipts import receipt_of
from replication import feed
from retail.orders import OrderQuoteRequest
from retail.price_rises import KeptPriceList, PriceListRequest
from retail.promotions import Promotion, PromotionBody
from retail.quotes import Quote
from retail.sale_request import QuoteRequest, SaleRequest
from retail.sales import Sale
from tests.chain import Chain, CommitFailed, HubSide, ShopSide, command, order_in
from web.once import Done, Outcome
from web.problems import Problem, Slug

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
TENTH: Final = {"kind": "percentage", "skus": ["tea"], "off_bp": 1000}


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops that sell tea and jam at 1.00, with plenty of both."""
    chain = Chain(tmp_path, skus=["jam", "tea"], shops=["harbour", "riverside"])
    for shop in chain.shops.values():
        shop.receive(tea=100, jam=100)
    chain.sync()
    yield chain
    chain.close()


def put_list(hub: HubSide, list_id: str, prices: Mapping[str, int], **more: object) -> Outcome:
    """Head office writes a price list."""
    body = {"name": list_id, "currency": "USD", "prices": dict(prices)} | more
    request = msgspec.convert(body, PriceListRequest)
    return hub.commit(lambda: price_rules.put_price_list(hub.state, command(), list_id, request))


def put_promotion(hub: HubSide, promotion_id: str, effect: object, **more: object) -> Outcome:
    """Head office writes a promotion."""
    body = msgspec.convert({"name": promotion_id, "effect": effect} | more, PromotionBody)
    return hub.commit(lambda: price_rules.put_promotion(hub.state, command(), promotion_id, body))


def withdraw(hub: HubSide, kind: str, rule: str) -> Outcome:
    """Head office takes a rule back."""
    return hub.commit(lambda: price_rules.withdraw(hub.state, command(), kind, rule))


def asked(
    shop: ShopSide, sku: str, units: int = 1, *, role: str = "cashier", **more: object
) -> Quote | Problem:
    """What a till is told that units of a SKU cost."""
    body = {"lines": [{"sku": sku, "quantity": units}]} | more
    request = msgspec.convert(body, QuoteRequest)
    return shop.commit(lambda: quote(shop.state, request, role))


def cost(shop: ShopSide, sku: str, units: int = 1, **more: object) -> int:
    """The total of a quote that a till gets."""
    quoted = asked(shop, sku, units, **more)  # type: ignore[arg-type] # role among them
    assert isinstance(quoted, Quote), quoted
    return quoted.total_minor


def cost_online(hub: HubSide, sku: str, units: int = 1, **more: object) -> int | Problem:
    """The total that the storefront is told."""
    body = {"lines": [{"sku": sku, "quantity": units}]} | more
    request = msgspec.convert(body, OrderQuoteRequest)
    lines = [(hub.state.catalogue[sku], units)]
    priced = hub.commit(lambda: price(hub.state, lines, request, request.fulfilment))
    return priced if isinstance(priced, Problem) else priced.total_minor


def sell(
    shop: ShopSide, sku: str, units: int = 1, *, role: str = "cashier", **more: object
) -> Sale | Problem:
    """A till sells units of a SKU, paid with plenty of cash."""
    line = {"sku": sku, "quantity": units}
    if (shown := more.pop("shown_price_minor", None)) is not None:
        line["shown_price_minor"] = shown
    body = {
        "register": "till-1",
        "lines": [line],
        "tenders": [{"type": "cash", "amount_minor": 1_000_000}],
    } | more
    request = msgspec.convert(body, SaleRequest)
    done = shop.commit(lambda: sales.sell(shop.state, command(role=role), request))
    if isinstance(done, Done):
        return msgspec.json.decode(done.record, type=Sale)
    assert isinstance(done, Problem), done
    return done


def rules_of(side: HubSide | ShopSide) -> tuple[list[KeptPriceList], list[Promotion]]:
    """The price lists and promotions that a side goes by, by id."""
    rules = side.state.rules
    lists = {key: msgspec.structs.replace(one, rises={}) for key, one in rules.price_lists.items()}
    return (
        [lists[key] for key in sorted(lists)],
        [rules.promotions[key] for key in sorted(rules.promotions)],
    )


# Both ends


def test_what_was_written_during_a_cut_is_charged_after_it_and_equal_at_both_ends(
    chain: Chain,
) -> None:
    harbour, riverside = chain.shops["harbour"], chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync(harbour)

    cut_off, connected = cost(riverside, "tea", 10), cost(harbour, "tea", 10)
    chain.sync()

    assert (cut_off, connected) == (1000, 720)
    assert cost(riverside, "tea", 10) == cost_online(chain.hub, "tea", 10) == 720
    assert rules_of(riverside) == rules_of(harbour) == rules_of(chain.hub)


def test_a_sale_keeps_its_discounts_and_the_hub_shows_the_same_sale(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH | {"skus": "all"}, name="A tenth off")
    chain.sync()

    sale = sell(shop, "tea", 3, expected_total_minor=270)
    chain.sync()

    assert isinstance(sale, Sale)
    (line,) = sale.lines
    (discount,) = line.discounts
    assert (discount.promotion, discount.name, discount.amount_minor) == (
        "tenth",
        "A tenth off",
        30,
    )
    assert chain.hub.sale_ids() == [sale.id]
    receipt = "\n".join(render_text(receipt_of(sale, "Riverside"), columns=42))
    assert "A tenth off: -0.30" in receipt


def test_another_total_than_the_one_that_was_shown_is_told(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()

    refused = sell(shop, "tea", expected_total_minor=100)

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.members["total_minor"]) == (Slug.PRICE_CHANGED, 90)


def test_what_was_taken_back_is_charged_no_more(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()
    before = cost(shop, "tea", 10)

    withdraw(chain.hub, feed.PRICE_LIST, "autumn")
    withdraw(chain.hub, feed.PROMOTION, "tenth")
    chain.sync()

    assert (before, cost(shop, "tea", 10), cost_online(chain.hub, "tea", 10)) == (720, 1000, 1000)


def test_both_ends_price_alike_after_a_restart(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 80})
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()

    shop.restart()
    chain.hub.restart()

    assert cost(shop, "tea", 10) == cost_online(chain.hub, "tea", 10) == 720


def test_a_rule_of_a_batch_that_was_not_committed_is_not_charged(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH)
    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        chain.sync()

    assert cost(shop, "tea", 10) == 1000
    chain.sync()
    assert cost(shop, "tea", 10) == 900


# Whose price


def test_a_list_is_for_its_channel_its_places_and_its_customers(chain: Chain) -> None:
    put_list(chain.hub, "web", {"tea": 95}, channel="online")
    put_list(chain.hub, "quay", {"tea": 90}, locations=["harbour"])
    put_list(chain.hub, "trade", {"tea": 60}, customer_group="trade")
    chain.sync()
    harbour, riverside = chain.shops["harbour"], chain.shops["riverside"]

    assert (cost(harbour, "tea"), cost(riverside, "tea")) == (90, 100)
    assert cost(riverside, "tea", customer_group="trade") == 60
    assert cost_online(chain.hub, "tea") == 95
    collected = {"type": "pickup", "location": "harbour"}
    assert cost_online(chain.hub, "tea", fulfilment=collected) == 90


def test_an_order_is_priced_online_and_keeps_its_discounts(chain: Chain) -> None:
    put_promotion(chain.hub, "web", TENTH, channels=["online"])
    chain.sync()

    order = order_in(chain.hub.place({"tea": 10}))

    assert order.total_minor == 900
    assert order.lines[0].discounts[0].promotion == "web"
    assert cost(chain.shops["riverside"], "tea", 10) == 1000


# Increases


def test_an_increase_begins_the_next_business_day_and_a_decrease_at_once(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 150, "jam": 50})
    chain.sync()
    at_first = cost(shop, "tea"), cost(shop, "jam"), cost_online(chain.hub, "tea")

    chain.advance(DAY_MS)

    assert at_first == (100, 50, 100)
    assert (cost(shop, "tea"), cost_online(chain.hub, "tea")) == (150, 150)


def test_the_list_keeps_the_old_price_with_its_last_day(chain: Chain) -> None:
    done = put_list(chain.hub, "autumn", {"tea": 150, "jam": 50})

    assert isinstance(done, Done)
    kept = msgspec.json.decode(done.record, type=KeptPriceList)
    assert list(kept.rises) == ["tea"]
    assert kept.rises["tea"].price_minor == 100
    assert kept.rises["tea"].until - chain.hub.state.today() == datetime.timedelta(days=1)


def test_a_forced_increase_begins_at_once(chain: Chain) -> None:
    put_list(chain.hub, "autumn", {"tea": 150}, force=True)
    chain.sync()

    assert cost(chain.shops["riverside"], "tea") == 150
    assert cost_online(chain.hub, "tea") == 150


def test_a_store_that_hears_late_raises_its_price_on_its_own_next_day(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_list(chain.hub, "autumn", {"tea": 100})
    chain.sync()
    put_list(chain.hub, "autumn", {"tea": 150})
    chain.advance(2 * DAY_MS)
    chain.sync()

    assert (cost(shop, "tea"), cost_online(chain.hub, "tea")) == (100, 150)
    chain.advance(DAY_MS)
    assert cost(shop, "tea") == 150


def test_an_open_basket_keeps_the_lower_price_and_nobody_names_another(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    chain.hub.product("tea", price_minor=120)
    chain.sync()

    kept = sell(shop, "tea", shown_price_minor=100)
    invented = sell(shop, "tea", shown_price_minor=1)
    new = sell(shop, "tea")

    assert [one.total_minor for one in (kept, invented, new) if isinstance(one, Sale)] == [
        100, 120, 120,
    ]  # fmt: skip


def test_a_basket_is_not_open_for_days(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    chain.hub.product("tea", price_minor=120)
    chain.sync()
    chain.advance(DAY_MS)

    sale = sell(shop, "tea", shown_price_minor=100)

    assert isinstance(sale, Sale)
    assert sale.total_minor == 120


# The clock


def hours(chain: Chain, start: int, end: int) -> dict[str, str]:
    """Dates of a promotion, in minutes from now."""
    now = chain.shops["riverside"].state.local_time().replace(microsecond=0)
    return {
        "valid_from": (now + datetime.timedelta(minutes=start)).isoformat(),
        "valid_until": (now + datetime.timedelta(minutes=end)).isoformat(),
    }


def test_a_promotion_starts_and_ends_by_the_shops_clock(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH, **hours(chain, 10, 20))
    chain.sync()

    prices = []
    for _ in range(3):
        prices.append(cost(shop, "tea", 10))
        chain.advance(10 * MINUTE_MS)

    assert prices == [1000, 900, 1000]


@pytest.mark.parametrize("restarted", [False, True])
def test_none_starts_or_ends_on_a_clock_that_is_not_synchronised(
    chain: Chain, *, restarted: bool
) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "now", TENTH, **hours(chain, -10, 10))
    put_promotion(chain.hub, "later", TENTH | {"skus": ["jam"]}, **hours(chain, 10, 50))
    chain.sync()
    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (900, 1000)

    chain.synchronised = False
    chain.advance(20 * MINUTE_MS)
    if restarted:
        shop.restart()

    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (900, 1000)
    chain.synchronised = True
    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (1000, 900)


def test_a_dated_promotion_that_is_heard_on_a_bad_clock_waits_and_an_undated_one_does_not(
    chain: Chain,
) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "dated", TENTH, **hours(chain, -10, 10))
    put_promotion(chain.hub, "undated", TENTH | {"skus": ["jam"]})
    chain.synchronised = False
    chain.sync()

    assert (cost(shop, "tea", 10), cost(shop, "jam", 10)) == (1000, 900)


# Coupons, and discounts by hand


def test_a_coupon_gives_its_promotion_however_it_is_typed(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "welcome", TENTH, coupon="WELCOME10")
    chain.sync()

    assert cost(shop, "tea", 10) == 1000
    assert cost(shop, "tea", 10, coupons=[" welcome10 "]) == 900
    assert cost_online(chain.hub, "tea", 10, coupon="Welcome10") == 900


@pytest.mark.parametrize(
    ("more", "typed", "why"),
    [
        ({}, "NONE", "there is no coupon NONE"),
        ({"channels": ["online"]}, "WELCOME", "is for another channel"),
        ({"locations": ["harbour"]}, "WELCOME", "is for another location"),
        ({"valid_until": "2020-01-01T00:00:00"}, "WELCOME", "is not valid at this time"),
    ],
)
def test_a_coupon_that_gives_nothing_here_is_refused_with_the_reason(
    chain: Chain, more: dict[str, object], typed: str, why: str
) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "welcome", TENTH, coupon="WELCOME", **more)
    chain.sync()
    before = shop.state.ledger.head

    refused = sell(shop, "tea", coupons=[typed])

    assert isinstance(refused, Problem)
    assert refused.members["field"] == "$.coupons[0]"
    assert why in refused.detail
    assert shop.state.ledger.head == before


def test_an_order_with_a_coupon_of_the_stores_is_refused(chain: Chain) -> None:
    put_promotion(chain.hub, "welcome", TENTH, coupon="WELCOME", channels=["store"])

    refused = cost_online(chain.hub, "tea", coupon="WELCOME")

    assert isinstance(refused, Problem)
    assert "is for another channel" in refused.detail


@pytest.mark.parametrize(
    ("role", "off_bp", "total"),
    [("cashier", 500, 950), ("cashier", 600, None), ("supervisor", 2000, 800)],
)
def test_a_discount_by_hand_is_limited_by_who_gives_it(
    chain: Chain, role: str, off_bp: int, total: int | None
) -> None:
    shop = chain.shops["riverside"]
    discounts = [{"reason": "dented", "line": 0, "off_bp": off_bp}]

    sale = sell(shop, "tea", 10, role=role, discounts=discounts)

    if total is None:
        assert isinstance(sale, Problem)
        assert (sale.slug, sale.members["limit_minor"]) == (Slug.FORBIDDEN, 50)
    else:
        assert isinstance(sale, Sale)
        assert sale.total_minor == total
        assert sale.lines[0].discounts[0].name == "dented"


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
        (TENTH, {"max_usage": 5}, "$.max_usage"),
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


def test_a_rule_that_is_not_understood_is_set_aside_and_the_one_before_stays(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    put_promotion(chain.hub, "tenth", TENTH)
    chain.sync()
    newer = {"id": "tenth", "name": "tenth", "effect": TENTH, "only_on_rainy_days": True}
    record = msgspec.json.encode(newer)
    office = chain.hub.state
    chain.hub.commit(lambda: office.tell(feed.PROMOTION, "tenth", feed.EVERYONE, record))

    chain.sync()

    assert cost(shop, "tea", 10) == 900
    assert shop.state.store.meta("set_aside") is not None
