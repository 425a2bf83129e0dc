"""Goal: our mDNS and avahi's understand each other, over every change that a shop's network sees.

Method: real gateways in a network namespace with two networks, avahi in one of them as a witness,
registers as programs in both. What avahi says is read from its own tools. Skipped, with the reason,
where namespaces or avahi are not to be had.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from gateway.counter.discovery_record import Found
from replication import wire
from tests.enrolled import CHAIN, enrolled_directory
from tests.namespaces import Listing, Networks, open_networks, why_not
from tests.programs import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

PORT = 8460
LOG_CHARS = 2_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def networks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Networks]:
    """The networks of one shop, with avahi."""
    if (missing := why_not()) is not None:
        pytest.skip(missing)
    async with open_networks(tmp_path_factory.mktemp("networks")) as made:
        yield made


@pytest.fixture
def location() -> str:
    """A location of the test's own."""
    return f"riverside-{secrets.token_hex(3)}"


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(networks: Networks, location: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A gateway in the shop, which may not be announced yet."""
    process = await start_gateway(networks, location)
    yield process
    await networks.end(process)
    log = (networks.root / f"{location}.log").read_text()
    print(log[-LOG_CHARS:])  # noqa: T201 - shown where a test has failed


async def start_gateway(
    networks: Networks, location: str, *, port: int = PORT
) -> asyncio.subprocess.Process:
    """Start a gateway that was enrolled before; there is no hub in these networks."""
    data = networks.root / location
    if not data.exists():
        enrolled_directory(data, location)
    return await networks.start(
        "shop", sys.executable, "-m", "gateway", "serve", "--data", str(data),
        "--listen", f"0.0.0.0:{port}", "--hub", "http://127.0.0.1:9", log=location,
    )  # fmt: skip


async def listed(networks: Networks, location: str) -> list[Listing]:
    """What avahi lists for a location; waits until there is something."""

    async def some() -> list[Listing]:
        return [one for one in await networks.browse() if f"id={location}" in one.txt]

    return await until(some)


async def announced(networks: Networks, side: str, location: str, count: int = 1) -> list[Found]:
    """What a register on one side hears of a location; waits until there are so many."""

    async def some() -> list[Found] | None:
        lines = (await networks.find(side, "announced")).splitlines()
        found = [msgspec.json.decode(line, type=Found) for line in lines]
        mine = [one for one in found if one.location == location]
        return mine if len(mine) >= count else None

    return await until(some)


async def met(networks: Networks, side: str, outbox: Path, location: str) -> dict[str, str]:
    """Where a register on that side ends up."""
    said = await networks.find(side, "meet", str(outbox), location)
    return msgspec.json.decode(said, type=dict[str, str])


@pytest.mark.usefixtures("gateway")
async def test_avahi_sees_a_gateway_with_all_that_it_says(
    networks: Networks, location: str
) -> None:
    (seen,) = await listed(networks, location)

    assert (seen.name, seen.host) == (location, f"storegw-{location}.local")
    assert seen.port == PORT
    assert seen.address in {"10.77.1.1", "10.77.2.1"}
    assert {f"v={wire.VERSIONS[0]}", "tls=0", f"chain={CHAIN}"} <= seen.txt


async def test_we_see_what_avahi_publishes(networks: Networks, location: str) -> None:
    stranger = await networks.start(
        None, "avahi-publish", "-s", location, "_storegw._tcp", "4711",
        f"id={location}", "v=1", "tls=0", f"chain={CHAIN}", log="publish",
    )  # fmt: skip
    try:
        (found,) = await announced(networks, "front", location)
    finally:
        await networks.end(stranger)

    assert found == Found(
        location=location,
        hosts=("10.77.1.2",),
        port=4711,
        protocol=1,
        tls=False,
        fingerprint=None,
        chain=CHAIN,
    )


async def test_a_name_that_avahi_has_already_gets_a_suffix(
    networks: Networks, location: str
) -> None:
    stranger = await networks.start(
        None, "avahi-publish", "-s", location, "_storegw._tcp", "4711",
        f"id={location}", "v=1", "tls=0", log="publish",
    )  # fmt: skip
    await listed(networks, location)
    process = await start_gateway(networks, location)
    try:

        async def both() -> list[Listing] | None:
            seen = await listed(networks, location)
            return seen if len(seen) > 1 else None

        names = {one.name: one.port for one in await until(both)}
        found = await announced(networks, "front", location, 2)
        register = await met(networks, "front", networks.root / f"{location}-till", location)
    finally:
        await networks.end(process)
        await networks.end(stranger)

    assert names == {location: 4711, f"{location}-2": PORT}
    assert sorted(one.port for one in found) == [4711, PORT]
    assert register["witness"].startswith(f"{location}.1;"), "nobody answers at the other one"


@pytest.mark.usefixtures("gateway")
async def test_we_keep_our_name_when_avahi_wants_it(networks: Networks, location: str) -> None:
    await listed(networks, location)
    stranger = await networks.start(
        None, "avahi-publish", "-s", location, "_storegw._tcp", "4711",
        f"id={location}", "v=1", "tls=0", log="publish",
    )  # fmt: skip
    try:

        async def both() -> list[Listing] | None:
            seen = await listed(networks, location)
            return seen if len(seen) > 1 else None

        names = {one.name: one.port for one in await until(both)}
    finally:
        await networks.end(stranger)

    assert names.pop(location) == PORT
    assert list(names.values()) == [4711]


@pytest.mark.usefixtures("gateway")
async def test_a_gateway_in_two_networks_is_reached_from_each(
    networks: Networks, location: str, tmp_path: Path
) -> None:
    for side in ("front", "back"):
        (found,) = await announced(networks, side, location)
        assert sorted(found.hosts) == ["10.77.1.1", "10.77.2.1"]

    front = await met(networks, "front", tmp_path / "front", location)
    back = await met(networks, "back", tmp_path / "back", location)

    assert front["address"] == f"http://10.77.1.1:{PORT}"
    assert back["address"] == f"http://10.77.2.1:{PORT}"


@pytest.mark.usefixtures("gateway")
async def test_a_changed_address_is_announced_and_the_old_one_is_forgotten(
    networks: Networks, location: str, tmp_path: Path
) -> None:
    await listed(networks, location)
    before = await met(networks, "front", tmp_path, location)
    networks.ip("shop", "address", "delete", "10.77.1.1/24", "dev", "front")
    networks.ip("shop", "address", "add", "10.77.1.9/24", "dev", "front")
    try:

        async def moved() -> bool:
            (found,) = await announced(networks, "front", location)
            return set(found.hosts) == {"10.77.1.9", "10.77.2.1"}

        await until(moved)
        after = await met(networks, "front", tmp_path, location)

        async def seen() -> bool:
            return "10.77.1.1" not in {one.address for one in await listed(networks, location)}

        await until(seen)
    finally:
        networks.ip("shop", "address", "delete", "10.77.1.9/24", "dev", "front")
        networks.ip("shop", "address", "add", "10.77.1.1/24", "dev", "front")

    assert before["address"] == f"http://10.77.1.1:{PORT}"
    assert after["address"] == f"http://10.77.1.9:{PORT}"


async def test_a_goodbye_ends_the_listing(
    networks: Networks, location: str, gateway: asyncio.subprocess.Process
) -> None:
    await listed(networks, location)

    await networks.end(gateway)

    async def gone() -> bool:
        return not [one for one in await networks.browse() if one.name == location]

    await until(gone)
    assert gateway.returncode == 0


async def test_a_killed_gateway_stays_listed_and_registers_believe_its_answer_only(
    networks: Networks, location: str, gateway: asyncio.subprocess.Process, tmp_path: Path
) -> None:
    await listed(networks, location)
    before = await met(networks, "front", tmp_path, location)
    gateway.send_signal(signal.SIGKILL)
    await gateway.wait()

    (stale,) = await listed(networks, location)
    nowhere = await met(networks, "front", tmp_path, location)
    again = await start_gateway(networks, location, port=PORT + 1)
    try:

        async def found() -> dict[str, str] | None:
            said = await met(networks, "front", tmp_path, location)
            return said if "address" in said else None

        after = await until(found)
    finally:
        await networks.end(again)

    assert before["address"] == f"http://10.77.1.1:{PORT}"
    assert (stale.name, stale.port) == (location, PORT), "no goodbye: listed for 75 minutes"
    assert "refused" in nowhere["gone"] or "Connect call failed" in nowhere["gone"]
    assert after["address"] == f"http://10.77.1.1:{PORT + 1}"
