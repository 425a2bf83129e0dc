"""Where places are, and how far one is from another as the crow flies."""

import math
from typing import Annotated, Final

import msgspec
from msgspec import Meta

EARTH_RADIUS_M: Final = 6_371_009
"""The mean radius of the Earth (IUGG): distances on a ball of it are true to 0.6 %."""


class Coordinates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A point on the globe, in degrees (WGS 84): north and east are positive."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


def distance_m(one: Coordinates, other: Coordinates) -> int:
    """The great-circle distance in metres; 0 to some 20 million, never negative.

    By the haversine, which is exact for neighbours too (R. W. Sinnott, Sky and Telescope, 1984).
    """
    north, north_too = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = (
        math.sin((north_too - north) / 2) ** 2
        + math.cos(north) * math.cos(north_too) * math.sin(east / 2) ** 2
    )
    return round(2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half))))
