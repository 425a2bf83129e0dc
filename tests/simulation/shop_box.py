"""The gateway of a store on its box, put together as `gateway.app` does; see `programs`.

Who it is stands on its disk, as on a real one: a box whose disk is put back to an image is who it
was then, and one that has handed over its branch begins anew on an empty disk as somebody else.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from types import SimpleNamespace
from typing import Any, Final, cast

from aiohttp import web
from multidict import CIMultiDict

from gateway import api as shop_api
from gateway.box.status_source import StatusSource
from gateway.client.witness import HEADER
from gateway.config import ReceiptSetting
from gateway.counter.live import LiveBoard
from gateway.enrolment import BOX
from gateway.identity import Identity, load_identity, store_identity
from gateway.link.dial import CONNECT_S_MAX
from gateway.link.uplink import Uplink
from gateway.lives import restoring
from gateway.lives.branching import Mending
from gateway.lives.next_life import CameOf, begin_file, carry_nothing, next_life_of
from gateway.lives.witnesses import WitnessCheck
from gateway.parts import Parts as ShopParts
from gateway.printing.receipts import Receipts
from gateway.reads import ScanReader, ShopReads
from gateway.registers.links import RegisterLinks
from gateway.selling.basket_holds import BasketHolds
from gateway.shop import Shop
from gateway.status.report import PARTED, LinkState
from gateway.storage import SERIES as SHOP_SERIES
from replication.adapters.sqlite import ReplicaStore, transaction
from replication.ids import WriterId
from replication.ledger import Ledger
from replication.session import Ended
from tests.simulation.hub_http import SimHubLine
from tests.simulation.loop import VirtualLoop
from tests.simulation.machine import Disk, Process
from tests.simulation.network import Line, SimSocket
from tests.simulation.programs import Box, HubBox, OnEnd
from tests.simulation.restoring_http import SimTakeover
from tests.simulation.writer import SimWriter
from web.catalogue_rows import Catalogue
from web.door import Door
from web.endpoint import Endpoint
from web.listing import Listing
from web.once import storage_problem
from web.problems import Problem
from web.tokens import Principal

SAYS_NO: Final = ("the hub says 401", "the hub says 403")
"""What the page of a box says that asks for the state of its store and is not its gateway any more:
another one was enrolled, or a copy of it has gone on, with a token that this one does not have."""

REBORN_S: Final = 0.5
"""From the end of a program that is to be another to its next start."""


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
        self.rebirths = 0
        """How often it has become the next incarnation by itself."""

        self.overwritten = 0
        """How often its disk was put back to an image."""

        self.on_reborn: Callable[[ShopBox, CameOf], None] = lambda _box, _came: None
        """Hears of it, and why."""

        with transaction(self.disk.connection):
            store_identity(self._store, identity)
            self._store.set_meta(BOX, f"{dice.getrandbits(128):032x}")
        self.shop: Shop
        self.uplink: Uplink
        self._takeover: SimTakeover | None = None

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

    @property
    def hears_that_it_was_replaced(self) -> bool:
        """Whether its page says, while it takes over, that it was replaced before that was done."""
        report = None if self._takeover is None else self._takeover.report(self.registers)
        return report is not None and (report.error or "").startswith(SAYS_NO)

    @property
    def witness(self) -> str:
        """What it says of its journal with each answer."""
        return self.shop.witness

    def start(self) -> None:
        """Start the program over what the disk holds, or as who it is to be from now on."""
        is_dead = self.is_destroyed or self.is_off
        following = None if is_dead else next_life_of(self.disk.connection)
        if following is not None:
            earlier, self.disk = self.disk, Disk(SHOP_SERIES, self.dice)
            old = ReplicaStore(earlier.connection)
            begin_file(self.disk.connection, following, old, carry_nothing)
            earlier.close()
            self.rebirths += 1
            self.on_reborn(self, following.came)
        super().start()

    def _open(self) -> None:
        identity = load_identity(self._store)
        assert identity is not None, "it was enrolled before it started"
        self.identity = identity
        self.hub_line = SimHubLine(self.line, self._hub, identity.token, lambda: self.is_connected)
        self._pages = SimHubLine(self.line, self._hub, identity.token, lambda: True)
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
            changed=self._stop_changed,
        )
        self.uplink.recall = self.registers.recall_for_hub
        self.witnesses = WitnessCheck(
            self.shop, self._sim_writer, self.shop.store,
            wall_ms=self.clock.wall_ms, changed=self._stop_changed,
        )  # fmt: skip
        self.mending = Mending(
            self.shop, self._sim_writer, self.shop.store, self._pages,
            wall_ms=self.clock.wall_ms, changed=self._stop_changed, reborn=self._reborn,
        )  # fmt: skip
        self._takeover = None
        self._sim_writer.after_batch = self._after_batch
        self._baskets = BasketHolds(
            self.shop, self._sim_writer, self.disk.connection, basket_s=self._hold_s
        )

    def _after_batch(self) -> None:
        self.uplink.wake()
        self.registers.after_batch()
        self.shop.news.clear()

    def _make_door(self) -> Door:
        return Door(
            authenticate=self._who, examine=self.witnesses, stamp=self._stamp,
            translate=storage_problem,
        )  # fmt: skip

    def _stamp(self, headers: CIMultiDict[str]) -> None:
        headers[HEADER] = self.witness

    def _stop_changed(self) -> None:
        if self.shop.stopped in PARTED:
            self.registers.drop_all()
        self.mending.wake()

    def _link_changed(self) -> None:
        self._stop_changed()
        self.registers.hub_has_more()

    def _reborn(self) -> None:
        """The program ends, and whoever minds it starts it again."""
        process = self.process
        self.loop.call_later(0, self._end, process)

    def _end(self, process: Process | None) -> None:
        if process is self.process:
            self.crash(down_s=REBORN_S, silently=False)

    def _begin(self) -> None:
        if restoring.is_needed(self.shop):
            restoring.begin(self.shop)
        elif self.shop.stopped not in PARTED:
            self.shop.ledger.start(self._nonce)

    @property
    def _nonce(self) -> str:
        return f"{self.identity.writer}-{self.starts}-{self.dice.getrandbits(32)}"

    async def _once_begun(self) -> None:
        """What talks to others, when this box has taken over what there was before it."""
        takeover = self._takeover = SimTakeover(
            self._pages, self.shop, self._sim_writer, self.shop.store
        )
        if restoring.is_needed(self.shop):
            await takeover.run(self._nonce)
        await asyncio.gather(self.uplink.run(), self.registers.run(), takeover.watch())

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._sim_writer.save_when_idle(self.shop.ledger),
            self._once_begun(),
            self.mending.run(),
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
        principal = self._hub.whose(self.identity.token)
        if principal is None:
            return Ended("refused", "the hub does not know this box's token (401)")
        own, hubs = line.connect()
        assert process is not None, "only a running program dials"
        process.sockets.append(own)
        self._hub.accept(hubs, WriterId(principal.name))
        return own

    async def examine(self, witness: str, caller: Principal) -> Problem | None:
        """What a register that dials with a witness is refused for, if it is.

        Raises:
            ConnectionResetError: the box is down, or dies meanwhile.
        """
        request = SimpleNamespace(headers={HEADER: witness} if witness else {})
        try:
            await self.lives_through(lambda: self.witnesses(cast("web.Request", request), caller))
        except Problem as refused:
            return refused
        return None

    def accept(self, socket: SimSocket, register: str, on_end: OnEnd) -> None:
        """A register that sells alone has dialled; `on_end` hears why its link ended here."""
        assert self.process is not None, "whoever is down is not reached"
        self.process.sockets.append(socket)
        self.process.spawn(self._talk(socket, register, on_end))

    async def _talk(self, socket: SimSocket, register: str, on_end: OnEnd) -> None:
        on_end(await self.registers.talk(socket, register))
        await socket.close()
