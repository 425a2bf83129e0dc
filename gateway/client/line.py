"""The line from a register to its gateway: knowing it, one request at a time.

The gateway is found by `finding`, which sees whose it is before it gets a token. After any lost
connection it is forgotten and found again, because a gateway that was away may be back under
another address.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from typing import Final

import aiohttp

from gateway.client.answers import Reply, is_not_believed
from gateway.client.finding import Contact, Finder, GatewayGone, read_whole, say
from gateway.client.witness import HEADER, Witness
from gateway.link.dial import dial_once
from replication.adapters.websocket import Socket
from replication.session import Ended

log: Final = logging.getLogger(__name__)

ANSWER_S_MAX: Final = 15.0
"""A sale that has to borrow quota takes 0.3 s, a gateway that starts 2 s, a busy card 5 s."""

CONNECT_S_MAX: Final = 3.0
"""Same LAN: a second is long. Then the address is looked for again."""

LIVE_BYTES_MAX: Final = 64 * 1024
LIVE_HEARTBEAT_S: Final = 15.0


class Line:
    """The register's connections to the gateway of one place."""

    def __init__(
        self, finder: Finder, *, token: str, met: Callable[[Contact], Awaitable[None]]
    ) -> None:
        """Ask the gateway that `finder` finds; `met` hears of each one before it is asked."""
        self._finder = finder
        self._token = token
        self._met = met
        self._contact: Contact | None = None
        self._connecting = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    @property
    def contact(self) -> Contact | None:
        """The gateway that is asked; None while it has to be found."""
        return self._contact

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

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

    async def connect(self) -> None:
        """Find the gateway unless it is known.

        Raises:
            GatewayGone: nobody answers, or somebody else does. Nothing was asked.
        """
        async with self._connecting:
            if self._contact is None:
                assert self._session is not None, "open() comes first"
                try:
                    contact = await self._finder.meet(self._session)
                except GatewayGone:
                    for behind in self._finder.behind:
                        await self._show_witness(behind)
                    raise
                await self._met(contact)
                self._contact = contact

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

        A gateway that does not believe what it was shown is the shop's as it is (`_show_witness`):
        shown the same again it would refuse a sale for a day that it may have made.

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
                reply = await read_whole(response)
                witness = Witness.parse(response.headers.get(HEADER, ""))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._lose(contact)
            # A connection that was never made has carried nothing; of any other we do not know.
            never_made = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
            raise GatewayGone(say(error), unheard=not isinstance(error, never_made)) from error
        if witness is None or witness.location != contact.location:
            self._lose(contact)
            raise GatewayGone(f"{contact.url} answers for somebody else now", unheard=True)
        if is_not_believed(reply):
            self._finder.known.take(witness)
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

    async def replicate(self, headers: Mapping[str, str]) -> Socket | Ended:
        """A WebSocket on ``/v1/replicate``, or why there is none; then it is looked for again.

        Raises:
            GatewayGone: nobody answers.
        """
        await self.connect()
        contact, session = self._contact, self._session
        if contact is None:
            raise GatewayGone("the gateway was lost at this moment", unheard=False)
        assert session is not None, "open() comes first"
        socket = await dial_once(
            session, contact.url, self._token, parent="gateway", headers=headers, ssl=contact.ssl
        )
        if isinstance(socket, Ended):
            self._lose(contact)
        return socket

    async def _show_witness(self, behind: Contact) -> None:
        """Show a gateway what was seen of it and it lacks: it stops selling, and mends itself.

        Where it does not believe that (`gateway.lives.witnesses`), it is the shop's gateway as it
        is: a register that went on looking for another one would sell alone until its journal had
        grown as far.
        """
        seen = self._finder.known.witness
        assert self._session is not None, "it was found on the session"
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._session.get(
                behind.url + "/v1/token",
                headers={**self._authorization, HEADER: str(seen)},
                allow_redirects=False,
                ssl=behind.ssl,
            ) as response:
                log.warning(
                    "%s is behind %s, and was told: %s", behind.url, seen, response.status,
                    extra={"action": "gateway_behind"},
                )  # fmt: skip
                if response.status == HTTPStatus.FORBIDDEN:
                    self._finder.known.take(behind.witness)

    def lose(self) -> None:
        """Forget the address; the next request finds the gateway again."""
        self._contact = None

    def _lose(self, contact: Contact) -> None:
        """Forget an address, unless somebody has found a new one meanwhile."""
        if self._contact is contact:
            self._contact = None


def _typed(body: bytes | None) -> dict[str, str]:
    return {} if body is None else {"Content-Type": "application/json"}
