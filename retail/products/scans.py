"""What a scan says by itself, before any catalogue is asked.

A code has a symbology, where the scanner names it (AIM id), a number under which a product is found
(`retail.products.barcodes`), and, where it is GS1's, a batch, a serial number, dates, a weight and
a price (`retail.products.gs1`). `read_scan` is the one place that puts them together: what is
looked up, what is sold and what a register hears are read by it alike.

    S1  it never raises, whatever was scanned
    S2  a code with a fault may still be a product's own (a catalogue keeps it as plain text);
        the fault is why nothing was found, never why something is not sold

A use-by date that is past is told (`is_expired`) and refuses nothing here: the date on a label may
be misprinted, and whoever stands before the goods sees what is printed. A best-before date is told
as a date.
"""

import datetime
import enum
from decimal import Decimal
from typing import Final, NamedTuple

from retail.money import EXPONENTS
from retail.products.barcodes import CODE_CHARS_MAX, GTIN_LENGTHS, is_gtin, split_aim_id
from retail.products.catalogue import PRICE_MINOR_MAX, Product
from retail.products.embedded import Label
from retail.products.gs1 import Gs1Data, date_of, is_digital_link, is_gs1, read_gs1

SYMBOLOGIES: Final = {
    "E0": "EAN-13", "E1": "EAN add-on 2", "E2": "EAN add-on 5", "E3": "EAN-13 with add-on",
    "E4": "EAN-8", "C0": "Code 128", "C1": "GS1-128", "e0": "GS1 DataBar",
    "d1": "Data Matrix", "d2": "GS1 DataMatrix", "Q0": "QR Code", "Q1": "QR Code",
    "Q3": "GS1 QR Code", "J1": "GS1 DotCode", "I1": "ITF with check digit",
}  # fmt: skip
"""Names of symbologies by AIM id (ISO/IEC 15424), where the modifier changes the name."""

FAMILIES: Final = {
    "A": "Code 39", "C": "Code 128", "d": "Data Matrix", "e": "GS1 DataBar", "E": "EAN/UPC",
    "F": "Codabar", "G": "Code 93", "I": "ITF", "J": "DotCode", "L": "PDF417", "M": "MSI",
    "Q": "QR Code", "U": "MaxiCode", "X": "another code", "z": "Aztec",
}  # fmt: skip
"""Names by the letter of the AIM id alone."""

_CHECKED_BY_GS1: Final = frozenset({"", "E", "I"})
"""Letters of symbologies whose 8, 12, 13 or 14 digits are GTINs, and no id at all."""


class Fault(enum.Enum):
    """What is wrong with a code by itself; the text is part of the contract."""

    CHECK_DIGIT = "check-digit"
    UNREADABLE = "unreadable"
    TOO_LONG = "too-long"


class Reading(NamedTuple):
    """What a scan says. `symbology` is None where the scanner does not say; dates are resolved.

    `price` is what the label costs, in whole units of the store's currency.
    """

    symbology: str | None = None
    gtin: str | None = None
    batch: str | None = None
    serial: str | None = None
    expires_on: datetime.date | None = None
    best_before: datetime.date | None = None
    weight_grams: int | None = None
    price: Decimal | None = None
    fault: Fault | None = None

    def is_expired(self, today: datetime.date) -> bool | None:
        """Whether the use-by date is past on this business day; None where there is none."""
        return None if self.expires_on is None else self.expires_on < today


def read_scan(code: str, today: datetime.date) -> Reading:
    """What a scan says; `today` settles which century its dates are in."""
    if len(code) > CODE_CHARS_MAX:
        return Reading(fault=Fault.TOO_LONG)
    aim_id, payload = split_aim_id(code)
    symbology = SYMBOLOGIES.get(aim_id) or FAMILIES.get(aim_id[:1])
    if not is_gs1(aim_id, payload):
        return Reading(symbology=symbology, fault=_plain_fault(aim_id, payload))
    data = read_gs1(payload)
    if data is None:
        # Most addresses are no GS1 Digital Links, and there is nothing wrong with them.
        fault = None if is_digital_link(payload) else Fault.UNREADABLE
        return Reading(symbology=symbology, fault=fault)
    return _reading_of(data, symbology, today)


def measure_of(reading: Reading, product: Product) -> Label | None:
    """The weight and price of a pack of this product, as a label of a scale; None: it has neither.

    They count for goods that are sold by the gram alone: what a carton of fixed contents weighs is
    not how many of it are sold. A price that the currency cannot hold is none.
    """
    if product.unit != "g" or reading.gtin is None:
        return None
    price_minor = _minor_units(reading.price, product.currency)
    if reading.weight_grams is None and price_minor is None:
        return None
    return Label(reading.gtin, reading.weight_grams, price_minor)


def _reading_of(data: Gs1Data, symbology: str | None, today: datetime.date) -> Reading:
    return Reading(
        symbology=symbology,
        gtin=data.gtin,
        batch=data.batch,
        serial=data.serial,
        expires_on=date_of(data.use_by, today),
        best_before=date_of(data.best_before, today),
        weight_grams=data.weight_grams,
        price=data.price,
        fault=Fault.CHECK_DIGIT if data.is_misread else None,
    )


def _plain_fault(aim_id: str, payload: str) -> Fault | None:
    """Digits of a GTIN's length that are none, where nothing else is written in such digits."""
    looks_like_gtin = len(payload) in GTIN_LENGTHS and payload.isascii() and payload.isdecimal()
    if not looks_like_gtin or aim_id[:1] not in _CHECKED_BY_GS1 or is_gtin(payload):
        return None
    return Fault.CHECK_DIGIT


def _minor_units(price: Decimal | None, currency: str) -> int | None:
    if price is None or currency not in EXPONENTS:
        return None
    minor = price.scaleb(EXPONENTS[currency])
    return int(minor) if minor == int(minor) and minor <= PRICE_MINOR_MAX else None
