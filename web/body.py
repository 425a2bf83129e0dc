"""Request bodies: read with a limit, decoded once, and told apart by content.

Reading stops at the limit whether the client announced a length or sends chunks without end.
A body that has arrived with its headers, as nearly all do, is taken without waiting.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from web.named_key import named_key
from web.problems import Problem
from web.shape_words import PATH_MARK, shape_words

BODY_BYTES_MAX: Final = 1_048_576
"""A thousand sale lines are some 60 kB; a count of a whole shop is sent in parts."""

BODY_S_MAX: Final = 20.0
"""A till on bad Wi-Fi sends a megabyte in less; a client that dribbles is let go."""

DIGEST_BYTES: Final = 16

KEY_MARK: Final = "key` in `"
"""How the path begins where a key of an object has the wrong shape: the path is the object's."""

_plain_decoder: Final = msgspec.json.Decoder()
_canonical_encoder: Final = msgspec.json.Encoder(order="sorted")


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body `{}`: of requests that say all in their address, and of their answers."""


async def read_body(request: web.Request, *, bytes_max: int, seconds_max: float) -> bytes:
    """The whole body.

    Raises:
        Problem: too-large, or invalid-request 400 when the body breaks off or does not come.
    """
    payload = request.content
    if payload.is_eof() and payload.exception() is None:
        body = payload.read_nowait()
        if len(body) > bytes_max:
            raise Problem.too_large(bytes_max)
        return body
    announced = request.content_length
    if announced is not None and announced > bytes_max:
        raise Problem.too_large(bytes_max)
    try:
        async with asyncio.timeout(seconds_max):
            return await _read_chunks(request, bytes_max)
    except TimeoutError:
        raise Problem.malformed(f"The body did not arrive within {seconds_max:g} s.") from None
    except web.RequestPayloadError:
        raise Problem.malformed("The body broke off or its encoding is broken.") from None


async def _read_chunks(request: web.Request, bytes_max: int) -> bytes:
    """Read until the end or one chunk past the limit."""
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > bytes_max:
            raise Problem.too_large(bytes_max)
    return bytes(body)


def body_decoder(body_type: type[Any]) -> Callable[[bytes], Any]:
    """A function that decodes bodies of `body_type`; made once per endpoint.

    It raises a Problem: 400 for what is not JSON in UTF-8, 422 for what is JSON of another shape.
    Where nothing is required, no body is the same as `{}`.
    """
    decode = msgspec.json.Decoder(body_type).decode
    say = shape_words(body_type)
    may_be_missing = not any(field.required for field in msgspec.structs.fields(body_type))

    def decode_body(raw: bytes) -> Any:  # noqa: ANN401  whatever type the endpoint's row names
        try:
            return decode(raw or b"{}" if may_be_missing else raw)
        except msgspec.ValidationError as refused:
            raise _content_refused(body_type, raw, refused, say(refused)) from None
        except UnicodeDecodeError:
            raise Problem.malformed("The body is not UTF-8.") from None
        except msgspec.DecodeError as broken:
            what = str(broken) if raw else "it is empty"
            raise Problem.malformed(f"The body is not a JSON object: {what}.") from None
        except RecursionError:
            raise Problem.malformed("The body is nested too deeply.") from None

    return decode_body


def _content_refused(
    body_type: type[Any], raw: bytes, refused: msgspec.ValidationError, words: str
) -> Problem:
    """The 422 for a body of the wrong shape, with the path as a member of its own."""
    _, _, path = str(refused).partition(PATH_MARK)
    path = path.removeprefix(KEY_MARK).rstrip("`")
    named = named_key(body_type, raw, refused, path)
    return Problem.invalid(words.replace(path, named) if path else words, field=named or "$")


def body_digest(raw: bytes) -> bytes:
    """What tells the body of a retry from another body under the same idempotency key.

    The JSON value counts, not its text: white space and the order of keys do not matter. It is
    taken of what was sent and not of the decoded struct, because keys live as long as the journal:
    a struct that gains an optional field in an update must not turn an old retry into another body.

    `raw` was decoded before, so it is JSON. An absent body is the same as `{}`.
    """
    try:
        canonical = _canonical_encoder.encode(_plain_decoder.decode(raw or b"{}"))
    except RecursionError:
        raise Problem.malformed("The body is nested too deeply.") from None
    return hashlib.blake2b(canonical, digest_size=DIGEST_BYTES).digest()
