"""Goal: distances are those of a globe, everywhere on it.

Method: known distances, then the laws that any distance keeps.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.places import Coordinates, distance_m

KM = 1_000
HALF_ROUND_M = 20_015_115  # half the circumference of a ball of the Earth's mean radius

points = st.builds(Coordinates, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))

CAIRO = Coordinates(latitude=30.0444, longitude=31.2357)
ALEXANDRIA = Coordinates(latitude=31.2001, longitude=29.9187)
RIYADH = Coordinates(latitude=24.7136, longitude=46.6753)
SUVA = Coordinates(latitude=-18.1248, longitude=178.4501)
APIA = Coordinates(latitude=-13.8333, longitude=-171.7667)
POLE = Coordinates(latitude=90, longitude=0)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        (CAIRO, ALEXANDRIA, 180),
        (CAIRO, RIYADH, 1_638),
        (SUVA, APIA, 1_145),  # over the date line, not around the world
        (POLE, Coordinates(latitude=90, longitude=77), 0),
        (POLE, Coordinates(latitude=-90, longitude=0), 20_015),
    ],
)
def test_known_distances(one: Coordinates, other: Coordinates, km: int) -> None:
    assert distance_m(one, other) / KM == pytest.approx(km, rel=0.01, abs=0.5)


def test_neighbours_are_told_apart() -> None:
    next_door = Coordinates(latitude=CAIRO.latitude + 0.0001, longitude=CAIRO.longitude)

    assert distance_m(CAIRO, next_door) == 11


@given(points, points)
def test_it_is_as_far_there_as_back_and_never_farther_than_half_round(
    one: Coordinates, other: Coordinates
) -> None:
    there = distance_m(one, other)

    assert there == distance_m(other, one)
    assert 0 <= there <= HALF_ROUND_M


@given(points)
def test_a_place_is_where_it_is_also_when_one_goes_all_the_way_round(here: Coordinates) -> None:
    antipode = Coordinates(
        latitude=-here.latitude,
        longitude=here.longitude - 180 if here.longitude > 0 else here.longitude + 180,
    )

    assert distance_m(here, here) == 0
    assert distance_m(here, antipode) == pytest.approx(HALF_ROUND_M, abs=2)


@given(points, points, points)
def test_a_detour_is_not_shorter(one: Coordinates, other: Coordinates, via: Coordinates) -> None:
    rounding_m = 2

    assert distance_m(one, other) <= distance_m(one, via) + distance_m(via, other) + rounding_m


@pytest.mark.parametrize(
    "text",
    [
        b'{"latitude":91,"longitude":0}',
        b'{"latitude":0,"longitude":-180.5}',
        b'{"latitude":NaN,"longitude":0}',
        b'{"latitude":1e999,"longitude":0}',
        b'{"latitude":"30","longitude":0}',
        b'{"latitude":30}',
        b'{"latitude":30,"longitude":31,"altitude":2}',
    ],
)
def test_what_is_no_point_on_the_globe_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text, type=Coordinates)
