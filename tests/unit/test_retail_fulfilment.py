"""Goal: an order is covered wholly or not at all, from as few locations as the rule can find.

Method: small maps of offers by example, and the sums by property.
"""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from retail.fulfilment import NotEnough, Share, choose_locations

units = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), min_size=1)
offers = st.dictionaries(
    st.sampled_from(["east", "hub", "north", "west"]),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)),
)


def test_one_location_that_holds_everything_goes_before_a_split() -> None:
    chosen = choose_locations(
        {"a": 2, "b": 1}, {"big": {"a": 90}, "whole": {"a": 2, "b": 1}, "east": {"b": 50}}
    )

    assert chosen == (
        Share(location="whole", sku="a", quantity=2),
        Share(location="whole", sku="b", quantity=1),
    )


def test_among_several_the_fullest_goes_first_and_then_the_smaller_id() -> None:
    assert choose_locations({"a": 1}, {"x": {"a": 3}, "y": {"a": 9, "b": 1}}) == (
        Share(location="y", sku="a", quantity=1),
    )
    assert choose_locations({"a": 1}, {"y": {"a": 3}, "x": {"a": 3, "b": 70}}) == (
        Share(location="x", sku="a", quantity=1),
    )


def test_a_split_takes_the_location_that_covers_most_and_then_the_rest() -> None:
    chosen = choose_locations(
        {"a": 5, "b": 5}, {"east": {"a": 3}, "north": {"a": 4, "b": 5}, "west": {"a": 1}}
    )

    assert chosen == (
        Share(location="north", sku="a", quantity=4),
        Share(location="north", sku="b", quantity=5),
        Share(location="east", sku="a", quantity=1),
    )


def test_what_is_missing_is_named() -> None:
    refusal = choose_locations({"a": 5, "b": 1, "c": 2}, {"east": {"a": 3, "b": 1}, "west": {}})

    assert refusal == NotEnough(missing={"a": 2, "c": 2})
    assert str(refusal) == "not available: 2 x a, 2 x c"


def test_a_pickup_asks_only_its_location() -> None:
    held = {"east": {"a": 9}, "west": {"a": 1}}

    assert choose_locations({"a": 1}, held, pickup_at="west") == (
        Share(location="west", sku="a", quantity=1),
    )
    assert choose_locations({"a": 3}, held, pickup_at="west") == NotEnough(missing={"a": 2})
    assert choose_locations({"a": 3}, held, pickup_at="mars") == NotEnough(missing={"a": 3})


@given(units, offers)
def test_the_shares_are_the_wants_and_no_location_gives_more_than_it_offers(
    wants: dict[str, int], held: dict[str, dict[str, int]]
) -> None:
    chosen = choose_locations(wants, held)

    offered = {sku: sum(offer.get(sku, 0) for offer in held.values()) for sku in wants}
    if isinstance(chosen, NotEnough):
        assert chosen.missing == {
            sku: wanted - offered[sku] for sku, wanted in wants.items() if wanted > offered[sku]
        }
        return
    for sku, wanted in wants.items():
        assert sum(share.quantity for share in chosen if share.sku == sku) == wanted
    assert len({(share.location, share.sku) for share in chosen}) == len(chosen)
    assert all(0 < share.quantity <= held[share.location][share.sku] for share in chosen)


@given(units, offers, st.randoms(use_true_random=False))
def test_the_order_of_the_offers_does_not_matter(
    wants: dict[str, int], held: dict[str, dict[str, int]], dice: Random
) -> None:
    shuffled = list(held.items())
    dice.shuffle(shuffled)

    assert choose_locations(wants, dict(shuffled)) == choose_locations(wants, held)
