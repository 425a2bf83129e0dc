"""Goal: the simulated WAN passes, refuses and swallows as its modes say.

Method: an echo on loopback behind the relay. "Nothing moves" is shown by what arrives after the
mode has ended: everything, in order, once.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.sim.wan import SimWan, WanMode

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[tuple[str, int]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def connected(
    wan: SimWan,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(wan.host, wan.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_bytes_pass_and_so_does_the_end() -> None:
    async with echo() as far, SimWan.listening(to=far) as wan, connected(wan) as (reader, writer):
        writer.write(b"x" * 300_000)
        writer.write_eof()

        assert await reader.read(-1) == b"x" * 300_000


async def test_cut_closes_refuses_and_keeps_its_port() -> None:
    async with echo() as far, SimWan.listening(to=far) as wan:
        port = wan.port
        async with connected(wan) as (reader, writer):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            await wan.set_mode(WanMode.CUT)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(wan.host, port)
        await wan.set_mode(WanMode.PASS)
        async with connected(wan) as (reader, writer):
            writer.write(b"again")
            assert await reader.readexactly(5) == b"again"
        assert wan.port == port


async def test_a_black_hole_holds_everything_and_closes_nothing() -> None:
    async with echo() as far, SimWan.listening(to=far) as wan, connected(wan) as (reader, writer):
        writer.write(b"before ")
        assert await reader.readexactly(7) == b"before "
        await wan.set_mode(WanMode.BLACK_HOLE)
        writer.write(b"during ")
        async with connected(wan) as (late_reader, late_writer):
            late_writer.write(b"late")
            waiting = asyncio.create_task(reader.readexactly(7))
            late = asyncio.create_task(late_reader.readexactly(4))
            _, pending = await asyncio.wait({waiting, late}, timeout=0.05)
            assert pending == {waiting, late}

            await wan.set_mode(WanMode.PASS)

            assert await waiting == b"during "
            assert await late == b"late"


async def test_a_black_hole_swallows_even_the_end_of_the_hub() -> None:
    async with echo() as far, SimWan.listening(to=far) as wan, connected(wan) as (reader, writer):
        writer.write(b"1")
        assert await reader.readexactly(1) == b"1"
        await wan.set_mode(WanMode.BLACK_HOLE)
        writer.write_eof()
        waiting = asyncio.create_task(reader.read())
        _, pending = await asyncio.wait({waiting}, timeout=0.05)
        assert pending == {waiting}

        await wan.set_mode(WanMode.PASS)

        assert await waiting == b""


async def test_without_a_hub_the_connection_ends() -> None:
    async with echo() as far:
        pass
    async with SimWan.listening(to=far) as wan, connected(wan) as (reader, _):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


async def test_the_program_takes_modes_and_ends_on_sigterm() -> None:
    async with echo() as (host, port):
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "devices.sim.wan", "--listen", "127.0.0.1:0",
            "--to", f"{host}:{port}", cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        ready = (await program.stdout.readline()).decode().strip()
        near = ("127.0.0.1", int(ready.removeprefix("listening on 127.0.0.1:")))

        program.stdin.write(b"sideways\ncut\n")
        complaint = await program.stderr.readline()
        told = await program.stdout.readline()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*near)
        program.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(program.wait(), 10)
        program.stdin.close()

    assert complaint == b"a mode is one of: pass, cut, black_hole\n"
    assert told == b"mode cut\n"
    assert code == 0
