"""Names of replicas, writers, journal places.

A *replica* is a place that writes a journal: the hub, the gateway of a location, or a register that
sells alone. A *writer* is one incarnation of it: a box that is replaced or restored comes back with
the next number (E8), so no two disks ever continue the same journal. A journal place names one
entry for ever; the sale in that entry carries it as its id.

    replica             its writers             a journal place           location
    hub                 hub.1                   hub.1-42                  hub
    riverside           riverside.1             riverside.1-42            riverside
    riverside.till-1    riverside.till-1.2      riverside.till-1.2-42     riverside

No name has a dot in it, so all of these are read in one way only.
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
_REGISTER: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
_INCARNATION: Final = r"[1-9][0-9]{0,8}"

WRITER_PATTERN: Final = (
    rf"(?!hub\.{_REGISTER.pattern}\.){_LOCATION.pattern}(?:\.{_REGISTER.pattern})?\.{_INCARNATION}"
)
"""A writer's name; the hub has no registers. Whoever finds it in a longer text bounds it there."""

_WRITER: Final = re.compile(WRITER_PATTERN)
_ENTRY: Final = re.compile(rf"({WRITER_PATTERN})-([1-9][0-9]{{0,18}})")


def is_location_id(text: str) -> bool:
    """Whether `text` may name a store or warehouse: a DNS label, and not the hub's name."""
    return _LOCATION.fullmatch(text) is not None and text != HUB


def is_register_name(text: str) -> bool:
    """Whether `text` may name a register that sells alone."""
    return _REGISTER.fullmatch(text) is not None


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

    What is about an entry is allowed by the gateway of the location where it was written (or by the
    hub, if it wrote it), everything else by the hub.
    """
    kind, _, rest = key.partition("/")
    own = location_of_entry(rest.partition("/")[0]) if kind in _OF_AN_ENTRY else None
    return HUB if own is None else own


def writer_id(replica: LocationId, incarnation: int) -> WriterId:
    """The writer of the hub or of a location's gateway; incarnations count from 1."""
    return WriterId(f"{replica}.{incarnation}")


def register_writer(location: LocationId, register: str, incarnation: int) -> WriterId:
    """The writer of a register that sells alone at a location."""
    return WriterId(f"{location}.{register}.{incarnation}")


def is_writer_id(text: str) -> bool:
    """Whether `text` has the form `replica.incarnation`."""
    return _WRITER.fullmatch(text) is not None


def location_of(writer: str) -> LocationId:
    """Where `writer` is: its location's id, or `hub`."""
    return LocationId(writer.partition(".")[0])


def replica_of(writer: str) -> str:
    """What `writer` is an incarnation of: a location's id, `hub`, or `location.register`."""
    return writer.rpartition(".")[0]


def register_of(writer: str) -> str | None:
    """The register that `writer` is an incarnation of; None for a gateway's and the hub's."""
    return replica_of(writer).partition(".")[2] or None


def parent_of(writer: str) -> str | None:
    """The replica above: of a register its gateway's, of a gateway the hub; the hub has none."""
    if is_register(writer):
        return location_of(writer)
    return None if location_of(writer) == HUB else HUB


def is_register(writer: str) -> bool:
    """Whether `writer` is one of a register that sells alone."""
    return writer.count(".") > 1


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


def location_of_entry(text: str) -> LocationId | None:
    """Where the entry of that place was written, or `hub`; None when `text` is no place."""
    place = parse_entry_id(text)
    return None if place is None else location_of(place[0])
