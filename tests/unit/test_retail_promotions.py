"""Goal: a promotion is offered when, where and to whom it says; none makes a price negative.

Method: promotions as JSON, as they come in at the door; clocks, windows and coupons by example.
"""

import datetime
from typing import Any

import msgspec
import pytest

from retail.business_day import local_time_at, zone_of
from retail.prices.price_lists import PriceList
from retail.prices.promotions import (
    GROUP_UNITS_MAX,
    CouponReason,
    CouponTrouble,
    Promotion,
    check_promotion,
    coupon_trouble,
    in_time,
    is_offered,
    is_timed,
)
from retail.products.catalogue import Product, ProductBody
from retail.selling.occasion import Occasion, as_coupon

TEN_PER_CENT = {"kind": "percentage", "skus": "all", "off_bp": 1000}
PRODUCTS: dict[str, ProductBody] = {
    "tea": Product(sku="tea", name="Tea", price_minor=299, currency="USD"),
    "mug": Product(sku="mug", name="Mug", price_minor=1000, currency="USD"),
    "gahwa": Product(sku="gahwa", name="Gahwa", price_minor=10, currency="KWD"),
}


def promotion(**fields: Any) -> Promotion:  # noqa: ANN401 - any JSON
    """A promotion out of JSON: ten per cent off everything, unless said otherwise."""
    given = {"id": "autumn", "name": "Autumn", "effect": TEN_PER_CENT, **fields}
    return msgspec.json.decode(msgspec.json.encode(given), type=Promotion)


def at(text: str) -> datetime.datetime:
    """A local time; 23 November 2026 is a Monday."""
    return datetime.datetime.fromisoformat(text)


def occasion(**fields: Any) -> Occasion:  # noqa: ANN401 - any field
    """A sale at Riverside, unless said otherwise."""
    given = {"channel": "store", "location": "riverside", "local_time": at("2026-11-23T12:00:00")}
    return Occasion(**{**given, **fields})


def test_a_promotion_survives_its_json() -> None:
    one = promotion(
        effect={"kind": "bundle_price", "price_minor": 500, "parts": [{"skus": ["tea"]}]},
        currency="USD",
        windows=[{"weekdays": [5], "from_time": "22:00:00", "until_time": "02:00:00"}],
        valid_from="2026-11-23T00:00:00",
        coupon="TEA-26",
        max_usage=100,
    )

    assert msgspec.json.decode(msgspec.json.encode(one), type=Promotion) == one


@pytest.mark.parametrize(
    "fields",
    [
        {"effect": {**TEN_PER_CENT, "off_bp": 10_001}},
        {"effect": {**TEN_PER_CENT, "off_bp": 0}},
        {"effect": {**TEN_PER_CENT, "skus": []}},
        {"effect": {**TEN_PER_CENT, "kind": "gift"}},
        {"effect": {"kind": "amount", "skus": "all", "off_minor": -1}},
        {"effect": {"kind": "order_threshold", "threshold_minor": 100}},
        {
            "effect": {
                "kind": "order_threshold", "threshold_minor": 100, "off_bp": 1, "off_minor": 1,
            }
        },
        {"effect": {"kind": "buy_x_get_y", "skus": "all", "buy_units": 0, "get_units": 1}},
        {"effect": {"kind": "bundle_price", "price_minor": 1, "parts": []}},
        {"windows": [{"weekdays": [8]}]},
        {"windows": [{"weekdays": []}]},
        {"valid_from": "2026-11-23T12:00:00Z"},
        {"priority": -1},
        {"coupon": "lower"},
        {"coupon": ""},
        {"max_usage": 0},
        {"channels": []},
        {"channels": ["mail"]},
        {"id": "Autumn Sale"},
        {"name": " "},
        {"surprise": True},
    ],
)  # fmt: skip
def test_a_promotion_outside_the_limits_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        promotion(**fields)


# When


NIGHT = [{"weekdays": [5], "from_time": "22:00:00", "until_time": "02:00:00"}]
LUNCH = [{"weekdays": [1, 2], "from_time": "12:00:00", "until_time": "14:00:00"}]
EVENING = [{"from_time": "18:00:00", "until_time": "00:00:00"}]
ONE_DAY = {"valid_from": "2026-11-23T00:00:00", "valid_until": "2026-11-24T00:00:00"}


@pytest.mark.parametrize(
    ("fields", "moment", "is_time"),
    [
        ({}, "1970-01-01T00:00:00", True),
        (ONE_DAY, "2026-11-22T23:59:59", False),
        (ONE_DAY, "2026-11-23T00:00:00", True),
        (ONE_DAY, "2026-11-23T23:59:59", True),
        (ONE_DAY, "2026-11-24T00:00:00", False),
        ({"windows": LUNCH}, "2026-11-23T11:59:59", False),
        ({"windows": LUNCH}, "2026-11-23T12:00:00", True),
        ({"windows": LUNCH}, "2026-11-24T13:59:59", True),
        ({"windows": LUNCH}, "2026-11-24T14:00:00", False),
        ({"windows": LUNCH}, "2026-11-25T13:00:00", False),
        ({"windows": NIGHT}, "2026-11-27T21:59:59", False),
        ({"windows": NIGHT}, "2026-11-27T22:00:00", True),
        ({"windows": NIGHT}, "2026-11-28T01:59:59", True),
        ({"windows": NIGHT}, "2026-11-28T02:00:00", False),
        ({"windows": NIGHT}, "2026-11-27T01:00:00", False),
        ({"windows": EVENING}, "2026-11-29T23:59:59", True),
        ({"windows": EVENING}, "2026-11-30T00:00:00", False),
        ({"windows": [{"weekdays": [7]}]}, "2026-11-29T00:00:00", True),
        ({"windows": [{"weekdays": [7]}]}, "2026-11-30T00:00:00", False),
        ({"windows": LUNCH + NIGHT}, "2026-11-27T23:00:00", True),
        ({"windows": LUNCH, **ONE_DAY}, "2026-11-24T13:00:00", False),
    ],
)
def test_a_promotion_has_its_dates_weekdays_and_hours(
    fields: dict[str, Any], moment: str, *, is_time: bool
) -> None:
    timely = in_time(
        [promotion(**fields)], at(moment), clock_synchronised=True, last_good=frozenset()
    )

    assert ("autumn" in timely) == is_time


def test_no_promotion_starts_or_ends_on_a_clock_that_is_not_synchronised() -> None:
    running = promotion(id="running", valid_until="2026-11-23T12:00:00")
    coming = promotion(id="coming", valid_from="2026-11-23T12:00:00")
    always = promotion(id="always")
    everything = [running, coming, always]
    before, after = at("2026-11-23T11:00:00"), at("2026-11-23T13:00:00")

    good = in_time(everything, before, clock_synchronised=True, last_good=frozenset())
    lost = in_time(everything, after, clock_synchronised=False, last_good=good)
    in_1970 = in_time(
        everything, at("1970-01-01T00:00:00"), clock_synchronised=False, last_good=lost
    )
    found = in_time(everything, after, clock_synchronised=True, last_good=in_1970)

    assert good == lost == in_1970 == {"running", "always"}
    assert found == {"coming", "always"}


def test_a_promotion_without_times_comes_and_goes_whatever_the_clock() -> None:
    always = promotion(id="always")

    arrived = in_time(
        [always], at("1970-01-01T00:00:00"), clock_synchronised=False, last_good=frozenset()
    )
    withdrawn = in_time([], at("1970-01-01T00:00:00"), clock_synchronised=False, last_good=arrived)

    assert (arrived, withdrawn) == (frozenset({"always"}), frozenset())
    assert not is_timed(always)


def test_the_shops_clock_is_that_of_its_own_zone() -> None:
    cairo, new_york = zone_of("Africa/Cairo"), zone_of("America/New_York")

    # 2026-11-22T23:30:00Z
    assert local_time_at(1_795_390_200_000, cairo) == at("2026-11-23T01:30:00")
    assert local_time_at(1_795_390_200_000, new_york) == at("2026-11-22T18:30:00")


# To whom


@pytest.mark.parametrize(
    ("fields", "where", "offered"),
    [
        ({}, {}, True),
        ({"channels": ["online"]}, {}, False),
        ({"channels": ["online", "store"]}, {}, True),
        ({"locations": ["hill"]}, {}, False),
        ({"locations": ["hill", "riverside"]}, {}, True),
        ({"locations": ["hill"]}, {"location": None}, False),
        ({"customer_groups": ["staff"]}, {}, False),
        ({"customer_groups": ["staff"]}, {"customer_group": "staff"}, True),
        ({"coupon": "TEA-26"}, {}, False),
        ({"coupon": "TEA-26"}, {"coupons": frozenset({"TEA-26"})}, True),
        ({"currency": "USD"}, {}, True),
        ({"currency": "KWD"}, {}, False),
    ],
)
def test_a_promotion_has_its_channels_places_customers_coupon_and_currency(
    fields: dict[str, Any], where: dict[str, Any], *, offered: bool
) -> None:
    assert is_offered(promotion(**fields), occasion(**where), "USD") == offered


@pytest.mark.parametrize(
    ("fields", "reason", "why"),
    [
        ({"coupon": "OTHER"}, "unknown", "there is no coupon TEA-26"),
        ({"id": "later"}, "time", "coupon TEA-26 is not valid at this time"),
        ({"channels": ["online"]}, "channel", "coupon TEA-26 is for another channel"),
        ({"locations": ["hill"]}, "location", "coupon TEA-26 is for another location"),
        ({"customer_groups": ["staff"]}, "customers", "coupon TEA-26 is for other customers"),
        ({"currency": "KWD"}, "basket", "coupon TEA-26 is for another basket"),
    ],
)
def test_a_coupon_that_gives_nothing_says_why(
    fields: dict[str, Any], reason: CouponReason, why: str
) -> None:
    one = promotion(**{"coupon": "TEA-26", **fields})

    trouble = coupon_trouble("TEA-26", [one], frozenset({"autumn"}), occasion(), "USD")

    assert trouble == CouponTrouble(coupon="TEA-26", reason=reason, why=why)
    assert str(trouble) == why


def test_a_coupon_is_good_if_any_of_its_promotions_is_offered() -> None:
    elsewhere = promotion(id="elsewhere", coupon="TEA-26", channels=["online"])
    here = promotion(coupon="TEA-26")
    timely = frozenset({"elsewhere", "autumn"})

    typed = as_coupon(" tea-26 ")

    assert typed == "TEA-26"
    assert coupon_trouble(typed, [elsewhere, here], timely, occasion(), "USD") is None


# Before it is stored


def amount(off_minor: int, skus: object = "all") -> dict[str, Any]:
    """So much off each unit."""
    return {"kind": "amount", "skus": skus, "off_minor": off_minor}


def bundle(*parts: tuple[int, list[str]]) -> dict[str, Any]:
    """These parts for 1.00."""
    places = [{"units": units, "skus": skus} for units, skus in parts]
    return {"kind": "bundle_price", "price_minor": 100, "parts": places}


def buy_get(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Buy a tea, get a tea."""
    given = {"kind": "buy_x_get_y", "skus": ["tea"], "buy_units": 1, "get_units": 1}
    return {**given, **fields}


@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        (
            {"effect": amount(300, ["mug", "tea"])},
            "effect.off_minor",
            "300 off would make tea negative, which costs 299",
        ),
        (
            {"effect": amount(300)},
            "effect.off_minor",
            "300 off would make tea negative, which costs 299",
        ),
        (
            {
                "effect": {
                    "kind": "order_threshold", "threshold_minor": 999, "off_minor": 1000,
                }
            },
            "effect.off_minor",
            "1000 off would make a basket of 999 negative",
        ),
        ({"effect": amount(1), "currency": None}, "currency", "an amount needs its currency"),
        ({"effect": bundle((1, ["tea"])), "currency": None}, "currency", "an amount needs"),
        ({"currency": "XXX"}, "currency", "XXX is not an active ISO 4217 currency"),
        ({"effect": amount(1, ["jam"])}, "effect.skus", "there is no product jam"),
        ({"effect": amount(1, ["tea", "tea"])}, "effect.skus", "tea is in effect.skus already"),
        (
            {"effect": bundle((1, ["tea"]), (1, ["mug", "tea"]))},
            "effect.parts[1].skus",
            "tea is in effect.parts[0].skus already",
        ),
        (
            {"effect": bundle((24, ["tea"]), (1, ["mug"]))},
            "effect.parts",
            f"at most {GROUP_UNITS_MAX} units",
        ),
        (
            {"effect": buy_get(get_skus=["tea"])},
            "effect.get_skus",
            "tea is in effect.skus already",
        ),
        (
            {"effect": buy_get(skus="all", get_skus=["tea"])},
            "effect.get_skus",
            "what is bought already is everything",
        ),
        ({"effect": buy_get(buy_units=24)}, "effect.get_units", f"at most {GROUP_UNITS_MAX} units"),
        (
            {"valid_from": "2026-11-23T12:00:00", "valid_until": "2026-11-23T11:00:00"},
            "valid_until",
            "would end at",
        ),
    ],
)  # fmt: skip
def test_a_promotion_that_cannot_be_meant_is_refused_with_its_field(
    fields: dict[str, Any], field: str, detail: str
) -> None:
    (problem,) = check_promotion(promotion(**{"currency": "USD", **fields}), PRODUCTS)

    assert (problem.field, problem.severity) == (field, "error")
    assert detail in problem.detail


@pytest.mark.parametrize(
    "effect",
    [
        TEN_PER_CENT,
        amount(299),
        amount(1000, ["mug"]),
        {"kind": "order_threshold", "threshold_minor": 1000, "off_minor": 1000},
        {"kind": "order_threshold", "threshold_minor": 0, "off_bp": 10_000},
        bundle((2, ["tea"]), (1, ["mug"])),
        buy_get(get_skus=["mug"]),
    ],
)
def test_a_promotion_that_stops_at_zero_is_fine(effect: dict[str, Any]) -> None:
    assert check_promotion(promotion(effect=effect, currency="USD"), PRODUCTS) == []


def test_the_lowest_price_of_any_list_counts() -> None:
    cheap = PriceList(id="cheap", name="Cheap", currency="USD", prices={"mug": 800})
    foreign = PriceList(id="foreign", name="Foreign", currency="KWD", prices={"mug": 1})
    one = promotion(effect=amount(900, ["mug"]), currency="USD")

    assert check_promotion(one, PRODUCTS, [foreign]) == []
    (problem,) = check_promotion(one, PRODUCTS, [cheap, foreign])
    assert problem.detail == "900 off would make mug negative, which costs 800"
