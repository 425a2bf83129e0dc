"""What an audit finds: differences, each with the entries that tell of it, as many as fit."""

from collections.abc import Iterable
from typing import Final

import msgspec

from replication.journal import EntryBody

DIFFERENCES_MAX: Final = 500
"""Differences that are listed; the others are counted. A person reads a few, and fixes a cause."""

AHEAD_MAX: Final = 500
"""Grants ahead of their entries that are listed: a busy chain has one per store that lent."""

ENTRIES_MAX: Final = 20
"""Entries that one difference names, the first ones."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two things that should agree and do not: what, where, and the entries that tell of it.

    `invariant` is E1 to E9 of the design, W1 (returns), A1 (uses of promotions, store credits),
    M1 (money for orders), or `chain` (the journal itself), `moves` (goods moved against cells),
    `rows` (what is kept beside the journal against what the journal says).
    """

    invariant: str
    location: str | None
    sku: str | None
    detail: str
    entries: list[str]


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """Units that a store granted and whose entry is still on its way. No difference."""

    location: str
    sku: str
    holder: str
    units: int


class HeardEntry(msgspec.Struct, frozen=True):
    """An entry that could be read, with the order in which it came here."""

    arrival: int
    place: str
    body: EntryBody


class Findings:
    """What was found so far. Counts everything, lists up to a bound."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.ahead: list[Ahead] = []
        self.count = 0

    def add(
        self,
        invariant: str,
        detail: str,
        entries: Iterable[str],
        *,
        location: str | None = None,
        sku: str | None = None,
    ) -> None:
        """Note a difference; entries that are named twice are listed once."""
        self.count += 1
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(
                Difference(
                    invariant=invariant,
                    location=location,
                    sku=sku,
                    detail=detail,
                    entries=list(dict.fromkeys(entries))[:ENTRIES_MAX],
                )
            )

    def add_ahead(self, ahead: Ahead) -> None:
        """Note a grant that travelled ahead of its entry."""
        if len(self.ahead) < AHEAD_MAX:
            self.ahead.append(ahead)

    def verdict(self) -> str:
        """The audit in two words or three."""
        if self.count == 0:
            return "no difference"
        return f"{self.count} difference{'s' if self.count > 1 else ''}"
