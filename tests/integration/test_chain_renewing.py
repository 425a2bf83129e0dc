"""Goal: a box that lost entries which only registers know becomes another, once, and no other does.

A stop that no disk took is durable with the first thing that is.

Method: a chain in one process on real files; the requests of a box as the hub decides on them, in
every wrong way too.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from cloud_hub.lives import restoring
from cloud_hub.lives.branches import BranchTaken
from cloud_hub.lives.renewing import renew
from cloud_hub.stores.arrival import arrive
from gateway.client.witness import HEADER
from gateway.link.hub_line import HubAnswer
from gateway.lives import behind
from gateway.lives.branching import Mending
from gateway.lives.sealing import seal
from gateway.lives.witnesses import WitnessCheck
from gateway.status.report import StopReason
from replication import wire
from replication.adapters.group_commit import GroupCommit
from replication.errors import StorageFailed
from replication.ids import WriterId
from replication.journal import Head
from tests.chain_sides import ShopSide
from tests.life_chain import BOX, LifeChain, opened_life
from tests.register_chain import kinds, sold
from web.lives import SEALED, HeldHash, RenewRequest
from web.once import Done
from web.problems import Problem
from web.tokens import Principal


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    with opened_life(tmp_path, tea=10) as chain:
        yield chain


@pytest.fixture
def box(chain: LifeChain) -> ShopSide:
    return chain.shops["riverside"]


def ask(
    chain: LifeChain, head: Head, *, writer: str = "riverside.1", box: str = BOX, dice: int = 7
) -> BranchTaken | Problem:
    request = RenewRequest(box=box, seq=head.seq, hash=head.hash.hex(), why="till-1 has seen more")
    secret = bytes([dice]) * 32
    return chain.hub.commit(lambda: renew(chain.hub.state, WriterId(writer), request, secret))


def who(taken: BranchTaken | Problem) -> str:
    assert isinstance(taken, BranchTaken), taken
    assert taken.identity is not None
    return taken.identity.writer


class Line:
    """The hub as a box hears it that is behind a register's word; the link goes on beside it."""

    def __init__(self, chain: LifeChain, box: ShopSide) -> None:
        self._chain = chain
        self._box = box
        self.asked_by = ""

    async def get(self, path: str, *, within_s: float = 0.0) -> HubAnswer:
        """How far the hub has its journal; or its state, which only who speaks for a shop gets."""
        _ = within_s
        writer, office = self._box.state.ledger.writer, self._chain.hub.state
        if path == "/v1/replicate/state":
            return HubAnswer(200 if office.is_living(writer) else 403, b"{}")
        if office.is_living(writer):
            self._chain.sync(self._box)
        else:
            self._chain.hand_over(self._box, sealed=False)
        head = office.head_of(writer)
        held = HeldHash(
            writer=writer, seq=head.seq, hash=None, head_seq=head.seq, head_hash=head.hash.hex()
        )
        return HubAnswer(200, msgspec.json.encode(held))

    async def post(self, path: str, body: bytes, *, key: str, within_s: float = 0.0) -> HubAnswer:
        """It asks to be another."""
        _ = path, key, within_s
        asked = msgspec.json.decode(body, type=RenewRequest)
        self.asked_by = asked.box
        taken = ask(self._chain, Head(asked.seq, bytes.fromhex(asked.hash)), box=asked.box)
        if isinstance(taken, Problem):
            return HubAnswer(taken.status, msgspec.json.encode({"detail": taken.detail}))
        return HubAnswer(200, msgspec.json.encode(taken))


class LineOfAnother:
    """A hub with another journal of the box, from its first entry on; it takes nothing in yet."""

    def __init__(self) -> None:
        self.was_handed = asyncio.Event()

    async def get(self, path: str, *, within_s: float = 0.0) -> HubAnswer:
        """No entry of it is the box's."""
        _ = path, within_s
        digest = "f" * 64
        held = HeldHash(writer="riverside.1", seq=1, hash=digest, head_seq=99, head_hash=digest)
        return HubAnswer(200, msgspec.json.encode(held))

    async def post(self, path: str, body: bytes, *, key: str, within_s: float = 0.0) -> None:
        """What the box hands over is not answered."""
        _ = path, body, key, within_s
        self.was_handed.set()


class Writer:
    """The box's writer thread: what it is given is durable at once."""

    def __init__(self, box: ShopSide) -> None:
        self._box = box

    async def submit(self, change: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it returns
        """One commit."""
        return self._box.commit(change)


async def mend(chain: LifeChain, box: ShopSide) -> str:
    """Until the box is to be another from its next start on; the id that it asked with."""
    reborn, line = asyncio.Event(), Line(chain, box)
    await mend_until(reborn, chain, box, line, reborn.set)
    return line.asked_by


async def mend_until(
    done: asyncio.Event,
    chain: LifeChain,
    box: ShopSide,
    line: Line | LineOfAnother,
    reborn: Callable[[], None],
    changed: Callable[[], None] = lambda: None,
) -> None:
    mending = Mending(
        box.state, cast("GroupCommit", Writer(box)), box.state.store,
        line,
        wall_ms=chain.now_ms, changed=changed, reborn=reborn,
    )  # fmt: skip
    running = asyncio.create_task(mending.run())
    async with asyncio.timeout(30):
        await done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_box_that_has_ended_its_branch_is_stopped_also_where_its_disk_had_been_full(
    chain: LifeChain, box: ShopSide
) -> None:
    box.state.stopped = StopReason.BEHIND_WITNESS  # no disk took it: it is in memory alone
    line = LineOfAnother()
    await mend_until(line.was_handed, chain, box, line, lambda: None)

    image, identity = chain.image(box), box.state.identity
    again = ShopSide(lambda: chain.open_shop(image, identity), lambda _: None)
    known = behind.handed_over(again.state.store)
    refused, head = again.sell("tea"), again.state.ledger.head
    again.close()

    assert known is not None
    assert isinstance(refused, Problem)
    assert known.end_seq == head.seq, "what comes after it nobody hands over"


async def end_as_replaced(chain: LifeChain, box: ShopSide) -> None:
    """A stopped box asks to be another, and hears that one has its place: its last entry comes."""
    ended = asyncio.Event()
    await mend_until(ended, chain, box, Line(chain, box), pytest.fail, changed=ended.set)
    chain.hand_over(box, sealed=False)
    assert kinds(box)[-1] == SEALED
    box.close()


class FullDisk:
    """The box's writer thread while its disk takes nothing."""

    async def submit(self, change: Callable[[], Any]) -> None:
        """No commit."""
        _ = change
        raise StorageFailed("the disk is full")


async def test_a_registers_word_that_a_full_disk_did_not_take_is_not_forgotten(
    chain: LifeChain, box: ShopSide
) -> None:
    check = WitnessCheck(
        box.state, cast("GroupCommit", FullDisk()), box.state.store,
        wall_ms=chain.now_ms, changed=lambda: None,
    )  # fmt: skip
    seen = f"riverside.1;{box.state.head.seq + 1};{'0' * 64}"
    request = make_mocked_request("GET", "/v1/token", headers={HEADER: seen})
    await check(request, Principal(id="1", role="cashier", register="till-1", name="Ann"))
    assert box.state.stopped is StopReason.BEHIND_WITNESS
    assert behind.presented(box.state.store) is None
    assert box.state.witness == "riverside.1;0;", "the register shows again what it saw"

    asked_by = await mend(chain, box)  # there is room again

    known = behind.presented(box.state.store)
    assert known is not None
    assert (known.register, known.witness) == ("till-1", seen)
    assert who(ask(chain, box.state.ledger.head, box=asked_by)) == "riverside.2"
    head = box.state.head
    assert box.state.witness == f"riverside.1;{head.seq};{head.hash.hex()}"


async def test_of_two_copies_that_are_both_stopped_one_becomes_the_next(
    chain: LifeChain, box: ShopSide
) -> None:
    seen = behind.Presented(register="till-1", witness=f"riverside.1;99;{'0' * 64}", at_ms=1)
    box.commit(lambda: behind.stop_behind(box.state, seen))
    chain.sync()
    image, identity = chain.image(box), box.state.identity
    copy = ShopSide(lambda: chain.open_shop(image, identity), lambda _: None)
    assert copy.state.ledger.head == box.state.ledger.head, "a stopped box's start leaves nothing"

    asked_by = await mend(chain, box)
    by_copy = ask(chain, copy.state.ledger.head, box=asked_by)
    again = ask(chain, box.state.ledger.head, box=asked_by)
    copy.close()

    assert isinstance(by_copy, Problem)
    assert "riverside.2 speaks for riverside now" in by_copy.detail
    assert who(again) == "riverside.2"


def test_a_box_becomes_the_next_incarnation_and_a_lost_answer_is_told_again(
    chain: LifeChain, box: ShopSide
) -> None:
    head = box.state.ledger.head
    first, second = ask(chain, head), ask(chain, head, dice=8)
    assert isinstance(second, BranchTaken)
    new = chain.go_on(second)
    new.receive(tea=1)
    chain.sync(new)

    assert who(first) == who(second) == new.state.ledger.writer == "riverside.2"
    assert chain.state_of("riverside.1") == "open"
    assert new.state.quota("tea") == 1
    assert chain.hub.counter("riverside", "tea").levels().on_hand == 11
    chain.check("tea")


def test_a_copy_of_a_box_that_became_another_is_nobody_once_that_one_has_spoken(
    chain: LifeChain, box: ShopSide
) -> None:
    head = box.state.ledger.head
    taken = ask(chain, head)
    assert isinstance(taken, BranchTaken)
    chain.go_on(taken)

    refused = ask(chain, head, dice=8)

    assert isinstance(refused, Problem)
    assert "riverside.2 speaks for riverside now" in refused.detail


def test_a_copy_ends_no_token_of_a_box_that_has_begun_and_was_not_heard_yet(
    chain: LifeChain, box: ShopSide
) -> None:
    head, office, new = box.state.ledger.head, chain.hub.state, WriterId("riverside.2")
    taken = ask(chain, head)
    chain.hub.commit(lambda: restoring.note_begun(office, new))

    refused = ask(chain, head, dice=8)

    assert who(taken) == new
    assert isinstance(refused, Problem)
    assert "riverside.2 speaks for riverside now" in refused.detail
    assert not office.head_of(new).seq, "what it does its line keeps from the hub"


def test_a_copy_that_ends_the_journal_does_not_vouch_for_what_its_image_lacks(
    chain: LifeChain, box: ShopSide
) -> None:
    image, identity = chain.image(box), box.state.identity
    sold(box.sell("tea", 5))  # only a till knows
    restored = ShopSide(lambda: chain.open_shop(image, identity), lambda _: None)
    seen = behind.Presented(register="till-1", witness=f"riverside.1;99;{'0' * 64}", at_ms=1)
    restored.commit(lambda: behind.stop_behind(restored.state, seen))
    restored.commit(lambda: behind.mark(restored.state, seen, "a"))
    chain.shops["riverside"] = restored
    chain.sync()
    second = chain.image(restored)
    copy = ShopSide(lambda: chain.open_shop(second, identity), lambda _: None)
    taken = ask(chain, restored.state.ledger.head)
    assert isinstance(taken, BranchTaken)
    new = chain.go_on(taken)

    copy.commit(lambda: seal(copy.state))
    head = chain.hand_over(copy, sealed=False)
    chain.sync(new)
    hello = wire.Hello(
        versions=list(wire.VERSIONS), writer="riverside.1", seq=head.seq, hash=head.hash,
        cursor=0, boot="again", software="1", now_ms=0,
    )  # fmt: skip
    arrival = chain.hub.commit(lambda: arrive(chain.hub.state, WriterId("riverside.1"), hello))
    copy.close()

    assert chain.state_of("riverside.1") == "open"
    assert new.state.quota("tea") == 0, "five of the ten are gone"
    assert (arrival.is_known, arrival.is_living) == (True, False), "all of the copy has come"
    chain.check("tea")


async def test_a_box_that_is_replaced_while_a_register_has_seen_more_does_not_vouch_either(
    chain: LifeChain, box: ShopSide
) -> None:
    image, identity = chain.image(box), box.state.identity
    sold(box.sell("tea", 5))  # only a till knows, and its disk is overwritten
    seen = behind.Presented(register="till-1", witness=box.state.witness, at_ms=1)
    restored = ShopSide(lambda: chain.open_shop(image, identity), lambda _: None)
    restored.commit(lambda: behind.stop_behind(restored.state, seen))
    new = chain.replace("riverside")

    await end_as_replaced(chain, restored)
    chain.sync(new)
    quota = new.state.quota("tea")
    chain.count_all(new, tea=5)
    chain.sync(new)
    attested = chain.attest("riverside", "riverside.1")
    chain.sync(new)

    assert quota == 0, "five of the ten are gone"
    assert isinstance(attested, Done), attested
    assert new.state.quota("tea") == 5
    chain.check("tea")


async def test_a_sale_that_an_ended_image_lacks_is_handed_in_beside_the_one_in_its_place(
    chain: LifeChain, box: ShopSide
) -> None:
    image, identity = chain.image(box), box.state.identity
    lost = box.sell("tea", 5)
    seen = behind.Presented(register="till-1", witness=box.state.witness, at_ms=1)
    restored = ShopSide(lambda: chain.open_shop(image, identity), lambda _: None)
    other = sold(restored.sell("tea", 1))
    restored.commit(lambda: behind.stop_behind(restored.state, seen))
    new = chain.replace("riverside")
    await end_as_replaced(chain, restored)

    assert sold(lost) == other, "the place was given twice"
    assert isinstance(lost, Done)
    chain.recover(new, lost.record)
    chain.sync(new)
    chain.count_all(new, tea=4)
    chain.sync(new)
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    chain.sync(new)

    assert len(chain.sales()) == 2
    assert new.state.quota("tea") == 4
    chain.check("tea")


def test_what_the_hub_has_not_is_handed_over_first(chain: LifeChain, box: ShopSide) -> None:
    sold(box.sell("tea"))
    early = ask(chain, box.state.ledger.head)
    chain.sync()
    late = ask(chain, Head(box.state.ledger.head.seq, b"\0" * 32))

    assert isinstance(early, Problem)
    assert isinstance(late, Problem)
    assert (early.status, late.status) == (409, 409)
    assert who(ask(chain, box.state.ledger.head)) == "riverside.2"


def test_a_box_that_was_replaced_becomes_nobody(chain: LifeChain, box: ShopSide) -> None:
    head = box.state.ledger.head
    chain.replace("riverside")
    refused = ask(chain, head)
    copy = ask(chain, head, box="another-0123456789")

    assert isinstance(refused, Problem)
    assert isinstance(copy, Problem)
    assert "riverside.2 speaks for riverside now" in refused.detail


def test_a_copy_that_asks_after_its_box_became_another_becomes_nobody(
    chain: LifeChain, box: ShopSide
) -> None:
    head = box.state.ledger.head
    assert who(ask(chain, head)) == "riverside.2"

    assert isinstance(ask(chain, head, box="another-0123456789"), Problem)
