"""Names of replicas, writers, journal places.

A *replica* is a place that writes a journal: the hub, or the gateway of a location. A *writer* is
one incarnation of it, `riverside.1`: a box that is replaced or restored comes back as `riverside.2`
(E8), so no two disks ever continue the same journal. A journal place, `riverside.1-42`, names one
entry for ever; the sale in that entry carries it as its id.
"""

import re
from typing import Final, NewType

LocationId = NewType("LocationId", str)
WriterId = NewType("WriterId", str)
EntryId = NewType("EntryId", str)

HUB: Final = LocationId("hub")
"""The replica name of the cloud hub; no location may take it."""

EVERYWHERE: Final = LocationId("*")
"""Where a counter is kept that is of no one place: an allowance. No location has this name."""

SEQ_MAX: Final = 2**63 - 1
"""SQLite's largest integer; a journal place beyond it is not one."""

_LOCATION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_WRITER: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,8})")
_ENTRY: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,62}\.[1-9][0-9]{0,8})-([1-9][0-9]{0,18})")


def is_location_id(text: str) -> bool:
    """Whether `text` may name a store or warehouse: a DNS label, and not the hub's name."""
    return _LOCATION.fullmatch(text) is not None and text != HUB


def is_allowance(key: str) -> bool:
    """Whether a counter's key names an allowance: it has a `/`, which no SKU has."""
    return "/" in key


def place_of(key: str, location: str) -> str:
    """Where the counter is kept that `key` names to somebody at `location`."""
    return EVERYWHERE if is_allowance(key) else location


_OF_AN_ENTRY: Final = frozenset({"returnable", "credit"})
"""Kinds of allowances that are about an entry of a journal, which their key names next."""


def allower_of(key: str) -> LocationId:
    """The replica that alone brings rights of an allowance into being.

    What is about an entry is allowed by the replica that wrote it, everything else by the hub.
    """
    kind, _, rest = key.partition("/")
    own = replica_of_entry(rest.partition("/")[0]) if kind in _OF_AN_ENTRY else None
    return HUB if own is None else own


def writer_id(replica: LocationId, incarnation: int) -> WriterId:
    """Join a replica's name and its incarnation, counted from 1."""
    return WriterId(f"{replica}.{incarnation}")


def is_writer_id(text: str) -> bool:
    """Whether `text` has the form `replica.incarnation`."""
    return _WRITER.fullmatch(text) is not None


def replica_of(writer: str) -> LocationId:
    """The replica that `writer` is an incarnation of: the location's id, or `hub`."""
    return LocationId(writer.rpartition(".")[0])


def incarnation_of(writer: str) -> int:
    """The incarnation number inside a writer id."""
    return int(writer.rpartition(".")[2])


def entry_id(writer: WriterId, seq: int) -> EntryId:
    """The journal place of entry `seq` of `writer`."""
    return EntryId(f"{writer}-{seq}")


def parse_entry_id(text: str) -> tuple[WriterId, int] | None:
    """Split a journal place; None when `text` is not one (too large a number included)."""
    match = _ENTRY.fullmatch(text)
    if match is None or int(match[2]) > SEQ_MAX:
        return None
    return WriterId(match[1]), int(match[2])


def replica_of_entry(text: str) -> LocationId | None:
    """The replica whose journal has the entry of that place; None when `text` is no place."""
    place = parse_entry_id(text)
    return None if place is None else replica_of(place[0])
