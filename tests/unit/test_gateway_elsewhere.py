"""Goal: a refusal names who else has the goods, and never waits or fails for it.

Method: a hub that is one handler, which the test changes; a deadline is passed by a handler that
waits for the end of the test, not by a clock of the test's own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.link.elsewhere import AskElsewhere, Holding, asking_hub, nobody_elsewhere
from gateway.link.hub_line import open_line

TOLD = {
    "sku": "TEA",
    "available_online": 8,
    "locations": [
        {"location": "riverside", "name": "Riverside", "available_online": 2, "last_heard": None},
        {
            "location": "harbour", "name": "Harbour", "available_online": 3,
            "last_heard": "2026-11-22T10:42:00.000Z", "what_a_newer_hub_says": 1,
        },
        {"location": "depot", "available_online": 5},
        {"location": "empty", "name": "Empty", "available_online": 0, "last_heard": None},
    ],
}  # fmt: skip


@dataclass(slots=True)
class Hub:
    """Answers as it is told, and remembers what it was asked."""

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    answer: Callable[[], Awaitable[web.StreamResponse]] | None = None
    url: str = ""
    is_connected: bool = True
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def available(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.match_info["sku"], request.headers.get("Authorization")))
        return web.json_response(TOLD) if self.answer is None else await self.answer()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    app = web.Application()
    app.router.add_get("/v1/availability/{sku}", hub.available)
    async with TestServer(app) as server:
        hub.url = str(server.make_url("")).rstrip("/")
        yield hub
        hub.ended.set()


@pytest.fixture
async def ask(hub: Hub) -> AsyncIterator[AskElsewhere]:
    async with open_line(hub.url, "ct_token", is_connected=lambda: hub.is_connected) as line:
        yield asking_hub(line, "riverside")


async def test_other_locations_that_have_some_are_told_with_their_names(
    hub: Hub, ask: AskElsewhere
) -> None:
    assert await ask("TEA") == [
        Holding(
            holder="harbour", location="harbour", quantity=3, name="Harbour",
            last_heard="2026-11-22T10:42:00.000Z",
        ),
        Holding(holder="depot", location="depot", quantity=5, name=None, last_heard=None),
    ]  # fmt: skip
    assert hub.asked == [("TEA", "Bearer ct_token")]


@pytest.mark.parametrize("sku", ["A B", "100%", "شاي", "a?b#c", "50%25", "a+b"])
async def test_any_sku_is_asked_for_as_it_is(hub: Hub, ask: AskElsewhere, sku: str) -> None:
    await ask(sku)

    assert [asked for asked, _ in hub.asked] == [sku]


async def test_cut_off_nobody_is_asked(hub: Hub, ask: AskElsewhere) -> None:
    hub.is_connected = False

    assert await ask("TEA") == ()
    assert hub.asked == []


async def test_a_hub_that_does_not_answer_in_time_is_not_waited_for(
    hub: Hub, ask: AskElsewhere
) -> None:
    async def never() -> web.StreamResponse:
        await hub.ended.wait()
        return web.Response()

    hub.answer = never

    assert await ask("TEA") == ()
    assert len(hub.asked) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [(200, "{"), (200, "[]"), (200, '{"locations": [{"location": 1}]}'), (403, "{}"), (500, "")],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(
    hub: Hub, ask: AskElsewhere, status: int, text: str
) -> None:
    async def odd() -> web.StreamResponse:
        return web.Response(status=status, text=text)

    hub.answer = odd

    assert await ask("TEA") == ()


async def test_a_hub_that_is_gone_is_no_answer() -> None:
    async with open_line("http://127.0.0.1:1", "ct_token", is_connected=lambda: True) as line:
        assert await asking_hub(line, "riverside")("TEA") == ()


async def test_who_has_nobody_to_ask_hears_of_nobody() -> None:
    assert await nobody_elsewhere("TEA") == ()
