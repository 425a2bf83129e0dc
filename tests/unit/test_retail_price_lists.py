"""Goal: one list has the price, two that would are found, and no increase surprises a customer.

Method: lists of every specificity around one product; overlaps against a check of each moment.
"""

import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.prices.price_lists import (
    Overlap,
    Price,
    PriceBook,
    PriceList,
    basket_price,
    check_price_list,
    overlaps,
    starts_on,
)
from retail.prices.pricing import CurrencyMix, PricedBasket, Terms, price_basket
from retail.prices.tax import TaxRate, TaxTable
from retail.products.catalogue import Product, ProductBody
from retail.selling.occasion import Occasion

TEA = Product(sku="tea", name="Tea", price_minor=299, currency="USD")
TODAY = datetime.date(2026, 11, 22)
TAXES = TaxTable(
    [
        TaxRate(
            tax_class="standard", jurisdiction="EG", valid_from=TODAY, rate="0.15", inclusive=True
        )
    ]
)


def price_list(id_: str, price_minor: int = 250, **fields: Any) -> PriceList:  # noqa: ANN401
    """A list out of JSON, for tea unless said otherwise."""
    given = {
        "id": id_,
        "name": id_,
        "currency": "USD",
        "prices": {"tea": price_minor},
        **fields,
    }
    return msgspec.json.decode(msgspec.json.encode(given), type=PriceList)


def occasion(**fields: Any) -> Occasion:  # noqa: ANN401 - any field
    """A sale at Riverside at noon, unless said otherwise."""
    noon = datetime.datetime.fromisoformat("2026-11-22T12:00:00")
    given = {"channel": "store", "location": "riverside", "local_time": noon, **fields}
    return Occasion(**given)


EVERYBODY = price_list("everybody", 290)
IN_STORES = price_list("in-stores", 280, channel="store")
AT_RIVERSIDE = price_list("at-riverside", 270, locations=["riverside", "hill"])
WHOLESALE = price_list("wholesale", 260, customer_group="wholesale")
WHOLESALE_ONLINE = price_list("wholesale-online", 240, customer_group="wholesale", channel="online")
ALL = [EVERYBODY, IN_STORES, AT_RIVERSIDE, WHOLESALE, WHOLESALE_ONLINE]


@pytest.mark.parametrize(
    ("fields", "price_minor"),
    [
        ({}, 270),
        ({"location": "lake"}, 280),
        ({"channel": "online", "location": None}, 290),
        ({"customer_group": "wholesale"}, 260),
        ({"customer_group": "wholesale", "channel": "online"}, 240),
        ({"customer_group": "staff", "location": "lake"}, 280),
    ],
)
@pytest.mark.parametrize("lists", [ALL, ALL[::-1]])
def test_the_most_specific_list_has_the_price(
    fields: dict[str, Any], price_minor: int, lists: list[PriceList]
) -> None:
    assert PriceBook(lists).price_of(TEA, occasion(**fields)).price_minor == price_minor


def test_a_product_that_no_list_names_has_its_own_price() -> None:
    milk = Product(sku="milk", name="Milk", price_minor=150, currency="USD")

    assert PriceBook(ALL).price_of(milk, occasion()) == Price(150, "USD", None)
    assert PriceBook([]).price_of(TEA, occasion()) == Price(299, "USD", None)
    assert PriceBook([IN_STORES]).price_of(TEA, occasion()) == Price(280, "USD", "in-stores")


@pytest.mark.parametrize(
    ("at", "price_minor"),
    [
        ("2026-11-22T08:59:59", 299),
        ("2026-11-22T09:00:00", 250),
        ("2026-11-22T16:59:59", 250),
        ("2026-11-22T17:00:00", 299),
    ],
)
def test_a_list_holds_from_its_start_until_just_before_its_end(at: str, price_minor: int) -> None:
    book = PriceBook(
        [price_list("day", valid_from="2026-11-22T09:00:00", valid_until="2026-11-22T17:00:00")]
    )
    moment = occasion(local_time=datetime.datetime.fromisoformat(at))

    assert book.price_of(TEA, moment).price_minor == price_minor


def test_a_list_that_has_ended_leaves_the_price_to_the_next_specific_one() -> None:
    ended = price_list("ended", 200, customer_group="wholesale", valid_until="2026-11-22T12:00:00")

    book = PriceBook([ended, EVERYBODY])

    assert book.price_of(TEA, occasion(customer_group="wholesale")).price_minor == 290


def test_lists_that_are_not_equally_specific_do_not_overlap() -> None:
    assert list(overlaps(ALL)) == []


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ({}, {}, True),
        ({}, {"prices": {"milk": 1}}, False),
        ({"channel": "store"}, {"channel": "online"}, False),
        ({"channel": "store"}, {"channel": "store"}, True),
        ({"locations": ["hill", "lake"]}, {"locations": ["lake"]}, True),
        ({"locations": ["hill"]}, {"locations": ["lake"]}, False),
        ({"customer_group": "staff"}, {"customer_group": "wholesale"}, False),
        ({"valid_until": "2026-11-22T12:00:00"}, {"valid_from": "2026-11-22T12:00:00"}, False),
        ({"valid_until": "2026-11-22T12:00:01"}, {"valid_from": "2026-11-22T12:00:00"}, True),
    ],
)
def test_two_lists_for_one_sku_at_one_time_and_place_overlap(
    first: dict[str, Any], second: dict[str, Any], *, overlap: bool
) -> None:
    lists = [price_list("one", **first), price_list("two", **second)]

    expected = [Overlap(first="one", second="two", sku="tea")] if overlap else []
    assert list(overlaps(lists)) == list(overlaps(lists[::-1])) == expected


def test_an_overlap_says_which_lists_and_which_sku() -> None:
    (found,) = overlaps([price_list("b"), price_list("a")])

    assert str(found) == "price lists a and b both have a price for tea at the same time and place"


moments = st.one_of(st.none(), st.integers(0, 5)).map(
    lambda hour: None if hour is None else f"2026-11-22T{hour + 10}:00:00"
)
scopes = st.fixed_dictionaries(
    {
        "channel": st.sampled_from([None, "store", "online"]),
        "locations": st.sampled_from([None, ["hill"], ["lake"], ["hill", "lake"]]),
        "customer_group": st.sampled_from([None, "staff"]),
        "valid_from": moments,
        "valid_until": moments,
    }
)


@given(st.lists(scopes, min_size=2, max_size=5))
def test_lists_overlap_if_and_only_if_a_price_depends_on_the_names_of_lists(
    fields: list[dict[str, Any]],
) -> None:
    lists = [
        price_list(f"l{number}", number, **each)
        for number, each in enumerate(fields)
        if not each["valid_until"] or (each["valid_from"] or "") < each["valid_until"]
    ]
    renamed = [
        msgspec.structs.replace(each, id=f"l{9 - number}") for number, each in enumerate(lists)
    ]
    occasions = [
        occasion(
            channel=channel,
            location=location,
            customer_group=group,
            local_time=datetime.datetime.fromisoformat(f"2026-11-22T{hour:02}:30:00"),
        )
        for channel in ("store", "online")
        for location in ("hill", "lake", None)
        for group in ("staff", None)
        for hour in range(9, 17)
    ]

    first, second = PriceBook(lists), PriceBook(renamed)
    differs = any(
        first.price_of(TEA, each).price_minor != second.price_of(TEA, each).price_minor
        for each in occasions
    )

    # An overlap may be hidden by a more specific list everywhere; it is an overlap all the same.
    if differs:
        assert list(overlaps(lists))
    if len(lists) == 2:
        assert differs == bool(list(overlaps(lists)))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"currency": "XXX"}, "currency"),
        ({"prices": {"nothing": 1}}, "prices.nothing"),
        (
            {"valid_from": "2026-11-22T12:00:00", "valid_until": "2026-11-22T12:00:00"},
            "valid_until",
        ),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_with_its_field(
    fields: dict[str, Any], field: str
) -> None:
    products: dict[str, ProductBody] = {"tea": TEA}

    (problem,) = check_price_list(price_list("one", **fields), products)

    assert (problem.field, problem.severity) == (field, "error")
    assert check_price_list(price_list("one"), products) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"prices": {"tea": -1}},
        {"prices": {"tea": 1.5}},
        {"prices": {" tea": 1}},
        {"currency": "usd"},
        {"locations": []},
        {"channel": "mail"},
        {"valid_from": "2026-11-22T12:00:00Z"},
        {"id": "A list"},
        {"colour": "red"},
    ],
)
def test_a_list_outside_the_limits_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        price_list("one", **fields)


@pytest.mark.parametrize(
    ("old_minor", "new_minor", "forced", "days"),
    [(299, 300, False, 1), (299, 300, True, 0), (299, 299, False, 0), (299, 298, False, 0)],
)
def test_an_increase_starts_the_next_business_day_unless_forced(
    old_minor: int,
    new_minor: int,
    forced: bool,  # noqa: FBT001
    days: int,
) -> None:
    starts = starts_on(old_minor, new_minor, TODAY, forced=forced)

    assert starts == TODAY + datetime.timedelta(days=days)


def test_an_open_basket_keeps_the_lower_price() -> None:
    assert (basket_price(299, 310), basket_price(299, 280)) == (299, 280)


def test_a_basket_is_priced_by_the_lists_and_keeps_what_it_showed() -> None:
    terms = Terms(occasion=occasion(), prices=PriceBook(ALL), added_minor=(None, 265, 299))

    result = price_basket([(TEA, 1), (TEA, 2), (TEA, 1)], TAXES, "EG", TODAY, terms)

    assert isinstance(result, PricedBasket)
    assert [line.unit_price_minor for line in result.lines] == [270, 265, 270]
    assert result.total_minor == 270 + 2 * 265 + 270


def test_an_open_basket_keeps_a_products_own_price_as_well() -> None:
    terms = Terms(occasion=occasion(), added_minor=(280, 310))

    result = price_basket([(TEA, 1), (TEA, 1)], TAXES, "EG", TODAY, terms)

    assert isinstance(result, PricedBasket)
    assert [line.total_minor for line in result.lines] == [280, 299]


def test_a_list_in_another_currency_does_not_mix_with_the_rest() -> None:
    milk = Product(sku="milk", name="Milk", price_minor=150, currency="USD")
    terms = Terms(occasion=occasion(), prices=PriceBook([price_list("euro", currency="EUR")]))

    alone = price_basket([(TEA, 1)], TAXES, "EG", TODAY, terms)
    mixed = price_basket([(TEA, 1), (milk, 1)], TAXES, "EG", TODAY, terms)

    assert isinstance(alone, PricedBasket)
    assert (alone.currency, alone.total_minor) == ("EUR", 250)
    assert mixed == CurrencyMix(sku="milk", currency="USD", basket_currency="EUR")
