"""Goal: a line that breaks and a hub that talks nonsense keep a new box waiting, and never astray.

Method: a real hub's pages over a real socket, and each of them is first answered in every bad way
that there is. What the box shows meanwhile is written down.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cloud_hub.lives import restoring as at_hub
from gateway.app import DATABASE
from gateway.lives import takeover
from gateway.lives.restoring import is_needed
from gateway.lives.takeover import Takeover
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore, connect
from replication.ids import WriterId
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import sold
from web.lives import HeldQuery
from web.paging import Page

BAD: Final = ("cut", "busy", "refused", "words", "other", "tampered")
"""How each page is answered before it is answered well."""


class BadHub:
    """The hub of a chain, heard over HTTP after each of `BAD`; `asked` counts the questions."""

    def __init__(self, chain: LifeChain, writer: WriterId) -> None:
        self.asked = 0
        self._chain = chain
        self._writer = writer
        self._left: dict[str, list[str]] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its address."""
        app = web.Application()
        app.router.add_get("/v1/replicate/state", self._answer)
        app.router.add_get("/v1/replicate/state/counters", self._answer)
        app.router.add_get("/v1/replicate/state/entries", self._answer)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            await server.close()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert request.headers["Authorization"].startswith("Bearer ")
        left = self._left.setdefault(request.path_qs, list(BAD))
        bad = left.pop(0) if left else None
        if bad == "cut":
            assert request.transport is not None
            request.transport.abort()
        statuses = {"busy": 503, "refused": 403}
        if bad in statuses:
            return web.json_response({"detail": f"it is {bad}"}, status=statuses[bad])
        if bad == "words":
            return web.Response(text="<html>Sign in to the guests' network</html>")
        if bad == "other":
            return web.json_response({"items": 7})
        body = self._told(request)
        if bad == "tampered":
            body = body.replace(b"riverside", b"hillsides", 3)
            if "entries" in request.path:
                told = msgspec.json.decode(self._told(request))
                told["items"].reverse()
                body = msgspec.json.encode(told)
        return web.Response(body=body, content_type="application/json")

    def _told(self, request: web.Request) -> bytes:
        office, writer, query = self._chain.hub.state, self._writer, request.query
        cursor = query.get("cursor")
        if request.path.endswith("/counters"):
            page = at_hub.counters_page(office, writer, Page(limit=2, cursor=cursor))
            return msgspec.json.encode(page)
        if request.path.endswith("/entries"):
            held = HeldQuery(limit=3, cursor=cursor, writer=query["writer"])
            return msgspec.json.encode(at_hub.entries_page(office.store, writer, held))
        return msgspec.json.encode(at_hub.earlier_lives(office, writer))


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop that has sold three teas."""
    chain = LifeChain(tmp_path, skus=("tea", "jam", "salt"), shops=("riverside",))
    old = chain.shops["riverside"]
    old.receive(tea=40, jam=10, salt=5)
    for _ in range(3):
        sold(old.sell("tea", 1))
    chain.sync()
    yield chain
    chain.close()


async def test_each_page_is_asked_again_until_it_makes_sense(
    chain: LifeChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "PAUSE_S_MIN", 0.001)
    monkeypatch.setattr(takeover, "PAUSE_S_MAX", 0.001)
    identity = chain.hub.enrol("riverside", replace=True)
    data = chain._directory / identity.writer
    new = ShopSide(lambda: chain.open_shop(data, identity), lambda _shop: None)
    shop, reader = new.state, ReplicaStore(connect(data / DATABASE, read_only=True))
    shown: list[tuple[str, str | None]] = []
    writer = GroupCommit(shop, asyncio.get_running_loop())
    writer.start()
    hub = BadHub(chain, WriterId(identity.writer))

    def changed() -> None:
        report = taking.report(_NoLinks())  # type: ignore[arg-type] # it asks for the links alone
        assert report is not None
        assert shop.stopped is StopReason.RESTORING  # until the first feed is in
        shown.append((report.step, report.error))

    async with hub.listening() as url:
        taking = Takeover(url, shop, writer, reader, changed=changed)
        await taking.begin()
        await taking.run("nonce")
    await writer.stop()
    chain.shops["riverside"] = new

    pages = 1 + 2 + 2
    assert hub.asked == pages * (len(BAD) + 1)
    errors = {error for _, error in shown if error is not None}
    for told in ("503: it is busy", "403: it is refused", "cannot be read"):
        assert any(told in error for error in errors), (told, errors)
    assert any("does not follow" in error for error in errors)
    assert not [error for error in errors if "this end failed" in error]
    assert shown[-1] == ("done", None)
    assert not is_needed(shop)
    assert shop.counter("tea").physical() == 37
    reader.connection.close()


class _NoLinks:
    """The links of a shop without registers."""

    def now(self) -> list[object]:
        """None."""
        return []
