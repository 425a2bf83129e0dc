"""Goal: whatever a peer sends on the replication link, the hub says why it parts and keeps nothing.

Method: boxes with real tokens that speak frames by hand over real WebSockets; what was kept is read
from the next greeting, which says how far the hub has the box's journal.
"""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from replication import wire
from replication.escrow import CellChange
from replication.ids import WriterId
from replication.journal import EMPTY, Actor, Entry, EntryBody, Head, append
from tests.programs import Caller, Shop, fresh, until

SKU: Final = "FRAME-1"


@dataclass(slots=True)
class Box:
    """A box that was enrolled and speaks for itself."""

    shop: Shop
    writer: WriterId
    token: str
    head: Head = EMPTY
    hash_of: dict[int, bytes] = field(default_factory=dict)

    @property
    def location(self) -> str:
        return self.writer.rpartition(".")[0]

    def cell(self, table: str, detail: str, value: int, **other: Any) -> CellChange:  # noqa: ANN401
        """A cell, the box's own where `other` does not say differently."""
        cell = CellChange(self.location, SKU, table, self.writer, detail, value)
        return cell._replace(**other)

    def entry(
        self, *cells: CellChange, head: Head | None = None, size: int = 0, **other: object
    ) -> tuple[Entry, Head]:
        """The next entry after `head`; `other` fields make it a wrong one."""
        after = self.head if head is None else head
        body = EntryBody(
            writer=self.writer, seq=after.seq + 1, at_ms=1, tick=0, boot="b", synchronised=True,
            kind="receipt", actor=Actor(), reason="", reference="", moves=[], cells=list(cells),
            record=msgspec.Raw(msgspec.json.encode({"note": "x" * size})),
        )  # fmt: skip
        entry, _ = append(after, body)
        if other:
            raw = msgspec.json.encode(msgspec.structs.replace(body, **other))
            entry = Entry(raw, entry.hash)
        return entry, Head(after.seq + 1, entry.hash)

    def hello(self, **other: object) -> wire.Hello:
        """How the box greets."""
        hello = wire.Hello(
            versions=[1], writer=self.writer, seq=self.head.seq, hash=self.head.hash, cursor=0,
            boot="b", software="test", now_ms=1,
        )  # fmt: skip
        return msgspec.structs.replace(hello, **other)

    @contextlib.asynccontextmanager
    async def linked(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket to the hub on which nothing was said yet."""
        async with self.shop.client.ws_connect(
            f"{self.shop.hub.url}/v1/replicate",
            headers={"Authorization": f"Bearer {self.token}"},
            max_msg_size=0,
        ) as link:
            yield link

    async def greeted(self, link: aiohttp.ClientWebSocketResponse) -> wire.Welcome:
        """Greet properly."""
        await link.send_bytes(wire.encode_frame(self.hello()))
        welcome = await heard(link, wire.Welcome)
        assert isinstance(welcome, wire.Welcome)
        return welcome

    async def kept(self) -> int:
        """How far the hub has this box's journal."""
        async with self.linked() as link:
            return (await self.greeted(link)).seq


async def heard(link: aiohttp.ClientWebSocketResponse, *kinds: type[wire.Frame]) -> Any:  # noqa: ANN401
    """The next frame of these kinds; None when the link ends before."""
    async with asyncio.timeout(20):
        async for message in link:
            assert message.type is aiohttp.WSMsgType.BINARY, message
            frame = wire.decode_frame(message.data)
            if isinstance(frame, kinds):
                return frame
    return None


@pytest.fixture
def box(shop: Shop) -> "Callable[[], Any]":
    """Makes a box for a location of its own."""

    async def enrol() -> Box:
        location = fresh("frames")
        stranger = Caller(client=shop.client, url=shop.hub.url)
        reply = await stranger.ask(
            "POST", "/v1/enrolments", body={"code": shop.code(location), "software": "test"}
        )
        assert reply.status == 201, reply
        return Box(shop, WriterId(reply.json["writer"]), reply.json["token"])

    return enrol


async def parted(box: Box, *messages: bytes | str, greeted: bool = True) -> wire.Bye:
    """Say this to the hub; its goodbye."""
    async with box.linked() as link:
        if greeted:
            await box.greeted(link)
        for message in messages:
            if isinstance(message, str):
                await link.send_str(message)
            else:
                await link.send_bytes(message)
        bye = await heard(link, wire.Bye)
        assert isinstance(bye, wire.Bye), link.close_code
        async with asyncio.timeout(20):
            assert (await link.receive()).type in {
                aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED,
            }  # fmt: skip
        return bye


BEAT: Final = wire.encode_frame(wire.Beat(1))

BROKEN: Final[dict[str, tuple[bytes | str, str]]] = {
    "empty": (b"", "empty frame"),
    "unknown version": (b"\x07" + BEAT[1:], "unknown version 7"),
    "truncated": (BEAT[:-1], "does not decode"),
    "bytes left over": (BEAT + b"\x00", "does not decode"),
    "unknown frame": (b"\x01" + msgspec.msgpack.encode(["shout", 1]), "does not decode"),
    "missing field": (b"\x01" + msgspec.msgpack.encode(["beat"]), "does not decode"),
    "extra field": (b"\x01" + msgspec.msgpack.encode(["beat", 1, 2]), "does not decode"),
    "wrong type": (b"\x01" + msgspec.msgpack.encode(["beat", "now"]), "does not decode"),
    "negative cursor": (b"\x01" + msgspec.msgpack.encode(["feedack", -1]), "does not decode"),
    "no units": (
        b"\x01" + msgspec.msgpack.encode(["borrow", "r", [["a", 0]]]), "does not decode",
    ),
    "nested": (b"\x01" + b"\x91" * 5_000, "does not decode"),
    "text": ("hello", "only binary messages"),
    "a second greeting": (
        wire.encode_frame(wire.Hello([1], "w", 0, bytes(32), 0, "b", "s", 1)), "not allowed",
    ),
    "the parent's word": (wire.encode_frame(wire.Ack(1, bytes(32))), "not allowed"),
    "feed acknowledged that was not sent": (
        wire.encode_frame(wire.FeedAck(2**40)), "acknowledged",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("message", "why"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_frame_ends_the_link_with_a_reason(
    shop: Shop, box: Callable[[], Any], message: bytes | str, why: str
) -> None:
    one = await box()
    async with shop.nothing_changes():
        bye = await parted(one, message)

    assert bye.reason == "violation"
    assert why in bye.detail
    assert await one.kept() == 0


@pytest.mark.parametrize("size", [wire.FRAME_BYTES_MAX + 1, 8 * wire.FRAME_BYTES_MAX])
async def test_a_message_above_the_limit_is_cut_off_unread(
    shop: Shop, box: Callable[[], Any], size: int
) -> None:
    one = await box()
    async with one.linked() as link:
        await one.greeted(link)
        with contextlib.suppress(ConnectionError):
            await link.send_bytes(b"\x01" * size)
        bye = await heard(link, wire.Bye)  # told why, where it could be read that far
        too_big = link.close_code in {aiohttp.WSCloseCode.MESSAGE_TOO_BIG, 1006}
        assert too_big if bye is None else "is above" in bye.detail

    assert (await shop.admin.get("/healthz")).status == 200
    assert await one.kept() == 0


async def test_a_greeting_has_to_come_first_and_be_its_own(
    shop: Shop, box: Callable[[], Any]
) -> None:
    one = await box()
    entry, _ = one.entry()
    async with shop.nothing_changes():
        early = await parted(one, wire.encode_frame(wire.Entries([entry])), greeted=False)
        other = await parted(one, wire.encode_frame(one.hello(writer="riverside.1")), greeted=False)
        future = await parted(one, wire.encode_frame(one.hello(versions=[7, 8])), greeted=False)

    assert "entries is not allowed while new" in early.detail
    assert "riverside.1" in other.detail
    assert future.reason == "version"
    assert (await shop.fleet())["link"]["state"] == "connected"


async def test_entries_that_follow_are_kept_once_and_acknowledged(
    box: Callable[[], Any],
) -> None:
    one = await box()
    first, head = one.entry(one.cell("minted", "received", 5), one.cell("moved", "received", 5))
    second, after = one.entry(head=head)
    batch = wire.encode_frame(wire.Entries([first, second]))
    for _ in ("first", "again, over a new link"):
        async with one.linked() as link:
            await one.greeted(link)
            await link.send_bytes(batch)
            ack = await heard(link, wire.Ack)

        assert (ack.seq, ack.hash) == after
        assert await one.kept() == 2


def wrong_entries(one: Box) -> dict[str, tuple[Sequence[Entry], str]]:
    """Batches whose last entry breaks a rule."""
    good, head = one.entry(one.cell("minted", "received", 5))
    later = itertools.count(2)

    def after_good(*cells: CellChange, **other: Any) -> Sequence[Entry]:  # noqa: ANN401
        return [good, one.entry(*cells, head=head, **other)[0]]

    skipped = one.entry(head=Head(5, head.hash))[0]
    return {
        "a gap": ([good, skipped], "out of sequence"),
        "repeated": ([good, good], "out of sequence"),
        "another chain": (
            [good, one.entry(head=Head(1, b"\x07" * 32))[0]], "does not follow",
        ),
        "changed afterwards": (after_good(reason="other"), "does not follow"),
        "another writer": (after_good(writer="riverside.1"), "riverside.1"),
        "no writer": (after_good(writer="nobody"), "no proper writer"),
        "not an entry": ([good, Entry(b"{}", head.hash)], "does not decode"),
        "a foreign cell": (
            after_good(one.cell("minted", "received", 9, holder="riverside.1")), "riverside.1",
        ),
        "the hub's cell": (
            after_good(one.cell("granted", one.writer, 9, holder="hub.1")), "hub.1",
        ),
        "another location": (
            after_good(one.cell("minted", "received", 9, location="riverside")), "riverside",
        ),
        "a grant to itself": (after_good(one.cell("granted", one.writer, 1)), "itself"),
        "an unknown reason": (after_good(one.cell("minted", "wished", 1)), "unknown cell"),
        "an unknown table": (after_good(one.cell("printed", "received", 1)), "unknown cell"),
        "a value of nothing": (after_good(one.cell("minted", "received", 0)), "out of range"),
        "a negative value": (after_good(one.cell("minted", "received", -5)), "out of range"),
        "a value beyond all bounds": (
            after_good(one.cell("minted", "received", 2**60)), "out of range",
        ),
        "more than it had": (after_good(one.cell("spent", "sold", 6)), "E1"),
        "more given than it had": (after_good(one.cell("granted", "hub.1", 6)), "E1"),
        "a time": (after_good(at_ms="now", seq=next(later)), "does not decode"),
    }  # fmt: skip


# A box without a client: only its names are asked for here.
@pytest.mark.parametrize("case", list(wrong_entries(Box(None, WriterId("x.1"), ""))))  # type: ignore[arg-type]
async def test_a_wrong_entry_is_refused_with_its_whole_batch(
    shop: Shop, box: Callable[[], Any], case: str
) -> None:
    one = await box()
    entries, why = wrong_entries(one)[case]
    async with shop.nothing_changes():
        bye = await parted(one, wire.encode_frame(wire.Entries(list(entries))))

    assert bye.reason == "violation"
    assert why in bye.detail, bye.detail
    assert await one.kept() == 0


async def test_a_grant_of_foreign_rights_is_refused(shop: Shop, box: Callable[[], Any]) -> None:
    one = await box()
    sku = await shop.product(stock=8)
    for cell in (
        CellChange("riverside", sku, "granted", "riverside.1", "hub.1", 8),
        CellChange("riverside", sku, "granted", one.writer, "hub.1", 8),
        CellChange(one.location, sku, "minted", "hub.1", "received", 8),
    ):
        async with shop.nothing_changes():
            bye = await parted(one, wire.encode_frame(wire.Grant("r", [cell], [])))
        assert bye.reason == "violation"
    assert await shop.offered(sku) == 8


async def test_a_box_borrows_only_at_its_own_location(shop: Shop, box: Callable[[], Any]) -> None:
    one = await box()
    sku = await shop.product(stock=8)  # the hub holds 2, at riverside
    async with shop.nothing_changes(), one.linked() as link:
        await one.greeted(link)
        await link.send_bytes(wire.encode_frame(wire.Borrow("r-1", [(sku, 1)])))
        grant = await heard(link, wire.Grant)

    assert grant == wire.Grant("r-1", [], [(sku, 0)])


async def test_a_peer_that_never_reads_is_let_go_and_nobody_else_notices(
    shop: Shop, box: Callable[[], Any]
) -> None:
    one = await box()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
    deaf.connect(("127.0.0.1", shop.hub.port))
    deaf.setblocking(False)  # noqa: FBT003 - the socket's own signature
    async with aiohttp.ClientSession(connector=_over(deaf)) as client:
        link = await client.ws_connect(
            f"{shop.hub.url}/v1/replicate", headers={"Authorization": f"Bearer {one.token}"}
        )
        await one.greeted(link)
        # Inside aiohttp: a peer that stops reading has no public way to do so.
        transport = link._response.connection.transport  # type: ignore[union-attr]
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        wants = [(f"{number:0>200}", 1) for number in range(wire.WANTS_MAX)]

        async def pour() -> None:  # each answer is as long as its question, and nobody takes it
            for number in itertools.count():
                await link.send_bytes(wire.encode_frame(wire.Borrow(f"r-{number}", wants)))

        pouring = asyncio.create_task(pour())
        sku = await shop.product(stock=8)
        ordered = await shop.storefront.post(
            "/v1/orders",
            {"lines": [{"sku": sku, "quantity": 1}], "payment": "paid",
             "fulfilment": {"type": "pickup", "location": "riverside"}},
        )  # fmt: skip

        async def let_go() -> bool:
            rows = await shop.admin.all("/v1/locations")
            row = next(row for row in rows if row["id"] == one.location)
            return bool(row["link"]["state"] == "down")

        await until(let_go)
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)

    assert ordered.status == 201
    assert (await shop.fleet())["link"]["state"] == "connected"


def _over(connected: socket.socket) -> aiohttp.BaseConnector:
    """A connector whose one connection is this socket."""

    class Ready(aiohttp.TCPConnector):
        async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            kwargs.pop("addr_infos", None)
            factory = args[0]
            return await asyncio.get_running_loop().create_connection(factory, sock=connected)

    return Ready()
