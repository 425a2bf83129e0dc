"""From what a scanner sends to the keys under which a product may be found.

A GTIN has one number and many lengths: 8, 12, 13 and 14 digits are the same number padded with
zeros on the left. `index_key` is the one form under which a catalogue indexes a barcode;
`lookup_keys` lists every form that means the same, most literal first, so that a scan also finds a
barcode that was indexed as it was typed.

    B1  index_key(code) is one of lookup_keys(code)
    B2  two forms of one GTIN have the same index_key
    B3  digits whose check digit is wrong are plain text: they match themselves and nothing else

Eight digits can be an EAN-8 or a zero-suppressed UPC-E. Where the check digits allow both, the
EAN-8 reading is the barcode's own and the UPC-E reading is tried after it.

Only GS1 element strings and Digital Links need a parser (`retail.products.gs1`), and plain codes
are never handed to it. What else a scan says is read by `retail.products.scans`.
"""

import re
from functools import lru_cache
from typing import Final

from retail.products.gs1 import is_gs1, read_gs1

CODE_CHARS_MAX: Final = 1_024
"""The longest scan that is looked up; a Digital Link with serial and dates stays below 300."""

CODES_REMEMBERED: Final = 1_024
"""Codes whose index key is remembered: an import asks for that of each barcode five times."""

GTIN_LENGTHS: Final = (8, 12, 13, 14)

_AIM_ID: Final = re.compile(r"\]([A-Za-z][0-9A-Za-z])")
_UPC_E: Final = re.compile(r"[01][0-9]{7}")
_AIM_EAN_8: Final = "E4"
_AIM_ADD_ON: Final = "E3"
_ADDED_ON: Final = re.compile(r"([0-9]{13})(?:[0-9]{2}|[0-9]{5})")
"""A magazine: an EAN-13, and the number of its issue beside it."""

_FRAMING: Final = " \t\r\n"
"""Stripped from both ends of a scan. Not str.strip(): that would eat GS1's separator 0x1D."""


def has_valid_check_digit(digits: str) -> bool:
    """Whether the last digit is the GS1 mod-10 check digit of those before it."""
    if not (digits.isascii() and digits.isdecimal()):
        return False
    # Sums of bytes, less the "0" in each: an import asks this of every barcode of a catalogue.
    singles, triples = digits.encode()[::-2], digits.encode()[-2::-2]
    weights = len(singles) + 3 * len(triples)
    return (sum(singles) + 3 * sum(triples) - ord("0") * weights) % 10 == 0


def payload_of(code: str) -> str:
    """What a scan says, without its framing and the name of its symbology."""
    return split_aim_id(code)[1]


@lru_cache(maxsize=CODES_REMEMBERED)
def index_key(code: str) -> str:
    """The one form under which a product's barcode is indexed: a GTIN as 14 digits, else the text.

    Two products whose barcodes share an index key cannot be told apart by a scanner.
    """
    payload = payload_of(code)
    readings = _gtin_readings(payload, ean_8_only=False)
    return readings[0] if readings else payload


def lookup_keys(code: str) -> tuple[str, ...]:
    """Every key under which the scanned thing may be indexed, best first, without repetition.

    Empty for a scan that is empty or longer than `CODE_CHARS_MAX`.
    """
    if len(code) > CODE_CHARS_MAX:
        return ()
    aim_id, payload = split_aim_id(code)
    if not payload:
        return ()
    keys = [payload]
    for reading in _gtin_readings(_number(aim_id, payload), ean_8_only=aim_id == _AIM_EAN_8):
        keys.extend(_gtin_forms(reading))
    return tuple(dict.fromkeys(keys))


def split_aim_id(code: str) -> tuple[str, str]:
    """The two characters behind `]` that name the symbology, or "", and what the scan says."""
    text = code.strip(_FRAMING)
    if (found := _AIM_ID.match(text)) is None:
        return "", text
    return found.group(1), text[found.end() :]


def is_gtin(digits: str) -> bool:
    """Whether the digits are a GTIN's or a UPC-E's, with their check digit."""
    return bool(_gtin_readings(digits, ean_8_only=False))


def _number(aim_id: str, payload: str) -> str:
    """The part of a scan that may be a GTIN; "" where it is GS1's and has none, or is broken."""
    if is_gs1(aim_id, payload):
        data = read_gs1(payload)
        return "" if data is None else data.gtin or ""
    if aim_id == _AIM_ADD_ON and (found := _ADDED_ON.fullmatch(payload)) is not None:
        return found.group(1)
    return payload


def _gtin_readings(payload: str, *, ean_8_only: bool) -> list[str]:
    """The GTIN-14s that the digits can stand for: none, one, or an EAN-8 and then a UPC-E."""
    if len(payload) not in GTIN_LENGTHS:
        return []
    readings = [payload.zfill(14)] if has_valid_check_digit(payload) else []
    if not ean_8_only and (expanded := _expand_upc_e(payload)) is not None:
        readings.append(expanded.zfill(14))
    return readings


def _gtin_forms(gtin_14: str) -> list[str]:
    """The same number at every length that holds it, longest first, and as UPC-E where one is."""
    forms = [
        gtin_14[14 - length :]
        for length in reversed(GTIN_LENGTHS)
        if not gtin_14[: 14 - length].strip("0")
    ]
    if (suppressed := _suppress_upc_a(gtin_14)) is not None:
        forms.append(suppressed)
    return forms


def _expand_upc_e(digits: str) -> str | None:
    """The UPC-A that a zero-suppressed UPC-E of 8 digits stands for, if its check digit fits it."""
    if _UPC_E.fullmatch(digits) is None:
        return None
    system, body, last, check = digits[0], digits[1:6], digits[6], digits[7]
    if last in "012":
        middle = f"{body[:2]}{last}0000{body[2:]}"
    elif last == "3":
        middle = f"{body[:3]}00000{body[3:]}"
    elif last == "4":
        middle = f"{body[:4]}00000{body[4:]}"
    else:
        middle = f"{body}0000{last}"
    expanded = f"{system}{middle}{check}"
    return expanded if has_valid_check_digit(expanded) else None


def _suppress_upc_a(gtin_14: str) -> str | None:
    """The UPC-E that expands to this number and cannot be mistaken for an EAN-8."""
    if gtin_14[:2] != "00":
        return None
    system, maker, article, check = gtin_14[2], gtin_14[3:8], gtin_14[8:13], gtin_14[13]
    for body in (
        maker[:2] + article[2:] + maker[2],
        maker[:3] + article[3:] + "3",
        maker[:4] + article[4] + "4",
        maker + article[4],
    ):
        candidate = f"{system}{body}{check}"
        if _expand_upc_e(candidate) == gtin_14[2:] and not has_valid_check_digit(candidate):
            return candidate
    return None
