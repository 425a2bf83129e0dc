"""Goal: whatever is offered where, every rule covers an order exactly, or refuses and says why.

Method: all rules over any wants, offers and map; what they chose is compared with the sums, and
with a search over all locations where a rule says which one it is.
"""

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.ordering.fulfilment import RULES, NotEnough, Rule, RuleName, Share
from retail.places import Coordinates, distance_m

LOCATIONS = ("east", "hub", "north", "south", "west")

points = st.builds(Coordinates, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
units = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), min_size=1)
offers = st.dictionaries(
    st.sampled_from(LOCATIONS), st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9))
)
maps = st.dictionaries(st.sampled_from(LOCATIONS), points)
plenty = st.dictionaries(
    st.sampled_from(LOCATIONS), st.fixed_dictionaries({"a": st.integers(1, 9)}), min_size=2
)
everywhere = st.fixed_dictionaries(dict.fromkeys(LOCATIONS, points))
pickups = st.none() | st.sampled_from(LOCATIONS)
dice_of_any_seed = st.randoms(use_true_random=False)
rules = pytest.mark.parametrize("name", RULES)

Units = Mapping[str, int]
Offers = Mapping[str, Units]


def asked(held: Offers, pickup_at: str | None) -> dict[str, Units]:
    """The offers that count: of all, or of the one where the order is collected."""
    return {name: offer for name, offer in held.items() if pickup_at in {None, name}}


def lacks(wants: Units, *held: Units) -> dict[str, int]:
    """What these offers together leave of the wants."""
    left = {sku: wanted - sum(offer.get(sku, 0) for offer in held) for sku, wanted in wants.items()}
    return {sku: many for sku, many in left.items() if many > 0}


@rules
@given(wants=units, held=offers, places=maps, destination=st.none() | points, pickup_at=pickups)
def test_the_shares_are_the_wants_and_no_location_gives_more_than_it_offers(
    name: RuleName,
    wants: Units,
    held: Offers,
    places: Mapping[str, Coordinates],
    destination: Coordinates | None,
    pickup_at: str | None,
) -> None:
    chosen = RULES[name](wants, held, places=places, destination=destination, pickup_at=pickup_at)

    if isinstance(chosen, NotEnough):
        return
    for sku, wanted in wants.items():
        assert sum(share.quantity for share in chosen if share.sku == sku) == wanted
    assert {share.sku for share in chosen} == set(wants)
    assert len({(share.location, share.sku) for share in chosen}) == len(chosen)
    offered = asked(held, pickup_at)
    assert all(0 < share.quantity <= offered[share.location][share.sku] for share in chosen)
    if name == "one_location":
        assert len({share.location for share in chosen}) == 1


@rules
@given(wants=units, held=offers, places=maps, destination=st.none() | points, pickup_at=pickups)
def test_it_is_refused_only_when_it_must_be_and_what_lacks_is_true(
    name: RuleName,
    wants: Units,
    held: Offers,
    places: Mapping[str, Coordinates],
    destination: Coordinates | None,
    pickup_at: str | None,
) -> None:
    chosen = RULES[name](wants, held, places=places, destination=destination, pickup_at=pickup_at)

    offered = asked(held, pickup_at)
    of_each = {location: lacks(wants, offer) for location, offer in offered.items()}
    if name == "one_location":
        is_there = not all(of_each.values())
    else:
        is_there = not lacks(wants, *offered.values())
    assert isinstance(chosen, NotEnough) != is_there
    if not isinstance(chosen, NotEnough):
        return
    if name != "one_location":
        assert chosen.missing == lacks(wants, *offered.values())
        assert chosen.location == pickup_at
        return
    assert chosen.missing == (of_each.get(chosen.location or "") or wants)
    least = min((sum(lack.values()) for lack in of_each.values()), default=sum(wants.values()))
    assert sum(chosen.missing.values()) == least


@rules
@given(wants=units, held=offers, places=maps, destination=st.none() | points)
def test_one_location_goes_before_a_split_and_for_who_minds_it_is_the_nearest(
    name: RuleName,
    wants: Units,
    held: Offers,
    places: Mapping[str, Coordinates],
    destination: Coordinates | None,
) -> None:
    chosen = RULES[name](wants, held, places=places, destination=destination)

    whole = {location for location, offer in held.items() if not lacks(wants, offer)}
    if not whole:
        return
    assert not isinstance(chosen, NotEnough)
    (location,) = {share.location for share in chosen}
    assert location in whole
    if destination is None or name == "fewest_parcels":
        return
    known = {one: distance_m(places[one], destination) for one in whole & places.keys()}
    assert location in known or not known
    assert known.get(location, 0) == min(known.values(), default=0)


@pytest.mark.parametrize("name", ["nearest", "one_location"])
@given(held=plenty, destination=points, places=everywhere)
def test_of_many_that_have_all_of_it_none_is_nearer(
    name: RuleName,
    held: Offers,
    destination: Coordinates,
    places: Mapping[str, Coordinates],
) -> None:
    chosen = RULES[name]({"a": 1}, held, places=places, destination=destination)

    assert not isinstance(chosen, NotEnough)
    away_m = {location: distance_m(places[location], destination) for location in held}
    assert away_m[chosen[0].location] == min(away_m.values())


@given(wants=units, held=offers, places=maps, destination=points)
def test_of_a_split_nobody_sends_what_a_nearer_one_in_it_still_has(
    wants: Units, held: Offers, places: Mapping[str, Coordinates], destination: Coordinates
) -> None:
    chosen = RULES["nearest"](wants, held, places=places, destination=destination)

    if isinstance(chosen, NotEnough):
        return
    sent = {(share.location, share.sku): share.quantity for share in chosen}
    at = sorted({share.location for share in chosen} & places.keys())
    for far in at:
        for near in at:
            if distance_m(places[near], destination) >= distance_m(places[far], destination):
                continue
            for sku in wants:
                if (far, sku) in sent:
                    assert sent.get((near, sku), 0) == held[near].get(sku, 0)


@rules
@given(wants=units, held=offers, places=maps, destination=st.none() | points, dice=dice_of_any_seed)
def test_the_order_of_the_mappings_does_not_matter(
    name: RuleName,
    wants: Units,
    held: Offers,
    places: Mapping[str, Coordinates],
    destination: Coordinates | None,
    dice: Random,
) -> None:
    def answer(wanted: Units, offered: Offers, where: Mapping[str, Coordinates]) -> object:
        chosen = RULES[name](wanted, offered, places=where, destination=destination)
        return chosen if isinstance(chosen, NotEnough) else set[Share](chosen)

    def shuffled(mapping: Mapping[str, Coordinates]) -> dict[str, Coordinates]:
        return dict(dice.sample(list(mapping.items()), len(mapping)))

    again = {
        location: dict(dice.sample(list(offer.items()), len(offer)))
        for location, offer in dice.sample(list(held.items()), len(held))
    }
    many = dict(dice.sample(list(wants.items()), len(wants)))

    assert answer(many, again, shuffled(places)) == answer(wants, held, places)


@given(units, offers, maps)
def test_without_a_destination_all_rules_that_split_choose_alike(
    wants: Units, held: Offers, places: Mapping[str, Coordinates]
) -> None:
    by: dict[RuleName, Rule] = dict(RULES)

    assert by["nearest"](wants, held, places=places) == by["fewest_parcels"](wants, held)
