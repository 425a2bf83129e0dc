"""Goal: a register hands each sale of a dead box in once at a time, and asks again when told to.

Method: the real outbox on a real file, and a line that answers when the test says so.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from gateway.client.answers import Reply
from gateway.client.finding import Known
from gateway.client.line import Line
from gateway.client.orphans import Orphans
from gateway.client.outbox import OpenSale, Outbox
from gateway.client.witness import Witness

T = TypeVar("T")

LIVING = Witness(location="riverside", incarnation=2, seq=1, entry_hash="ab" * 32)
SALE = {"id": "riverside.1-7", "writer": "riverside.1", "seq": 7}
TAKEN = {"entry": "riverside.2-2", "writer": "riverside.2", "seq": 2}


async def on_disk(call: Callable[[], T]) -> T:
    """What the call returns, at once."""
    return call()


class SlowLine:
    """A gateway that answers with `replies`, one after the other, each when `go` is set."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.go = asyncio.Event()
        self.asking = self.most = 0

    async def connect(self) -> None:
        """It is met."""

    async def ask(self, *_: object, **__: object) -> tuple[Reply, Witness]:
        """The next answer."""
        self.asking += 1
        self.most = max(self.most, self.asking)
        await self.go.wait()
        self.asking -= 1
        return self.replies.pop(0), LIVING


def reply(status: int, document: dict[str, object], *, again_s: int | None = None) -> Reply:
    """An answer as it comes."""
    return Reply(status=status, document=document, problem=status >= 400, retry_after_s=again_s)


def handing_in(directory: Path, line: SlowLine) -> Orphans:
    """A register that has one sale of riverside.1, and meets riverside.2."""
    outbox = Outbox(directory)
    outbox.write(OpenSale(key="key-1", body=b"{}", written_ms=1))
    outbox.settle("key-1", SALE, None)
    known = Known(location="riverside", chain=None)
    known.witness = LIVING
    orphans = Orphans(cast("Line", line), known, on_disk)
    orphans.outbox = outbox
    return orphans


async def test_two_who_hand_in_at_once_ask_once(tmp_path: Path) -> None:
    line = SlowLine(reply(201, TAKEN))
    orphans = handing_in(tmp_path, line)

    both = asyncio.gather(orphans.hand_in(), orphans.hand_in())
    await asyncio.sleep(0)
    line.go.set()

    assert sorted(await both) == [0, 1]
    assert line.most == 1


async def test_who_is_told_to_come_back_keeps_the_sale_and_asks_again(tmp_path: Path) -> None:
    problem: dict[str, object] = {
        "type": "/problems/conflict",
        "detail": "The same request is still under way.",
    }
    line = SlowLine(reply(409, problem, again_s=1), reply(201, TAKEN))
    orphans = handing_in(tmp_path, line)
    line.go.set()

    assert await orphans.hand_in() == 0
    assert not orphans.not_taken
    assert await orphans.hand_in() == 1
