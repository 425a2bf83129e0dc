"""Goal: however the line and the register break, a sale is made once and known in the end.

Method: a gateway in memory behind aiohttp's test server commits, refuses, loses requests and loses
answers as it is told; restarts of the register are cancelled calls and a new client on the same
outbox. Waiting is replaced by giving way to the loop.
"""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.client import (
    GatewayClient,
    GatewayGone,
    OrderDone,
    OutboxElsewhere,
    Place,
    Refusal,
    SaleDone,
    SaleLine,
    SaleRefused,
    Scan,
    Tender,
    TokenRefused,
    World,
)
from gateway.client.outbox import Outbox
from gateway.client.witness import Witness
from gateway.counter.discovery_record import Found
from tests.memory_gateway import Fault, MemoryGateway, Served

LINES = [SaleLine(sku="tea", quantity=2), SaleLine(barcode="4006381333931")]
CASH = [Tender(type="cash", amount_minor=1_000)]


async def give_way(_seconds: float) -> None:
    """Instead of sleeping; one turn of the loop is enough for a test's server."""
    await asyncio.sleep(0)


async def find_nobody(_location: str) -> list[Found]:
    """A network without gateways."""
    return []


def announced(location: str, port: int, *, fingerprint: str | None = None) -> list[Found]:
    """A network with one gateway of a location, on loopback."""
    found = Found(
        location=location,
        hosts=("127.0.0.1",),
        port=port,
        protocol=1,
        tls=fingerprint is not None,
        fingerprint=fingerprint,
    )
    return [found]


QUICK = World(now_ms=lambda: 1_790_000_000_000, sleep=give_way, find=find_nobody)


def client(place: Place, outbox: Path, world: World = QUICK) -> GatewayClient:
    """A register on `outbox`."""
    return GatewayClient(place, outbox=outbox, token="secret", register="till-1", world=world)  # noqa: S106


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served(MemoryGateway()) as served:
        yield served


async def test_a_sale_carries_what_was_rung_up(served: Served, tmp_path: Path) -> None:
    async with client(Place(address=served.url), tmp_path) as register:
        outcome = await register.sell(LINES, CASH, expected_total_minor=999)

        assert isinstance(outcome, SaleDone)
        assert outcome.sale_id == "riverside.1-1"
        assert register.location == "riverside"
        assert str(register.witness) == "riverside.1;1;ab"
        assert await register.done() == [outcome.sale]
    assert msgspec.json.decode(served.gateway.bodies[0]) == {
        "register": "till-1",
        "lines": [{"sku": "tea", "quantity": 2}, {"barcode": "4006381333931", "quantity": 1}],
        "tenders": [{"type": "cash", "amount_minor": 1_000}],
        "expected_total_minor": 999,
    }


@settings(max_examples=40)
@given(faults=st.lists(st.sampled_from(Fault), max_size=6))
def test_no_order_of_faults_and_restarts_loses_or_doubles_a_sale(faults: list[Fault]) -> None:
    async def scenario(outbox: Path) -> None:
        async with Served(MemoryGateway(faults=list(faults))) as served:
            gateway, place = served.gateway, Place(address=served.url)
            first = True
            while True:
                async with client(place, outbox) as register:
                    asking = asyncio.ensure_future(
                        register.sell(LINES, CASH) if first else _only(register)
                    )
                    first = False
                    hanging = asyncio.ensure_future(gateway.hanging.wait())
                    await asyncio.wait({asking, hanging}, return_when=asyncio.FIRST_COMPLETED)
                    hanging.cancel()
                    if asking.done():
                        outcome = await asking
                        done = await register.done()
                        assert register.pending() == []
                        break
                    asking.cancel()
                    await asyncio.gather(asking, return_exceptions=True)
                    assert [one.asking for one in register.pending()] == [False]
                    gateway.hanging.clear()
            assert isinstance(outcome, SaleDone)
            assert list(gateway.sales.values()) == [outcome.sale] == done

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(scenario(Path(directory)))


async def _only(register: GatewayClient) -> SaleDone | SaleRefused:
    """The outcome of the one sale that a restarted register finds pending."""
    (outcome,) = await register.resume()
    assert not isinstance(outcome, OrderDone)
    return outcome


async def test_a_refusal_is_returned_and_nothing_stays_pending(
    served: Served, tmp_path: Path
) -> None:
    served.gateway.refusal = (409, {"type": "/problems/quota-short", "detail": "2", "sellable": 2})

    async with client(Place(address=served.url), tmp_path) as register:
        outcome = await register.sell(LINES, CASH)

        assert isinstance(outcome, SaleRefused)
        assert (outcome.refusal.status, outcome.refusal.slug) == (409, "quota-short")
        assert outcome.refusal.problem["sellable"] == 2
        assert register.pending() == []
    async with client(Place(address=served.url), tmp_path) as register:
        assert await register.resume() == []


async def test_a_closed_door_after_a_lost_answer_leaves_the_sale_pending_and_visible(
    served: Served, tmp_path: Path
) -> None:
    gateway = served.gateway
    gateway.faults = [Fault.LOST_ANSWER]
    asked_twice = asyncio.Event()

    async def lock_the_door(_seconds: float) -> None:
        gateway.refusal = (401, {"type": "/problems/unauthenticated"})
        if len(gateway.presented) > 2:
            asked_twice.set()
        await asyncio.sleep(0)

    world = World(now_ms=lambda: 5, sleep=lock_the_door, find=find_nobody)
    async with client(Place(address=served.url), tmp_path, world) as register:
        asking = asyncio.ensure_future(register.sell(LINES, CASH))
        await asyncio.wait_for(asked_twice.wait(), 20)

        (pending,) = register.pending()
        assert pending.asking
        assert pending.written_ms == 5
        assert pending.problem == "the gateway answers 401 unauthenticated"
        gateway.refusal = None
        outcome = await _after_the_door_opened(asking, gateway)

    assert isinstance(outcome, SaleDone)
    assert list(gateway.sales.values()) == [outcome.sale]


async def _after_the_door_opened(
    asking: asyncio.Future[SaleDone | SaleRefused], gateway: MemoryGateway
) -> SaleDone | SaleRefused:
    while not asking.done():
        gateway.refusal = None
        await asyncio.sleep(0)
    return await asking


async def test_the_highest_witness_is_presented_also_after_a_restart(
    served: Served, tmp_path: Path
) -> None:
    for _ in range(2):
        async with client(Place(location="riverside", address=served.url), tmp_path) as register:
            await register.sell(LINES, CASH)

    assert served.gateway.presented == [None, "riverside.1;1;ab"]


async def test_a_gateway_that_does_not_believe_the_witness_is_taken_as_it_is(
    served: Served, tmp_path: Path
) -> None:
    gateway = served.gateway
    async with client(Place(address=served.url), tmp_path) as register:
        await register.sell(LINES, CASH)
        gateway.doubted = str(register.witness)
        gateway.commit("of another register", b"")

        outcome = await register.sell(LINES, CASH)
        assert isinstance(outcome, SaleRefused)
        outcome = await register.sell(LINES, CASH)

    assert isinstance(outcome, SaleDone)
    assert gateway.presented == [None, gateway.doubted, "riverside.1;2;ab"]


async def test_so_it_is_where_an_earlier_try_went_unheard(served: Served, tmp_path: Path) -> None:
    gateway = served.gateway

    async def doubt(_seconds: float) -> None:
        gateway.doubted = gateway.doubted or str(register.witness)
        await asyncio.sleep(0)

    world = World(now_ms=lambda: 5, sleep=doubt, find=find_nobody)
    async with client(Place(address=served.url), tmp_path, world) as register:
        await register.sell(LINES, CASH)
        gateway.faults = [Fault.LOST_ANSWER]

        outcome = await asyncio.wait_for(register.sell(LINES, CASH), 5)

    assert isinstance(outcome, SaleDone)
    assert outcome.sale_id == "riverside.1-2"
    assert gateway.presented[-2:] == [gateway.doubted, "riverside.1;2;ab"]


async def test_of_a_journal_that_is_disputed_nothing_is_forgotten(
    served: Served, tmp_path: Path
) -> None:
    gateway, place = served.gateway, Place(address=served.url)
    async with client(place, tmp_path) as register:
        await register.sell(LINES, CASH)
        lost = await register.sell(LINES, CASH)
        seen = gateway.doubted = str(register.witness)
        gateway.bodies.pop()  # an old image was put back
        assert isinstance(await register.sell(LINES, CASH), SaleRefused)
        for _ in range(3):
            await register.sell(LINES, CASH)
        gateway.acknowledged_seq = 3

        assert await register.forget_what_the_hub_has() == 0
        assert isinstance(lost, SaleDone)
        assert lost.sale in await register.done()
    async with client(place, tmp_path) as register:
        assert str(register.witness) == seen


async def test_a_sale_is_asked_for_at_its_location_only(served: Served, tmp_path: Path) -> None:
    tried = asyncio.Event()

    async def note(_seconds: float) -> None:
        tried.set()
        await asyncio.sleep(0)

    world = World(sleep=note, find=find_nobody)
    async with client(Place(location="hill", address=served.url), tmp_path, world) as register:
        asking = asyncio.ensure_future(register.sell(LINES, CASH))
        await asyncio.wait_for(tried.wait(), 20)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        (pending,) = register.pending()
        assert "is the gateway of riverside, not of hill" in str(pending.problem)
    assert served.gateway.presented == []
    with pytest.raises(OutboxElsewhere):
        async with client(Place(location="riverside", address=served.url), tmp_path):
            pass


async def test_a_sale_that_never_left_can_be_withdrawn(tmp_path: Path) -> None:
    tried = asyncio.Event()

    async def note(_seconds: float) -> None:
        tried.set()
        await asyncio.sleep(0)

    place = Place(location="riverside")
    async with client(place, tmp_path, World(sleep=note, find=find_nobody)) as register:
        asking = asyncio.ensure_future(register.sell(LINES, CASH))
        await asyncio.wait_for(tried.wait(), 20)
        (pending,) = register.pending()
        assert pending.problem == "no gateway of riverside is announced"
        assert not await register.withdraw(pending.key)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        assert await register.withdraw(pending.key)
        assert register.pending() == []
    async with client(place, tmp_path) as register:
        assert register.pending() == []


async def test_a_sale_whose_answer_is_being_written_down_cannot_be_withdrawn(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, loop = asyncio.Event(), asyncio.get_running_loop()
    goes_on, settle = threading.Event(), Outbox.settle

    def settle_slowly(
        outbox: Outbox, key: str, sale: Mapping[str, object] | None, witness: Witness | None
    ) -> None:
        loop.call_soon_threadsafe(answered.set)
        assert goes_on.wait(20)
        settle(outbox, key, sale, witness)

    monkeypatch.setattr(Outbox, "settle", settle_slowly)
    async with client(Place(address=served.url), tmp_path) as register:
        asking = asyncio.ensure_future(register.sell(LINES, CASH))
        await asyncio.wait_for(answered.wait(), 20)
        (pending,) = register.pending()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        goes_on.set()

        assert not await register.withdraw(pending.key)
        (outcome,) = await register.resume()

        assert isinstance(outcome, SaleDone)
        assert await register.done() == [outcome.sale]
        assert register.pending() == []
    assert len(served.gateway.sales) == 1


async def test_a_gateway_that_comes_back_under_another_address_is_found_again(
    served: Served, tmp_path: Path
) -> None:
    async with Served(served.gateway) as moved:
        places = [served.server.port, moved.server.port]

        async def find(location: str) -> list[Found]:
            port = places.pop(0)
            assert port is not None
            return announced(location, port)

        world = World(sleep=give_way, find=find)
        async with client(Place(location="riverside"), tmp_path, world) as register:
            await register.sell(LINES, CASH)
            await served.server.close()
            await register.sell(LINES, CASH)

    assert len(served.gateway.sales) == 2


async def test_another_certificate_than_the_pinned_one_is_not_talked_to(tmp_path: Path) -> None:
    async def find(location: str) -> list[Found]:
        return announced(location, 9, fingerprint="cd" * 32)

    world = World(sleep=give_way, find=find)
    place = Place(location="riverside", fingerprint="ab" * 32)
    async with client(place, tmp_path, world) as register:
        with pytest.raises(GatewayGone, match="another certificate"):
            await register.stock("tea")


async def test_reads_return_what_the_gateway_says_and_end_when_nobody_answers(
    served: Served, tmp_path: Path
) -> None:
    async with client(Place(address=served.url), tmp_path) as register:
        assert await register.stock("a/b c") == {"path": "/v1/stock/a%2Fb%20c"}
        assert await register.products("té") == {"path": "/v1/products?q=t%C3%A9"}
        unknown = await register.lookup("123")
        assert isinstance(unknown, Refusal)
        assert unknown.slug == "unknown-product"

        await served.server.close()
        with pytest.raises(GatewayGone):
            await register.stock("tea")


async def test_what_the_hub_has_is_forgotten(served: Served, tmp_path: Path) -> None:
    async with client(Place(address=served.url), tmp_path) as register:
        await register.sell(LINES, CASH)
        await register.sell(LINES, CASH)

        assert await register.forget_what_the_hub_has() == 1
        assert [sale["seq"] for sale in await register.done()] == [2]


async def test_scans_of_this_register_arrive_over_lost_lines(
    served: Served, tmp_path: Path
) -> None:
    scan = {"type": "scan", "code": "123", "register": "till-1", "at": "2026-11-22T10:00:00Z"}
    said = [{**scan, "register": "till-2"}, {"type": "link"}, scan, {**scan, "code": 5}]
    said += [{**scan, "duplicate": True}]
    texts = [msgspec.json.encode(message).decode() for message in said]
    last = msgspec.json.encode({**scan, "code": "456"}).decode()
    served.gateway.live = [*texts, "not json", "[]", b"\x00", last]

    seen = []
    async with (
        client(Place(address=served.url), tmp_path) as register,
        aclosing(register.scans()) as scans,
    ):
        async for heard in scans:
            seen.append(heard)
            if len(seen) == 2:
                break

    assert seen == [
        Scan(code="123", register="till-1", at="2026-11-22T10:00:00Z"),
        Scan(code="456", register="till-1", at="2026-11-22T10:00:00Z"),
    ]


async def test_a_token_that_may_not_listen_is_told(served: Served, tmp_path: Path) -> None:
    served.gateway.token = "another"  # noqa: S105

    async with client(Place(address=served.url), tmp_path) as register:
        with pytest.raises(TokenRefused):
            await anext(register.live())
