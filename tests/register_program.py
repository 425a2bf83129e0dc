"""A register that sells alone as a running program, driven by typed lines, as its tests see it."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scripts.processes import PROJECT
from tests.programs import PATIENCE_S, Shop, until

LINE_BYTES_MAX: Final = 1024 * 1024

Said = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class RegisterProgram:
    """``store-register run --json`` as a process: a line per answer, and per news of its link."""

    data: Path
    process: asyncio.subprocess.Process
    links: list[str] = field(default_factory=list)
    """What it said of its link, in order."""

    async def ask(self, line: str) -> Said:
        """Type a line; its answer."""
        await self.type(line)
        return await self.hear()

    async def type(self, line: str) -> None:
        """Type a line and do not wait for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def hear(self) -> Said:
        """The next answer."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.process.stdout.readline():
                said: Said = json.loads(line)
                if set(said) != {"link", "error"}:
                    return said
                self.links.append(said["link"])
        raise AssertionError("the register has ended")

    async def sell(self, sku: str, units: int = 1, *, key: str | None = None) -> Said:
        """Sell, paid with plenty of cash; the answer, a success or not."""
        named = "" if key is None else f" --key {key}"
        return await self.ask(f"sell {sku}x{units} --cash 100000{named}")

    async def sold(self, sku: str, units: int = 1) -> Said:
        """Sell what can be sold; the sale."""
        said = await self.sell(sku, units)
        assert "sale" in said, said
        sale: Said = said["sale"]
        return sale

    async def status(self) -> Said:
        """How it stands."""
        return await self.ask("status")

    async def is_linked(self, state: str) -> None:
        """Wait until its link is in a state."""

        async def is_so() -> bool:
            return bool((await self.status())["link"] == state)

        await until(is_so)

    async def is_handed_over(self) -> None:
        """Wait until its gateway has every sale."""

        async def is_so() -> bool:
            return bool((await self.status())["sales_waiting"] == 0)

        await until(is_so)

    async def holds(self, units: int) -> None:
        """Wait until it can sell so many units, at least, without asking."""

        async def is_so() -> bool:
            return bool((await self.status())["units"] >= units)

        await until(is_so)

    async def kill(self) -> None:
        """SIGKILL, and its end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and its end; the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


async def register_command(*arguments: str) -> tuple[int, str, str]:
    """Run one command of ``store-register``: its exit status, what it prints, what it notes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.client", *arguments,
        cwd=PROJECT, env={**os.environ}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            printed, noted = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, printed.decode(), noted.decode()


async def enrolled(
    shop: Shop, name: str, *, token: str | None = None, directory: str | None = None
) -> Path:
    """A new data directory that is a register of the shop."""
    data = shop.programs.root / (directory or name)
    token = token or shop.at_gateway("cashier", register=name).token
    assert token is not None
    status, printed, noted = await register_command(
        "enrol", "--data", str(data), "--gateway", shop.gateway.url, "--register", name,
        "--token", token, "--json",
    )  # fmt: skip
    assert status == 0, (printed, noted)
    return data


@contextlib.asynccontextmanager
async def running(data: Path, *options: str) -> AsyncIterator[RegisterProgram]:
    """A register that runs on its directory; killed at the end, if it has not ended before."""
    log = data.with_suffix(".log")
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.client", "run", "--data", str(data), "--json", "--log",
            *options, cwd=PROJECT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=stderr, limit=LINE_BYTES_MAX, start_new_session=True,
        )  # fmt: skip
    register = RegisterProgram(data=data, process=process)
    try:
        await register.hear()  # its status: it is ready
        yield register
    finally:
        await register.kill()


def ids_of(sales: Sequence[Said]) -> list[str]:
    """The sales' ids, in order."""
    return sorted(sale["id"] for sale in sales)


async def copied(
    shop: Shop, sku: str, name: str, *, units: int, token: str | None = None
) -> tuple[Path, Path]:
    """A register that is off, and a copy of its disk from before its last sale, which is made.

    It holds so many `units` before.
    """
    data = await enrolled(shop, name, token=token)
    async with running(data) as register:
        await register.holds(units)
        await register.is_handed_over()
    copy = data.with_name("copy")
    shutil.copytree(data, copy)
    async with running(data) as register:
        await register.is_linked("connected")
        await register.sold(sku)
        await register.is_handed_over()
    await shop.settled()
    return data, copy
