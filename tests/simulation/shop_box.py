"""The gateway of a store on its box, put together as `gateway.app` does; see `programs`."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from gateway import api as shop_api
from gateway.box.status_source import StatusSource
from gateway.config import ReceiptSetting
from gateway.counter.live import LiveBoard
from gateway.identity import Identity
from gateway.link.dial import CONNECT_S_MAX
from gateway.link.uplink import Uplink
from gateway.lives import restoring
from gateway.parts import Parts as ShopParts
from gateway.printing.receipts import Receipts
from gateway.reads import ScanReader, ShopReads
from gateway.registers.links import RegisterLinks
from gateway.selling.basket_holds import BasketHolds
from gateway.shop import Shop
from gateway.status.report import LinkState
from gateway.storage import SERIES as SHOP_SERIES
from replication.ledger import Ledger
from replication.session import Ended
from tests.simulation.hub_http import SimHubLine
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Line, SimSocket
from tests.simulation.programs import Box, HubBox, OnEnd
from tests.simulation.restoring_http import SimTakeover
from tests.simulation.writer import SimWriter
from web.catalogue_rows import Catalogue
from web.endpoint import Endpoint
from web.listing import Listing


class ShopBox(Box):
    """A store's gateway, at the end of a line to the hub."""

    def __init__(
        self,
        identity: Identity,
        loop: VirtualLoop,
        dice: random.Random,
        *,
        line: Line,
        hub: HubBox,
        hold_s: int,
        on_commit: Callable[[Box], None],
    ) -> None:
        super().__init__(identity.location, loop, dice, SHOP_SERIES, on_commit=on_commit)
        self.identity = identity
        self.line = line
        self._hold_s = hold_s
        self._hub = hub
        self.hub_line = SimHubLine(line, hub, identity.writer, lambda: self.is_connected)
        self._pages = SimHubLine(line, hub, identity.writer, lambda: True)
        self.shop: Shop
        self.uplink: Uplink

    @property
    def ledger(self) -> Ledger:
        """The location's journal and counters."""
        return self.shop.ledger

    @property
    def writer(self) -> SimWriter:
        """The writer of the running program."""
        return self._sim_writer

    @property
    def is_connected(self) -> bool:
        """Whether the hub has welcomed it, as far as it knows."""
        return self.is_up and self.uplink.state is LinkState.CONNECTED

    def _open(self) -> None:
        self.shop = Shop(
            self.disk.connection,
            self.identity,
            boot=f"{self.name}-{self.starts}",
            now_ms=self.clock.wall_ms,
            synchronised=self.clock.synchronised,
            printers={},
        )
        self._sim_writer = self._writer(self.shop)
        self.uplink = Uplink(
            "http://hub",
            self.shop,
            self._sim_writer,
            self.shop.store,
            dial=self._dial,
            dice=random.Random(self.dice.random()),  # noqa: S311 - no secret
            wall_ms=self.clock.wall_ms,
            changed=self._link_changed,
        )
        self.registers = RegisterLinks(
            self.shop,
            self._sim_writer,
            self.disk.connection,
            above=self.uplink.borrow,
            acknowledged=lambda: self.uplink.acknowledged.seq,
            wall_ms=self.clock.wall_ms,
            changed=lambda: None,
        )
        self.uplink.recall = self.registers.recall_for_hub
        self._sim_writer.after_batch = self._after_batch
        self._baskets = BasketHolds(
            self.shop, self._sim_writer, self.disk.connection, basket_s=self._hold_s
        )

    def _after_batch(self) -> None:
        self.uplink.wake()
        self.registers.after_batch()
        self.shop.news.clear()

    def _link_changed(self) -> None:
        self.registers.hub_has_more()

    def _begin(self) -> None:
        if restoring.is_needed(self.shop):
            restoring.begin(self.shop)
        else:
            self.shop.ledger.start(self._nonce)

    @property
    def _nonce(self) -> str:
        return f"{self.identity.writer}-{self.starts}"

    async def _once_begun(self) -> None:
        """What talks to others, when this box has taken over what there was before it."""
        if restoring.is_needed(self.shop):
            await SimTakeover(self._pages, self.shop, self._sim_writer, self.shop.store).run(
                self._nonce
            )
        await asyncio.gather(self.uplink.run(), self.registers.run())

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._sim_writer.save_when_idle(self.shop.ledger),
            self._once_begun(),
            self._baskets.run(),
        ]

    def _endpoints(self) -> Sequence[Endpoint]:
        reads = ShopReads(self.shop.store)
        return shop_api.endpoints(
            ShopParts(
                shop=self.shop,
                writer=self._sim_writer,
                uplink=self.uplink,
                registers=self.registers,
                baskets=self._baskets,
                reads=reads,
                scans=ScanReader(reads, self.shop, self.clock.wall_ms),
                lists=Listing(reads),
                live=LiveBoard(),
                status=cast("StatusSource", None),  # the page is not asked for here
                hub=self.hub_line,
                receipts=Receipts(self.identity, ReceiptSetting(), Catalogue(self.disk.connection)),
                seen={},
                wall_ms=self.clock.wall_ms,
            )
        )

    async def _dial(self) -> SimSocket | Ended:
        line, process = self.line, self.process
        await asyncio.sleep(line.up.delay_s + line.down.delay_s)
        if line.is_cut or not self._hub.is_up:
            return Ended("unreachable", "connection refused")
        if line.is_quiet:
            await asyncio.sleep(CONNECT_S_MAX)
            return Ended("unreachable", "the hub did not answer")
        own, hubs = line.connect()
        assert process is not None, "only a running program dials"
        process.sockets.append(own)
        self._hub.accept(hubs, self.identity.writer_id)
        return own

    def accept(self, socket: SimSocket, register: str, on_end: OnEnd) -> None:
        """A register that sells alone has dialled; `on_end` hears why its link ended here."""
        assert self.process is not None, "whoever is down is not reached"
        self.process.sockets.append(socket)
        self.process.spawn(self._talk(socket, register, on_end))

    async def _talk(self, socket: SimSocket, register: str, on_end: OnEnd) -> None:
        on_end(await self.registers.talk(socket, register))
        await socket.close()
