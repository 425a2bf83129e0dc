"""Goal: a register that sells alone answers from its own disk, and tells its gateway all of it.

Method: registers with real files and a real link to a gateway in memory, which gives, asks
back, refuses and goes away.
"""

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.client.answers import Refusal, SaleDone, SaleRefused
from gateway.client.basket import SaleLine
from gateway.client.finding import GatewayGone, Place
from gateway.client.register_file import RegisterRefused
from gateway.client.register_status import Reach
from gateway.client.replica import ReplicaRegister
from gateway.status.report import LinkState
from replication.errors import StorageFailed
from tests.alone import (
    CASH,
    TEA,
    WAIT_S,
    WORLD,
    done,
    refused,
    register_at,
    so,
    stocked,
)
from tests.memory_parent import REGISTER, TOKEN, MemoryParent, ServedParent, tea


async def test_a_sale_is_told_to_the_gateway_as_it_was_answered(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)

        sold = await done(register, 2)
        await so(register, ReplicaRegister.is_at_hub)

        assert sold.sale["number"] == "RIVERSIDE.TILL-1-1-000001"
        assert sold.sale_id == f"{REGISTER}-{sold.sale['seq']}"
        assert (sold.sale["total_minor"], sold.sale["change_minor"]) == (690, 9_310)
        assert (sold.sale["register"], sold.sale["cashier"]) == ("till-1", "amira")
        [entry] = parent.bodies("sale")
        assert (entry.writer, entry.seq) == (REGISTER, sold.sale["seq"])
        assert entry.moves == [("TEA", -2)]
        assert parent.presented == ["riverside.1;7;ab"]
        status = await register.status()
        assert (status.goods, status.units, status.sales_not_at_hub) == (1, 3, 0)


async def test_without_its_gateway_it_sells_what_it_has_and_no_more(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        await so(register, lambda one: one.link is LinkState.DOWN)

        first, second = await done(register, 2), await done(register, 3)
        no = await refused(register)

        assert (no.slug, no.problem["sellable"], no.problem["elsewhere"]) == ("quota-short", 0, [])
        status = await register.status()
        assert (status.sales_waiting, status.units) == (2, 0)
        assert status.headline.startswith("Selling alone: ")
        assert "2 sales are only here" in status.headline
        served.heal()
        await so(register, ReplicaRegister.is_at_hub)
    assert [body.seq for body in parent.bodies("sale")] == [first.sale["seq"], second.sale["seq"]]


async def test_a_register_whose_journal_is_refused_says_so_until_it_is_taken(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    reaches: list[Reach] = []
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        parent.takes_none = "entry 7 does not follow from the one before"
        await done(register)
        await so(register, lambda one: one.reach is Reach.REFUSED)
        welcomed = len(parent.hellos) + 2

        def is_welcomed(one: ReplicaRegister) -> bool:
            reaches.append(one.reach)
            return len(parent.hellos) >= welcomed

        await so(register, is_welcomed)
        status = await register.status()

        assert set(reaches) == {Reach.REFUSED}
        assert status.last_error == parent.takes_none
        assert "the gateway is heard, and does not take what this" in status.headline
        assert "1 sale is only here, until it does." in status.headline
        parent.takes_none = None
        await so(register, ReplicaRegister.is_handed_over)
        assert (register.reach, register.last_error) == (Reach.CONNECTED, None)
        assert (await register.status()).headline.startswith("Selling. ")


async def test_what_is_short_is_borrowed_while_the_customer_waits(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    parent.lends, parent.left = lambda wants: wants, 7
    async with register_at(served, tmp_path) as register:
        await stocked(register)

        await done(register, 2)
        await done(register, 9)

        assert parent.given == {"TEA": 11}
        assert (await register.status()).units == 0


async def test_a_scale_finds_what_neither_the_register_nor_its_gateway_has(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    cheese = msgspec.structs.replace(
        tea("CHEESE"), unit="g", price_per_quantity=1_000, stock_policy="tolerant"
    )
    parent.tell_product(cheese)
    parent.stock("CHEESE", 100)
    parent.left = 140
    parent.lends = lambda wants: wants if all(units <= 140 for _, units in wants) else []
    async with register_at(served, tmp_path) as register:
        await stocked(register, 105)

        sold = await register.sell([SaleLine(sku="CHEESE", quantity=252)], CASH)
        await so(register, ReplicaRegister.is_handed_over)

    assert isinstance(sold, SaleDone), sold
    [entry] = parent.bodies("sale")
    assert sorted(entry.moves) == [("CHEESE", -252), ("CHEESE", 12)]


async def test_a_refusal_says_what_the_gateway_had_left(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    parent.left = 2
    async with register_at(served, tmp_path) as register:
        await stocked(register)

        no = await refused(register, 9)

        elsewhere = no.problem["elsewhere"]
        assert isinstance(elsewhere, list)
        assert [(one["holder"], one["quantity"]) for one in elsewhere] == [("riverside.1", 2)]
        assert (no.problem["wanted"], no.problem["sellable"]) == (9, 5)


async def test_a_key_sells_once_over_a_restart_and_for_one_body(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        first, twin = await asyncio.gather(done(register, 1, "k"), done(register, 1, "k"))
    async with register_at(served, tmp_path) as register:
        again = await done(register, 1, "k")
        other = await refused(register, 2, "k")
        nameless = await refused(register, 1, "")

        assert first.sale == twin.sale == again.sale
        assert (other.status, other.slug) == (422, "invalid-request")
        assert (nameless.status, nameless.slug) == (400, "invalid-request")
        assert (await register.status()).units == 4


async def test_a_call_that_was_given_up_may_have_sold_and_its_key_tells(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        asking = asyncio.ensure_future(done(register, 1, "k"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        sold = await done(register, 1, "k")

        assert sold.sale["number"] == "RIVERSIDE.TILL-1-1-000001"
        assert (await register.status()).units == 4


async def test_prices_and_codes_are_its_own_copy_of_the_feed(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        found = await register.lookup("4006381333931")
        assert isinstance(found, dict)
        assert (found["sku"], found["price_minor"], found["quota"]) == ("TEA", 345, 5)

        parent.tell_product(tea(price_minor=400))
        async with asyncio.timeout(WAIT_S):
            while (await done(register)).sale["total_minor"] != 400:
                await register.until_quiet(0.02, 1.0)

        unknown = await register.lookup("nonsense")
        assert isinstance(unknown, Refusal)
        assert unknown.slug == "unknown-product"


async def test_what_nobody_waits_for_is_handed_back_as_far_as_it_goes(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)

        parent.ask_back("need-1", [("TEA", 7), ("JAM", 1)])
        await stocked(register, 0)
        await so(register, ReplicaRegister.is_handed_over)

        [answer] = parent.grants()
        assert answer.request == "need-1"
        assert [(one.sku, one.holder, one.detail, one.value) for one in answer.cells] == [
            ("TEA", REGISTER, "riverside.1", 5)
        ]
        assert [body.reference for body in parent.bodies("grant")] == ["need-1"]
        assert (await refused(register)).slug == "quota-short"


async def test_what_the_disk_does_not_take_is_not_sold(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await so(register, ReplicaRegister.is_at_hub)
        register._store.connection.set_commit_hook(lambda: True)
        with pytest.raises(StorageFailed):
            await register.sell([TEA], CASH, key="k")
        register._store.connection.set_commit_hook(None)

        assert (await done(register, 1, "k")).sale["number"] == "RIVERSIDE.TILL-1-1-000001"
        await so(register, ReplicaRegister.is_at_hub)
    assert len(parent.bodies("sale")) == 1


@pytest.mark.parametrize("role", ["cashier", "supervisor"])
async def test_beyond_its_stock_it_sells_on_a_supervisors_word_alone(
    role: str, parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    parent.role = role
    async with register_at(served, tmp_path) as register:
        await stocked(register)

        sold = await register.sell(
            [SaleLine(sku="TEA", quantity=7)], CASH, override={"reason": "seen on the shelf"}
        )
        await so(register, ReplicaRegister.is_handed_over)

    if role == "cashier":
        assert isinstance(sold, SaleRefused)
        assert sold.refusal.slug == "forbidden"
        assert not parent.bodies("sale")
    else:
        assert isinstance(sold, SaleDone)
        [entry] = parent.bodies("sale")
        left = {(cell.table, cell.detail): cell.value for cell in entry.cells}
        assert left["spent", "sold"] == 5
        assert left["overdrawn", "sold"] == 2


# Becoming a register


async def test_the_first_time_it_needs_its_gateway(tmp_path: Path) -> None:
    nobody = Place(address="http://127.0.0.1:9")
    with pytest.raises(GatewayGone):
        async with ReplicaRegister(tmp_path, nobody, token=TOKEN, register="till-1", world=WORLD):
            pass
    with pytest.raises(RegisterRefused, match="say which gateway"):
        async with ReplicaRegister(tmp_path):
            pass


async def test_a_gateway_that_refuses_says_why(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    parent.refuses = (409, "64 registers sell alone here: write one off first.")

    with pytest.raises(RegisterRefused, match="the gateway refuses: 64 registers sell alone"):
        async with register_at(served, tmp_path):
            pass


async def test_a_directory_is_one_register_of_one_shop(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path):
        pass

    with pytest.raises(RegisterRefused, match="is register till-1 of riverside, not till-2"):
        async with register_at(served, tmp_path, "till-2"):
            pass
    with pytest.raises(RegisterRefused, match="is a register of riverside, not of harbour"):
        async with ReplicaRegister(tmp_path, Place(location="harbour"), world=WORLD):
            pass
    async with ReplicaRegister(tmp_path, world=WORLD) as register:  # all it needs, it knows
        await stocked(register)
        with pytest.raises(StorageFailed, match="in use by another running program"):
            async with ReplicaRegister(tmp_path, world=WORLD):
                pass
