"""What a card of the page is made of. Values only.

A tone is never said by colour alone: each has its icon shape in the template and its word in the
card's `verdict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Tone(Enum):
    """How much a card wants to be looked at; the value names its icon and its colours."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a card. `raw` values (addresses, ids, errors) are set in a monospaced face."""

    label: str
    value: str
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something to do, for whoever has a token: `body` is posted to `path`.

    `told` is the key of what the page says afterwards, ``told.<told>``; `about` is the device.
    """

    label: str
    path: str
    body: str
    told: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """Something to do for managers alone: the page asks why before it posts that to `path`."""

    path: str
    writer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing of a list: a register or a device, its state in `words`, and what to know."""

    name: str
    tone: Tone
    words: str
    detail: str
    buttons: tuple[Button, ...] = ()
    write_off: WriteOff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card. `key` is unique and stable: live updates find the card by it."""

    key: str
    title: str
    tone: Tone
    verdict: str
    rows: tuple[Row, ...] = ()
    items: tuple[Item, ...] = ()

    @property
    def has_buttons(self) -> bool:
        """Whether there is anything to press."""
        return any(item.buttons for item in self.items)

    @property
    def has_write_offs(self) -> bool:
        """Whether there is anything that a manager may write off."""
        return any(item.write_off for item in self.items)


def joined(parts: Sequence[str]) -> str:
    """Facts about one thing, side by side."""
    return " · ".join(parts)
