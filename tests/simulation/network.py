"""A line between a store and the hub: two directions that carry frames, and everything they do.

A `Direction` carries frames in order, each after a delay, as TCP does. What can befall it:

    cut         the connection breaks, both ends are told, and nobody can dial
    held        nothing arrives and nobody is told (a partition or black hole, one way or both);
                what was sent arrives when it heals, in order, if its connection still lives then
    mangled     frames are lost, doubled or change places inside a living connection: no TCP does
                that, a broken box on the way might; the session must survive or end the link

A `SimSocket` is one end of a connection, and the part of aiohttp's WebSocket that a link uses.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMessage, WSMsgType

from tests.simulation.loop import VirtualLoop


@dataclass(frozen=True, slots=True, kw_only=True)
class Mangling:
    """How often a frame is lost, doubled, or overtaken by the next."""

    loses: float = 0.0
    doubles: float = 0.0
    swaps: float = 0.0


SOUND: Final = Mangling()

HEALED_S: Final = 0.01
"""How long a frame is on its way when all faults are over."""


class Direction:
    """One way of a line; see the module's theory. Times are in seconds."""

    def __init__(self, loop: VirtualLoop, dice: random.Random, delay_s: float) -> None:
        self.mangling = SOUND
        self.is_held = False
        self.delay_s = delay_s
        self._loop = loop
        self._dice = dice
        self._last_s = 0.0
        self._waiting: list[Callable[[], None]] = []
        self._on_its_way = 0

    @property
    def is_empty(self) -> bool:
        """Whether all that was sent has arrived, or never will."""
        return not self._waiting and self._on_its_way == 0

    def carry(self, deliver: Callable[[], None], *, is_frame: bool = True) -> None:
        """Bring something to the other end, some time: a frame, or the news of an end."""
        if self.is_held:
            self._waiting.append(deliver)
            return
        mangling, dice = self.mangling, self._dice
        if is_frame and mangling is not SOUND:
            if dice.random() < mangling.loses:
                return
            if dice.random() < mangling.doubles:
                self._at(deliver)
            if dice.random() < mangling.swaps:
                self._deliver_at(self._loop.now_s + 3 * self.delay_s, deliver)
                return
        self._at(deliver)

    def _at(self, deliver: Callable[[], None]) -> None:
        arrives_s = self._loop.now_s + self.delay_s * self._dice.uniform(0.5, 1.5)
        self._last_s = max(self._last_s, arrives_s)
        self._deliver_at(self._last_s, deliver)

    def _deliver_at(self, at_s: float, deliver: Callable[[], None]) -> None:
        self._on_its_way += 1
        self._loop.call_at(at_s, self._arrives, deliver)

    def _arrives(self, deliver: Callable[[], None]) -> None:
        self._on_its_way -= 1
        deliver()

    def release(self) -> None:
        """What was held goes on its way."""
        self.is_held = False
        waiting, self._waiting = self._waiting, []
        for deliver in waiting:
            self._at(deliver)


class SimSocket:
    """One end of a connection; `peer` is the other. Implements `replication`'s `Socket`."""

    peer: "SimSocket"

    def __init__(self, loop: VirtualLoop, out: Direction) -> None:
        self._loop = loop
        self._out = out
        self._inbox: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._is_open = True
        self._broken: BaseException | None = None

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        return self

    async def __anext__(self) -> WSMessage:
        while not self._inbox:
            if not self._is_open:
                raise StopAsyncIteration
            self._waiter = self._loop.create_future()
            await self._waiter
        return WSMessage(WSMsgType.BINARY, self._inbox.popleft(), None)

    async def send_bytes(self, data: bytes, /) -> None:
        """Send a frame; raises when the connection is known to be gone."""
        if not self._is_open:
            raise ConnectionResetError("Cannot write to closing transport")
        peer = self.peer
        self._out.carry(lambda: peer._arrive(data))

    async def close(self) -> None:
        """Close this end; the other hears of it if the line lets it."""
        if self._is_open:
            self._end()
            self._out.carry(self.peer._end, is_frame=False)

    def exception(self) -> BaseException | None:
        """What broke the connection, or None."""
        return self._broken

    def reset(self) -> None:
        """The connection breaks, and this end is told."""
        if self._is_open:
            self._broken = ConnectionResetError("Connection reset by peer")
            self._end()

    def vanish(self) -> None:
        """The machine of this end is off: nothing comes of it any more, and nobody is told."""
        self._end()

    def _arrive(self, data: bytes) -> None:
        if self._is_open:
            self._inbox.append(data)
            self._wake()

    def _end(self) -> None:
        self._is_open = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Line:
    """The line of one store: `up` to the hub and `down` to the store."""

    def __init__(self, loop: VirtualLoop, dice: random.Random, delay_s: float) -> None:
        self.up = Direction(loop, dice, delay_s)
        self.down = Direction(loop, dice, delay_s)
        self.is_cut = False
        self._loop = loop
        self._ends: tuple[SimSocket, SimSocket] | None = None
        self._reset: asyncio.Future[None] | None = None
        self.has_been_mangled = False
        self.has_been_held = False

    @property
    def is_quiet(self) -> bool:
        """Whether something is held or cut: who dials now waits or is refused."""
        return self.is_cut or self.up.is_held or self.down.is_held

    def connect(self) -> tuple[SimSocket, SimSocket]:
        """A new connection: the store's end and the hub's."""
        store, hub = SimSocket(self._loop, self.up), SimSocket(self._loop, self.down)
        store.peer, hub.peer = hub, store
        self._ends = (store, hub)
        return store, hub

    def connection_reset(self) -> "asyncio.Future[None]":
        """Done when the line breaks next: what else than a link was under way is gone."""
        if self._reset is None:
            self._reset = self._loop.create_future()
        return self._reset

    def cut(self) -> None:
        """The line breaks, and both ends are told."""
        self.is_cut = True
        if self._reset is not None:
            reset, self._reset = self._reset, None
            reset.set_result(None)
        for end in self._ends or ():
            end.reset()

    def hold(self, *, up: bool, down: bool) -> None:
        """Nothing arrives any more, one way or both."""
        self.up.is_held |= up
        self.down.is_held |= down
        self.has_been_held = True

    def mangle(self, mangling: Mangling) -> None:
        """Frames are lost, doubled or swapped from now on."""
        self.up.mangling = self.down.mangling = mangling
        self.has_been_mangled = True

    def heal(self) -> None:
        """The line is whole; what was held goes on its way."""
        self.is_cut = False
        for direction in (self.up, self.down):
            direction.mangling = SOUND
            direction.release()
