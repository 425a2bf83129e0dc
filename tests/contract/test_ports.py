"""Goal: every port keeps the contract of `Port`.

Method: one suite over a pty, a TCP connection and memory, each with a hand on its other end. What
drivers make of hostile ports is in tests/contract/test_device_drivers.py.
"""

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from devices.ports import DeviceGone, GoneReason, Port, SerialPort, TcpPort, open_port
from tests.contract.hostile_ports import MemoryPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """A port, and a hand on its other end."""

    port: Port
    send: Callable[[bytes], object]
    unplug: Callable[[], object]


@contextlib.asynccontextmanager
async def serial_cable() -> AsyncIterator[Cable]:
    master, slave = os.openpty()
    tty.setraw(slave)
    port = await SerialPort.open(os.ttyname(slave))
    os.close(slave)
    unplugged = contextlib.ExitStack()
    unplugged.callback(os.close, master)
    try:
        yield Cable(port=port, send=lambda data: os.write(master, data), unplug=unplugged.close)
    finally:
        unplugged.close()


@contextlib.asynccontextmanager
async def tcp_cable() -> AsyncIterator[Cable]:
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0
    )
    host, number = server.sockets[0].getsockname()
    port = await open_port(f"tcp://{host}:{number}")
    writer = await accepted
    try:
        yield Cable(port=port, send=writer.write, unplug=writer.transport.abort)
    finally:
        writer.transport.abort()
        server.close()


@contextlib.asynccontextmanager
async def memory_cable() -> AsyncIterator[Cable]:
    port = MemoryPort()
    yield Cable(port=port, send=port.feed, unplug=port.unplug)


CABLES = {"serial": serial_cable, "tcp": tcp_cable, "memory": memory_cable}


@pytest.fixture(params=CABLES)
async def cable(request: pytest.FixtureRequest) -> AsyncIterator[Cable]:
    async with CABLES[request.param]() as made:
        yield made
        await made.port.close()


async def test_what_the_device_sends_is_read(cable: Cable) -> None:
    cable.send(b"4006381333931\r")

    heard = b""
    while len(heard) < 14:
        chunk = await cable.port.read()
        assert chunk
        heard += chunk
    assert heard == b"4006381333931\r"


async def test_a_cancelled_read_has_taken_nothing(cable: Cable) -> None:
    reading = asyncio.create_task(cable.port.read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)

    cable.send(b"x")

    assert await cable.port.read() == b"x"


async def test_unplugging_ends_a_read(cable: Cable) -> None:
    reading = asyncio.create_task(cable.port.read())
    await asyncio.sleep(0)

    cable.unplug()

    with pytest.raises(DeviceGone) as gone:
        await reading
    assert gone.value.reason is GoneReason.LOST


async def test_closing_ends_a_read_and_may_be_repeated(cable: Cable) -> None:
    reading = asyncio.create_task(cable.port.read())
    await asyncio.sleep(0)

    await cable.port.close()
    await cable.port.close()

    with pytest.raises(DeviceGone):
        await reading


async def test_a_serial_line_is_written_and_belongs_to_one_program() -> None:
    master, slave = os.openpty()
    try:
        port = await SerialPort.open(os.ttyname(slave))
        with pytest.raises(DeviceGone) as busy:
            await SerialPort.open(os.ttyname(slave))
        await port.write(b"beep")

        assert busy.value.reason is GoneReason.BUSY
        assert os.read(master, 10) == b"beep"
        await port.close()
        with pytest.raises(DeviceGone):
            await port.read()
    finally:
        os.close(master)
        os.close(slave)


async def test_what_cannot_be_opened_says_why() -> None:
    reasons = []
    for address in ("/dev/no-such-scanner", "/dev/null", "tcp://127.0.0.1:1"):
        with pytest.raises(DeviceGone) as gone:
            await open_port(address)
        reasons.append(gone.value.reason)

    assert reasons == [GoneReason.NOT_FOUND, GoneReason.UNUSABLE, GoneReason.REFUSED]


async def test_a_host_that_is_no_name_is_unreachable() -> None:
    with pytest.raises(DeviceGone) as gone:
        await TcpPort.open("a" * 300, 9100)

    assert gone.value.reason is GoneReason.UNREACHABLE
