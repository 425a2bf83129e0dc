"""Goal: a register that sells alone keeps what the hub may lack, through any life of its gateway.

Method: registers with real files and a real link to a gateway in memory, which comes
back older or as another box, and takes the register's place away.
"""

import asyncio
import random
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.client import kept, register_uplink
from gateway.client.finding import Place
from gateway.client.register import World
from gateway.client.replica import ReplicaRegister
from gateway.link import uplink
from gateway.lives import sealing
from gateway.shop import Shop
from gateway.status.report import LinkState
from replication.errors import StorageFailed
from replication.session import EntriesArrived
from tests.alone import (
    done,
    find_nobody,
    refused,
    register_at,
    so,
    stocked,
)
from tests.memory_parent import REGISTER, TOKEN, MemoryParent, ServedParent, tea


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
        await served.cut()
        replacement = MemoryParent(incarnation=2, entries=list(known))
        replacement.tell_taxes()
        served.heal(replacement)
        await so(register, lambda _one: len(replacement.entries) > len(known))

        [shown] = replacement.grants()
        assert shown.request == "witnessed/1"
        assert [(one.holder, one.detail, one.value) for one in shown.cells] == [
            ("riverside.1", REGISTER, 5)
        ]
        first = next(one for one in replacement.heard if isinstance(one, EntriesArrived))
        assert replacement.heard.index(shown) < replacement.heard.index(first)
        assert replacement.hellos[0].cursor == 0
        assert parent.hellos[0].cursor == 0
        assert [body.kind for body in replacement.bodies()] == ["started", "sale", "sale"]
        assert register.identity.parent == "riverside.2"


async def test_a_gateway_that_comes_back_sees_before_any_entry_what_it_gave(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        await done(register)
        served.heal(parent)
        await so(register, lambda _one: bool(parent.bodies("sale")))

    [shown] = parent.grants()
    assert [(one.holder, one.detail, one.value) for one in shown.cells] == [
        ("riverside.1", REGISTER, 5)
    ]
    sale = next(
        one
        for one in parent.heard
        if isinstance(one, EntriesArrived) and b'"sale"' in one.entries[-1].body
    )
    assert parent.heard.index(shown) < parent.heard.index(sale)


async def test_a_gateway_that_was_replaced_is_not_gone_back_to(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        second = MemoryParent(incarnation=2)
        served.heal(second)
        await so(register, lambda _one: bool(second.hellos))
        await served.cut()
        old = MemoryParent()
        served.heal(old)
        await so(register, lambda one: "has replaced" in (one.last_error or ""))

        assert not old.hellos
        await done(register)


async def test_a_register_enrols_again_at_a_gateway_that_is_new_to_it(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        second = MemoryParent(incarnation=2, refuses=(409, "that is the journal of another box"))
        served.heal(second)
        await so(register, lambda one: "of another box" in (one.last_error or ""))

        assert not second.hellos
        assert register.identity.parent == "riverside.1"
        await done(register)
        second.refuses = None
        await so(register, lambda _one: bool(second.bodies("sale")))

        [first, *again] = second.asked
        assert first == {
            "register": "till-1",
            "box": first["box"],
            "writer": "riverside.till-1.1",
        }
        assert again
        assert all(one == first for one in again)
        assert register.identity.parent == "riverside.2"


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


async def test_a_last_entry_that_a_full_disk_did_not_take_is_written_once_there_is_room(
    parent: MemoryParent, served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Shop] = []

    def seal(shop: Shop) -> None:
        tried.append(shop)
        if len(tried) == 1:
            raise StorageFailed("the disk is full")
        sealing.seal(shop)

    monkeypatch.setattr(uplink, "seal", seal)
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await so(register, ReplicaRegister.is_handed_over)
        parent.fences = True
        assert parent.link is not None
        parent.link.session.close("fenced", "another box is this register now")
        parent.link.wake()

        await so(register, lambda _one: bool(parent.bodies("sealed")))

        assert (await refused(register)).slug == "unavailable"
    assert [body.kind for body in parent.bodies()] == ["started", "sealed"]


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
        await register.until_quiet(0.05, 1.0)

        assert await register.sale("RIVERSIDE.TILL-1-1-000003") is None
        last = await register.sale("riverside.till-1-1-000004".replace("-1-1", "-1-1"))
        assert last is not None
        assert await register.sale() == last
        assert (await done(register, 1, "k3")).sale["number"] == last.number
        assert (await done(register)).sale["number"] == "RIVERSIDE.TILL-1-1-000005"
        await so(register, ReplicaRegister.is_at_hub)
    assert len(parent.bodies("sale")) == 5


async def test_nothing_goes_that_the_hub_may_lack(
    parent: MemoryParent, served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_ENTRIES", 0)
    monkeypatch.setattr(register_uplink, "BATCH_ENTRIES_MAX", 1)
    parent.hub_lags = 4
    for number in range(1, 4):
        async with register_at(served, tmp_path) as register:
            await so(register, lambda one: one.link is LinkState.CONNECTED)
            await stocked(register, 6 - number)
            await done(register)
            await so(register, ReplicaRegister.is_handed_over)
            await register.until_quiet(0.05, 1.0)

    async with register_at(served, tmp_path) as register:
        await so(register, lambda one: one.link is LinkState.CONNECTED)
        await register.until_quiet(0.05, 1.0)
        numbers = [await register.sale(f"RIVERSIDE.TILL-1-1-{one:06d}") for one in range(1, 4)]

    assert [sale is not None for sale in numbers] == [False, True, True]


async def test_numbers_go_on_after_the_last_sale_however_long_ago_it_was(
    served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_ENTRIES", 0)
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await done(register)
    for _ in range(3):
        async with register_at(served, tmp_path) as register:
            await so(register, ReplicaRegister.is_at_hub)
            await register.until_quiet(0.05, 1.0)
            assert (await register.sale()) is not None

    async with register_at(served, tmp_path) as register:
        assert (await done(register)).sale["number"] == "RIVERSIDE.TILL-1-1-000002"


async def test_an_old_copy_of_its_own_disk_sells_no_more(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path / "till") as register:
        await stocked(register)
        await so(register, ReplicaRegister.is_at_hub)
    shutil.copytree(tmp_path / "till", tmp_path / "copy")
    async with register_at(served, tmp_path / "till") as register:
        await done(register)
        await so(register, ReplicaRegister.is_at_hub)

    await served.cut()
    entries, heard = len(parent.entries), len(parent.heard)
    async with register_at(served, tmp_path / "copy") as copy:
        for _ in range(4):  # nobody can tell it yet
            await done(copy)
        served.heal()
        await so(copy, lambda one: "another journal" in (one.last_error or ""))
        no = await refused(copy)

    assert "an old copy" in no.detail
    assert len(parent.entries) == entries
    assert not [one for one in parent.heard[heard:] if isinstance(one, EntriesArrived)]


async def test_a_gateway_that_lacks_what_was_given_up_is_not_told_a_half(
    parent: MemoryParent, served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_ENTRIES", 1)
    for _ in range(2):  # an end saves the counters: what is older may go then
        async with register_at(served, tmp_path) as register:
            await stocked(register, 5 - len(parent.bodies("sale")))
            await done(register)
            await done(register)
            await so(register, ReplicaRegister.is_at_hub)
    await served.cut()
    fresh = MemoryParent(incarnation=2)
    served.heal(fresh)
    async with register_at(served, tmp_path) as register:
        await so(register, lambda one: "was given up here" in (one.last_error or ""))
        await done(register)

    assert fresh.entries == []


async def test_how_far_the_gateway_was_is_remembered_and_presented(
    parent: MemoryParent, served: ServedParent, tmp_path: Path
) -> None:
    turns = asyncio.Queue[None]()

    async def next_turn(_seconds: float) -> None:
        await turns.get()

    world = World(find=find_nobody, sleep=next_turn)
    place = Place(address=served.url)
    async with ReplicaRegister(
        tmp_path, place, token=TOKEN, register="till-1", world=world
    ) as register:
        await stocked(register)
        parent.seq = 9
        turns.put_nowait(None)
        await so(register, lambda one: str(one.witness).startswith("riverside.1;9;"))
    async with register_at(served, tmp_path) as register:
        await so(register, lambda one: one.link is LinkState.CONNECTED)

    assert parent.presented == ["riverside.1;7;ab", "riverside.1;9;ab"]


async def test_a_longer_journal_is_shown_what_was_seen_before_and_is_not_taken_for_the_same(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        copy = MemoryParent(seq=12)
        served.heal(copy)
        await so(register, lambda one: str(one.witness).startswith("riverside.1;12;"))

    assert copy.presented[0] == "riverside.1;7;ab"


async def test_a_gateway_that_came_back_as_an_old_image_is_shown_what_it_lacks(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        image = MemoryParent(seq=6)
        served.heal(image)
        await so(register, lambda one: "old copy of riverside.1" in (one.last_error or ""))

        assert set(image.shown) == {"riverside.1;7;ab"}
        assert image.hellos == []
        mended = MemoryParent(incarnation=2, seq=1)
        served.heal(mended)
        await so(register, lambda one: one.link is LinkState.CONNECTED)
        assert mended.shown == []


async def test_a_gateway_that_does_not_believe_what_it_is_shown_is_linked_to_as_it_is(
    served: ServedParent, tmp_path: Path
) -> None:
    async with register_at(served, tmp_path) as register:
        await stocked(register)
        await served.cut()
        image = MemoryParent(seq=6, believes=False)
        served.heal(image)
        await so(register, lambda one: bool(image.hellos) and one.link is LinkState.CONNECTED)

    assert image.shown[0] == "riverside.1;7;ab"
    assert image.presented[0] == "riverside.1;6;ab"


ACTS = ("sell", "give up", "cut", "heal", "restart", "replace")


@settings(max_examples=30, deadline=None)
@given(acts=st.lists(st.sampled_from(ACTS), max_size=14), dice=st.randoms(use_true_random=False))
def test_no_order_of_cuts_restarts_and_new_gateways_loses_or_doubles_a_sale(
    acts: list[str], dice: random.Random
) -> None:
    async def scenario(data: Path) -> None:
        parent = MemoryParent(tells_hub=False)
        parent.tell_taxes()
        parent.tell_product(tea())
        parent.stock("TEA", 50)
        answered, keys = set[str](), list[str]()
        async with ServedParent(parent) as served, AsyncExitStack() as stack:
            register = await stack.enter_async_context(register_at(served, data))
            await stocked(register, 50)
            for act in [*acts, "heal"]:
                match act:
                    case "sell":
                        answered.add((await done(register)).sale_id)
                    case "give up":
                        keys.append(register.new_key())
                        asking = asyncio.ensure_future(done(register, 1, keys[-1]))
                        for _ in range(dice.randrange(4)):
                            await asyncio.sleep(0)
                        asking.cancel()
                        await asyncio.gather(asking, return_exceptions=True)
                    case "cut" | "replace":
                        await served.cut()
                    case "heal":
                        served.heal(parent)
                    case "restart":
                        await stack.aclose()
                        register = await stack.enter_async_context(register_at(served, data))
                if act == "replace":  # what the hub had of the one before, and no more
                    cut = dice.randint(0, len(parent.entries))
                    parent = MemoryParent(
                        incarnation=parent.incarnation + 1, entries=parent.entries[:cut],
                        tells_hub=False,
                    )  # fmt: skip
            for key in keys:
                answered.add((await done(register, 1, key)).sale_id)
            await so(register, lambda one: one.link is LinkState.CONNECTED)
            await so(register, lambda _one: len(parent.bodies("sale")) >= len(answered))

        sold = [f"{body.writer}-{body.seq}" for body in parent.bodies("sale")]
        assert sorted(sold) == sorted(answered)

    with tempfile.TemporaryDirectory() as data:
        asyncio.run(scenario(Path(data)))
