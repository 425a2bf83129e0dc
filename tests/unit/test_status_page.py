"""Goal: the page and its stream keep their manners: complete, safe, bounded, and gone at shutdown.

Method: a bare application around a report that the test may change, read through aiohttp's own
test client. The heartbeat is the only time that is waited for, and it is short here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from gateway.status.feed import StatusFeed, Streams
from gateway.status.page import StatusPage, add_status_page
from gateway.status.report import StatusReport
from tests.status_samples import CAIRO, bad_day, cut_off, good_day

WAIT_S: Final = 10.0
"""How long a test waits for what must come; never spent when it comes."""

STATIC_TYPES: Final = {
    "asking.js": "text/javascript",
    "controls.css": "text/css",
    "icon.svg": "image/svg+xml",
    "palette.css": "text/css",
    "status.css": "text/css",
    "saying.js": "text/javascript",
    "service.js": "text/javascript",
    "status.js": "text/javascript",
}


@dataclass(slots=True)
class Shop:
    """A gateway that is nothing but its status."""

    client: TestClient[web.Request, web.Application]
    feed: StatusFeed
    stop: asyncio.Event
    streams: Streams
    source: Callable[[], StatusReport]

    def report(self) -> StatusReport:
        return self.source()

    def show(self, report: StatusReport) -> None:
        self.source = lambda: report
        self.feed.publish()

    async def follow(self, view: str = "") -> ClientResponse:
        return await self.client.get("/status/events", params={"view": view} if view else {})


async def open_shop(heartbeat_s: float) -> Shop:
    app = web.Application()
    shop = Shop(
        client=TestClient(TestServer(app)),
        feed=StatusFeed(),
        stop=asyncio.Event(),
        streams=Streams(streams_max=2),
        source=good_day,
    )
    add_status_page(
        app,
        report_source=shop.report,
        feed=shop.feed,
        stop_event=shop.stop,
        timezone=CAIRO,
        streams=shop.streams,
        heartbeat_s=heartbeat_s,
    )

    async def stop(_app: web.Application) -> None:
        shop.stop.set()

    app.on_shutdown.append(stop)
    await shop.client.start_server()
    return shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    opened = await open_shop(heartbeat_s=60.0)
    yield opened
    await opened.client.close()


@pytest.fixture
async def beating_shop() -> AsyncIterator[Shop]:
    opened = await open_shop(heartbeat_s=0.01)
    yield opened
    await opened.client.close()


async def next_event(response: ClientResponse) -> tuple[str, str]:
    """The next event as (name, data); a comment is an event without a name."""
    async with asyncio.timeout(WAIT_S):
        lines = (await response.content.readuntil(b"\n\n")).decode().splitlines()
    if lines[0].startswith(":"):
        return "", lines[0]
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return lines[0].removeprefix("event: "), "\n".join(data)


async def test_the_page_is_complete_without_its_script(shop: Shop) -> None:
    shop.show(cut_off())

    response = await shop.client.get("/status")
    text = await response.text()

    assert response.status == 200
    assert "<h1>Selling normally.</h1>" in text
    assert "Internet down since 11:13." in text
    assert "Safe to unplug: no, 212 sales are not yet at the hub." in text
    assert 'data-timezone="Africa/Cairo"' in text


async def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(shop: Shop) -> None:
    response = await shop.client.get("/status")
    text = await response.text()
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="/status/static/') == 2
    assert response.headers["Cache-Control"] == "no-store"


async def test_names_from_outside_are_text_not_markup(shop: Shop) -> None:
    report = good_day()
    evil = msgspec.structs.replace(report.location, name="<script>alert(1)</script>")
    shop.show(msgspec.structs.replace(report, location=evil))

    text = await (await shop.client.get("/status")).text()

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize("name", STATIC_TYPES)
async def test_its_files_are_served_with_their_type(shop: Shop, name: str) -> None:
    response = await shop.client.get(f"/status/static/{name}")

    assert response.status == 200
    assert response.content_type == STATIC_TYPES[name]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["other.css", "..%2Fpage.py", "%2Fetc%2Fpasswd"])
async def test_no_other_file_is_served(shop: Shop, name: str) -> None:
    assert (await shop.client.get(f"/status/static/{name}")).status == 404


async def test_a_stream_begins_with_the_status_as_it_is(shop: Shop) -> None:
    response = await shop.follow()

    name, data = await next_event(response)

    assert response.content_type == "text/event-stream"
    assert name == "status"
    assert msgspec.json.decode(data, type=StatusReport) == good_day()


async def test_a_change_reaches_both_kinds_of_stream(shop: Shop) -> None:
    plain, painted = await shop.follow(), await shop.follow("page")
    await next_event(plain)
    await next_event(painted)

    shop.show(bad_day())

    name, data = await next_event(plain)
    assert (name, msgspec.json.decode(data)["selling"]["state"]) == ("status", "stopped")
    name, data = await next_event(painted)
    assert name == "page"
    assert "<h1>Not selling: the storage is failing.</h1>" in data


async def test_each_page_is_told_in_its_own_language(shop: Shop) -> None:
    english = await shop.client.get("/status/events", params={"view": "page", "lang": "en"})
    arabic = await shop.client.get("/status/events", params={"view": "page", "lang": "ar"})
    await next_event(english)
    await next_event(arabic)

    shop.show(cut_off())

    assert "Internet down since" in (await next_event(english))[1]
    assert "الإنترنت مقطوع منذ" in (await next_event(arabic))[1]


async def test_the_page_event_is_what_the_page_itself_would_show(shop: Shop) -> None:
    shop.show(cut_off())

    page = await (await shop.client.get("/status")).text()
    _, data = await next_event(await shop.follow("page"))

    assert data.strip() in page


async def test_silence_is_filled_with_comments_and_for_the_page_with_events(
    beating_shop: Shop,
) -> None:
    plain, painted = await beating_shop.follow(), await beating_shop.follow("page")

    while (comment := await next_event(plain))[0] == "status":
        pass
    while (event := await next_event(painted))[0] == "page":
        pass

    assert comment == ("", ": heartbeat")
    assert event[0] == "heartbeat"


async def test_a_figure_that_nobody_publishes_is_found_by_the_heartbeat(beating_shop: Shop) -> None:
    response = await beating_shop.follow()
    await next_event(response)

    beating_shop.source = cut_off

    while (event := await next_event(response))[0] == "":
        pass
    assert event[0] == "status"


async def test_beyond_the_limit_a_stream_is_refused_in_words(shop: Shop) -> None:
    first, _second = await shop.follow(), await shop.follow()

    refused = await shop.follow()
    problem = await refused.json(content_type="application/problem+json")

    assert refused.status == 503
    assert "Too many pages" in problem["detail"]
    assert refused.headers["Retry-After"] == "3"
    assert (await next_event(first))[0] == "status"


async def test_shutting_down_ends_every_stream(shop: Shop) -> None:
    response = await shop.follow()
    await next_event(response)

    shop.stop.set()

    async with asyncio.timeout(WAIT_S):
        assert await response.content.read() == b""
    assert len(shop.streams) == 0


async def test_a_write_that_nobody_reads_does_not_hold_up_the_shutdown() -> None:
    stop = asyncio.Event()
    page = StatusPage(
        report_source=good_day,
        feed=StatusFeed(),
        stop_event=stop,
        timezone=CAIRO,
        streams=Streams(),
        heartbeat_s=60.0,
    )
    stuck = asyncio.Event()

    async def write() -> None:
        stop.set()
        await stuck.wait()

    async with asyncio.timeout(WAIT_S):
        await page._until_stop(write())


async def test_a_report_that_fails_ends_the_streams_and_says_so_in_the_log(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    response = await shop.follow()
    await next_event(response)

    def broken() -> StatusReport:
        raise RuntimeError("no figures")

    shop.source = broken
    shop.feed.publish()

    async with asyncio.timeout(WAIT_S):
        assert await response.content.read() == b""
    assert "no status report" in caplog.text
