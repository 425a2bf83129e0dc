"""Lists in pages: `limit` and `cursor` in, `{"items": [...], "next_cursor": ...}` out.

A cursor is the place after which the next page begins, as a tuple that the list's own order is
made of (a sequence number, a SKU, ...). Clients get it as text and hand it back unread. It holds
no secret and is not signed: whoever invents one gets some page of a list that is theirs to read.
"""

import base64
import binascii
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from web.endpoint import Answer
from web.problems import Problem

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 500
CURSOR_CHARS_MAX: Final = 512
"""A cursor of two ids of 63 characters and a number takes some 200."""

ItemT = TypeVar("ItemT")
PlaceT = TypeVar("PlaceT", bound=tuple[object, ...])


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The query parameters of every list; a list's own ones come in a subclass."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=CURSOR_CHARS_MAX)] | None = None


class Paged(msgspec.Struct, Generic[ItemT], frozen=True, kw_only=True):
    """One page; `next_cursor` is null on the last."""

    items: Sequence[ItemT]
    next_cursor: str | None


class Cursor(Generic[PlaceT]):
    """Places of one kind as URL-safe text and back; made once per list.

    A place is a flat tuple of ints, texts, bools and Nones, such as `tuple[str, int]`.
    """

    def __init__(self, place_type: type[PlaceT]) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(place_type).decode

    def encode(self, place: PlaceT) -> str:
        """The place as text of letters, digits, `-` and `_`, at most `CURSOR_CHARS_MAX` long."""
        text = base64.urlsafe_b64encode(self._encode(place)).rstrip(b"=").decode("ascii")
        assert len(text) <= CURSOR_CHARS_MAX, place
        return text

    def decode(self, text: str | None) -> PlaceT | None:
        """The place that a client hands back; None for the first page.

        Raises:
            Problem: invalid-request 400 for anything that `encode` did not make.
        """
        if text is None:
            return None
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            return self._decode(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, RecursionError):
            raise Problem.malformed("The cursor is not one that this list gave out.") from None


def page_answer(items: Sequence[Any], next_cursor: str | None) -> Answer:
    """A page as an answer; items may be structs, dicts or `msgspec.Raw` of ready JSON."""
    return Answer(HTTPStatus.OK, _encode({"items": items, "next_cursor": next_cursor}))


_encode: Final = msgspec.json.Encoder().encode
