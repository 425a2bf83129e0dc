"""A document as the bytes of one print job: ESC/POS, ending in one cut, without a drawer kick.

python-escpos encodes text and does nothing else; it is imported at the first document, or before,
by `load_encoder` in a thread. Bars and QR codes of a text document are drawn by the printer: a
picture of them is a hundred times as many bytes, and text is for printers on slow lines. A printer
that does not know the commands for them skips them by their length.
"""

import functools
import importlib
import logging
import os
import shutil
from typing import Any, Final, assert_never

from PIL import Image

from devices.letters import CODE_PAGE, printable
from devices.lines import Line, Symbol, lines_of, wrapped
from devices.logo import logo_picture
from devices.paper import Barcode, Document, Logo, Paper, Qr
from devices.picture import pictures_of
from devices.raster import raster_commands
from devices.symbols import BARS_HEIGHT_DOTS, printers_bar_dots, square_of

_PROLOGUE: Final = b"\x1b@\x1c."
"""ESC @ forgets what the job before left switched on; FS . stops printers made for China from
reading two Latin-1 letters as one Chinese one."""

_CENTRE: Final = b"\x1ba\x01"
_LEFT: Final = b"\x1ba\x00"
_DLE: Final = "\x10"
_QR_LEVEL_M: Final = 1
_CODE128: Final = 73


def encode(document: Document, paper: Paper, *, logo: Image.Image | None = None) -> bytes:
    """The document on that paper as commands. `logo` stands where the document has a `Logo`.

    It never raises for anything that a document says. Takes a thread's time: a picture of an
    Arabic receipt some 30 ms, the first call the time to import the encoder (`load_encoder`).
    """
    encoder = load_encoder()()
    if paper.mode == "raster" or document.direction == "rtl":
        for picture in pictures_of(document, paper.dots, logo=logo):
            _put(encoder, raster_commands(picture))
    else:
        _put_text(encoder, document, paper, logo)
    encoder.cut()
    return _PROLOGUE + bytes(encoder.output)


@functools.cache
def load_encoder() -> Any:  # noqa: ANN401 - python-escpos has no types
    """Import python-escpos, once, and return its `Dummy`: an encoder without a printer.

    Call it in a thread when a program starts. The import parses a large file (0.3 s on a desktop,
    seconds on a small board), adds a handler to the root logger and leaves a temporary directory
    behind; both are taken back here.
    """
    root = logging.getLogger()
    handlers = list(root.handlers)
    dummy = importlib.import_module("escpos.printer").Dummy
    root.handlers[:] = handlers
    if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
        pickle_dir = importlib.import_module("escpos.capabilities").pickle_dir
        shutil.rmtree(pickle_dir, ignore_errors=True)
    return dummy


def _put_text(
    encoder: Any,  # noqa: ANN401
    document: Document,
    paper: Paper,
    logo: Image.Image | None,
) -> None:
    encoder.magic.force_encoding(CODE_PAGE)
    for line in lines_of(document, paper.columns, printable):
        if isinstance(line, Line):
            _put_line(encoder, line)
        else:
            _put_symbol(encoder, line, paper, logo)


def _put_line(encoder: Any, line: Line) -> None:  # noqa: ANN401
    if line.strong:
        encoder.set(bold=True)
    if line.big:
        encoder.set(custom_size=True, width=2, height=2)
    encoder.textln(line.text)
    if line.big:
        encoder.set(custom_size=True, width=1, height=1)
    if line.strong:
        encoder.set(bold=False)


def _put_symbol(
    encoder: Any,  # noqa: ANN401
    symbol: Symbol,
    paper: Paper,
    logo: Image.Image | None,
) -> None:
    match symbol:
        case Logo():
            if logo is not None:
                _put(encoder, raster_commands(logo_picture(logo, paper.dots)))
        case Barcode(data=data) | Qr(data=data) if not data:
            return
        case Barcode() if (module_dots := printers_bar_dots(symbol, paper.dots)) is not None:
            _put(encoder, _CENTRE + _bars(symbol.data, module_dots) + _LEFT)
        case Barcode(data=data) | Qr(data=data):
            _put(encoder, _CENTRE)
            size = square_of(symbol, paper.dots).module_dots
            # A printer hears DLE also within a code (`devices.raster`).
            encoder.qr(data.replace(_DLE, " "), ec=_QR_LEVEL_M, size=size, native=True)
            _put(encoder, _LEFT)
            if isinstance(symbol, Barcode):
                for part in wrapped(printable(data), paper.columns):
                    encoder.textln(part.center(paper.columns).rstrip())
        case _:
            assert_never(symbol)


def _bars(data: str, module_dots: int) -> bytes:
    """GS H, h, w, k: the text below, height, width, bars. `encoder.barcode` writes to stdout."""
    # "{B" begins a text of code set B, and "{{" is its brace.
    text = b"{B" + data.encode("ascii").replace(b"{", b"{{")
    return (
        b"\x1dH\x02"
        b"\x1dh"
        + bytes([BARS_HEIGHT_DOTS])
        + b"\x1dw"
        + bytes([module_dots])
        + b"\x1dk"
        + bytes([_CODE128, len(text)])
        + text
    )


def _put(encoder: Any, command: bytes) -> None:  # noqa: ANN401
    encoder._raw(command)  # noqa: SLF001 - its only way for a command that it has no method for
