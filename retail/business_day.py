"""A store's own day: its time zone, and the date and the time in it."""

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


def local_time_at(wall_ms: int, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    """What the clock on the shop's wall shows at that instant; it carries no zone.

    Price lists and promotions are written in this time. When clocks go back, an hour is shown
    twice, and what holds in that hour holds twice.
    """
    return datetime.datetime.fromtimestamp(wall_ms / 1000, zone).replace(tzinfo=None)
