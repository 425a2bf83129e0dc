"""The line from a register to its gateway: finding it, knowing it, one request at a time.

An address is found (mDNS, or given) and then asked for ``/healthz``: the witness in that answer
says whose gateway is there, before it gets a token. After any lost connection the address is
forgotten and found again, because a gateway that was away may be back under another one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

import aiohttp

from gateway.client.answers import Reply, reply_from
from gateway.client.witness import HEADER, Witness
from gateway.discovery_record import Found

ANSWER_S_MAX: Final = 15.0
"""A sale that has to borrow quota takes 0.3 s, a gateway that starts 2 s, a busy card 5 s."""

CONNECT_S_MAX: Final = 3.0
"""Same LAN: a second is long. Then the address is looked for again."""

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""A sale of 1,000 lines is 300 KB, a page of 500 products 500 KB; more is not ours."""

LIVE_BYTES_MAX: Final = 64 * 1024
LIVE_HEARTBEAT_S: Final = 15.0

HEALTHY: Final = 200


class GatewayGone(Exception):
    """No answer from the gateway. Whoever catches it asks again later, with the same key.

    Attributes:
        unheard: whether the request may have reached the gateway.
    """

    def __init__(self, problem: str, *, unheard: bool) -> None:
        super().__init__(problem)
        self.unheard = unheard


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a register sells: a location to be found, an address, or both to be sure.

    With an address alone, whoever answers there first is the location from then on.
    """

    location: str | None = None
    address: str | None = None
    """Such as ``http://192.168.1.20:8080``; without it the gateway is found over mDNS."""
    fingerprint: str | None = None
    """SHA-256 of the gateway's certificate, 64 hexadecimal digits: nobody else is talked to."""

    def __post_init__(self) -> None:
        assert self.location or self.address, "a register needs a location or an address"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contact:
    """A gateway that has shown whose it is."""

    url: str
    location: str
    ssl: aiohttp.Fingerprint | bool


class Line:
    """The register's connections to the gateway of one place."""

    def __init__(
        self, place: Place, *, token: str, find: Callable[[str], Awaitable[Found | None]]
    ) -> None:
        self._place = place
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._find = find
        self._contact: _Contact | None = None
        self._connecting = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self.location = place.location
        """The location to sell at; learnt from the first answer where the place does not say."""

    async def open(self) -> None:
        """Make the session; call before anything else."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX, sock_connect=CONNECT_S_MAX),
            # A redirect or a proxy of the machine's environment is not the shop's gateway.
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections. Safe to repeat."""
        if self._session is not None:
            await self._session.close()

    async def connect(self) -> str:
        """Find the gateway unless it is known; returns its location.

        Raises:
            GatewayGone: nobody answers, or somebody else does. Nothing was asked.
        """
        async with self._connecting:
            if self._contact is None:
                self._contact = await self._meet()
                self.location = self._contact.location
            return self._contact.location

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Reply, Witness]:
        """Ask once; returns the answer and the witness that came with it.

        Raises:
            GatewayGone: there was no answer, it was not whole, or not from this location's gateway.
        """
        await self.connect()
        contact, session = self._contact, self._session
        if contact is None:
            raise GatewayGone("the gateway was lost at this moment", unheard=False)
        assert session is not None, "open() comes first"
        try:
            async with session.request(
                method,
                contact.url + path,
                params=query,
                data=body,
                headers={**self._authorization, **_typed(body), **(headers or {})},
                allow_redirects=False,
                ssl=contact.ssl,
            ) as response:
                reply = await _read(response)
                witness = Witness.parse(response.headers.get(HEADER, ""))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._lose(contact)
            # A connection that was never made has carried nothing; of any other we do not know.
            never_made = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
            raise GatewayGone(_say(error), unheard=not isinstance(error, never_made)) from error
        if witness is None or witness.location != contact.location:
            self._lose(contact)
            raise GatewayGone(f"{contact.url} answers for somebody else now", unheard=True)
        return reply, witness

    async def live(self) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """A WebSocket on ``/v1/live``, to be entered; aiohttp's errors come out of entering it.

        Raises:
            GatewayGone: nobody answers.
        """
        await self.connect()
        contact, session = self._contact, self._session
        if contact is None:
            raise GatewayGone("the gateway was lost at this moment", unheard=False)
        assert session is not None, "open() comes first"
        return session.ws_connect(
            contact.url + "/v1/live",
            headers=self._authorization,
            heartbeat=LIVE_HEARTBEAT_S,
            max_msg_size=LIVE_BYTES_MAX,
            ssl=contact.ssl,
        )

    def lose(self) -> None:
        """Forget the address; the next request finds the gateway again."""
        self._contact = None

    def _lose(self, contact: _Contact) -> None:
        """Forget an address, unless somebody has found a new one meanwhile."""
        if self._contact is contact:
            self._contact = None

    async def _meet(self) -> _Contact:
        """Find an address and see whose gateway is there."""
        url, fingerprint = await self._address()
        ssl = True if fingerprint is None else aiohttp.Fingerprint(bytes.fromhex(fingerprint))
        assert self._session is not None, "open() comes first"
        try:
            async with self._session.get(
                url + "/healthz", allow_redirects=False, ssl=ssl
            ) as response:
                await _read(response)
                witness = Witness.parse(response.headers.get(HEADER, ""))
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayGone(f"{url}: {_say(error)}", unheard=False) from error
        if witness is None or status != HEALTHY:
            raise GatewayGone(f"{url} is not a gateway that is ready ({status})", unheard=False)
        if self.location not in {None, witness.location}:
            raise GatewayGone(
                f"{url} is the gateway of {witness.location}, not of {self.location}", unheard=False
            )
        return _Contact(url=url, location=witness.location, ssl=ssl)

    async def _address(self) -> tuple[str, str | None]:
        """Base address and fingerprint: as given, or as the network says."""
        place = self._place
        if place.address is not None:
            return place.address.rstrip("/"), place.fingerprint
        assert place.location is not None
        found = await self._find(place.location)
        if found is None:
            raise GatewayGone(f"no gateway of {place.location} is announced", unheard=False)
        if place.fingerprint is not None and found.fingerprint != place.fingerprint:
            raise GatewayGone(f"{found.host} has another certificate", unheard=False)
        scheme = "https" if found.tls else "http"
        return f"{scheme}://{found.host}:{found.port}", found.fingerprint


async def _read(response: aiohttp.ClientResponse) -> Reply:
    """Read an answer whole, but not without end."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            response.close()
            raise aiohttp.ClientPayloadError(f"an answer of more than {BODY_BYTES_MAX} bytes")
    retry_after = response.headers.get("Retry-After")
    return reply_from(response.status, response.content_type, bytes(body), retry_after)


def _typed(body: bytes | None) -> dict[str, str]:
    return {} if body is None else {"Content-Type": "application/json"}


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__
