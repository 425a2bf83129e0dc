"""Goal: over a real WebSocket a link carries everything, and ends for a stated reason when it must.

Method: both ends of a link in this process, on loopback, each with its session and its disk in
memory; for faults one end is a bare WebSocket. Time is told by patching the link's clock; each wait
is for an event of the other end.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from replication import wire
from replication.adapters import websocket
from replication.adapters.machine_clock import monotonic_ms
from replication.adapters.websocket import MESSAGE_BYTES_MAX, Link
from replication.errors import PeerFenced, PeerViolation, StorageFailed
from replication.escrow import CellChange
from replication.session import (
    SILENCE_MS_MAX,
    Ended,
    EntriesArrived,
    Event,
    FeedArrived,
    GrantArrived,
    Session,
    Side,
    State,
)
from replication.wire import FRAME_BYTES_MAX, decode_frame, encode_frame
from tests.session_sides import Child, Parent

A_MOMENT_S: Final = 10
"""How long a test waits for what must happen; none of them takes this long."""
CELL: Final = CellChange("riverside", "tea", "granted", "hub.1", "riverside.1", 2)


@dataclass(slots=True)
class End:
    """One end of a link: its disk, its link, and what was seen of it."""

    disk: Child | Parent
    batch: int = 3
    fault: Exception | None = None
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    ended: "asyncio.Future[Ended]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    link: Link | None = None

    @property
    def session(self) -> Session:
        assert self.link is not None
        return self.link.session

    async def run(self, socket: websocket.Socket) -> None:
        child = self.disk if isinstance(self.disk, Child) else None
        session = Session(Side.CHILD if child else Side.PARENT, monotonic_ms())
        if child is not None:
            session.greet(child.hello())
        self.link = Link(socket, session, handle=self.handle, more=self.more)
        self.opened.set()
        try:
            ended = await self.link.run()
        except Exception as error:  # noqa: BLE001 - it is handed on
            self.ended.set_exception(error)
        else:
            self.ended.set_result(ended)

    async def handle(self, event: Event) -> None:
        if self.fault is not None and isinstance(event, EntriesArrived | FeedArrived):
            raise self.fault
        self.disk.handle(event, self.session)
        async with self.heard:
            self.heard.notify_all()

    async def more(self, after: int) -> bool:
        return self.disk.offer(self.session, after, self.batch)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(A_MOMENT_S), self.heard:
            await self.heard.wait_for(is_so)

    async def why(self) -> Ended:
        async with asyncio.timeout(A_MOMENT_S):
            return await self.ended


@asynccontextmanager
async def hub_with(parent: End) -> AsyncIterator[str]:
    """Serve the parent's end; gives the address."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES_MAX, timeout=1.0)
        await socket.prepare(request)
        await parent.run(socket)
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    # Not aiohttp's test server: it cancels handlers of lost connections, the programs' do not.
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def linked(child: End, parent: End) -> AsyncIterator[None]:
    """Both ends, talking until the block ends."""
    async with hub_with(parent) as url, ClientSession() as client:
        socket = await client.ws_connect(url, max_msg_size=MESSAGE_BYTES_MAX)
        running = asyncio.ensure_future(child.run(socket))
        try:
            await asyncio.gather(child.opened.wait(), parent.opened.wait())
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def bare(parent: End) -> AsyncIterator[ClientWebSocketResponse]:
    """A WebSocket to the parent's end that does what a test makes it do."""
    async with (
        hub_with(parent) as url,
        ClientSession() as client,
        client.ws_connect(url) as socket,
    ):
        await parent.opened.wait()
        yield socket


async def greet(socket: ClientWebSocketResponse, child: Child) -> None:
    await socket.send_bytes(encode_frame(child.hello()))
    assert isinstance(decode_frame(await socket.receive_bytes()), wire.Welcome)


async def goodbye_of(socket: ClientWebSocketResponse) -> wire.Bye:
    """The last frame before the socket closes."""
    last: wire.Frame | None = None
    async with asyncio.timeout(A_MOMENT_S):
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            last = decode_frame(message.data)
    assert isinstance(last, wire.Bye)
    return last


async def stuff(end: End) -> None:
    """Fill the socket to a peer that does not read, until the sender waits for room in it."""
    assert end.link is not None
    socket = end.link._socket
    assert isinstance(socket, web.WebSocketResponse)
    transport = socket._req.transport if socket._req else None
    assert transport is not None
    while transport.get_write_buffer_size() == 0 or not end.session._fast:
        end.session.grant("given", [CELL] * wire.WANTS_MAX, [])
        end.link.wake()
        await asyncio.sleep(0)


def ends() -> tuple[Child, Parent, End, End]:
    child, parent = Child(), Parent()
    return child, parent, End(child), End(parent)


async def test_everything_that_had_gathered_is_carried() -> None:
    child, parent, low, high = ends()
    child.write(100)
    parent.publish(100)

    async with linked(low, high):
        await low.until(lambda: child.acknowledged == child.head and len(child.items) == 100)
        await high.until(lambda: parent.cursor == 100)

    assert parent.entries == child.journal
    assert child.items == parent.feed


async def test_what_happens_later_follows_at_once() -> None:
    child, parent, low, high = ends()

    async with linked(low, high):
        await low.until(lambda: low.session.state is State.OPEN)
        assert low.link is not None
        assert high.link is not None
        for seq in range(1, 4):
            child.write(1)
            low.link.wake()
            # mypy cannot infer a lambda that binds the loop variable by its default.
            await low.until(lambda seq=seq: child.acknowledged.seq == seq)  # type: ignore[misc] # bound
        parent.publish(1)
        high.link.wake()
        await low.until(lambda: child.items == parent.feed)
        low.session.borrow("r-1", [("tea", 1)])
        low.link.wake()
        await low.until(lambda: child.granted == {"r-1"})


async def test_an_end_that_is_stopped_says_that_it_leaves() -> None:
    _, _, low, high = ends()

    async with linked(low, high):
        await low.until(lambda: low.session.state is State.OPEN)

    assert await high.why() == Ended("leaving", "this end is going away")


async def test_a_new_link_goes_on_where_the_old_one_was_cut() -> None:
    child, parent, *_ = ends()
    for writes in (10, 7):
        child.write(writes)
        parent.publish(writes)
        low, high = End(child), End(parent)
        async with linked(low, high):
            await low.until(lambda: child.acknowledged == child.head)
            await low.until(lambda: child.items == parent.feed)

    assert parent.entries == child.journal
    assert len(child.items) == 17


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(PeerViolation("a foreign cell"), "violation"), (StorageFailed("disk full"), "storage")],
)
async def test_what_cannot_be_committed_ends_the_link_unacknowledged(
    fault: Exception, reason: str
) -> None:
    child, parent, low, high = ends()
    high.fault = fault
    child.write(3)

    async with linked(low, high):
        assert await high.why() == Ended(reason, str(fault))
        assert await low.why() == Ended(reason, str(fault)), "the other end is told"

    assert parent.entries == []
    assert child.acknowledged.seq == 0


async def test_a_backlog_that_cannot_be_read_ends_the_link() -> None:
    _, _, low, high = ends()

    async def full_disk(after: int) -> bool:
        raise StorageFailed(f"no room to note what follows {after}")

    async with bare(high) as socket:
        assert high.link is not None
        high.link._more = full_disk
        await socket.send_bytes(encode_frame(Child().hello()))
        assert (await high.why()).reason == "storage"
    del low


async def test_a_peer_that_was_replaced_while_news_wait_for_it_is_told_so() -> None:
    child, _, low, high = ends()

    async def replaced(_after: int) -> bool:
        raise PeerFenced("riverside.1 was replaced by another box")

    async with linked(low, high):
        assert high.link is not None
        high.link._more = replaced
        child.write(1)
        assert low.link is not None
        low.link.wake()
        assert await high.why() == Ended(
            PeerFenced.reason, "riverside.1 was replaced by another box"
        )
        assert (await low.why()).reason == PeerFenced.reason


async def text(socket: ClientWebSocketResponse) -> None:
    await socket.send_str("hello")


async def garbage(socket: ClientWebSocketResponse) -> None:
    await socket.send_bytes(b"\x01garbage")


async def nothing(socket: ClientWebSocketResponse) -> None:
    await socket.send_bytes(b"")


async def unknown_version(socket: ClientWebSocketResponse) -> None:
    await socket.send_bytes(b"\x07" + encode_frame(wire.Beat(0))[1:])


async def oversized_by_a_byte(socket: ClientWebSocketResponse) -> None:
    await socket.send_bytes(bytes(FRAME_BYTES_MAX + 1))


async def out_of_turn(socket: ClientWebSocketResponse) -> None:
    await socket.send_bytes(encode_frame(wire.FeedAck(0)))


@pytest.mark.parametrize(
    ("send", "sentence"),
    [
        (text, "only binary messages are frames"),
        (garbage, "frame does not decode"),
        (nothing, "empty frame"),
        (unknown_version, "unknown version 7"),
        (oversized_by_a_byte, f"is above {FRAME_BYTES_MAX}"),
        (out_of_turn, "feedack is not allowed while new"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_message_that_is_no_frame_ends_the_link_with_the_reason(
    send: Callable[[ClientWebSocketResponse], Awaitable[None]], sentence: str
) -> None:
    high = End(Parent())

    async with bare(high) as socket:
        await send(socket)
        told = await goodbye_of(socket)
        ended = await high.why()

    assert ended.reason == told.reason == "violation"
    assert sentence in ended.detail
    assert told.detail == ended.detail


async def test_a_message_that_is_far_too_large_is_not_even_taken_in() -> None:
    high = End(Parent())

    async with bare(high) as socket:
        with suppress(ConnectionError):  # the other end may hang up before it is through
            await socket.send_bytes(bytes(4 * FRAME_BYTES_MAX))
        ended = await high.why()

    assert ended.reason == "violation"
    assert "size" in ended.detail


async def test_a_line_that_breaks_is_gone() -> None:
    child, _, _, high = ends()

    async with bare(high) as socket:
        await greet(socket, child)
        assert socket._conn is not None
        assert socket._conn.transport is not None
        socket._conn.transport.abort()
        ended = await high.why()

    assert ended.reason == "gone"


async def test_a_black_hole_ends_by_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets vanish and nothing closes: only the clock tells."""
    child, _, _, high = ends()

    async with bare(high) as socket:
        await greet(socket, child)
        later = monotonic_ms() + SILENCE_MS_MAX
        monkeypatch.setattr(websocket.Link, "now_ms", lambda _link: later)
        ended = await high.why()

    assert ended == Ended("silence", "nothing heard for 10 s")


async def test_a_black_hole_with_a_full_socket_ends_by_silence_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sender waits for room in the socket when the clock ends the link."""
    child, _, _, high = ends()

    async with bare(high) as socket:
        await greet(socket, child)
        await stuff(high)
        later = monotonic_ms() + SILENCE_MS_MAX
        monkeypatch.setattr(websocket.Link, "now_ms", lambda _link: later)
        ended = await high.why()

    assert ended == Ended("silence", "nothing heard for 10 s")


async def test_a_link_that_is_replaced_ends_though_its_peer_is_silent() -> None:
    """The hub closes the older link of a store: its line is dead, and nobody will answer there."""
    child, _, _, high = ends()

    async with bare(high) as socket:
        await greet(socket, child)
        assert high.link is not None
        high.session.close("replaced", "a newer link is open")
        high.link.wake()
        ended = await high.why()

    assert ended == Ended("replaced", "a newer link is open")


async def test_a_peer_that_never_reads_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "SEND_S_MAX", 0.05)
    child, _, _, high = ends()

    async with bare(high) as socket:
        await greet(socket, child)
        await stuff(high)
        ended = await high.why()

    assert ended.reason == "not-reading"


async def test_a_bug_in_a_handler_is_not_swallowed() -> None:
    child, _, low, high = ends()
    high.fault = ZeroDivisionError("our bug")
    child.write(1)

    async with linked(low, high):
        with pytest.raises(ZeroDivisionError):
            await high.why()
        assert (await low.why()).reason == "leaving"


async def test_a_grant_does_not_wait_for_the_backlog() -> None:
    """A hundred items are owed and nobody acknowledges: the grant arrives within one window."""
    child, parent, _, high = ends()
    parent.publish(100)
    high.batch = 1

    async with bare(high) as socket:
        await greet(socket, child)
        for _ in range(4):
            assert isinstance(decode_frame(await socket.receive_bytes()), wire.FeedFrom)
        await socket.send_bytes(encode_frame(wire.Borrow("r-1", [("tea", 1)])))
        answer = decode_frame(await socket.receive_bytes())

    assert isinstance(answer, wire.Grant)
    assert GrantArrived(answer.request, answer.cells, answer.sellable).request == "r-1"
