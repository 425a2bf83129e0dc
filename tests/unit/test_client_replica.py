"""Goal: a register that sells alone answers from its own disk, and tells its gateway all of it.

Method: registers with real files and a real link to a gateway in memory, which gives, asks back,
refuses, goes away, comes back older or as another box. Waiting is for what the register itself
announces.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.client import kept
from gateway.client.answers import Refusal, SaleDone, SaleRefused
from gateway.client.basket import SaleLine, Tender
from gateway.client.finding import GatewayGone, Place
from gateway.client.register import World
from gateway.client.register_file import RegisterRefused
from gateway.client.replica import ReplicaRegister
from gateway.counter.discovery_record import Found
from gateway.status.report import LinkState
from replication.errors import StorageFailed
from replication.session import EntriesArrived, GrantArrived
from tests.memory_parent import REGISTER, TOKEN, MemoryParent, ServedParent, tea

TEA = SaleLine(sku="TEA")
CASH = [Tender(type="cash", amount_minor=10_000)]
WAIT_S = 20.0
LOOK_S = 0.05


async def find_nobody(_location: str) -> list[Found]:
    """A network without gateways."""
    return []


WORLD = World(find=find_nobody)


@pytest.fixture
def parent() -> MemoryParent:
    parent = MemoryParent()
    parent.tell_taxes()
    parent.tell_product(tea())
    parent.stock("TEA", 5)
    return parent


@pytest.fixture
async def served(parent: MemoryParent) -> AsyncIterator[ServedParent]:
    async with ServedParent(parent) as served:
        yield served


def register_at(served: ServedParent | None, data: Path, name: str = "till-1") -> ReplicaRegister:
    """A register, the first time it has a gateway, or a later time."""
    place = None if served is None else Place(address=served.url)
    return ReplicaRegister(data, place, token=TOKEN, register=name, world=WORLD)


async def so(register: ReplicaRegister, is_so: Callable[[ReplicaRegister], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not is_so(register):
            await register.until(is_so, LOOK_S)


async def stocked(register: ReplicaRegister, units: int = 5) -> None:
    """Wait until the register has units of tea."""
    async with asyncio.timeout(WAIT_S):
        while (await register.status()).units != units:
            await register.is_quiet(0.05, 1.0)


async def done(register: ReplicaRegister, units: int = 1, key: str | None = None) -> SaleDone:
    """Sell tea."""
    sold = await register.sell([SaleLine(sku="TEA", quantity=units)], CASH, key=key)
    assert isinstance(sold, SaleDone), sold
    return sold


async def refused(register: ReplicaRegister, units: int = 1, key: str | None = None) -> Refusal:
    """Sell tea in vain."""
    sold = await register.sell([SaleLine(sku="TEA", quantity=units)], CASH, key=key)
    assert isinstance(sold, SaleRefused), sold
    return sold.refusal


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
        await served.__aexit__()
        await so(register, lambda one: one.link is LinkState.DOWN)

        first, second = await done(register, 2), await done(register, 3)
        no = await refused(register)

        assert (no.slug, no.problem["sellable"], no.problem["elsewhere"]) == ("quota-short", 0, [])
        status = await register.status()
        assert (status.sales_waiting, status.units) == (2, 0)
        assert status.headline.startswith("Selling alone: ")
        assert "2 sales are only here" in status.headline
        async with ServedParent(parent, served.port):
            await so(register, ReplicaRegister.is_at_hub)
    assert [body.seq for body in parent.bodies("sale")] == [first.sale["seq"], second.sale["seq"]]


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
                await register.is_quiet(0.02, 1.0)

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


async def test_a_new_gateway_sees_old_grants_and_then_what_the_hub_lacks(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await done(register)
        await so(register, ReplicaRegister.is_at_hub)
        known = list(parent.entries)
        await done(register)
        await so(register, ReplicaRegister.is_handed_over)
        await served.__aexit__()
        replacement = MemoryParent(incarnation=2, entries=list(known))
        replacement.tell_taxes()
        async with ServedParent(replacement, served.port):
            await so(register, lambda _one: len(replacement.entries) > len(known))

        [shown] = [one for one in replacement.heard if isinstance(one, GrantArrived)]
        assert shown.request == "witnessed"
        assert [(one.holder, one.detail, one.value) for one in shown.cells] == [
            ("riverside.1", REGISTER, 5)
        ]
        first = next(one for one in replacement.heard if isinstance(one, EntriesArrived))
        assert replacement.heard.index(shown) < replacement.heard.index(first)
        assert replacement.hellos[0].cursor == 0
        assert parent.hellos[0].cursor == 0
        assert [body.kind for body in replacement.bodies()] == ["started", "sale", "sale"]
        assert register.identity.parent == "riverside.2"


async def test_a_gateway_that_was_replaced_is_not_gone_back_to(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.__aexit__()
        second = MemoryParent(incarnation=2)
        async with ServedParent(second, served.port):
            await so(register, lambda _one: bool(second.hellos))
        old = MemoryParent()
        async with ServedParent(old, served.port):
            await so(register, lambda one: "has replaced" in (one.last_error or ""))

        assert not old.hellos
        await done(register)


async def test_a_register_whose_place_is_taken_seals_its_journal_and_sells_no_more(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await so(register, ReplicaRegister.is_handed_over)
        await done(register)
        parent.fences = True
        assert parent.link is not None
        parent.link.session.close("fenced", "another box is this register now")
        parent.link.wake()
        await so(register, lambda _one: bool(parent.bodies("sealed")))

        no = await refused(register)

        assert (no.status, no.slug) == (503, "unavailable")
        assert "another box has taken its name" in no.detail
    async with register_at(served, tmp_path) as register:
        assert (await refused(register)).slug == "unavailable"
    assert [body.kind for body in parent.bodies()] == ["started", "sale", "sealed"]


async def test_entries_stay_until_the_hub_has_them_and_then_a_tail_does(
    parent: MemoryParent, served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_ENTRIES", 2)
    parent.tells_hub = False
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        for number in range(4):
            await done(register, 1, f"k{number}")
        await so(register, ReplicaRegister.is_handed_over)
        assert await register.sale("RIVERSIDE.TILL-1-1-000001") is not None
    parent.tells_hub = True
    async with register_at(served, tmp_path) as register:  # an end and a start save the counters
        await so(register, ReplicaRegister.is_at_hub)
        await register.is_quiet(0.05, 1.0)

        assert await register.sale("RIVERSIDE.TILL-1-1-000003") is None
        last = await register.sale("riverside.till-1-1-000004".replace("-1-1", "-1-1"))
        assert last is not None
        assert await register.sale() == last
        assert (await done(register, 1, "k3")).sale["number"] == last.number
        assert (await done(register)).sale["number"] == "RIVERSIDE.TILL-1-1-000005"
        await so(register, ReplicaRegister.is_at_hub)
    assert len(parent.bodies("sale")) == 5


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
