"""The technician's page: ``/status``, its event stream ``/status/events``, its static files.

No token is asked for: the page only reads and shows no personal data. It loads nothing from
elsewhere and runs no inline script or style (`web.page_files.SECURITY_HEADERS`).

The stream speaks server-sent events. Plain, each ``status`` event carries the JSON of
``GET /v1/status``, and silence is filled with comments. With ``?view=page``, which the page itself
asks for in its language (``&lang=ar``), each ``page`` event carries the painted cards, and silence
is filled with ``heartbeat`` events: a browser's EventSource hides comments from the page, and
without a heartbeat a page could not tell a quiet gateway from one whose plug was pulled.

One painter task paints once per change for all streams; see `feed`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from gateway.status.cards import PageView, page_view
from gateway.status.feed import Frames, Silence, StatusFeed, Stream, Streams
from gateway.status.report import StatusReport, same_but_for_the_clock
from gateway.status.words import LANGUAGES, Language, chosen_language
from web.page_files import SECURITY_HEADERS, PageFiles
from web.problems import Problem

log = logging.getLogger(__name__)

CHANGE_INTERVAL_S: Final = 0.5
"""The least time between two events: faster than this nobody reads."""

HEARTBEAT_S: Final = 15.0
"""The longest silence of a stream; also how often figures that nobody publishes are looked at."""

RETRY_S: Final = 3
"""How soon a refused reader may ask again."""

TOO_MANY_WORDS: Final = "Too many pages are watching this gateway. Close one and try again."


def add_status_page(
    app: web.Application,
    *,
    report_source: Callable[[], StatusReport],
    feed: StatusFeed,
    stop_event: asyncio.Event,
    timezone: ZoneInfo,
    streams: Streams | None = None,
    heartbeat_s: float = HEARTBEAT_S,
) -> None:
    """Add the status page to `app`.

    `report_source` is called on the event loop, at most every `CHANGE_INTERVAL_S` while somebody
    watches: it must answer from memory, with its headline filled in. `stop_event` is set by the
    caller in ``on_shutdown``; every stream ends at once, or shutting down would wait for them.
    """
    page = StatusPage(
        report_source=report_source,
        feed=feed,
        stop_event=stop_event,
        timezone=timezone,
        streams=Streams() if streams is None else streams,
        heartbeat_s=heartbeat_s,
    )
    app.router.add_get("/", _to_status)
    app.router.add_get("/status", page.show)
    app.router.add_get("/status/events", page.follow, allow_head=False)
    app.router.add_get("/status/static/{name}", page.static)
    app.cleanup_ctx.append(page.painting)


async def _to_status(_request: web.Request) -> web.Response:
    """Whoever types the gateway's bare address means its page."""
    return web.Response(status=302, headers={"Location": "/status"})


class StatusPage:
    """The handlers, and the painter behind the streams."""

    def __init__(
        self,
        *,
        report_source: Callable[[], StatusReport],
        feed: StatusFeed,
        stop_event: asyncio.Event,
        timezone: ZoneInfo,
        streams: Streams,
        heartbeat_s: float,
    ) -> None:
        self._report_source = report_source
        self._feed = feed
        self._stop_event = stop_event
        self._timezone = timezone
        self._streams = streams
        self._heartbeat_s = heartbeat_s
        self._painted: StatusReport | None = None
        self._files = PageFiles(Path(__file__).parent)
        self.static = self._files.static

    async def show(self, request: web.Request) -> web.Response:
        """Answer the page as it is now, complete without JavaScript but for its buttons."""
        view = self._view(self._report_source(), _language(request).tag)
        words = msgspec.json.encode(view.speaker.client_words()).decode()
        return self._files.show(
            "status.html", view=view, say=view.speaker.say, languages=LANGUAGES, words=words
        )

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Answer the event stream; it ends at shutdown, when its reader leaves, or on our error.

        When every place is taken the answer is a 503 problem with Retry-After.
        """
        for_page = request.query.get("view") == "page"
        language = _language(request).tag if for_page else None
        stream = self._streams.join(lambda: _connected(request), language)
        if stream is None:
            return Problem.unavailable(TOO_MANY_WORDS, retry_after_s=RETRY_S).response()
        try:
            report = self._report_source()
            stream.offer(self._frames(report, () if language is None else (language,)))
            if self._is_news(report):
                # Forget what the others were sent: should things change back before the next
                # painting, it would look like no change and this reader would keep the wrong one.
                self._painted = None
            response = web.StreamResponse(
                headers={
                    **SECURITY_HEADERS,
                    "Content-Type": "text/event-stream",
                    "Cache-Control": "no-store",
                    "X-Accel-Buffering": "no",  # a proxy must not hold events back
                }
            )
            await response.prepare(request)
            await self._until_stop(self._send(stream, response))
        finally:
            self._streams.leave(stream)
        return response

    async def painting(self, _app: web.Application) -> AsyncIterator[None]:
        """Run the painter for as long as the application runs (an aiohttp cleanup context)."""
        painter = asyncio.create_task(self._paint_changes(), name="status-painter")
        yield
        painter.cancel()
        with suppress(asyncio.CancelledError):
            await painter

    async def _paint_changes(self) -> None:
        while True:
            await self._feed.changed(self._heartbeat_s)
            if len(self._streams):
                self._offer_report()
            await asyncio.sleep(CHANGE_INTERVAL_S)

    def _offer_report(self) -> None:
        try:
            report = self._report_source()
            if self._is_news(report):
                self._streams.offer(self._frames(report, self._streams.languages()))
                self._painted = report
        except Exception:
            # Streams that went on beating would show an old state as the present one. They end,
            # their pages ask again, and say that they get no answer.
            log.exception("no status report", extra={"action": "status_report_failed"})
            self._streams.end_all()

    def _is_news(self, report: StatusReport) -> bool:
        return self._painted is None or not same_but_for_the_clock(report, self._painted)

    async def _send(self, stream: Stream, response: web.StreamResponse) -> None:
        language = stream.language
        while (due := await stream.take(self._heartbeat_s)) is not Silence.END:
            if due is Silence.TIMEOUT:
                payload = b": heartbeat\n\n" if language is None else _heartbeat_event()
            else:
                payload = due.status if language is None else due.pages[language]
            try:
                await response.write(payload)
            except ConnectionError:
                break  # the reader left

    async def _until_stop(self, sending: Coroutine[None, None, None]) -> None:
        """Run `sending` until it ends or the program stops, even inside a write nobody reads."""
        tasks = {asyncio.create_task(sending), asyncio.create_task(self._stop())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _stop(self) -> None:
        await self._stop_event.wait()

    def _frames(self, report: StatusReport, languages: Iterable[str]) -> Frames:
        return Frames(
            status=_event("status", msgspec.json.encode(report)),
            pages={
                language: _event("page", self._paint_parts(report, language).encode())
                for language in languages
            },
        )

    def _paint_parts(self, report: StatusReport, language: str) -> str:
        template = self._files.templates.get_template("parts.html")
        view = self._view(report, language)
        return template.render(view=view, say=view.speaker.say)

    def _view(self, report: StatusReport, language: str) -> PageView:
        return page_view(report, self._timezone, language)


def _language(request: web.Request) -> Language:
    """What the reader reads: as the address says, else as the browser does."""
    accepted = request.headers.get("Accept-Language", "")
    return chosen_language(request.query.get("lang"), accepted)


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _event(name: str, data: bytes) -> bytes:
    """Return one server-sent event; each line of `data` becomes a line of the event."""
    lines = b"".join(b"data: " + line + b"\n" for line in data.splitlines())
    return b"event: " + name.encode() + b"\n" + lines + b"\n"


def _heartbeat_event() -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return _event("heartbeat", now.encode())
