"""The gateway put together: what is opened, in which order, and what hears of what."""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import apsw
from aiohttp import web
from multidict import CIMultiDict

from devices.paper import Document, Language
from gateway import api
from gateway.box.box_facts import BoxFacts
from gateway.box.diagnostics import Diagnostics
from gateway.box.quota_health import QuotaHealth
from gateway.box.recent_log import RecentLog
from gateway.box.redaction import Redaction
from gateway.box.status_source import StatusSource
from gateway.client.witness import HEADER
from gateway.config import GatewaySettings
from gateway.counter.discovery import Announcer, base_addresses
from gateway.counter.discovery_record import Announcement
from gateway.counter.live import LiveBoard
from gateway.counter.scanners import ScannerWorker
from gateway.counter.ticket import facts_of, ticket_of
from gateway.e_receipt.page import add_receipt_files
from gateway.identity import Identity
from gateway.link.dial import dialling
from gateway.link.elsewhere import asking_hub
from gateway.link.hub_line import open_line
from gateway.link.line_quality import LineQuality
from gateway.link.uplink import Uplink
from gateway.lives.branching import Mending
from gateway.lives.images import Images
from gateway.lives.restoring import is_needed
from gateway.lives.takeover import Takeover
from gateway.lives.tokens import watch_tokens
from gateway.lives.witnesses import WitnessCheck
from gateway.order_queue.page import add_order_queue
from gateway.parts import Parts
from gateway.prices.price_watch import PriceWatch
from gateway.printing import spool
from gateway.printing.printer_worker import PrinterWorker
from gateway.printing.receipts import Receipts
from gateway.reads import ScanReader, ShopReads
from gateway.registers.links import RegisterLinks
from gateway.selling.basket_holds import BasketHolds
from gateway.shop import Shop
from gateway.status.feed import StatusFeed
from gateway.status.page import add_status_page
from gateway.status.report import PARTED, LinkState, StatusReport
from gateway.storage import SERIES
from gateway.till.page import add_till
from gateway.version import VERSION
from replication import wire
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import (
    ClockWatch,
    monotonic_ms,
    read_boot_id,
    wall_ms,
)
from replication.adapters.sqlite import ReplicaStore, connect, open_file
from retail.business_day import zone_of
from web.catalogue_rows import Catalogue
from web.door import Door, add_endpoints
from web.listing import Listing
from web.once import storage_problem
from web.openapi import openapi_endpoint
from web.server import parse_listen
from web.stopping import cancelled
from web.token_rows import TokenRows
from web.tokens import TokenBook

log: Final = logging.getLogger(__name__)

DATABASE: Final = "gateway.db"


def open_database(data: Path) -> apsw.Connection:
    """Open the gateway's file in its data directory (`replication.adapters.sqlite.open_file`)."""
    return open_file(data / DATABASE, SERIES)


class Gateway:
    """All parts of one running gateway. `app` and `door` are ready when it is entered."""

    def __init__(self, settings: GatewaySettings, identity: Identity) -> None:
        self.settings = settings
        self.identity = identity
        self.app = web.Application()
        self._path = settings.data / DATABASE
        self._seen: dict[str, int] = {}
        self._begun = asyncio.Event()
        self.is_reborn = False
        """Whether this box is to be another from its next start on; whoever runs it starts it."""
        self.ended = asyncio.Event()
        self.headline: Callable[[], str] = lambda: "Starting."
        self.box = BoxFacts(settings.data, identity.location, announcing=settings.mdns)
        self.box.port = parse_listen(settings.listen)[1]
        self.redact = Redaction((settings.enrol, identity.token))
        self.recent = RecentLog(self.redact)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Door]:
        """Open everything in order; closed in the opposite order."""
        loop = asyncio.get_running_loop()
        settings, identity = self.settings, self.identity
        async with AsyncExitStack() as stack:
            logging.getLogger().addHandler(self.recent)
            stack.callback(logging.getLogger().removeHandler, self.recent)
            nonce = secrets.token_hex(8)
            self.shop = Shop(
                connect(self._path),
                identity,
                boot=f"{read_boot_id()[:8]}-{nonce[:6]}",
                now_ms=wall_ms,
                synchronised=ClockWatch(),
                printers=settings.printers,
            )
            self.writer = GroupCommit(self.shop, loop, self._after_batch)
            self.writer.start()
            stack.push_async_callback(self.writer.stop)
            self.reader = ReplicaStore(connect(self._path, read_only=True))
            self.receipts = Receipts(identity, settings.receipt, Catalogue(self.reader.connection))
            self.live = LiveBoard()
            self.feed = StatusFeed()
            self.quota = QuotaHealth(
                ReplicaStore(connect(self._path, read_only=True)),
                identity,
                save=lambda: self.writer.submit_save(self.shop.ledger),
                changed=self.feed.publish,
            )
            self.uplink = Uplink(
                settings.hub, self.shop, self.writer, self.reader,
                dial=await stack.enter_async_context(dialling(settings.hub, identity.token)),
                dice=random.Random(),  # noqa: S311 - no secret
                wall_ms=wall_ms, changed=self._link_changed,
            )  # fmt: skip
            self.registers = RegisterLinks(
                self.shop, self.writer, self.reader.connection,
                above=self.uplink.borrow,
                acknowledged=lambda: self.uplink.acknowledged.seq,
                wall_ms=wall_ms, changed=self._stop_changed,
            )  # fmt: skip
            self.uplink.recall = self.registers.recall_for_hub
            self.takeover = Takeover(
                settings.hub, self.shop, self.writer, self.reader, changed=self.feed.publish
            )
            self.witnesses = WitnessCheck(
                self.shop, self.writer, self.reader, wall_ms=wall_ms, changed=self._stop_changed
            )
            self.mending = Mending(
                self.shop, self.writer, self.reader,
                await stack.enter_async_context(
                    open_line(settings.hub, identity.token, is_connected=lambda: True)
                ),
                wall_ms=wall_ms, changed=self._stop_changed, reborn=self._reborn,
            )  # fmt: skip
            self.line = LineQuality(lambda: self.uplink.connection)
            self.box.line = self.line
            self.hub = await stack.enter_async_context(
                open_line(
                    settings.hub, identity.token,
                    is_connected=lambda: self.uplink.state is LinkState.CONNECTED,
                )
            )  # fmt: skip
            self.baskets = BasketHolds(
                self.shop, self.writer, self.reader.connection, basket_s=settings.basket_s
            )
            self.printers = [
                PrinterWorker(
                    one,
                    self.shop,
                    self.writer,
                    self.reader,
                    wall_ms=wall_ms,
                    changed=self.feed.publish,
                    receipts=self.receipts,
                )
                for one in settings.printers
            ]
            self.scans = ScanReader(ShopReads(self.reader), self.shop, wall_ms)
            self.scanners = [
                ScannerWorker(
                    one, self.live, self.scans, wall_ms=wall_ms, changed=self.feed.publish
                )
                for one in settings.scanners
            ]
            if is_needed(self.shop):
                await self.takeover.begin()
                stack.push_async_callback(cancelled, loop.create_task(self._take_over(nonce)))
            else:
                if self.shop.stopped not in PARTED:
                    await self.writer.submit(lambda: self.shop.ledger.start(nonce))
                self._begun.set()
            door = self._open_door()
            stack.push_async_callback(self.writer.submit_save, self.shop.ledger)
            for running in (
                self.writer.save_when_idle(self.shop.ledger),
                self.quota.run(),
                *map(
                    self._once_begun,
                    (self.uplink.run, self.registers.run, self.takeover.watch, self._watch_tokens),
                ),
                self.mending.run(),
                self.baskets.run(),
                self.line.run(),
                PriceWatch(self.shop).run(self.writer),
                *(worker.run() for worker in self.printers),
                *(worker.run() for worker in self.scanners),
            ):
                stack.push_async_callback(cancelled, loop.create_task(running))
            yield door

    async def _take_over(self, nonce: str) -> None:
        """A new box takes over what there was, and only then begins its journal."""
        await self.takeover.run(nonce)
        self._begun.set()

    async def _once_begun(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run what talks with the hub and the registers, in whose eyes this box begins now."""
        await self._begun.wait()
        await run()

    async def _watch_tokens(self) -> None:
        await watch_tokens(self.shop, self.writer, self.reader)

    def announcer(self, port: int) -> Announcer:
        """The announcement of this gateway on the store's network, which listens on `port`."""
        self.box.announcer = announcer = Announcer(
            Announcement(
                location=self.identity.location,
                port=port,
                protocol=wire.VERSIONS[0],
                listen_host=parse_listen(self.settings.listen)[0],
                chain=self.identity.chain or None,
            )
        )
        return announcer

    def _open_door(self) -> Door:
        tokens = TokenBook(TokenRows(self._path), now_ms=monotonic_ms)
        door = Door(
            authenticate=tokens.find, examine=self.witnesses, stamp=self._stamp,
            translate=storage_problem,
        )  # fmt: skip
        source = StatusSource(
            box=self.box,
            receipt_troubles=self.receipts.troubles,
            recent=self.recent,
            identity=self.identity,
            shop=self.shop,
            writer=self.writer,
            uplink=self.uplink,
            links=self.registers,
            reader=self.reader,
            quota=self.quota,
            takeover=self.takeover,
            images=Images(self.shop, self.reader, self.mending, self.witnesses),
            live=self.live,
            scanners=self.scanners,
            printers=self.printers,
            seen=self._seen,
            wall_ms=wall_ms,
        )
        parts = Parts(
            shop=self.shop,
            writer=self.writer,
            uplink=self.uplink,
            registers=self.registers,
            baskets=self.baskets,
            reads=ShopReads(self.reader),
            scans=self.scans,
            lists=Listing(ShopReads(ReplicaStore(connect(self._path, read_only=True)))),
            live=self.live,
            status=source,
            seen=self._seen,
            wall_ms=wall_ms,
            forget_tokens=tokens.forget,
            hub=self.hub,
            ask_elsewhere=asking_hub(self.hub, self.identity.location),
            receipts=self.receipts,
            printers=self.printers,
            scanners=self.scanners,
            diagnostics=Diagnostics(self._path, self.settings, self.recent, self.redact),
            ticket=lambda language: self._ticket(source.report(), language),
        )
        self.headline = lambda: source.report().headline
        rows = api.endpoints(parts)
        stopping = asyncio.Event()

        async def stop_pages(_app: web.Application) -> None:
            stopping.set()

        self.app.on_shutdown.append(stop_pages)
        add_status_page(
            self.app,
            report_source=source.report,
            feed=self.feed,
            stop_event=stopping,
            timezone=zone_of(self.identity.timezone),
        )
        add_till(self.app, self.identity)
        add_order_queue(self.app, self.identity)
        add_receipt_files(self.app)
        described = openapi_endpoint(rows, title="Countertop gateway", version=VERSION)
        add_endpoints(self.app, [*rows, described], door)
        return door

    def _ticket(self, report: StatusReport, language: Language) -> Document:
        """What the technician pins up beside the box, as of now."""
        host = parse_listen(self.settings.listen)[0]
        facts = facts_of(
            report,
            chain=self.identity.chain or None,
            addresses=base_addresses(host, self.box.port),
            quality=self.line.last_minutes(),
            zone=zone_of(self.identity.timezone),
        )
        return ticket_of(facts, language)

    def _stamp(self, headers: CIMultiDict[str]) -> None:
        headers[HEADER] = self.shop.witness

    def _after_batch(self) -> None:
        """On the loop, after each commit: pass the news on."""
        self.uplink.wake()
        self.registers.after_batch()
        self.feed.publish()
        news = self.shop.news
        while news:
            item = news.popleft()
            if item.type == spool.PRINT:
                for printer in self.printers:
                    printer.wake()
            else:
                self.live.tell(item)

    def _reborn(self) -> None:
        self.is_reborn = True
        self.ended.set()

    def _stop_changed(self) -> None:
        """This box may have been stopped, or have mended itself."""
        if self.shop.stopped in PARTED:
            self.registers.drop_all()
        self.mending.wake()
        self.feed.publish()

    def _link_changed(self) -> None:
        self._stop_changed()
        self.registers.hub_has_more()
        self.live.tell({"type": "link", "state": self.uplink.state.value})
