"""A receipt for a screen. Plain text by default, a page where `Accept` names ``text/html``.

The page has its document's `lang` and `dir`. Codes are drawn as paths of an SVG within the page,
which a strict content policy lets pass; the logo is for paper.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from devices.letters import isolated, legible
from devices.lines import text_of
from devices.paper import Barcode, Block, Document, Language, Qr
from devices.shaping import direction_of
from devices.symbols import BARS_QUIET, QR_QUIET, bars_of, matrix_of
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent
STATIC: Final = "/receipt/static/{name}"

COLUMNS: Final = 42
"""Of the plain text: an 80 mm receipt."""

WIDE_DOTS: Final = 576

_files: Final = PageFiles(HERE)


class ReceiptQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`language` is another one than the store's receipts have."""

    language: Language | None = None


BARS_HIGH: Final = 40
"""Of bars, in modules."""


class Drawn(NamedTuple):
    """A code as an SVG: `wide` x `high` units, one to a module, black where `path` is."""

    wide: int
    high: int
    path: str


def add_receipt_files(app: web.Application) -> None:
    """Add what the page loads, which shows nothing of any sale."""
    app.router.add_get(STATIC, _files.static)


def e_receipt(document: Document, accept: str) -> web.Response:
    """The document as the caller wants to have it."""
    if "text/html" in accept.lower():
        return _page(document)
    return web.Response(
        text="\n".join(plain_lines(document)) + "\n",
        content_type="text/plain",
        charset="utf-8",
        headers={hdrs.CONTENT_LANGUAGE: document.language},
    )


def plain_lines(document: Document) -> Sequence[str]:
    """The document as lines of text, in the order of reading; numbers do not flip in Arabic."""
    lines = text_of(document, COLUMNS, legible)
    return [isolated(line) for line in lines] if document.direction == "rtl" else lines


def _page(document: Document) -> web.Response:
    return _files.show(
        "receipt.html",
        document=document,
        blocks=[(_name(block), block, _drawn(block)) for block in document.marked_blocks()],
        said=_said,
        direction_of=direction_of,
    )


def _said(text: str) -> str:
    """Numbers do not flip, whichever way a browser runs the line that they are in."""
    return isolated(legible(text))


def _name(block: Block) -> str:
    return type(block).__name__.lower()


def _drawn(block: Block) -> Drawn | None:
    """The code of a block, as on paper of 80 mm."""
    if not isinstance(block, Barcode | Qr) or not block.data:
        return None
    bars = bars_of(block, WIDE_DOTS) if isinstance(block, Barcode) else None
    if bars is not None:
        modules = [module == "1" for module in bars.modules]
        wide = len(modules) + 2 * BARS_QUIET
        return Drawn(wide, BARS_HIGH, _path([modules], BARS_QUIET, 0, BARS_HIGH))
    matrix = matrix_of(block)
    side = len(matrix) + 2 * QR_QUIET
    return Drawn(side, side, _path(matrix, QR_QUIET, QR_QUIET, 1))


def _path(modules: Sequence[Sequence[bool]], left: int, top: int, high: int) -> str:
    """Black modules as rectangles, one wide and so many high."""
    return "".join(
        f"M{x} {y}h1v{high}h-1z"
        for y, row in enumerate(modules, top)
        for x, black in enumerate(row, left)
        if black
    )
