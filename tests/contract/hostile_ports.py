"""Ports as a driver's author fears them, for drivers to be run over.

`MemoryPort` is a cable inside the process; the others stand in front of one and are named by their
vice. All are `devices.ports.Port`s.
"""

import asyncio
from collections.abc import Callable

from devices.ports import DeviceGone, GoneReason, Port


class MemoryPort:
    """A cable whose other end is a function from what is written to what is answered."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda _: b"") -> None:
        self._answer = answer
        self._incoming = bytearray()
        self._changed = asyncio.Event()
        self._is_gone = False

    def feed(self, data: bytes) -> None:
        """The other end says something unasked."""
        self._incoming += data
        self._changed.set()

    def unplug(self) -> None:
        """The other end is gone; what it said before can still be read."""
        self._is_gone = True
        self._changed.set()

    async def read(self) -> bytes:
        while not self._incoming:
            if self._is_gone:
                raise DeviceGone(GoneReason.LOST, "unplugged")
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._incoming)
        self._incoming.clear()
        return data

    async def write(self, data: bytes) -> None:
        if self._is_gone:
            raise DeviceGone(GoneReason.LOST, "unplugged")
        self.feed(self._answer(data))

    async def close(self) -> None:
        self.unplug()


class OneByteAtATimePort:
    """Delivers in both directions, as slowly as the interface allows."""

    def __init__(self, inner: Port) -> None:
        self._inner = inner
        self._pending = bytearray()

    async def read(self) -> bytes:
        if not self._pending:
            self._pending += await self._inner.read()
        return bytes([self._pending.pop(0)])

    async def write(self, data: bytes) -> None:
        for byte in data:
            await self._inner.write(bytes([byte]))

    async def close(self) -> None:
        await self._inner.close()


class LossyPort:
    """Loses bytes that are read; `is_kept` is asked for each."""

    def __init__(self, inner: Port, *, is_kept: Callable[[], bool]) -> None:
        self._inner = inner
        self._is_kept = is_kept

    async def read(self) -> bytes:
        while True:
            data = bytes(byte for byte in await self._inner.read() if self._is_kept())
            if data:
                return data

    async def write(self, data: bytes) -> None:
        await self._inner.write(data)

    async def close(self) -> None:
        await self._inner.close()


class UnpluggedPort:
    """Passes so many written bytes, then is unplugged for good, in the middle of a write."""

    def __init__(self, inner: MemoryPort, *, after_bytes: int) -> None:
        self._inner = inner
        self._left = after_bytes

    async def read(self) -> bytes:
        return await self._inner.read()

    async def write(self, data: bytes) -> None:
        passed, self._left = data[: self._left], max(0, self._left - len(data))
        await self._inner.write(passed)
        if len(passed) < len(data):
            self._inner.unplug()
            raise DeviceGone(GoneReason.LOST, "unplugged in the middle")

    async def close(self) -> None:
        await self._inner.close()


class RecordedPort:
    """Answers each write as it was recorded, and hears nothing else.

    What is written beyond the recording, status requests of a driver that goes on asking, is not
    answered.
    """

    def __init__(self, *dialogue: tuple[bytes, bytes]) -> None:
        self._dialogue = list(dialogue)
        self._inner = MemoryPort(self._answer)

    def _answer(self, data: bytes) -> bytes:
        if not self._dialogue:
            return b""
        written, answered = self._dialogue.pop(0)
        assert data == written, f"recorded was {written!r}, not {data!r}"
        return answered

    async def read(self) -> bytes:
        return await self._inner.read()

    async def write(self, data: bytes) -> None:
        await self._inner.write(data)

    async def close(self) -> None:
        await self._inner.close()
