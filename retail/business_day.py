"""A store's own day: its time zone, and the date in it."""

import datetime
import functools
import zoneinfo


@functools.cache
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of that IANA name, from the system's data or the `tzdata` package.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as missing:
        raise ValueError(f"there is no time zone {name!r}") from missing


def date_at(wall_ms: int, zone: zoneinfo.ZoneInfo) -> datetime.date:
    """The date in `zone` at that instant, in milliseconds since 1970."""
    return datetime.datetime.fromtimestamp(wall_ms / 1000, zone).date()
