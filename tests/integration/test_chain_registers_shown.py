"""Goal: a register has told all only when what it had from a dead box is at the new one as well.

Method: a chain in one process, and frames over a link in memory to the new box.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from aiohttp import WSMessage, WSMsgType

from gateway.client.register_uplink import grants_held
from gateway.registers import enrolment
from gateway.registers.identity import RegisterRequest
from gateway.registers.links import RegisterLinks
from replication import wire
from tests.chain_sides import ShopSide, command
from tests.life_chain import opened_life
from tests.register_chain import kinds, sold
from web.once import Done

if TYPE_CHECKING:
    from replication.adapters.group_commit import GroupCommit

T = TypeVar("T")


class Line:
    """The register's end of a link in memory."""

    def __init__(self) -> None:
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._told: asyncio.Queue[wire.Frame] = asyncio.Queue()

    def __aiter__(self) -> AsyncIterator[WSMessage]:
        return self

    async def __anext__(self) -> WSMessage:
        return WSMessage(WSMsgType.BINARY, await self._out.get(), None)

    async def send_bytes(self, data: bytes, /) -> None:
        """The gateway says something."""
        self._told.put_nowait(wire.decode_frame(data))

    async def close(self) -> None:
        """The gateway hangs up."""

    def exception(self) -> None:
        """Nothing breaks it."""

    def say(self, frame: wire.Frame) -> None:
        """Say something."""
        self._out.put_nowait(wire.encode_frame(frame))

    async def ask(self, frame: wire.Frame, answer: type[Any]) -> Any:  # noqa: ANN401
        """Say something, and hear the next frame of a kind."""
        self.say(frame)
        async with asyncio.timeout(20):
            while True:
                told = await self._told.get()
                if isinstance(told, answer):
                    return told


class AtOnce:
    """A writer that commits what it is given before it returns."""

    def __init__(self, side: ShopSide) -> None:
        self._side = side

    async def submit(self, work: Callable[[], T]) -> T:
        """Decide it, durably."""
        return self._side.commit(work)


def links_of(new: ShopSide) -> RegisterLinks:
    """What the gateway's program has for its registers."""

    async def nobody(wants: Sequence[tuple[str, int]], *, within_ms: int) -> bool | None:
        raise AssertionError((wants, within_ms))

    return RegisterLinks(
        new.state, cast("GroupCommit", AtOnce(new)), new.state.connection,
        above=nobody, acknowledged=lambda: 0, wall_ms=lambda: 0, changed=lambda: None,
    )  # fmt: skip


@pytest.mark.parametrize("versions", [wire.VERSIONS, (3, 2, 1)])
async def test_a_register_has_told_all_when_what_it_had_from_the_dead_box_is_here_too(
    tmp_path: Path, versions: Sequence[int]
) -> None:
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        till = chain.register(chain.shops["riverside"])
        sold(till.sell("tea", 1))
        new = till.gateway = chain.replace("riverside")
        request = RegisterRequest(register="till-1", box=till.box, writer=till.writer)
        outcome = new.commit(lambda: enrolment.enrol(new.state, command(), request))
        assert isinstance(outcome, Done), outcome
        till.commit(till.state.ledger.save)
        cells = list(grants_held(till.state.store, till.state.identity))
        entries = wire.Entries([(one.body, one.hash) for one in chain.entries(till)])
        line, head = Line(), till.state.head
        link = asyncio.ensure_future(links_of(new).talk(line, None))
        hello = wire.Hello(
            versions=list(versions), writer=till.writer, seq=head.seq, hash=head.hash, cursor=0,
            boot="b", software="test", now_ms=0,
        )  # fmt: skip

        await line.ask(hello, wire.Welcome)
        if versions == wire.VERSIONS:
            answer = await line.ask(wire.Grant("witnessed/1", cells, []), wire.Grant)
            assert (answer.request, answer.cells) == ("witnessed/1", [])
            assert new.state.counter("tea").value("granted", "riverside.1", till.writer) > 0
            await line.ask(entries, wire.Ack)
            assert not till.row.reported, "it may have more to show"
            answer = await line.ask(wire.Grant("shown", [], []), wire.Grant)
            assert (answer.request, answer.cells) == ("shown", [])
        else:  # an older one is not answered, and never says that this was all
            line.say(wire.Grant("witnessed", cells, []))
            await line.ask(entries, wire.Ack)

        assert till.row.reported
        assert kinds(new).index("witnessed") < kinds(new).index("register_reported")
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)
