"""A status page in a real Chromium, for its tests and its pictures: a gateway that is no more.

The application is bare: the page, and a stand-in for the endpoints that its buttons call, which
writes down what it was asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import web
from playwright.async_api import Browser, Page, ViewportSize, expect

from gateway.status.feed import StatusFeed, Streams
from gateway.status.page import add_status_page
from gateway.status.report import StatusReport
from tests.status_samples import CAIRO, good_day
from web.problems import Problem, Slug

PHONE: Final = 390
DESKTOP: Final = 1280
HEIGHT: Final = 844

TOKENS: Final = {
    "ct_technician": ("technician", "nour"),
    "ct_manager": ("manager", "amira"),
    "ct_cashier": ("cashier", "sami"),
}
"""Who each token of the stand-in stands for."""


@dataclass(slots=True)
class Box:
    """A gateway that is nothing but its status; may be stopped and started on the same port."""

    report: StatusReport = field(default_factory=good_day)
    feed: StatusFeed = field(default_factory=StatusFeed)
    streams: Streams = field(default_factory=Streams)
    runner: web.AppRunner | None = None
    port: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    """What the stand-in answers to a path: JSON, bytes or a problem; else `{}`."""

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/status"

    def show(self, report: StatusReport) -> None:
        """Have another state."""
        self.report = report
        self.feed.publish()

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        stop = asyncio.Event()
        add_status_page(
            app,
            report_source=lambda: self.report,
            feed=self.feed,
            stop_event=stop,
            timezone=CAIRO,
            streams=self.streams,
        )
        app.router.add_route("*", "/v1/{path:.*}", self._stand_in)

        async def end_streams(_app: web.Application) -> None:
            stop.set()

        app.on_shutdown.append(end_streams)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        """Go away."""
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def _stand_in(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in TOKENS:
            return Problem.unauthenticated("Nobody has this token here.", challenge="").response()
        role, name = TOKENS[token]
        if request.path == "/v1/token":
            return web.json_response({"role": role, "name": name})
        body = await request.json() if request.can_read_body else None
        if request.method == "POST":
            assert request.headers["Idempotency-Key"]
        self.asked.append((request.rel_url.raw_path, body))
        answer = self.answers.get(request.path, {})
        if isinstance(answer, Problem):
            return answer.response()
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/zip")
        return web.json_response(answer, status=201)


FORBIDDEN: Final = Problem(Slug.FORBIDDEN, "Role cashier may not do this.")


@dataclass(slots=True)
class Tab:
    """One open page, all that its console said, and every address that it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    async def unlock(self, token: str) -> None:
        """Say who presses the buttons."""
        await self.page.locator("#token").fill(token)
        await self.page.locator("#unlock button").click()

    async def live(self, box: Box, language: str = "en") -> None:
        """Open the page and wait until its stream is heard."""
        await self.page.goto(f"{box.url}?lang={language}")
        await expect(self.page.locator("body")).to_have_attribute("data-contact", "live")


@asynccontextmanager
async def open_tab(
    browser: Browser,
    *,
    width: int = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
    locale: str = "en-US",
    scale: float = 1.0,
) -> AsyncIterator[Tab]:
    """A new window with nothing kept from before."""
    context = await browser.new_context(
        viewport=ViewportSize(width=width, height=HEIGHT),
        color_scheme=scheme,
        java_script_enabled=script,
        locale=locale,
        device_scale_factor=scale,
        accept_downloads=True,
    )
    tab = Tab(page=await context.new_page())
    tab.page.on("console", lambda message: tab.complaints.append(message.text))
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.on("request", lambda request: tab.requested.append(request.url))
    yield tab
    await context.close()
