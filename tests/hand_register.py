"""A register that speaks frames by hand, over a real WebSocket to a real gateway."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from replication import wire
from replication.escrow import CellChange
from replication.ids import WriterId
from replication.journal import EMPTY, Actor, Entry, EntryBody, Head, append
from tests.programs import Caller, Shop, fresh

VERSION = wire.VERSIONS[0]


@dataclass(slots=True, kw_only=True)
class HandRegister:
    """A box that was enrolled at a gateway and writes its journal itself."""

    shop: Shop
    name: str
    box: str
    writer: WriterId
    caller: Caller
    head: Head = EMPTY
    entries: list[Entry] = field(default_factory=list)
    link: aiohttp.ClientWebSocketResponse | None = None
    cursor: int = 0
    sales: int = 0

    def write(
        self, *cells: CellChange, kind: str = "sale", moves: tuple[tuple[str, int], ...] = ()
    ) -> Entry:
        """Its next entry; a sale's record says what a list of sales and an audit need."""
        seq = self.head.seq + 1
        self.sales += kind == "sale"
        record = {"id": f"{self.writer}-{seq}", "register": self.name, "lines": []}
        record |= {"number": f"{self.writer.upper()}-{self.sales:06}"}
        body = EntryBody(
            writer=self.writer, seq=seq, at_ms=1_795_348_800_000, tick=seq, boot="b",
            synchronised=True, kind=kind, actor=Actor(register=self.name), reason="",
            reference="", moves=list(moves), cells=list(cells),
            record=msgspec.Raw(msgspec.json.encode(record)),
        )  # fmt: skip
        entry, self.head = append(self.head, body)
        self.entries.append(entry)
        return entry

    def sale(self, sku: str, sold: int) -> Entry:
        """A sale after which it has sold so many units of a SKU in all."""
        return self.write(
            self.cell(sku, "spent", "sold", sold), self.cell(sku, "moved", "sold", sold),
            moves=((sku, -1),),
        )  # fmt: skip

    def cell(self, sku: str, table: str, detail: str, value: int) -> CellChange:
        """One of its own cells."""
        return CellChange(self.shop.location, sku, table, self.writer, detail, value)

    def hello(self, **other: object) -> wire.Hello:
        """How it greets."""
        hello = wire.Hello(
            versions=list(wire.VERSIONS), writer=self.writer, seq=self.head.seq,
            hash=self.head.hash, cursor=self.cursor, boot="b", software="test", now_ms=1,
        )  # fmt: skip
        return msgspec.structs.replace(hello, **other)

    @contextlib.asynccontextmanager
    async def dialled(self, caller: Caller | None = None) -> AsyncIterator["HandRegister"]:
        """A WebSocket to the gateway on which nothing was said yet."""
        who = self.caller if caller is None else caller
        async with self.shop.client.ws_connect(
            f"{self.shop.gateway.url}/v1/replicate",
            headers={"Authorization": f"Bearer {who.token}"},
            max_msg_size=0,
        ) as self.link:
            yield self

    @contextlib.asynccontextmanager
    async def linked(self) -> AsyncIterator[wire.Welcome]:
        """A link on which it was welcomed."""
        async with self.dialled():
            await self.say(self.hello())
            welcome = await self.heard(wire.Welcome)
            assert isinstance(welcome, wire.Welcome), welcome
            yield welcome

    async def say(self, frame: wire.Frame) -> None:
        """Send a frame."""
        assert self.link is not None, "there is no link"
        await self.link.send_bytes(wire.encode_frame(frame, VERSION))

    async def has_shown(self) -> None:
        """Say that it has nothing more to show of earlier gateways."""
        await self.say(wire.Grant(wire.SHOWN, [], []))

    async def send(self, *entries: Entry) -> None:
        """Send entries."""
        await self.say(wire.Entries([(one.body, one.hash) for one in entries]))

    async def heard(self, *kinds: type[Any]) -> Any:  # noqa: ANN401
        """The next frame of these kinds; None when the link ends before. Feeds are taken in."""
        assert self.link is not None, "there is no link"
        async with asyncio.timeout(20):
            async for message in self.link:
                assert message.type is aiohttp.WSMsgType.BINARY, message
                frame = wire.decode_frame(message.data)
                if isinstance(frame, wire.FeedFrom) and wire.FeedFrom not in kinds:
                    await self.took(frame)
                if isinstance(frame, kinds):
                    return frame
        return None

    async def took(self, told: wire.FeedFrom) -> None:
        """It has a part of the feed."""
        self.cursor = told.cursor
        await self.say(wire.FeedAck(told.cursor))


async def enrolled(shop: Shop, name: str | None = None, *, box: str | None = None) -> HandRegister:
    """A box becomes a register, with a token of its own."""
    name = name or fresh("till")
    box = box or fresh("box") + "-0123456789abcdef"
    caller = shop.at_gateway("cashier", register=name)
    told = await caller.done("/v1/registers", {"register": name, "box": box})
    return HandRegister(
        shop=shop, name=name, box=box, writer=WriterId(told["writer"]), caller=caller
    )
