"""Goal: nothing that a network shouts keeps a register from its gateway, or grows without end.

Method: packets made by hand, as no library would send them, multicast on loopback beside a real
announcer: names of 300 characters, TXT records of 8 KB, a thousand instances, garbage.
"""

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from gateway.counter import discovery
from gateway.counter.discovery import FOUND_MAX, Announcement, Announcer, find_gateways
from gateway.counter.discovery_record import SUFFIX_MAX

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP = ("224.0.0.251", 5353)
SERVICE = ["_storegw", "_tcp", "local"]
PTR, TXT, SRV = 12, 16, 33
TTL_S = 4500
LOG_LINES_MAX = 8
"""Whatever comes in, a search leaves no more than this in the log, the library's lines included."""


def name(*labels: str) -> bytes:
    """A name on the wire, whatever its length."""
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def record(owner: bytes, kind: int, data: bytes) -> bytes:
    """One resource record of class IN."""
    return owner + struct.pack("!HHIH", kind, 1, TTL_S, len(data)) + data


def answer(*records: bytes) -> bytes:
    """A multicast DNS response."""
    return struct.pack("!6H", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def instance(label: str) -> bytes:
    """A response that names an instance of our service."""
    return answer(record(name(*SERVICE), PTR, name(label, *SERVICE)))


LONG_NAME = answer(record(name(*SERVICE), PTR, name(*["x" * 63] * 5, *SERVICE)))
FAT = name("fat", *SERVICE)
FAT_TXT = answer(
    record(name(*SERVICE), PTR, FAT),
    record(FAT, SRV, struct.pack("!HHH", 0, 0, 80) + name("fat", "local")),
    record(FAT, TXT, (bytes([255]) + b"id=" + b"a" * 252) * 32),
)
LOOP = struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + b"\xc0\x0c" + struct.pack("!HHIH", PTR, 1, 9, 0)
CUT = instance("cut")[:-9]
CONTROL = instance("\x1b[2J\n\0nul")
CASES = {
    "a name of 300 characters": [LONG_NAME] * 50,
    "TXT of 8 KB": [FAT_TXT] * 50,
    "a name that points at itself": [LOOP] * 50,
    "cut off": [CUT, b"", b"\0", secrets.token_bytes(1400)] * 10,
    "control characters": [CONTROL] * 10,
    "a thousand instances": [instance(f"till-{number}") for number in range(1_000)],
}


@pytest.fixture
def shout() -> Iterator[socket.socket]:
    """A socket of somebody on the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        stranger.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        yield stranger


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Announcer]:
    """A real gateway on that network, announced."""
    location = f"riverside-{secrets.token_hex(4)}"
    said = Announcement(location=location, port=18080, protocol=1, listen_host="127.0.0.1")
    async with Announcer(said) as announcer, asyncio.timeout(20):
        await announcer.registered.wait()
        yield announcer


async def shouting(stranger: socket.socket, packets: list[bytes]) -> None:
    """All packets, again and again, with a turn of the loop between a few."""
    while True:
        for number, packet in enumerate(packets):
            stranger.sendto(packet, GROUP)
            if number % 50 == 49:
                await asyncio.sleep(0)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("case", CASES)
async def test_a_gateway_is_found_among_nonsense_and_little_is_said_of_it(
    case: str,
    gateway: Announcer,
    shout: socket.socket,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    location = gateway.instance
    searches: list[discovery._Search] = []
    whole = discovery._Search.__init__

    def watched(self: discovery._Search, *arguments: object) -> None:
        whole(self, *arguments)  # type: ignore[arg-type] # as zeroconf calls it
        searches.append(self)

    monkeypatch.setattr(discovery._Search, "__init__", watched)
    noise = asyncio.create_task(shouting(shout, CASES[case]))
    try:
        with caplog.at_level(logging.INFO):
            found = await find_gateways(10.0, location)
            everything = await find_gateways(1.0)
    finally:
        noise.cancel()

    assert [one.location for one in found] == [location]
    assert {one.location for one in everything} <= {location}  # a thousand may crowd it out
    assert all(len(search._seen) <= FOUND_MAX + SUFFIX_MAX for search in searches)
    lines = [line.getMessage() for line in caplog.records]
    assert len(lines) <= LOG_LINES_MAX, lines
    assert not [line for line in lines if "\x1b" in line or "\n" in line]


async def test_too_many_instances_are_said_once_in_a_search(
    gateway: Announcer, shout: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> list[str]:
        return [one.message for one in caplog.records if one.name == "gateway.counter.discovery"]

    noise = asyncio.create_task(shouting(shout, CASES["a thousand instances"]))
    try:
        async with asyncio.timeout(60):
            while not said():  # on a busy machine a search may meet fewer
                await find_gateways(2.0)
    finally:
        noise.cancel()

    assert said() == [
        f"more than {FOUND_MAX} gateways announce themselves here: the others are not looked at"
    ]
    assert gateway.addresses == {"127.0.0.1"}
