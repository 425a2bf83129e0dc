"""Files as request bodies: taken in with a limit, kept beside memory, and told apart by content.

A JSON body is small and decoded at the door; a file is neither. It is spooled: in memory while it
is small, in a temporary file beyond that, so that large ones cost the disk and not the program. Few
are taken in at a time; who waits keeps the bytes in the line, and loses nothing by waiting.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Final

from aiohttp import web

from web.body import DIGEST_BYTES
from web.problems import Problem

UPLOADS_MAX: Final = 4
"""Files that one program takes in and works on at once: four of the largest fit on any disk."""

UPLOAD_S_MAX: Final = 600.0
"""64 MB over a line of 1 Mbit/s take 540 s."""

MEMORY_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What kind of file an endpoint takes as its body, and how long it may be."""

    media_type: str
    bytes_max: int
    seconds_max: float = UPLOAD_S_MAX


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file that has arrived, and what tells it from another under the same key."""

    file: IO[bytes]
    digest: bytes


@asynccontextmanager
async def spooled(request: web.Request, upload: Upload) -> AsyncIterator[Spooled]:
    """The request's body as a file, which is gone after the block.

    Raises:
        Problem: too-large, or invalid-request 400 when it is of another type, breaks off, or does
            not come.
    """
    if request.content_type != upload.media_type:
        raise Problem.malformed(
            f"The body is to be {upload.media_type}, not {request.content_type}."
        )
    if (request.content_length or 0) > upload.bytes_max:
        raise Problem.too_large(upload.bytes_max)
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES_MAX) as file:
        try:
            async with asyncio.timeout(upload.seconds_max):
                digest = await _receive(request, file, upload.bytes_max)
        except TimeoutError:
            raise Problem.malformed(
                f"The body did not arrive within {upload.seconds_max:g} s."
            ) from None
        except web.RequestPayloadError:
            raise Problem.malformed("The body broke off or its encoding is broken.") from None
        yield Spooled(file, digest)


async def _receive(request: web.Request, file: IO[bytes], bytes_max: int) -> bytes:
    """Write the body into the file until its end or one chunk past the limit; its digest."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    received = 0
    while chunk := await request.content.readany():
        received += len(chunk)
        if received > bytes_max:
            raise Problem.too_large(bytes_max)
        digest.update(chunk)
        file.write(chunk)
    return digest.digest()
