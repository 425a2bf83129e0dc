"""Goal: however the line and the register break, an order is asked for until it is known, and once.

Method: a gateway in memory commits, loses answers and hangs as it is told (`tests.memory_gateway`);
a restart of the register is a new client on the same outbox.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.client import GatewayClient, OrderDone, Place, SaleLine, SaleRefused, Tender
from gateway.client.answers import Next, Reply, decide, place_in_journal
from tests.memory_gateway import Fault, MemoryGateway, Served
from tests.unit.test_client_register import QUICK

LINES = [SaleLine(sku="tea", quantity=2)]
CASH = [Tender(type="cash", amount_minor=1_000)]
SHIP = {"type": "ship", "address": "Sea Street 1"}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served(MemoryGateway()) as served:
        yield served


def client(served: Served, outbox: Path) -> GatewayClient:
    """A register on `outbox`."""
    place = Place(address=served.url)
    return GatewayClient(place, outbox=outbox, token="secret", register="till-1", world=QUICK)  # noqa: S106


async def test_an_order_carries_what_was_asked_for_and_is_kept_until_the_hub_has_it(
    served: Served, tmp_path: Path
) -> None:
    async with client(served, tmp_path) as register:
        done = await register.order(LINES, SHIP, CASH, 999, customer={"name": "Layla"})

        assert isinstance(done, OrderDone)
        assert (done.order["id"], done.payment["id"]) == ("hub.1-1", "riverside.1-1")
        assert len(await register.done()) == 1
        assert await register.forget_what_the_hub_has() == 1
    assert msgspec.json.decode(served.gateway.bodies[0]) == {
        "register": "till-1",
        "lines": [{"sku": "tea", "quantity": 2}],
        "fulfilment": SHIP,
        "tenders": [{"type": "cash", "amount_minor": 1_000}],
        "expected_total_minor": 999,
        "customer": {"name": "Layla"},
    }


@pytest.mark.parametrize(
    "fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.TWIN, Fault.LIMITED]
)
async def test_an_answer_that_did_not_come_is_asked_for_again(
    served: Served, tmp_path: Path, fault: Fault
) -> None:
    served.gateway.faults = [fault, fault]

    async with client(served, tmp_path) as register:
        done = await register.order(LINES, SHIP, CASH)

    assert isinstance(done, OrderDone)
    assert len(served.gateway.sales) == 1


async def test_an_order_whose_answer_a_restart_lost_is_asked_about_as_an_order(
    served: Served, tmp_path: Path
) -> None:
    served.gateway.faults = [Fault.LATE_RESTART]
    async with client(served, tmp_path) as register:
        asking = asyncio.ensure_future(register.order(LINES, SHIP, CASH))
        await served.gateway.hanging.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    async with client(served, tmp_path) as register:
        (done,) = await register.resume()

    assert isinstance(done, OrderDone)
    assert len(served.gateway.sales) == 1


async def test_while_the_hub_is_not_heard_an_order_is_refused_at_once(
    served: Served, tmp_path: Path
) -> None:
    served.gateway.faults = [Fault.UNAVAILABLE]

    async with client(served, tmp_path) as register:
        refused = await register.order(LINES, SHIP, CASH)

        assert isinstance(refused, SaleRefused)
        assert refused.refusal.slug == "unavailable"
        assert register.pending() == []
    assert served.gateway.sales == {}


def test_the_same_answer_to_a_sale_is_asked_about_again() -> None:
    reply = Reply(
        status=503, document={"type": "/problems/unavailable"}, problem=True, retry_after_s=None
    )

    assert decide(reply, unheard=False) is Next.AGAIN
    assert decide(reply, unheard=True, is_order=True) is Next.REFUSED


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"id": "a.1-7", "writer": "a.1", "seq": 7}, ("a.1", 7)),
        ({"order": {}, "payment": {"id": "a.1-7"}}, ("a.1", 7)),
        ({"order": {}, "payment": {"id": "7"}}, None),
        ({"order": {}, "payment": {"id": "a.1-x"}}, None),
        ({"order": {}, "payment": {}}, None),
        ({"login": "please"}, None),
        (None, None),
    ],
)
def test_a_success_has_a_place_in_the_journal(
    document: dict[str, object] | None, place: tuple[str, int] | None
) -> None:
    assert place_in_journal(document) == place
