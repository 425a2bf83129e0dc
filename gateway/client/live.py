"""The live line: what the gateway tells a register without being asked, over lost connections."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec

from gateway.client.finding import GatewayGone
from gateway.client.line import Line

log = logging.getLogger(__name__)

DOOR: Final = frozenset({401, 403})
"""Answers that say who may come in: trying again changes nothing."""


class TokenRefused(Exception):
    """The gateway does not let this token listen; a person has to give the register another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A code read by a scanner of this register."""

    code: str
    register: str
    at: str
    """RFC 3339, by the gateway's clock."""


async def live_messages(
    line: Line, pause: Callable[[int], Awaitable[None]]
) -> AsyncGenerator[Mapping[str, object], None]:
    """All messages, for ever. What happened while the line was down is not repeated.

    `pause` waits before another connection, given how many brought nothing in a row.

    Raises:
        TokenRefused: the gateway does not know the token or its role may not listen.
    """
    tries = 0
    while True:
        try:
            async with await line.live() as socket:
                async for message in socket:
                    tries = 0
                    if (document := _document(message)) is not None:
                        yield document
        except (GatewayGone, aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in DOOR:
                raise TokenRefused(f"the gateway answers {error.status}") from error
            log.info("live line lost: %s", error, extra={"action": "live_lost"})
        line.lose()
        tries += 1
        await pause(tries)


async def scans_for(
    register: str, messages: AsyncGenerator[Mapping[str, object], None]
) -> AsyncGenerator[Scan, None]:
    """The scans of one register among all messages; a label read twice at once is one of them."""
    async with aclosing(messages):
        async for message in messages:
            if message.get("duplicate") is True:
                continue
            code, owner, at = (message.get(name) for name in ("code", "register", "at"))
            if message.get("type") == "scan" and isinstance(code, str) and owner == register:
                yield Scan(code=code, register=register, at=str(at))


def _document(message: aiohttp.WSMessage) -> Mapping[str, object] | None:
    """A live message as a JSON object; None for what is not one."""
    if message.type is not aiohttp.WSMsgType.TEXT:
        return None
    try:
        decoded = msgspec.json.decode(message.data)
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None
