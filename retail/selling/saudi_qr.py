"""The QR code of a Saudi simplified tax invoice, phase 1: five values in tag-length-value, base64.

    tag  length in bytes  value in UTF-8
     1                    the seller's name
     2                    the seller's VAT registration number
     3                    when it was sold, RFC 3339 to the second
     4                    the total with VAT, in riyals
     5                    the VAT total, in riyals

A length is one byte and counts bytes, not letters: an Arabic letter has two. Source: ZATCA, "QR
Code Development Guide" (Fatoora, phase 1). Phase 2 adds a hash chain and signatures; it is not
here, and nothing here is certified.
"""

import base64
from typing import Final

from retail.money import format_minor

CURRENCY: Final = "SAR"
VALUE_BYTES_MAX: Final = 255
SECONDS_CHARS: Final = len("2026-11-22T10:00:00")


def saudi_qr(*, seller: str, vat_number: str, at: str, total_minor: int, tax_minor: int) -> str:
    """The text of the code. `at` is RFC 3339 in UTC; amounts are in halalas.

    A name that is longer than `VALUE_BYTES_MAX` is cut between two letters.
    """
    values = (
        seller,
        vat_number,
        f"{at[:SECONDS_CHARS]}Z",
        format_minor(total_minor, CURRENCY),
        format_minor(tax_minor, CURRENCY),
    )
    records = bytearray()
    for tag, value in enumerate(values, 1):
        data = _fitted(value)
        records += bytes([tag, len(data)]) + data
    return base64.b64encode(records).decode("ascii")


def _fitted(value: str) -> bytes:
    """As much of the value as a length can count; a letter that is cut in two goes."""
    data = value.encode(errors="replace")[:VALUE_BYTES_MAX]
    return data.decode(errors="ignore").encode()
