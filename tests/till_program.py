"""A till that sells until it is killed, as a program, and a test's hold on it.

`python -m tests.till_program KIND DIRECTORY URL TOKEN REGISTER SKU` is a thin register (KIND
`thin`) or one that sells alone (`alone`). It writes one line per sale to its output, after the sale
was acknowledged: the sale's id and its key. Without a SKU it sells nothing more, and hands over
what it has.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.client import GatewayClient, Place, SaleDone, SaleLine, Tender, World
from gateway.client.register_file import FILE
from gateway.client.replica import ReplicaRegister
from gateway.counter.discovery_record import Found
from scripts.processes import PROJECT
from tests.programs import until

CASH: Final = Tender(type="cash", amount_minor=10**6)
CUSTOMER_S: Final = 0.01
"""Between two customers: several tills and programs share this machine."""


def _tell(outcome: object) -> None:
    if isinstance(outcome, SaleDone):
        sys.stdout.write(f"{outcome.sale['id']} {outcome.key}\n")
        sys.stdout.flush()


async def _sell_for_ever(till: GatewayClient | ReplicaRegister, sku: str | None) -> None:
    while True:
        if sku is not None:
            _tell(await till.sell([SaleLine(sku=sku)], [CASH]))
        await asyncio.sleep(CUSTOMER_S)


async def _nobody(_location: str) -> list[Found]:
    """A network without mDNS: the address is all there is."""
    return []


QUIET: Final = World(find=_nobody)


async def _thin(directory: Path, place: Place, token: str, register: str, sku: str | None) -> None:
    async with GatewayClient(
        place, outbox=directory, token=token, register=register, world=QUIET
    ) as till:
        for outcome in await till.resume():
            _tell(outcome)
        await _sell_for_ever(till, sku)


async def _alone(directory: Path, place: Place, token: str, register: str, sku: str | None) -> None:
    async with ReplicaRegister(
        directory, place, token=token, register=register, world=QUIET
    ) as till:
        await _sell_for_ever(till, sku)


def main() -> None:
    """Sell until killed."""
    kind, directory, url, token, register, *skus = sys.argv[1:]
    place = Place(location="riverside", address=url)
    run = {"thin": _thin, "alone": _alone}[kind]
    asyncio.run(run(Path(directory), place, token, register, skus[0] if skus else None))


@dataclass(slots=True, kw_only=True)
class TillProgram:
    """A till's process, and what its customers were told."""

    arguments: Sequence[str]
    log: Path
    told: list[tuple[str, str]] = field(default_factory=list)
    """Id and key of each sale, as often as it was told."""
    kills: int = 0
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self, sku: str | None) -> None:
        """Start it, to sell that or nothing."""
        arguments = [*self.arguments, *([] if sku is None else [sku])]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.till_program", *arguments,
                cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.endswith(b"\n"):
                sale, key = line.decode().split()
                self.told.append((sale, key))

    async def some_more(self, sales: int) -> None:
        """Wait until it has told so many more."""
        enough = len(self.told) + sales

        async def so() -> bool:
            assert self._reading is not None
            assert not self._reading.done(), self.log.read_text()[-2_000:]
            return len(self.told) >= enough

        await until(so)

    @property
    def ids(self) -> set[str]:
        """The sales that were told."""
        return {sale for sale, _ in self.told}

    @property
    def file(self) -> Path:
        """The till's own journal, of one that sells alone."""
        return Path(self.arguments[1]) / FILE

    async def kill(self) -> None:
        """Kill -9; what it had written is read to its end."""
        if self._process is None or self._reading is None:
            return
        self._process.kill()
        await self._process.wait()
        await self._reading
        self._process = None
        self.kills += 1


@asynccontextmanager
async def tills(programs: Sequence[TillProgram]) -> AsyncIterator[Sequence[TillProgram]]:
    """All of them are dead when the block ends."""
    try:
        yield programs
    finally:
        await asyncio.gather(*(program.kill() for program in programs))


if __name__ == "__main__":
    main()
