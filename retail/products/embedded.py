"""Barcodes that a scale or a counter prints: an item's number with a weight or a price in it.

No standard says how such a code is laid out: each chain says it by patterns, a digit per letter.

    I    the item's number                   W    its weight, in grams
    P    its price, in minor units           C    a check digit
    X    a digit that nobody looks at        0-9  that digit

`21IIIIIWWWWWC` is a weight in grams. A point among the W says where kilograms end: `WW.WWW` are
grams as well, `WWW.W` are hundreds of grams. The C at the end is GS1's check digit of the whole
code; a C anywhere else is GS1's verifier of a weight or price of 4 or 5 digits (General
Specifications, 7.9). A product is found by its item key, which it has among its barcodes: the
pattern with the item's digits filled in and an asterisk for every digit that changes from label to
label, `2112345******` for item 12345.

    M1  a code that a scale made by a pattern gives back its item and its weight or price
    M2  a code with a wrong check digit or verifier matches nothing
    M3  no code matches two patterns of one table: such a table cannot be made
    M4  a weight or price of zero matches nothing: the scale was empty

The barcode's own product, where a catalogue has one, comes first: a pattern is asked last.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from retail.money import divide_half_up
from retail.products.barcodes import has_valid_check_digit, payload_of
from retail.products.catalogue import QUANTITY_MAX, Product

PATTERNS_MAX: Final = 50
"""Scales of ten makes with five layouts each; a scan that nothing else knows tries them all."""

Pattern = Annotated[
    str,
    Meta(
        min_length=6,
        max_length=40,
        pattern=r"^[0-9IWPCX.]+(?![\s\S])",
        description="a pattern of digits and the letters I, W, P, C, X",
    ),
]
Patterns = Annotated[tuple[Pattern, ...], Meta(max_length=PATTERNS_MAX)]

GRAM_DECIMALS: Final = 3
VERIFIED_DIGITS: Final = (4, 5)
"""What GS1's verifier is defined for."""

UPC_A_DIGITS: Final = 12
"""A UPC-A is also scanned as an EAN-13 with a zero before it, and the other way round."""

_SHAPE: Final = re.compile(r"[0-9]+[0-9IWPCX.]*")
_MEASURE: Final = re.compile(r"P+|W+(?:\.W+)?|W*\.W+")
_CHANGES: Final = frozenset("WPCX")


class PatternUnfit(ValueError):
    """A pattern, or two of them together, cannot be used; the sentence says why."""


class Label(NamedTuple):
    """What a label says: the key of its item, and its weight or price; a GS1 code may have both."""

    key: str
    weight_grams: int | None
    price_minor: int | None


class Portion(NamedTuple):
    """How much of a product a label is for; `total_minor` where the label names its price."""

    quantity: int
    total_minor: int | None


class _Layout(NamedTuple):
    """One pattern, taken apart. `ends_in_check`: its last digit checks all of the code."""

    letters: str
    digits: re.Pattern[str]
    measure: slice
    scale: int
    is_price: bool
    ends_in_check: bool
    verifier: int | None


class LabelTable:
    """The patterns of a chain, parsed once; matching a code takes a few microseconds."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """Parse the patterns.

        Raises:
            PatternUnfit: one of them says nothing, or two may mean the same code (M3).
        """
        self._by_length: dict[int, list[_Layout]] = {}
        layouts = [_layout(text) for text in patterns]
        for number, layout in enumerate(layouts):
            for place in range(number):
                if _overlap(layouts[place].letters, layout.letters):
                    raise PatternUnfit(
                        f"{patterns[place]} and {patterns[number]} may mean the same code"
                    )
            self._by_length.setdefault(len(layout.letters), []).append(layout)

    def match(self, code: str) -> Label | None:
        """What a scanned code says, or None where it is no such label."""
        digits = payload_of(code)
        if not (digits.isascii() and digits.isdecimal()):
            return None
        forms = [digits]
        if len(digits) == UPC_A_DIGITS:
            forms.append(f"0{digits}")
        elif len(digits) == UPC_A_DIGITS + 1 and digits[0] == "0":
            forms.append(digits[1:])
        for form in forms:
            for layout in self._by_length.get(len(form), ()):
                if (label := _read(layout, form)) is not None:
                    return label
        return None


def portion_of(label: Label, product: Product, packs: int = 1) -> Portion | None:
    """How much of the product so many packs with this label are.

    A price stands as it is printed. Without a weight its quantity is what that buys at the
    product's own price, rounded, and at least one base unit. None where there is no telling: the
    product costs nothing, or the quantity would be above `QUANTITY_MAX`.
    """
    total_minor = None if label.price_minor is None else label.price_minor * packs
    if label.weight_grams is not None:
        quantity = label.weight_grams * packs
    else:
        assert total_minor is not None, "a label has a weight or a price"
        if product.price_minor == 0:
            return None
        units = divide_half_up(total_minor * product.price_per_quantity, product.price_minor)
        quantity = max(1, units)
    return Portion(quantity, total_minor) if quantity <= QUANTITY_MAX else None


def _layout(text: str) -> _Layout:
    measures = list(_MEASURE.finditer(text))
    letters = text.replace(".", "")
    if not _SHAPE.fullmatch(text):
        raise PatternUnfit(f"{text} does not begin with a digit, or has letters that mean nothing")
    if len(measures) != 1:
        raise PatternUnfit(f"{text} has not one weight or one price")
    if len(re.findall("I+", letters)) != 1:
        raise PatternUnfit(f"{text} has not one item number")
    found = measures[0]
    if text.count(".") != found[0].count("."):
        raise PatternUnfit(f"{text} has a point that is not in its weight")
    measure = slice(found.start(), found.start() + len(found[0].replace(".", "")))
    decimals = len(found[0].partition(".")[2]) if "." in found[0] else GRAM_DECIMALS
    if decimals > GRAM_DECIMALS:
        raise PatternUnfit(f"{text} has parts of a gram")
    return _Layout(
        letters=letters,
        digits=re.compile(re.sub("[A-Z]", "[0-9]", letters)),
        measure=measure,
        scale=1 if "P" in found[0] else 10 ** (GRAM_DECIMALS - decimals),
        is_price="P" in found[0],
        ends_in_check=letters.endswith("C"),
        verifier=_verifier(text, letters, measure),
    )


def _verifier(text: str, letters: str, measure: slice) -> int | None:
    """The place of the digit that verifies the weight or price, where there is one."""
    places = [place for place, letter in enumerate(letters[:-1]) if letter == "C"]
    if not places:
        return None
    if len(places) > 1:
        raise PatternUnfit(f"{text} has more than two check digits")
    if measure.stop - measure.start not in VERIFIED_DIGITS:
        raise PatternUnfit(f"{text} verifies a weight or price that has neither 4 nor 5 digits")
    return places[0]


def _overlap(one: str, other: str) -> bool:
    """Whether some code has both shapes, also when it is scanned with a zero before it."""
    one, other = (
        f"0{letters}" if len(letters) == UPC_A_DIGITS else letters for letters in (one, other)
    )
    return len(one) == len(other) and all(
        a == b or not (a.isdecimal() and b.isdecimal()) for a, b in zip(one, other, strict=True)
    )


def _read(layout: _Layout, digits: str) -> Label | None:
    if layout.digits.fullmatch(digits) is None:
        return None
    measure = digits[layout.measure]
    value = int(measure) * layout.scale
    if value == 0:
        return None
    if layout.ends_in_check and not has_valid_check_digit(digits):
        return None
    if layout.verifier is not None and int(digits[layout.verifier]) != _verified(measure):
        return None
    key = "".join(
        "*" if letter in _CHANGES else digit
        for letter, digit in zip(layout.letters, digits, strict=True)
    )
    return Label(key, None, value) if layout.is_price else Label(key, value, None)


def _verified(measure: str) -> int:
    """GS1's verifier of a weight or price."""
    from biip.checksums import gs1_price_weight_check_digit  # noqa: PLC0415 - see retail.products.barcodes

    return gs1_price_weight_check_digit(measure)
