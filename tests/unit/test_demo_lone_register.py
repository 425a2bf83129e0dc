"""Goal: a till whose register sells alone needs no gateway to sell, and sells each basket once.

Method: the demo's till over a real register, with its gateway in memory behind a real port, which
is cut and heals.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.counter.discovery_record import Found
from scripts.demo_day import lone_register
from scripts.demo_day.baskets import Basket, Line, Product
from scripts.demo_day.chain import NeverReady
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.plan import PlannedSale
from scripts.demo_day.registers import Baskets, Till
from scripts.demo_day.setting import Discovery, TillSetting
from tests.memory_parent import TOKEN, MemoryParent, ServedParent

TEA = Shelf("riverside", "TEA")
PRODUCTS = {"TEA": Product(sku="TEA", barcode="4006381333931", name="Tea", price_minor=345)}


class Typed(Discovery):
    """Finds the gateway at the address, without asking a network."""

    async def find(self, location: str) -> list[Found]:
        place = Found(
            location=location,
            hosts=("127.0.0.1",),
            port=int(self.address.rsplit(":", 1)[1]),
            protocol=1,
            tls=False,
            fingerprint=None,
        )
        return [place]


@pytest.fixture
async def till(served: ServedParent, tmp_path: Path) -> AsyncIterator[Till]:
    setting = TillSetting(
        location="riverside", register="till-1", token=TOKEN, outbox=tmp_path, sells_alone=True
    )
    discovery = Typed(address=served.url, say=print)
    async with Till(setting, discovery, PRODUCTS, Notebook()) as till:
        await till.greet()
        yield till


def register_of(till: Till) -> LoneRegister:
    assert till.alone is not None
    return till.alone


def planned(units: int, *, interrupted: float | None = None) -> PlannedSale:
    basket = Basket(
        basket=1,
        location="riverside",
        at=datetime(2017, 1, 1, tzinfo=UTC),
        lines=(Line(sku="TEA", quantity=units),),
    )
    return PlannedSale(at_s=0.0, basket=basket, scanned=False, interrupted=interrupted)


async def serve(till: Till, *baskets: PlannedSale) -> None:
    queue: Baskets = asyncio.Queue()
    for each in (*baskets, None):
        queue.put_nowait(each)
    await till.serve(queue)


async def test_it_sells_on_when_its_gateway_is_away_and_hands_everything_over(
    till: Till, parent: MemoryParent, served: ServedParent
) -> None:
    await serve(till, planned(1))
    await register_of(till).until_handed_over()
    await served.cut()
    await register_of(till).until_alone()

    await serve(till, planned(2), planned(1))

    assert (await register_of(till).status()).sales_waiting == 2
    assert till.notebook.ledger.totals(Fact.SOLD) == {TEA: 4}
    assert [told.sale["register"] for told in till.notebook.sales] == ["till-1"] * 3
    served.heal()
    await register_of(till).until_handed_over()
    await register_of(till).until_at_hub()
    assert len(parent.bodies("sale")) == 3


async def test_what_it_has_no_right_to_is_taken_out_of_the_basket(
    till: Till, served: ServedParent
) -> None:
    await served.cut()

    await serve(till, planned(7))

    assert till.notebook.ledger.totals(Fact.SOLD) == {TEA: 5}
    assert till.notebook.tallies["riverside"].refused == 1


@pytest.mark.parametrize("interrupted", [0.0, 0.5])
async def test_switched_off_in_the_middle_of_a_sale_it_has_sold_once(
    till: Till, parent: MemoryParent, interrupted: float
) -> None:
    till._sale_s = 0.01

    await serve(till, planned(2, interrupted=interrupted))

    await register_of(till).until_at_hub()
    assert len(parent.bodies("sale")) == len(till.notebook.sales) == 1
    assert till.notebook.ledger.totals(Fact.SOLD) == {TEA: 2}


async def test_it_prices_by_its_own_copy(till: Till, served: ServedParent) -> None:
    await served.cut()

    quote = await register_of(till).quote([{"sku": "TEA", "quantity": 2}])

    assert quote["total_minor"] == 690
    assert [line["total_minor"] for line in quote["lines"]] == [690]


async def test_a_gateway_that_stays_away_is_not_waited_for_for_ever(
    till: Till, served: ServedParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.cut()
    await serve(till, planned(1))
    monkeypatch.setattr(lone_register, "WAIT_S_MAX", 0.0)

    with pytest.raises(NeverReady, match="its gateway has till-1 of riverside up to"):
        await register_of(till).until_handed_over()
