"""A smallest program that sells: a ledger over a SQLite file behind group commit.

`python -m tests.selling_program DIRECTORY` sells until it is killed and writes one line per sale to
its output, after the sale was acknowledged: the journal place.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import REPLICA, ReplicaStore, connect, migrate, only_program
from replication.escrow import CellChange, Minted, Moved, QuotaShort, Spent
from replication.ids import EntryId
from replication.journal import Actor
from replication.ledger import Ledger, RequestKey
from tests.replication_samples import NOON_MS, STORE

DATABASE: Final = "replica.db"
PLACE: Final = ("riverside", "tea")
REGISTERS: Final = 8


class SellingState:
    """What the writer thread owns; implements `CommittedState`."""

    def __init__(self, connection: apsw.Connection, boot: str = "3f9a") -> None:
        self.connection = connection
        self.path = Path(connection.filename)
        self.store = ReplicaStore(connection)
        self.ledger = Ledger(self.store, STORE, boot)
        self.commits = 0
        self.while_flushing: Callable[[], None] = lambda: None
        self.while_forgetting: Callable[[], None] = lambda: None

    def begin(self, requests: Sequence[RequestKey]) -> None:
        """A batch begins."""
        self.ledger.now_ms = NOON_MS
        self.store.look_up(requests)

    def flush(self) -> None:
        """Write what the batch left behind."""
        self.while_flushing()
        self.store.store(self.ledger.take_pending())

    def committed(self) -> None:
        """The batch is durable."""
        self.commits += 1

    def forget(self) -> None:
        """Nothing of the batch happened."""
        self.while_forgetting()
        self.store.forget()
        self.ledger.forget()

    @property
    def quota(self) -> int:
        """Units that may be sold now."""
        return self.ledger.counter(*PLACE).quota(STORE)

    def receive(self, quantity: int) -> EntryId:
        """Goods arrive."""
        counter = self.ledger.counter(*PLACE)
        cells = [
            counter.mint(STORE, Minted.RECEIVED, quantity),
            counter.move(STORE, Moved.RECEIVED, quantity),
        ]
        return self.ledger.append("receipt", b"{}", cells=cells)

    def sell(self, key: str, quantity: int = 1, actor: Actor = Actor()) -> EntryId | QuotaShort:  # noqa: B008
        """One sale, once per key."""
        request = RequestKey("till", "/v1/sales", key)
        if (known := self.store.find_request(request)) is not None:
            return known.entry
        counter = self.ledger.counter(*PLACE)
        spent = counter.spend(STORE, Spent.SOLD, quantity)
        if isinstance(spent, QuotaShort):
            return spent
        cells: list[CellChange] = [spent, counter.move(STORE, Moved.SOLD, quantity)]
        entry = self.ledger.append(
            "sale", b"{}", actor=actor, moves=[(PLACE[1], -quantity)], cells=cells
        )
        self.ledger.remember(request, b"digest", 201, entry)
        return entry


def open_state(directory: Path, boot: str = "3f9a") -> SellingState:
    """Open or make the file in `directory`."""
    connection = connect(directory / DATABASE)
    migrate(connection, [REPLICA])
    return SellingState(connection, boot)


@asynccontextmanager
async def selling(state: SellingState) -> AsyncIterator[GroupCommit]:
    """A running writer, stopped at the end."""
    writer = GroupCommit(state, asyncio.get_running_loop())
    writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def _sell_for_ever(directory: Path) -> None:
    boot = secrets.token_hex(4)
    state = open_state(directory, boot)
    async with selling(state) as writer:
        await writer.submit(lambda: state.ledger.start(boot))
        await writer.submit(lambda: state.receive(100_000))

        async def register(name: str) -> None:
            for number in range(1_000_000):
                key = f"{boot}-{name}-{number}"
                place = await writer.submit(partial(state.sell, key))
                sys.stdout.write(f"{place} {key}\n")
                sys.stdout.flush()

        async with asyncio.TaskGroup() as registers:
            for number in range(REGISTERS):
                registers.create_task(register(f"till-{number}"))


def main() -> None:
    """Sell in the directory named on the command line until killed."""
    directory = Path(sys.argv[1])
    with only_program(directory):
        asyncio.run(_sell_for_ever(directory))


if __name__ == "__main__":
    main()
