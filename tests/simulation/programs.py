"""The programs on their boxes, put together as their own `app` modules do; a store in `shop_box`.

All parts are the programs' own: deciding state, verbs, links, uplink, holds, endpoints. What stands
in for the outside is handed in: the disk's connection, the box's clock, the writer without a
thread, the socket at the end of a simulated line. A box that dies starts again over its disk after
a while, with a new boot id and nothing else of what it knew.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

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
from gateway.shop import Shop
from replication.adapters.sqlite import Migrations, ReplicaStore
from replication.errors import StorageFailed
from replication.ids import WriterId
from replication.journal import Head
from replication.ledger import Ledger
from replication.session import Ended
from tests.simulation.door import Reply, VirtualDoor
from tests.simulation.loop import VirtualLoop
from tests.simulation.machine import Clock, Disk, Process
from tests.simulation.network import SimSocket
from tests.simulation.strands import Strand
from tests.simulation.writer import Dies, SimWriter
from web.catalogue_rows import Catalogue
from web.door import Door
from web.endpoint import Endpoint
from web.listing import Listing
from web.once import storage_problem
from web.tokens import Principal, token_digest

T = TypeVar("T")

START_AGAIN_S: Final = 1.0
"""Whoever minds a box starts its program again when it could not start."""

State = HeadOffice | Shop
OnEnd = Callable[[Ended], None]


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
        self.is_opened = False
        """Whether a program has ever run on it."""

        self.is_destroyed = False
        self.is_off = False
        """Whether it is switched off; its disk is kept."""

        self.is_left = False
        """Whether people do not come back to it: it is destroyed, or was taken out of its store."""

        self.strand: Strand | None = None
        """What its disk is a part of, for the judge."""

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
        self.is_destroyed = self.is_left = True
        self.crash(down_s=START_AGAIN_S, silently=False)

    def switch_off(self) -> None:
        """It is taken out of its store, with all that is on its disk."""
        self.is_off = self.is_left = True
        self.crash(down_s=START_AGAIN_S, silently=False)

    def switch_on(self) -> None:
        """Somebody has found it."""
        self.is_off = False
        self._start_again()

    @property
    def is_up(self) -> bool:
        """Whether it answers."""
        return self._door is not None

    def start(self) -> None:
        """Start the program over what the disk holds."""
        if self.is_destroyed or self.is_off:
            return
        assert self.process is None, f"{self.name} runs already"
        self.starts += 1
        process = self.process = Process(self.loop)
        process.spawn(self._run(process))

    async def _run(self, process: Process) -> None:
        self._open()
        self.is_opened = True
        try:
            await self.writer.submit(self._begin)
        except StorageFailed:
            self.crash(down_s=START_AGAIN_S, silently=False)
            return
        for work in self._background():
            process.spawn(work)
        self._door = VirtualDoor(self._endpoints(), self._make_door())

    def _make_door(self) -> Door:
        return Door(authenticate=self._who, translate=storage_problem)

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
        if self.process is not None and self.is_opened:
            self.down_s = down_s
            self.writer.dies = instant

    def spare(self) -> None:
        """It does not die as it was to."""
        if self.is_opened:
            self.writer.dies = None

    def _die_as_planned(self) -> None:
        self.crash(down_s=self.down_s, silently=self.dice.random() < 0.5)

    def crash(self, *, down_s: float, silently: bool) -> None:
        """Lose power now, and start again after a while."""
        if self.process is None:
            return
        process, self.process, self._door = self.process, None, None
        if self.is_opened:
            self.writer.die()
        process.kill(silently=silently)
        self.disk.lose_power()
        self.loop.call_later(down_s, self._start_again)

    def _start_again(self) -> None:
        if self.process is None:  # somebody may have switched it off and on meanwhile
            self.start()

    async def ask(
        self, method: str, target: str, *, token: str, key: str, body: bytes, witness: str = ""
    ) -> Reply:
        """One request to the running program.

        Raises:
            ConnectionResetError: it is down, or dies before it answers.
        """
        if self._door is None:
            raise ConnectionResetError(f"{self.name} is down")
        door = self._door
        return await self.lives_through(
            lambda: door.serve(method, target, token=token, key=key, body=body, witness=witness)
        )

    async def lives_through(self, work_of: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Something that the running program does, and its outcome.

        Raises:
            ConnectionResetError: it is down, or dies meanwhile.
        """
        if self.process is None:
            raise ConnectionResetError(f"{self.name} is down")
        work = self.process.spawn(work_of())
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

    def whose(self, token: str) -> Principal | None:
        """Whom a token of a gateway stands for, by the hub's own rows."""
        row: Any = self.disk.connection.execute(
            "SELECT id, role, register, name FROM token WHERE digest = ?", (token_digest(token),)
        ).fetchone()
        if row is None:
            return None
        return Principal(id=row[0], role=row[1], register=row[2], name=row[3])

    async def _who(self, token: str) -> Principal | None:
        return self.people.get(token) or self.whose(token)

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
