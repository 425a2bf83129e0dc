"""The two programs on their boxes, put together as their own `app` modules do.

All parts are the programs' own: deciding state, verbs, links, uplink, holds, endpoints. What stands
in for the outside is handed in: the disk's connection, the box's clock, the writer without a
thread, the socket at the end of a simulated line. A box that dies starts again over its disk after
a while, with a new boot id and nothing else of what it knew.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, cast

from cloud_hub import api as hub_api
from cloud_hub import app as hub_app
from cloud_hub.config import HubSettings
from cloud_hub.head_office import HeadOffice
from cloud_hub.news import NewsBoard
from cloud_hub.ordering.holds import Holds
from cloud_hub.parts import Parts as HubParts
from cloud_hub.products.imports import Imports
from cloud_hub.reads import HubReads
from cloud_hub.stores.links import Links
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
from replication.adapters.sqlite import Migrations, ReplicaStore
from replication.errors import StorageFailed
from replication.ids import WriterId
from replication.journal import Head
from replication.ledger import Ledger
from replication.session import Ended
from tests.simulation.door import Reply, VirtualDoor
from tests.simulation.hub_http import SimHubLine
from tests.simulation.loop import VirtualLoop
from tests.simulation.machine import Clock, Disk, Process
from tests.simulation.network import Line, SimSocket
from tests.simulation.restoring_http import SimTakeover
from tests.simulation.writer import Dies, SimWriter
from web.catalogue_rows import Catalogue
from web.door import Door
from web.endpoint import Endpoint
from web.listing import Listing
from web.once import storage_problem
from web.tokens import Principal

START_AGAIN_S: Final = 1.0
"""Whoever minds a box starts its program again when it could not start."""

State = HeadOffice | Shop


class Box:
    """A machine with one program. `on_commit` hears of each commit that is durable."""

    def __init__(
        self,
        name: str,
        loop: VirtualLoop,
        dice: random.Random,
        series: Sequence[Migrations],
        *,
        on_commit: Callable[["Box"], None],
    ) -> None:
        self.name = name
        self.loop = loop
        self.dice = dice
        self.clock = Clock(loop)
        self.disk = Disk(tuple(series), dice)
        self.people: dict[str, Principal] = {}
        self.process: Process | None = None
        self.down_s = START_AGAIN_S
        self.lost = 0.0
        """How often a request to it, or an answer, is lost on the network before it."""
        self.starts = 0
        self.is_destroyed = False
        self.successor: Box | None = None  # the box that has taken its place
        self._on_commit = on_commit
        self._door: VirtualDoor | None = None

    @property
    def _store(self) -> ReplicaStore:
        """The rows of its disk."""
        return ReplicaStore(self.disk.connection)

    @property
    def ledger(self) -> Ledger:
        """The journal and counters of the running program."""
        raise NotImplementedError

    @property
    def living(self) -> "Box":
        """Itself, or the box that stands in its place by now."""
        return self if self.successor is None else self.successor.living

    def destroy(self) -> None:
        """The disk is gone, and the box with it: it never starts again."""
        self.is_destroyed = True
        self.crash(down_s=START_AGAIN_S, silently=False)

    @property
    def is_up(self) -> bool:
        """Whether it answers."""
        return self._door is not None

    def start(self) -> None:
        """Start the program over what the disk holds."""
        if self.is_destroyed:
            return
        assert self.process is None, f"{self.name} runs already"
        self.starts += 1
        process = self.process = Process(self.loop)
        process.spawn(self._run(process))

    async def _run(self, process: Process) -> None:
        self._open()
        try:
            await self.writer.submit(self._begin)
        except StorageFailed:
            self.crash(down_s=START_AGAIN_S, silently=False)
            return
        for work in self._background():
            process.spawn(work)
        door = Door(authenticate=self._who, translate=storage_problem)
        self._door = VirtualDoor(self._endpoints(), door)

    async def _who(self, token: str) -> Principal | None:
        return self.people.get(token)

    def _writer(self, state: State) -> SimWriter:
        return SimWriter(
            state, self.loop, self.dice, on_commit=self._committed, die=self._die_as_planned
        )

    def _committed(self) -> None:
        self.disk.committed()
        self._on_commit(self)

    def _open(self) -> None:
        """Build the deciding state and what stands on it."""
        raise NotImplementedError

    def _begin(self) -> None:
        """The first commit of a start."""
        raise NotImplementedError

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the requests."""
        raise NotImplementedError

    def _endpoints(self) -> Sequence[Endpoint]:
        raise NotImplementedError

    @property
    def writer(self) -> SimWriter:
        """The writer of the running program."""
        raise NotImplementedError

    def die_at(self, instant: Dies, down_s: float) -> None:
        """Die at that instant of its next commit."""
        if self.process is not None:
            self.down_s = down_s
            self.writer.dies = instant

    def _die_as_planned(self) -> None:
        self.crash(down_s=self.down_s, silently=self.dice.random() < 0.5)

    def crash(self, *, down_s: float, silently: bool) -> None:
        """Lose power now, and start again after a while."""
        if self.process is None:
            return
        process, self.process, self._door = self.process, None, None
        self.writer.die()
        process.kill(silently=silently)
        self.disk.lose_power()
        self.loop.call_later(down_s, self.start)

    async def ask(self, method: str, target: str, *, token: str, key: str, body: bytes) -> Reply:
        """One request to the running program.

        Raises:
            ConnectionResetError: it is down, or dies before it answers.
        """
        if self._door is None or self.process is None:
            raise ConnectionResetError(f"{self.name} is down")
        work = self.process.spawn(self._door.serve(method, target, token=token, key=key, body=body))
        await asyncio.wait([work])
        if work.cancelled():
            raise ConnectionResetError(f"{self.name} died")
        return work.result()


class HubBox(Box):
    """The hub. `on_end` hears why each link ended."""

    def __init__(
        self,
        loop: VirtualLoop,
        dice: random.Random,
        *,
        hold_s: int,
        settles: bool,
        on_commit: Callable[[Box], None],
        on_end: Callable[[str, Ended], None],
    ) -> None:
        super().__init__("hub", loop, dice, hub_app.SERIES, on_commit=on_commit)
        self.settings = HubSettings(
            data=Path("/nowhere"),
            pending_s=hold_s,
            reservation_s=hold_s,
            settle_shortages=settles,
        )
        self._on_end = on_end
        self.office: HeadOffice
        self.links: Links

    @property
    def ledger(self) -> Ledger:
        """The hub's own journal, and all counters."""
        return self.office.ledger

    @property
    def writer(self) -> SimWriter:
        """The writer of the running program."""
        return self._sim_writer

    def _open(self) -> None:
        self.office = HeadOffice(
            self.disk.connection,
            self.settings,
            boot=f"hub-{self.starts}",
            now_ms=self.clock.wall_ms,
            synchronised=self.clock.synchronised,
        )
        self._sim_writer = self._writer(self.office)
        self.links = Links(self.office, self._sim_writer, wall_ms=self.clock.wall_ms)
        self._sim_writer.after_batch = self.links.after_batch
        self._holds = Holds(self.office, self._sim_writer, self.disk.connection)

    def _begin(self) -> None:
        hub_app._begin(self.office, f"hub-{self.starts}")

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._sim_writer.save_when_idle(self.office.ledger),
            self._holds.run(),
            hub_app._watch(self.links),
        ]

    def _endpoints(self) -> Sequence[Endpoint]:
        reads = HubReads(self.office.store, self.links.view)
        return hub_api.endpoints(
            HubParts(
                office=self.office,
                writer=self._sim_writer,
                links=self.links,
                holds=self._holds,
                reads=reads,
                lists=Listing(reads),
                audits=Listing(self.office.store),
                imports=Imports(self.office, self._sim_writer, Catalogue(self.disk.connection)),
                news=NewsBoard(self.office.news),
            )
        )

    def accept(self, socket: SimSocket, writer: WriterId) -> None:
        """A gateway has dialled."""
        assert self.process is not None, "whoever is down is not reached"
        self.process.sockets.append(socket)
        self.process.spawn(self._talk(socket, writer))

    async def _talk(self, socket: SimSocket, writer: WriterId) -> None:
        ended = await self.links.talk(socket, writer)
        self._on_end(writer, ended)
        await socket.close()

    def head_of(self, writer: str) -> Head:
        """How far the hub holds a gateway's journal."""
        return self.office.store.load_head(writer)


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
        on_end: Callable[[str, Ended], None],
    ) -> None:
        super().__init__(identity.location, loop, dice, SHOP_SERIES, on_commit=on_commit)
        self.on_end = on_end
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

    def accept(self, socket: SimSocket, register: str) -> None:
        """A register that sells alone has dialled."""
        assert self.process is not None, "whoever is down is not reached"
        self.process.sockets.append(socket)
        self.process.spawn(self._talk(socket, register))

    async def _talk(self, socket: SimSocket, register: str) -> None:
        ended = await self.registers.talk(socket, register)
        self.on_end(register, ended)
        await socket.close()
