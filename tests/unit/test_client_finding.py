"""Goal: a register finds its own gateway wherever it is, in a named order, and no other one.

Method: gateways in memory on loopback ports; the network that is searched is a list that the test
writes. Waiting is replaced by giving way to the loop.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from gateway.client import (
    GatewayClient,
    GatewayGone,
    OutboxElsewhere,
    Place,
    SaleLine,
    World,
    finding,
)
from gateway.client.finding import Contact, Known, objection
from gateway.client.witness import Witness
from gateway.counter.discovery_record import Found
from gateway.counter.pairing import Pairing, pairing_text
from tests.memory_gateway import MemoryGateway, Served

OURS, THEIRS = "00000000000000aa", "00000000000000bb"
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port of a test machine: refused at once."""


class Network:
    """What mDNS says, and how often it was asked."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.searches = 0

    async def find(self, location: str) -> Sequence[Found]:
        """One instance that has all the ports' addresses, as several instances."""
        self.searches += 1
        return [
            Found(
                location=location,
                hosts=("127.0.0.1",),
                port=port,
                protocol=1,
                tls=False,
                fingerprint=None,
            )
            for port in self.ports
        ]


async def give_way(_seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
async def gateway() -> AsyncIterator[Served]:
    async with Served(MemoryGateway(chain=OURS)) as served:
        yield served


@pytest.fixture
async def other() -> AsyncIterator[Served]:
    """A second gateway on the same network; a test says whose."""
    async with Served(MemoryGateway(chain=OURS)) as served:
        yield served


@pytest.fixture
def register(network: Network, tmp_path: Path) -> Callable[[Place], GatewayClient]:
    """Registers on one outbox, one after the other, as after restarts."""

    def open_one(place: Place) -> GatewayClient:
        world = World(sleep=give_way, find=network.find)
        return GatewayClient(
            place,
            outbox=tmp_path,
            token="secret",  # noqa: S106
            register="till-1",
            world=world,
        )

    return open_one


Open = Callable[[Place], GatewayClient]


def port_of(served: Served) -> int:
    assert served.server.port is not None
    return served.server.port


def ticket_for(*urls: str, chain: str | None = OURS) -> str:
    return pairing_text(Pairing(location="riverside", addresses=urls, chain=chain))


async def test_the_address_that_worked_last_is_kept_and_needs_no_search(
    gateway: Served, network: Network, register: Open
) -> None:
    network.ports = [port_of(gateway)]

    async with register(Place(location="riverside")) as first:
        await first.stock("tea")
    async with register(Place(location="riverside")) as again:
        await again.stock("tea")

    assert network.searches == 1


async def test_a_dead_last_address_is_followed_by_what_is_announced(
    gateway: Served, other: Served, network: Network, register: Open
) -> None:
    network.ports = [port_of(gateway)]
    async with register(Place(location="riverside")) as till:
        await till.stock("tea")
        network.ports.append(port_of(other))  # a dead one stays announced for 75 minutes
        await gateway.server.close()

        assert await till.stock("tea") == {"path": "/v1/stock/tea"}

    async with register(Place(location="riverside")) as again:
        await again.stock("tea")
    assert network.searches == 2


async def test_a_typed_address_goes_first_and_the_others_stand_behind_it(
    gateway: Served, other: Served, network: Network, register: Open
) -> None:
    network.ports = [port_of(gateway)]
    other.gateway.bodies.extend([b"", b""])
    async with register(Place(location="riverside")) as till:
        await till.stock("tea")
    async with register(Place(location="riverside", address=other.url)) as till:
        await till.stock("tea")
        assert str(till.witness) == "riverside.1;2;ab"

    gateway.gateway.bodies.extend([b"", b""])
    async with register(Place(location="riverside", address=NOWHERE)) as till:
        await other.server.close()
        await till.stock("tea")

    assert network.searches == 2


async def test_a_ticket_is_enough_where_nothing_is_announced(
    gateway: Served, register: Open
) -> None:
    place = Place.from_ticket(ticket_for(NOWHERE, gateway.url))

    assert place is not None
    async with register(place) as till:
        await till.stock("tea")
        assert till.location == "riverside"


def test_a_text_that_is_no_ticket_is_no_place() -> None:
    assert Place.from_ticket("4006381333931") is None


async def test_each_place_that_was_looked_at_is_in_the_problem(
    register: Open,
) -> None:
    place = Place(location="riverside", address=NOWHERE, ticket=("http://127.0.0.1:7",))
    async with register(place) as till:
        with pytest.raises(GatewayGone) as gone:
            await till.stock("tea")

    typed, announced, ticket = str(gone.value).split("; ")
    assert typed.startswith(NOWHERE)
    assert announced == "no gateway of riverside is announced"
    assert ticket.startswith("http://127.0.0.1:7")


async def test_of_two_gateways_of_one_location_the_newer_one_is_used_and_somebody_is_told(
    gateway: Served,
    other: Served,
    network: Network,
    register: Open,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway.gateway.bodies.append(b"")
    other.gateway.incarnation = 2
    network.ports = [port_of(gateway), port_of(other)]

    with caplog.at_level(logging.WARNING):
        async with register(Place(location="riverside")) as till:
            await till.stock("tea")

            assert str(till.witness) == "riverside.2;0;ab"
    (told,) = caplog.records
    assert told.message == (
        "several gateways answer for riverside: riverside.1, riverside.2; "
        f"riverside.2 at {other.url} is used"
    )


async def test_a_box_that_was_replaced_is_not_asked_any_more(
    gateway: Served, other: Served, network: Network, register: Open
) -> None:
    other.gateway.incarnation = 2
    network.ports = [port_of(other)]
    async with register(Place(location="riverside")) as till:
        await till.sell([SaleLine(sku="tea", quantity=1)], [])
        await other.server.close()
        network.ports = [port_of(gateway)]

        with pytest.raises(GatewayGone, match=r"is riverside\.1, which riverside\.2 has replaced"):
            await till.stock("tea")


async def test_an_old_copy_of_the_gateways_disk_is_not_asked(
    gateway: Served, other: Served, network: Network, register: Open
) -> None:
    network.ports = [port_of(gateway)]
    async with register(Place(location="riverside")) as till:
        await till.sell([SaleLine(sku="tea", quantity=1)], [])
        await gateway.server.close()
        network.ports = [port_of(other)]

        with pytest.raises(
            GatewayGone, match=r"old copy of riverside\.1: it ends at entry 0, and 1"
        ):
            await till.stock("tea")
    assert other.gateway.presented == []


@pytest.mark.parametrize("theirs", [THEIRS, "", "nonsense"])
async def test_a_gateway_of_another_chain_is_refused_also_after_a_restart(
    theirs: str, gateway: Served, other: Served, network: Network, register: Open
) -> None:
    other.gateway.chain = theirs
    network.ports = [port_of(gateway)]
    async with register(Place(location="riverside")) as till:
        await till.stock("tea")
    await gateway.server.close()
    network.ports = [port_of(other)]

    async with register(Place(location="riverside")) as again:
        with pytest.raises(GatewayGone, match=f"another chain .*not {OURS}"):
            await again.stock("tea")


async def test_a_ticket_says_the_chain_before_the_first_contact(
    other: Served, register: Open
) -> None:
    other.gateway.chain = THEIRS
    place = Place.from_ticket(ticket_for(other.url))

    assert place is not None
    async with register(place) as till:
        with pytest.raises(GatewayGone, match="another chain"):
            await till.stock("tea")


async def test_sales_of_one_chain_are_not_taken_to_another(
    gateway: Served, network: Network, register: Open
) -> None:
    network.ports = [port_of(gateway)]
    async with register(Place(location="riverside")) as till:
        await till.sell([SaleLine(sku="tea", quantity=1)], [])

    with pytest.raises(OutboxElsewhere, match="another chain's riverside"):
        async with register(Place(location="riverside", chain=THEIRS)):
            pass


async def test_an_empty_outbox_may_go_to_another_chain_with_its_ticket(
    gateway: Served, other: Served, network: Network, register: Open
) -> None:
    other.gateway.chain = THEIRS
    network.ports = [port_of(gateway)]
    async with register(Place(location="riverside")) as till:
        await till.stock("tea")
    network.ports = []

    place = Place.from_ticket(ticket_for(other.url, chain=THEIRS))
    assert place is not None
    async with register(place) as till:
        await till.stock("tea")


async def test_an_address_that_says_nothing_does_not_hold_up_one_that_answers(
    gateway: Served, network: Network, register: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "PROBE_S_MAX", 3_600.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel takes connections for it
        network.ports = [silent.getsockname()[1], port_of(gateway)]
        async with register(Place(location="riverside")) as till, asyncio.timeout(10):
            await till.stock("tea")

            assert till.location == "riverside"


async def test_a_pinned_certificate_is_not_asked_for_without_tls(
    gateway: Served, register: Open
) -> None:
    async with register(Place(address=gateway.url, fingerprint="ab" * 32)) as till:
        with pytest.raises(GatewayGone, match="another certificate"):
            await till.stock("tea")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("riverside.1;7;ab", False),
        ("riverside.1;9;ab", False),
        ("riverside.2;0;", False),
        ("riverside.1;6;ab", True),
        ("hill.1;7;ab", True),
    ],
)
def test_whom_a_register_takes(text: str, refused: bool) -> None:  # noqa: FBT001
    seen, shown = Witness.parse("riverside.1;7;ab"), Witness.parse(text)
    assert shown is not None
    contact = Contact(url="http://box", witness=shown, chain=None, fingerprint=None, ssl=True)

    assert (objection(contact, Known(location="riverside", witness=seen)) is not None) == refused
    assert objection(contact, Known()) is None
