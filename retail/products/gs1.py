"""GS1 element strings and Digital Links: what a code says beside its number.

    read_gs1    element strings as a scanner sends them, 0x1D between them; also as they are printed
                for people, `(01)...(10)...`, and as a GS1 Digital Link, `https://.../01/...`

biip knows the two hundred application identifiers and their shapes. It resolves the century of a
date by the clock of the machine, so dates are kept as they are written and `date_of` reads them by
a day that is handed in.

    G1  nothing that is scanned makes it raise
    G2  a number whose check digit is wrong is no number: `gtin` is None and `is_misread` says why
    G3  what cannot be read whole is not read in part: a weight that is missed costs money

A weight or price of zero is none (the scale was empty), and so is a date that no calendar has:
goods are found by their number all the same. Importing biip takes 0.2 s here and a second on a
small board; whoever cannot wait for that at the first such scan calls `load_parser` before.

Read are 01, 10, 15, 17 (and the day of 7003), 21, 310n, 320n and 392n; the rest is passed over.

Source: GS1 General Specifications, sections 3 (identifiers), 7.12 (centuries) and 7.8.6
(separators); GS1 Digital Link: URI Syntax.
"""

import calendar
import datetime
import functools
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from biip.gs1_element_strings import GS1ElementStrings

AIM_GS1: Final = frozenset({"C1", "J1", "Q3", "d2", "e0", "e1", "e2"})
"""Symbologies whose data are GS1 element strings (General Specifications, 5.1.2)."""

READ_CACHED_MAX: Final = 256
"""One scan is asked about three times (register, price, sale), and reading takes 100 us."""

GRAMS_PER_KILOGRAM: Final = Decimal(1_000)
GRAMS_PER_POUND: Final = Decimal("453.59237")
CENTURY_AHEAD_YEARS: Final = 50
"""A year of two digits is at most this far ahead (General Specifications, 7.12)."""

_SPELLED_GTIN: Final = re.compile(r"(?:\(01\)|\x1d?01)[0-9]{14}")
_DIGITAL_LINK: Final = re.compile(r"https?://", re.IGNORECASE)
_DATE: Final = re.compile(r"[0-9]{6}")


class Gs1Data(NamedTuple):
    """What a code says. Dates are YYMMDD, `price` is in whole units of the store's currency."""

    gtin: str | None = None
    is_misread: bool = False
    batch: str | None = None
    serial: str | None = None
    use_by: str | None = None
    best_before: str | None = None
    weight_grams: int | None = None
    price: Decimal | None = None


def is_gs1(aim_id: str, payload: str) -> bool:
    """Whether this is to be read as GS1's: its symbology says so, or it spells out a GTIN field.

    Only such codes may be handed to a parser: it would read nearly any digits as a message.
    """
    return aim_id in AIM_GS1 or is_digital_link(payload) or _SPELLED_GTIN.match(payload) is not None


def is_digital_link(payload: str) -> bool:
    """Whether this is an address, which may be a GS1 Digital Link, in whatever letters."""
    return _DIGITAL_LINK.match(payload) is not None


def load_parser() -> None:
    """Import the parser, so that the first scan need not wait for it. For a thread."""
    import biip.gs1_digital_link_uris  # noqa: PLC0415 - this is what is to be loaded
    import biip.gs1_messages  # noqa: PLC0415, F401


@functools.lru_cache(maxsize=READ_CACHED_MAX)
def read_gs1(payload: str) -> Gs1Data | None:
    """What a code without its AIM id says, or None where it cannot be read whole."""
    elements = _elements(payload)
    if elements is None:
        return None
    texts = {element.ai.ai: element.value for element in elements}
    measures = {element.ai.ai[:3]: element.decimal for element in elements if element.decimal}
    number = elements.get(ai="01")
    is_good = number is not None and number.gtin is not None and number.value.isascii()
    return Gs1Data(
        gtin=texts["01"] if is_good else None,
        is_misread=number is not None and not is_good,
        batch=texts.get("10"),
        serial=texts.get("21"),
        use_by=texts.get("17") or texts.get("7003", "")[:6] or None,
        best_before=texts.get("15"),
        weight_grams=_grams(measures),
        price=measures.get("392"),
    )


def _grams(measures: Mapping[str, Decimal]) -> int | None:
    for ai, grams_each in (("310", GRAMS_PER_KILOGRAM), ("320", GRAMS_PER_POUND)):
        if ai in measures:
            return int((measures[ai] * grams_each).quantize(Decimal(1), ROUND_HALF_UP)) or None
    return None


def date_of(text: str | None, today: datetime.date) -> datetime.date | None:
    """The date that YYMMDD means on this day; a day of 00 is the month's last. None: it is none."""
    if text is None or _DATE.fullmatch(text) is None:
        return None
    two_digits, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    year = today.year - today.year % 100 + two_digits
    if year - today.year > CENTURY_AHEAD_YEARS:
        year -= 100
    elif today.year - year >= CENTURY_AHEAD_YEARS:
        year += 100
    try:
        return datetime.date(year, month, day or calendar.monthrange(year, month)[1])
    except (ValueError, calendar.IllegalMonthError):
        return None


def _elements(payload: str) -> "GS1ElementStrings | None":
    import biip  # noqa: PLC0415 - 0.2 s, and many shops never scan one
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI  # noqa: PLC0415
    from biip.gs1_messages import GS1Message  # noqa: PLC0415

    config = biip.ParseConfig(gs1_element_strings_verify_date=False)
    try:
        if is_digital_link(payload):
            return GS1DigitalLinkURI.parse(payload, config=config).element_strings
        if payload.startswith("("):
            return GS1Message.parse_hri(payload, config=config).element_strings
        return GS1Message.parse(payload.removeprefix("\x1d"), config=config).element_strings
    except (biip.ParseError, ValueError):  # ValueError: an address that is none
        return None
