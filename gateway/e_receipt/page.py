"""A receipt for a screen. Plain text by default, a page where `Accept` names ``text/html``.

The page has its document's `lang` and `dir`. Codes are drawn as paths of an SVG within the page,
which a strict content policy lets pass; the logo is for paper.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from devices.letters import isolated, legible
from devices.lines import text_of
from devices.paper import Barcode, Block, Document, Language, Qr
from devices.symbols import QR_QUIET, matrix_of
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent
STATIC: Final = "/receipt/static/{name}"

COLUMNS: Final = 42
"""Of the plain text: an 80 mm receipt."""

_files: Final = PageFiles(HERE)


class ReceiptQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`language` is another one than the store's receipts have."""

    language: Language | None = None


class Drawn(NamedTuple):
    """A QR code as an SVG: `side` units wide and high, black where `path` is."""

    side: int
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
        legible=legible,
    )


def _name(block: Block) -> str:
    return type(block).__name__.lower()


def _drawn(block: Block) -> Drawn | None:
    """The code of a block; a number is short enough to be a QR code wherever it is shown."""
    if not isinstance(block, Barcode | Qr) or not block.data:
        return None
    matrix = matrix_of(block)
    return Drawn(len(matrix) + 2 * QR_QUIET, "".join(_squares(matrix)))


def _squares(matrix: Sequence[Sequence[bool]]) -> Iterator[str]:
    for y, row in enumerate(matrix, QR_QUIET):
        for x, black in enumerate(row, QR_QUIET):
            if black:
                yield f"M{x} {y}h1v1h-1z"
