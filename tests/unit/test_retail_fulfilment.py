"""Goal: each rule sends an order from where it says it would.

Method: small maps of offers by example; what all rules have in common is in
`tests/property/test_fulfilment.py`.
"""

import pytest

from retail.ordering.fulfilment import (
    RULES,
    NotEnough,
    Rule,
    Share,
    fewest_parcels,
    nearest,
    one_location,
)
from retail.places import Coordinates

CAIRO = Coordinates(latitude=30.04, longitude=31.24)
PLACES = {
    "alexandria": Coordinates(latitude=31.20, longitude=29.92),
    "aswan": Coordinates(latitude=24.09, longitude=32.90),
    "giza": Coordinates(latitude=30.01, longitude=31.21),
}

rules = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def shares(**units: dict[str, int]) -> set[Share]:
    """Shares by location and SKU."""
    return {
        Share(location=location, sku=sku, quantity=quantity)
        for location, skus in units.items()
        for sku, quantity in skus.items()
    }


def taken(chosen: object) -> set[Share]:
    """What a rule took; anything else fails the test and says so."""
    assert isinstance(chosen, tuple), chosen
    return set(chosen)


@rules
def test_one_location_that_holds_everything_goes_before_a_split(rule: Rule) -> None:
    chosen = rule(
        {"a": 2, "b": 1}, {"big": {"a": 90}, "whole": {"a": 2, "b": 1}, "east": {"b": 50}}
    )

    assert taken(chosen) == shares(whole={"a": 2, "b": 1})


@rules
def test_among_several_the_fullest_goes_first_and_then_the_smaller_id(rule: Rule) -> None:
    assert taken(rule({"a": 1}, {"x": {"a": 3}, "y": {"a": 9, "b": 1}})) == shares(y={"a": 1})
    assert taken(rule({"a": 1}, {"y": {"a": 3}, "x": {"a": 3, "b": 70}})) == shares(x={"a": 1})


@rules
def test_a_pickup_asks_only_its_location_however_far_the_customer_lives(rule: Rule) -> None:
    held = {"aswan": {"a": 1}, "giza": {"a": 9}}

    def asked(many: int, location: str) -> object:
        return rule({"a": many}, held, places=PLACES, destination=CAIRO, pickup_at=location)

    assert taken(asked(1, "aswan")) == shares(aswan={"a": 1})
    for location, missing in [("aswan", 2), ("mars", 3)]:
        refusal = asked(3, location)
        assert refusal == NotEnough(missing={"a": missing}, location=location)


def test_what_is_missing_is_named() -> None:
    refusal = fewest_parcels({"a": 5, "b": 1, "c": 2}, {"east": {"a": 3, "b": 1}, "west": {}})

    assert refusal == NotEnough(missing={"a": 2, "c": 2})
    assert str(refusal) == "not available: 2 x a, 2 x c"


# Fewest parcels


def test_a_split_takes_the_location_that_covers_most_and_then_the_rest() -> None:
    chosen = fewest_parcels(
        {"a": 5, "b": 5}, {"east": {"a": 3}, "north": {"a": 4, "b": 5}, "west": {"a": 1}}
    )

    assert taken(chosen) == shares(north={"a": 4, "b": 5}, east={"a": 1})


def test_fewest_parcels_does_not_look_at_the_map() -> None:
    held = {"aswan": {"a": 9}, "giza": {"a": 1}}

    chosen = fewest_parcels({"a": 1}, held, places=PLACES, destination=CAIRO)

    assert taken(chosen) == shares(aswan={"a": 1})


# Nearest


def test_the_nearest_that_has_all_of_it_sends_it_however_little_it_has() -> None:
    held = {"alexandria": {"a": 50}, "aswan": {"a": 90}, "giza": {"a": 1}}

    for many, location in [(1, "giza"), (2, "alexandria"), (51, "aswan")]:
        chosen = nearest({"a": many}, held, places=PLACES, destination=CAIRO)
        assert taken(chosen) == shares(**{location: {"a": many}})


def test_no_distance_is_worth_a_second_parcel() -> None:
    held = {"giza": {"a": 1}, "alexandria": {"b": 1}, "aswan": {"a": 1, "b": 1}}

    chosen = nearest({"a": 1, "b": 1}, held, places=PLACES, destination=CAIRO)

    assert taken(chosen) == shares(aswan={"a": 1, "b": 1})


def test_of_a_split_the_nearer_one_sends_what_it_can() -> None:
    held = {"giza": {"a": 3}, "aswan": {"a": 4}}

    assert taken(fewest_parcels({"a": 5}, held)) == shares(aswan={"a": 4}, giza={"a": 1})
    chosen = nearest({"a": 5}, held, places=PLACES, destination=CAIRO)
    assert taken(chosen) == shares(giza={"a": 3}, aswan={"a": 2})


def test_a_split_has_few_parcels_before_it_is_near() -> None:
    held = {"giza": {"a": 2}, "alexandria": {"a": 2}, "aswan": {"a": 4}}

    chosen = nearest({"a": 5}, held, places=PLACES, destination=CAIRO)

    assert taken(chosen) == shares(giza={"a": 2}, aswan={"a": 3})


def test_a_location_that_the_nearer_ones_leave_nothing_for_sends_nothing() -> None:
    held = {"giza": dict.fromkeys("abc", 1), "alexandria": dict.fromkeys("def", 1)}
    far = {"aswan": dict.fromkeys("abde", 1)}
    wants = dict.fromkeys("abcdef", 1)

    chosen = nearest(wants, held | far, places=PLACES, destination=CAIRO)

    assert taken(chosen) == shares(**held)


def test_whose_place_nobody_knows_is_farther_than_all_others() -> None:
    held = {"aswan": {"a": 1}, "unknown": {"a": 90}}

    chosen = nearest({"a": 1}, held, places=PLACES, destination=CAIRO)

    assert taken(chosen) == shares(aswan={"a": 1})


# One location


def test_an_order_of_one_location_is_refused_rather_than_split() -> None:
    held = {"east": {"a": 2}, "north": {"a": 1, "b": 1}, "west": {"a": 5}}

    refusal = one_location({"a": 3, "b": 1}, held)

    assert refusal == NotEnough(missing={"b": 1}, location="west")
    assert taken(one_location({"a": 3}, held)) == shares(west={"a": 3})


def test_an_order_of_one_location_comes_from_the_nearest_that_has_all_of_it() -> None:
    held = {"alexandria": {"a": 5}, "aswan": {"a": 90}, "giza": {"a": 4}}

    chosen = one_location({"a": 5}, held, places=PLACES, destination=CAIRO)

    assert taken(chosen) == shares(alexandria={"a": 5})


def test_where_nothing_is_offered_nobody_is_named() -> None:
    assert one_location({"a": 1}, {"east": {"b": 3}}) == NotEnough(missing={"a": 1})
