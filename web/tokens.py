"""Bearer tokens: what they look like, who they stand for, and how a token is looked up.

A token is 32 random bytes as text, `ct_` + 43 characters of URL-safe base64. It is shown once and
stored nowhere: the store keeps SHA-256 of the text. A plain digest is enough, unlike for PINs,
because 256 random bits cannot be guessed from it, and it makes the look-up one indexed read.

`TokenBook` remembers answers for a short time, so that a request does not cost a read:

    known      for KNOWN_MS_MAX:    a revoked token works at most that long; `forget` ends it
    unknown    for UNKNOWN_MS_MAX:  a token made by another process works that much later at most

Both memories are bounded and apart, so that guesses do not push out the tokens in use.
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from web.problems import Problem

TOKEN_PREFIX: Final = "ct_"  # noqa: S105  a mark by which leaked tokens are found, no secret
SECRET_BYTES: Final = 32
TOKEN_CHARS: Final = len(TOKEN_PREFIX) + 43

KNOWN_MS_MAX: Final = 10_000
UNKNOWN_MS_MAX: Final = 1_000
KNOWN_TOKENS_MAX: Final = 4_096
"""More than a shop has registers and a hub has gateways; about 1 MB when full."""
UNKNOWN_TOKENS_MAX: Final = 1_024
LOOKUPS_WAITING_MAX: Final = 1_024
"""Look-ups take some 50 us each: beyond this queue a guesser is told to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a token stands for.

    Attributes:
        id: stable id; scopes idempotency keys and limits.
        role: one of the program's roles; the endpoint table says which roles may do what.
        register: the only register it may speak for; None: any.
        name: for people and for the journal's "who".
    """

    id: str
    role: str
    register: str | None
    name: str


class TokenStore(Protocol):
    """Where token digests are kept: one indexed read."""

    def find(self, digest: bytes) -> Principal | None:
        """Whose token has this digest; None when nobody's, revoked or expired.

        Called on a worker thread, never twice at the same time.
        """


def new_token(secret_bytes: bytes) -> str:
    """The token made of `secret_bytes`: exactly `SECRET_BYTES` from the system's secure source."""
    assert len(secret_bytes) == SECRET_BYTES, len(secret_bytes)
    return TOKEN_PREFIX + base64.urlsafe_b64encode(secret_bytes).rstrip(b"=").decode("ascii")


def token_digest(token: str) -> bytes:
    """SHA-256 of the token's text: what is stored, and what a token is found by."""
    return hashlib.sha256(token.encode()).digest()


def is_token_shaped(token: str) -> bool:
    """Whether `token` could be one of ours; what could not is refused without a look-up."""
    return len(token) == TOKEN_CHARS and token.startswith(TOKEN_PREFIX) and token.isascii()


class TokenBook:
    """Tokens of one program, remembered for a while. Belongs to one event loop."""

    def __init__(self, store: TokenStore, *, now_ms: Callable[[], int]) -> None:
        """Read from `store`; `now_ms` is a monotonic clock in milliseconds."""
        self._store = store
        self._now_ms = now_ms
        self._known: dict[bytes, tuple[int, Principal]] = {}
        self._unknown: dict[bytes, int] = {}
        self._reading = asyncio.Lock()
        self._waiting = 0
        self._forgotten = 0

    async def find(self, token: str) -> Principal | None:
        """Whose token this is, or None. Costs a digest and a dictionary look-up when remembered.

        Raises:
            Problem: rate-limited, when too many tokens wait to be looked up.
        """
        if not is_token_shaped(token):
            return None
        digest = token_digest(token)
        entry = self._known.get(digest)
        if entry is not None and self._now_ms() < entry[0]:
            return entry[1]
        return await self._look_up(digest)

    def forget(self) -> None:
        """Drop all that is remembered: called after tokens were made or revoked in this process."""
        self._forgotten += 1
        self._known.clear()
        self._unknown.clear()

    async def _look_up(self, digest: bytes) -> Principal | None:
        """Ask the store, one token at a time; who waited for the same token shares the answer."""
        if self._now_ms() < self._unknown.get(digest, 0):
            return None
        if self._waiting >= LOOKUPS_WAITING_MAX:
            raise Problem.rate_limited("Too many tokens wait to be checked.", retry_after_s=1)
        self._waiting += 1
        try:
            async with self._reading:
                now_ms = self._now_ms()
                entry = self._known.get(digest)
                if entry is not None and now_ms < entry[0]:
                    return entry[1]
                if now_ms < self._unknown.get(digest, 0):
                    return None
                forgotten = self._forgotten
                principal = await asyncio.to_thread(self._store.find, digest)
                if forgotten == self._forgotten:  # else the answer may be older than a revocation
                    self._remember(digest, principal, now_ms)
                return principal
        finally:
            self._waiting -= 1

    def _remember(self, digest: bytes, principal: Principal | None, now_ms: int) -> None:
        """Write down what was asked at `now_ms`; the oldest entry makes room."""
        self._known.pop(digest, None)
        self._unknown.pop(digest, None)
        if principal is None:
            if len(self._unknown) >= UNKNOWN_TOKENS_MAX:
                del self._unknown[next(iter(self._unknown))]
            self._unknown[digest] = now_ms + UNKNOWN_MS_MAX
        else:
            if len(self._known) >= KNOWN_TOKENS_MAX:
                del self._known[next(iter(self._known))]
            self._known[digest] = (now_ms + KNOWN_MS_MAX, principal)
