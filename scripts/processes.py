"""The programs as real processes: start, wait until they listen, administer, stop.

The one place for this: `scripts.benchmarks` and `scripts.demo_day` both use it. Everything runs on
loopback; a program's output goes to ``<name>.log`` beside its data directory, and its last lines
are in the error when it does not come up.

The starter of a program ends it: `Program.stop` in a ``finally``, or `Programs` as a context that
stops all that it started, also when only half of them came up.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PROJECT: Final = Path(__file__).resolve().parents[1]

START_S_MAX: Final = 30.0
"""A program that does not listen by then is broken. One start takes 1-2 s of CPU time, and fifty
gateways share the machine's cores while they come up."""

STOP_S_MAX: Final = 8.0
"""SIGTERM ends a program within 5 s; what is left after this is killed."""

LINE_BYTES_MAX: Final = 64 * 1024
LOG_TAIL_BYTES: Final = 2_000

LISTENING: Final = re.compile(r"listening on (https?://\S+)")


class ProgramBroken(RuntimeError):
    """A program did not start, or an administrative command failed; the message has its output."""


@dataclass(slots=True, kw_only=True)
class Program:
    """One running process of ours. Whoever started it calls `stop` or `kill`."""

    name: str
    url: str
    """Base address without a slash at its end, such as ``http://127.0.0.1:41234``."""
    process: asyncio.subprocess.Process
    drain: asyncio.Task[None]
    suspended: bool = False

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.process.returncode is None

    def suspend(self) -> None:
        """Freeze the process: its sockets stay open and nothing answers, a black-holed link."""
        self.process.send_signal(signal.SIGSTOP)
        self.suspended = True

    def resume(self) -> None:
        """Let a suspended process go on."""
        if self.suspended and self.running:
            self.process.send_signal(signal.SIGCONT)
        self.suspended = False

    async def stop(self) -> int:
        """SIGTERM, then wait; kills after `STOP_S_MAX`. Returns the exit status. Safe to repeat."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
                self.resume()
            try:
                async with asyncio.timeout(STOP_S_MAX):
                    await self.process.wait()
            except TimeoutError:
                return await self.kill()
        await self.drain
        return await self.process.wait()

    async def kill(self) -> int:
        """SIGKILL: what a power cut is to a process. Returns the exit status. Safe to repeat."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        status = await self.process.wait()
        await self.drain
        return status


async def start(name: str, arguments: Sequence[str], *, log: Path) -> Program:
    """Start ``python -m arguments...`` and wait for its line ``listening on URL``.

    Raises:
        ProgramBroken: it ended or stayed silent for `START_S_MAX`; nothing is left running.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            cwd=PROJECT,
            limit=LINE_BYTES_MAX,
            # Ctrl-C is for whoever started the programs; it then stops them in its own order.
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S_MAX):
            url = await _listening_url(process.stdout, log)
    except TimeoutError:
        url = None
    except BaseException:
        await _end(process)
        raise
    if url is None:
        await _end(process)
        raise ProgramBroken(f"{name} did not start; {log} ends with:\n{_tail(log)}")
    drain = asyncio.create_task(_drain(process.stdout, log), name=f"drain {name}")
    return Program(name=name, url=url, process=process, drain=drain)


@dataclass(slots=True)
class Programs:
    """All programs of one run under one directory; leaving the context stops every one of them."""

    root: Path
    started: list[Program] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(program.stop() for program in self.started))

    async def hub(
        self, *, listen: str = "127.0.0.1:0", config: Path | None = None, name: str = "hub"
    ) -> Program:
        """Start ``cloud-hub serve`` on its data directory, ``root/name``."""
        arguments = ["cloud_hub", "serve", "--data", str(self.root / name), "--listen", listen]
        if config is not None:
            arguments += ["--config", str(config)]
        return await self._start(name, arguments)

    async def gateway(
        self,
        location: str,
        *,
        hub_url: str,
        code: str | None = None,
        listen: str = "127.0.0.1:0",
        options: Sequence[str] = (),
    ) -> Program:
        """Start ``store-gateway serve`` for `location`, with an enrolment code the first time.

        `options` are further arguments: ``--no-mdns``, ``--config FILE``.
        """
        arguments = ["gateway", "serve", "--data", str(self.root / location)]
        arguments += ["--listen", listen, "--hub", hub_url, *options]
        if code is not None:
            arguments += ["--enrol", code]
        return await self._start(location, arguments)

    async def hub_token(self, role: str, *, name: str = "hub") -> str:
        """A bearer token of the hub: ``admin``, ``storefront`` or ``auditor``."""
        data = str(self.root / name)
        return await administer("cloud_hub", "token", "--data", data, "--role", role)

    async def gateway_token(self, location: str, role: str, *, register: str | None = None) -> str:
        """A bearer token of a gateway; without `register` it may speak for any register."""
        arguments = ["gateway", "token", "--data", str(self.root / location), "--role", role]
        if register is not None:
            arguments += ["--register", register]
        return await administer(*arguments)

    async def enrolment_code(
        self, location: str, *, replace: bool = False, kind: str = "store", name: str = "hub"
    ) -> str:
        """A one-time code with which a gateway of `location` introduces itself to the hub."""
        arguments = ["cloud_hub", "enrol", "--data", str(self.root / name), "--location", location]
        arguments += ["--name", location.replace("-", " ").title(), "--kind", kind]
        return await administer(*arguments, *(["--replace"] if replace else []))

    async def _start(self, name: str, arguments: Sequence[str]) -> Program:
        program = await start(name, arguments, log=self.root / f"{name}.log")
        self.started.append(program)
        return program


async def administer(*arguments: str) -> str:
    """Run one administrative command; returns the last line of its output (a token, a code).

    Raises:
        ProgramBroken: it failed, printed nothing, or took longer than `START_S_MAX`.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    try:
        async with asyncio.timeout(START_S_MAX):
            stdout, stderr = await process.communicate()
    except BaseException:
        await _end(process)
        raise
    lines = stdout.decode(errors="replace").split("\n")
    printed = [line.strip() for line in lines if line.strip()]
    if process.returncode != 0 or not printed:
        problem = stderr.decode(errors="replace")[-LOG_TAIL_BYTES:]
        raise ProgramBroken(f"{' '.join(arguments[:2])} failed: {problem}")
    return printed[-1]


async def _listening_url(stdout: asyncio.StreamReader, log: Path) -> str | None:
    with log.open("ab") as copy:
        while line := await stdout.readline():
            copy.write(line)
            if found := LISTENING.search(line.decode(errors="replace")):
                return found.group(1).rstrip("/")
    return None


async def _drain(stdout: asyncio.StreamReader, log: Path) -> None:
    """Keep the pipe empty: a program whose output nobody reads would stop in the middle."""
    with log.open("ab") as copy:
        while data := await stdout.read(LINE_BYTES_MAX):
            copy.write(data)
            copy.flush()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES), os.SEEK_SET)
        return file.read().decode(errors="replace").strip()
