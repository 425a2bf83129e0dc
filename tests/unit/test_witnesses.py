"""Goal: a gateway believes what a register can have seen, and nothing else.

Method: a table of witnesses beside a journal of nine entries; and the bisection that finds where
two journals part, over journals of any length.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.witness import HEADER, Witness
from gateway.lives import behind
from gateway.lives.behind import Presented
from gateway.lives.branching import common_point
from gateway.lives.witnesses import (
    ENTRIES_AHEAD_MAX,
    INCARNATIONS_AHEAD_MAX,
    REFUSED_AGAIN_MS,
    Verdict,
    WitnessCheck,
    judge,
)
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.journal import Head
from tests.chain import Chain
from tests.chain_sides import ShopSide
from web.problems import Problem
from web.tokens import Principal

WRITER = "riverside.3"
FIRST_KEPT = 4


def hash_at(seq: int) -> bytes | None:
    """The journal's hashes; its beginning is not kept any more."""
    return bytes([seq]) * 32 if FIRST_KEPT <= seq <= 9 else None


def shown(writer: str, seq: int, letter: int | None = None) -> str:
    return f"{writer};{seq};{(bytes([seq if letter is None else letter]) * 32).hex()}"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (f"{WRITER};0;", Verdict.HELD),
        (shown(WRITER, 9), Verdict.HELD),
        (shown(WRITER, 5), Verdict.HELD),
        (shown(WRITER, 5, letter=6), Verdict.BEHIND),
        (shown(WRITER, 2, letter=6), Verdict.HELD),  # nobody here can tell any more
        (shown(WRITER, 10), Verdict.BEHIND),
        (f"{WRITER};{9 + ENTRIES_AHEAD_MAX};00", Verdict.BEHIND),
        (f"{WRITER};{10 + ENTRIES_AHEAD_MAX};00", Verdict.FAR),
        ("riverside.2;900;00", Verdict.EARLIER),
        ("riverside.4;1;00", Verdict.BEHIND),
        (f"riverside.{3 + INCARNATIONS_AHEAD_MAX};1;00", Verdict.BEHIND),
        (f"riverside.{4 + INCARNATIONS_AHEAD_MAX};1;00", Verdict.FAR),
        ("harbour.3;9;00", Verdict.ELSEWHERE),
        ("riverside-2.3;9;00", Verdict.ELSEWHERE),
    ],
)
def test_a_witness_is_held_or_says_why_not(text: str, verdict: Verdict) -> None:
    witness = Witness.parse(text)
    assert witness is not None

    head = Head(9, bytes([9]) * 32)
    assert judge(witness, writer=WRITER, head=head, hash_at=hash_at) is verdict


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        (shown(WRITER, 9), True),
        (f"{WRITER};0;", True),
        (f"{WRITER};0;{'0' * 64}", True),
        (f"{WRITER};9;", False),
        (f"{WRITER};0;00", False),
        (f"{WRITER};9;{'1' * 63}", False),
        (f"{WRITER};9;{'1' * 65}", False),
        (f"{WRITER};9;{'A' * 64}", False),
        (f"{WRITER};9;{'g' * 64}", False),
    ],
)
def test_a_hash_has_64_digits_and_is_missing_before_the_first_entry_alone(
    text: str,
    is_whole: bool,  # noqa: FBT001
) -> None:
    witness = Witness.parse(text)
    assert witness is not None
    assert witness.is_whole is is_whole


@pytest.fixture
def box(tmp_path: Path) -> Iterator[ShopSide]:
    chain = Chain(tmp_path, skus=("tea",), shops=("riverside",))
    yield chain.shops["riverside"]
    chain.close()


class Showing:
    """Registers show witnesses to a box; `told` counts what its page was told of."""

    def __init__(self, box: ShopSide) -> None:
        self.now_ms = 1_000_000
        self.told = 0
        self.check = WitnessCheck(
            box.state, cast("GroupCommit", None), box.state.store,
            wall_ms=lambda: self.now_ms, changed=self._changed,
        )  # fmt: skip

    def _changed(self) -> None:
        self.told += 1

    def show(self, witness: str, register: str = "till-1") -> int:
        """The status that the request is refused with."""
        request = make_mocked_request("GET", "/v1/token", headers={HEADER: witness})
        who = Principal(id=register, role="cashier", register=register, name="Ann")
        with pytest.raises(Problem) as refused:
            asyncio.run(self.check(request, who))
        return refused.value.status


def test_a_witness_whose_hash_is_none_is_refused_and_stops_nothing(box: ShopSide) -> None:
    showing, head = Showing(box), box.state.ledger.head.seq

    for told in ("1" * 63, "00", "A" * 64, ""):
        assert showing.show(f"riverside.1;{head + 1};{told}") == 400
    assert box.state.stopped is None
    assert (showing.told, showing.check.refused) == (0, {})


def test_a_register_that_shows_what_is_not_believed_wakes_the_page_once_a_minute(
    box: ShopSide,
) -> None:
    showing = Showing(box)
    hashed = "0" * 64

    for seq in range(50):  # ten a second, of a journal that goes on
        assert showing.show(f"harbour.1;{seq};{hashed}") == 403
        showing.now_ms += 100
    assert showing.told == 1
    assert showing.show(f"harbour.1;9;{hashed}", "till-2") == 403
    assert showing.told == 2
    showing.now_ms += REFUSED_AGAIN_MS
    assert showing.show(f"harbour.1;70;{hashed}") == 403
    assert showing.told == 3
    assert showing.check.refused["till-1"].witness == f"harbour.1;70;{hashed}"


def test_a_witness_that_the_hub_refuted_meanwhile_stops_nothing(box: ShopSide) -> None:
    shop = box.state
    seen = Presented(register="till-1", witness="riverside.9;1;" + "0" * 64, at_ms=1)

    box.commit(lambda: behind.stop_behind(shop, seen))
    assert shop.stopped is StopReason.BEHIND_WITNESS
    box.commit(lambda: behind.refute(shop, seen))
    box.commit(lambda: behind.stop_behind(shop, seen))  # it was looked at before that commit
    assert shop.stopped is None


@given(common=st.integers(0, 5_000), more=st.integers(0, 5_000))
def test_the_last_common_entry_is_found_in_few_questions(common: int, more: int) -> None:
    asked: list[int] = []

    async def is_same(seq: int) -> bool:
        asked.append(seq)
        return seq <= common

    assert asyncio.run(common_point(common + more, is_same)) == common
    assert len(asked) <= (common + more + 1).bit_length()
