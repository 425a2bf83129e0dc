"""Codes that a scanner reads off paper: bars and QR, as modules and as the size that fits.

A scanner wants modules of at least `MODULE_DOTS_MIN` dots and a quiet margin around them. A text
whose bars cannot have both on the paper is printed as a QR code, which is square and holds more.
"""

import re
from typing import Final, NamedTuple

from barcode.codex import Code128
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from devices.paper import Barcode, Qr

MODULE_DOTS_MIN: Final = 2
"""0.25 mm at 8 dots per mm: the narrowest bar that GS1 allows at a till (ISO/IEC 15417)."""

BAR_DOTS_MAX: Final = 3
QR_DOTS_MAX: Final = 6
"""0.75 mm: larger modules are no easier to read and make a longer receipt."""

BARS_HEIGHT_DOTS: Final = 64

BARS_QUIET: Final = 10
"""Modules of white at either end of the bars (ISO/IEC 15417)."""

QR_QUIET: Final = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""


_BARS_TEXT: Final = re.compile(r"[ -~]+")
"""What CODE 128 has in its set B."""


class Bars(NamedTuple):
    """`modules` of one character each, 1 for black, without the quiet margin."""

    modules: str
    module_dots: int


class Square(NamedTuple):
    """A QR code: how many modules a side has, without the quiet margin, and their size."""

    modules: int
    module_dots: int


def bars_of(code: Barcode, dots: int) -> Bars | None:
    """The bars of the text on paper that is `dots` wide; None where they cannot be or not fit."""
    if _BARS_TEXT.fullmatch(code.data) is None:
        return None
    modules: str = Code128(code.data).build()[0]
    module_dots = _module_dots(len(modules), dots)
    return None if module_dots is None else Bars(modules, module_dots)


def printers_bar_dots(code: Barcode, dots: int) -> int | None:
    """The dots of a module where the printer draws the bars, of set B alone; None as above."""
    if _BARS_TEXT.fullmatch(code.data) is None:
        return None
    # Start, check and stop are a character each; the stop has two modules more.
    return _module_dots(11 * (len(code.data) + 3) + 2, dots)


def _module_dots(modules: int, dots: int) -> int | None:
    module_dots = min(BAR_DOTS_MAX, dots // (modules + 2 * BARS_QUIET))
    return None if module_dots < MODULE_DOTS_MIN else module_dots


def square_of(code: Barcode | Qr, dots: int) -> Square:
    """How large the QR code of the text is on paper that is `dots` wide. It always fits."""
    symbol = _symbol(code)
    modules = 17 + 4 * int(symbol.best_fit())
    return Square(modules, min(QR_DOTS_MAX, dots // (modules + 2 * QR_QUIET)))


def matrix_of(code: Barcode | Qr) -> list[list[bool]]:
    """The modules of a QR code, row by row, black is true, without the quiet margin."""
    symbol = _symbol(code)
    symbol.make(fit=True)
    matrix: list[list[bool]] = symbol.get_matrix()
    return matrix


def _symbol(code: Barcode | Qr) -> QRCode:
    symbol = QRCode(error_correction=ERROR_CORRECT_M, border=0)
    symbol.add_data(code.data.encode(), optimize=0)
    return symbol
