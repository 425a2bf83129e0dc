"""Goal: a register finds its gateway, and nothing on the network can hurt either of them.

Method: real announcers and real searches on loopback, each test with a location of its own so that
tests do not hear each other; a network without multicast is an opener that raises.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from gateway.counter import discovery
from gateway.counter.discovery import Announcement, Announcer, Found, find_gateways
from gateway.counter.discovery_record import LABEL_BYTES_MAX, announced_addresses, found_from, label

SEARCH_S_MAX = 5.0
FINGERPRINT = "ab" * 32
CHAIN = "0123456789abcdef"


@pytest.fixture
def location() -> str:
    """A location id that nobody else announces."""
    return f"riverside-{secrets.token_hex(4)}"


def announcement(
    location: str, *, port: int = 8080, fingerprint: str | None = None
) -> Announcement:
    """An announcement on loopback."""
    return Announcement(
        location=location,
        port=port,
        protocol=1,
        listen_host="127.0.0.1",
        fingerprint=fingerprint,
        chain=CHAIN,
    )


@pytest.fixture
async def network() -> AsyncIterator[AsyncZeroconf]:
    """A stranger on the same network."""
    stranger = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    yield stranger
    await stranger.async_unregister_all_services()
    await stranger.async_close()


async def first_found(location: str, timeout_s: float) -> Found | None:
    """The first gateway of a location, or None."""
    return next(iter(await find_gateways(timeout_s, location)), None)


async def registered(announcer: Announcer) -> None:
    """Wait until the name is taken; the bound is generous because the machine may be busy."""
    async with asyncio.timeout(20):
        await announcer.registered.wait()


async def test_a_gateway_is_found_with_all_that_it_says_until_its_goodbye(location: str) -> None:
    async with Announcer(announcement(location, port=18080, fingerprint=FINGERPRINT)) as announcer:
        await registered(announcer)

        found = await first_found(location, SEARCH_S_MAX)

    assert found == Found(
        location=location,
        hosts=("127.0.0.1",),
        port=18080,
        protocol=1,
        tls=True,
        fingerprint=FINGERPRINT,
        chain=CHAIN,
    )
    assert await first_found(location, 0.5) is None


async def test_a_second_gateway_of_one_location_gets_a_suffix_and_both_are_found(
    location: str,
) -> None:
    async with Announcer(announcement(location, port=1001)) as first:
        await registered(first)
        async with Announcer(announcement(location, port=1002)) as second:
            await registered(second)

            found = await find_gateways(1.5)

            assert first.instance == location
            assert second.instance == f"{location}-2"
    assert [one.port for one in found if one.location == location] == [1001, 1002]


async def test_new_addresses_are_announced_under_the_same_name(location: str) -> None:
    addresses = ["127.0.0.1"]

    def present(_listen_host: str, _present: Sequence[str]) -> list[str]:
        return list(addresses)

    async with Announcer(
        announcement(location), addresses=present, address_poll_s=0.01
    ) as announcer:
        await registered(announcer)
        addresses[:] = ["127.0.0.2"]

        async with asyncio.timeout(20):
            while (found := await first_found(location, 1.0)) is None or "127.0.0.2" not in (
                found.hosts
            ):
                assert announcer.instance == location


async def test_a_network_without_multicast_is_one_line_in_the_log(
    location: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()
    opened: list[object] = []

    def refuse(**options: object) -> AsyncZeroconf:
        opened.append(options)
        if len(opened) > 2:
            tried.set()
        raise OSError(19, "No such device")

    monkeypatch.setattr(discovery, "AsyncZeroconf", refuse)

    async with Announcer(announcement(location), address_poll_s=0.001):
        await asyncio.wait_for(tried.wait(), 20)
    assert [record.message for record in caplog.records] == [
        "not announced over mDNS, registers need the address: [Errno 19] No such device"
    ]
    assert await first_found(location, 0.1) is None


async def test_an_address_that_could_not_be_announced_is_tried_again(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses, failures = ["127.0.0.1"], [OSError(101, "Network is unreachable")]
    update = AsyncZeroconf.async_update_service

    async def refuse_once(self: AsyncZeroconf, info: AsyncServiceInfo) -> Awaitable[None]:
        if failures:
            raise failures.pop()
        return await update(self, info)

    monkeypatch.setattr(AsyncZeroconf, "async_update_service", refuse_once)
    async with Announcer(
        announcement(location), addresses=lambda _host, _all: list(addresses), address_poll_s=0.01
    ) as announcer:
        await registered(announcer)
        addresses[:] = ["127.0.0.2"]

        async with asyncio.timeout(20):
            while announcer.addresses != {"127.0.0.2"}:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.01)
    assert not failures


async def test_a_stranger_under_our_service_name_is_not_found(
    location: str, network: AsyncZeroconf
) -> None:
    info = AsyncServiceInfo(
        discovery.SERVICE,
        f"{location}.{discovery.SERVICE}",
        port=80,
        properties={"id": location, "v": "1", "tls": "1"},
        server=f"{location}.local.",
        parsed_addresses=["127.0.0.1"],
    )
    await network.async_register_service(info, cooperating_responders=True)

    assert await first_found(location, 0.5) is None


@pytest.mark.parametrize(
    "record",
    [
        {},
        {b"id": b"Riverside", b"v": b"1", b"tls": b"0"},
        {b"id": b"a" * 200, b"v": b"1", b"tls": b"0"},
        {b"id": b"riverside", b"v": b"0", b"tls": b"0"},
        {b"id": b"riverside", b"v": b"1", b"tls": b"1"},
        {b"id": b"riverside", b"v": b"1", b"tls": b"0", b"fp": FINGERPRINT.encode()},
        {b"id": b"\xff\xfe", b"v": b"1", b"tls": b"0"},
        {b"id": None, b"v": b"1", b"tls": b"0"},
        {b"id": b"riverside", b"v": b"1", b"tls": b"0", b"chain": b"ours"},
    ],
    ids=[
        "empty",
        "case",
        "long",
        "protocol",
        "tls, no fp",
        "fp, no tls",
        "not text",
        "no value",
        "chain",
    ],
)
def test_what_is_not_said_as_we_say_it_reads_as_nothing(record: dict[bytes, bytes | None]) -> None:
    sound = {b"id": b"riverside", b"v": b"1", b"tls": b"0", b"new": b"ignored"}

    assert found_from(sound, ["fe80::1", "127.0.0.1"], 80) is not None
    assert found_from(record, ["127.0.0.1"], 80) is None
    assert found_from(sound, ["127.0.0.1"], None) is None
    assert found_from(sound, ["fe80::1", "garbage"], 80) is None


@pytest.mark.parametrize(
    ("listen_host", "present", "announced"),
    [
        ("0.0.0.0", ["10.0.0.7", "127.0.0.1"], ["10.0.0.7"]),  # noqa: S104
        ("0.0.0.0", ["127.0.0.1"], ["127.0.0.1"]),  # noqa: S104
        ("::", ["10.0.0.7", "127.0.0.1"], ["10.0.0.7"]),
        ("10.0.0.7", ["10.0.0.7", "10.0.0.8"], ["10.0.0.7"]),
        ("localhost", ["10.0.0.7"], ["127.0.0.1"]),
        ("127.0.0.1", ["10.0.0.7"], ["127.0.0.1"]),
        ("::1", ["10.0.0.7"], []),
        ("till.example", ["10.0.0.7"], ["10.0.0.7"]),
    ],
)
def test_a_gateway_announces_the_addresses_under_which_it_is_reached(
    listen_host: str, present: list[str], announced: list[str]
) -> None:
    assert announced_addresses(listen_host, present) == announced


@pytest.mark.parametrize("attempt", [1, 2, 16])
@pytest.mark.parametrize("shorten", [str, lambda text: text[:30]])
def test_labels_fit_and_differ(attempt: int, shorten: Callable[[str], str]) -> None:
    one, other = shorten("a" * 62 + "b"), shorten("b" * 62 + "a")

    labels = {label("storegw-", one, attempt), label("storegw-", other, attempt)}

    assert len(labels) == 2
    assert max(map(len, labels)) <= LABEL_BYTES_MAX
