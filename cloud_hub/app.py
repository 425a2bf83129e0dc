"""The hub put together: what is opened, in which order, and what hears of what."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import Final

import apsw
from aiohttp import web

from cloud_hub import api
from cloud_hub.back_office.page import add_back_office
from cloud_hub.config import HubSettings
from cloud_hub.head_office import HeadOffice
from cloud_hub.news import NewsBoard
from cloud_hub.ordering.holds import Holds
from cloud_hub.parts import Parts
from cloud_hub.products.catalogue import tell_settings
from cloud_hub.products.imports import Imports
from cloud_hub.reads import HubReads
from cloud_hub.shop_window.page import add_shop_window
from cloud_hub.stores.enrolment import CHAIN
from cloud_hub.stores.links import Links
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import ClockWatch, monotonic_ms, wall_ms
from replication.adapters.sqlite import REPLICA, Migrations, ReplicaStore, connect, open_file
from web.catalogue_rows import Catalogue
from web.door import Door, add_endpoints
from web.listing import Listing
from web.once import storage_problem
from web.openapi import openapi_endpoint
from web.stopping import cancelled
from web.token_rows import TokenRows
from web.tokens import TokenBook

VERSION: Final = metadata.version("countertop")
SERIES: Final = (REPLICA, Migrations("hub", "cloud_hub.storage"))
DATABASE: Final = "hub.db"
LINKS_LOOK_S: Final = 1.0


def open_database(data: Path) -> apsw.Connection:
    """Open the hub's file in its data directory (`replication.adapters.sqlite.open_file`)."""
    return open_file(data / DATABASE, SERIES)


class Hub:
    """All parts of one running hub. `app` is ready when it is entered."""

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        self.app = web.Application()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Door]:
        """Open everything in order; closed in the opposite order."""
        loop = asyncio.get_running_loop()
        path = self.settings.data / DATABASE
        async with AsyncExitStack() as stack:
            nonce = secrets.token_hex(8)
            office = HeadOffice(
                open_database(self.settings.data),
                self.settings,
                boot=nonce,
                now_ms=wall_ms,
                synchronised=ClockWatch(),
            )
            writer = GroupCommit(office, loop)
            links = Links(office, writer, wall_ms=wall_ms)
            news = NewsBoard(office.news)
            writer.after_batch = lambda: _after_batch(links, news)
            writer.start()
            stack.push_async_callback(writer.stop)
            reader = ReplicaStore(connect(path, read_only=True))
            holds = Holds(office, writer, reader.connection)
            await writer.submit(lambda: _begin(office, nonce))
            stack.push_async_callback(writer.submit_save, office.ledger)
            for running in (writer.save_when_idle(office.ledger), holds.run(), _watch(links)):
                stack.push_async_callback(cancelled, loop.create_task(running))
            lists = ReplicaStore(connect(path, read_only=True))
            parts = Parts(
                office=office,
                writer=writer,
                links=links,
                holds=holds,
                reads=HubReads(reader, links.view),
                lists=Listing(HubReads(lists, links.view)),
                audits=Listing(ReplicaStore(connect(path, read_only=True))),
                imports=Imports(office, writer, Catalogue(connect(path, read_only=True))),
                news=news,
            )
            tokens = TokenBook(TokenRows(path), now_ms=monotonic_ms)
            door = Door(authenticate=tokens.find, translate=storage_problem)
            rows = api.endpoints(parts)
            add_back_office(self.app, timezone=self.settings.timezone)
            add_shop_window(self.app, timezone=self.settings.timezone)
            described = openapi_endpoint(rows, title="Countertop hub", version=VERSION)
            add_endpoints(self.app, [*rows, described], door)
            yield door


def _begin(office: HeadOffice, nonce: str) -> None:
    """The first commit of a start: `started`, a new hub's name and tax row, new settings."""
    office.ledger.start(nonce)
    if office.store.meta(CHAIN) is None:
        office.store.set_meta(CHAIN, nonce)
    if not office.tax_rows:
        settings = office.settings
        office.connection.execute(
            "INSERT INTO tax_rate VALUES ('standard', ?, '1970-01-01', ?, ?)",
            (settings.jurisdiction, settings.standard_tax_rate, int(settings.tax_inclusive)),
        )
        office.read_taxes()
        office.tell_taxes()
    tell_settings(office)


def _after_batch(links: Links, news: NewsBoard) -> None:
    """What the rest of the hub does after each commit, on the event loop."""
    links.after_batch()
    news.after_batch()


async def _watch(links: Links) -> None:
    while True:
        await asyncio.sleep(LINKS_LOOK_S)
        links.watch()
