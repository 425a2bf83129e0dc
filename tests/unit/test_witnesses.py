"""Goal: a gateway believes what a register can have seen, and nothing else.

Method: a table of witnesses beside a journal of nine entries; and the bisection that finds where
two journals part, over journals of any length.
"""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.witness import Witness
from gateway.lives.branching import common_point
from gateway.lives.witnesses import ENTRIES_AHEAD_MAX, INCARNATIONS_AHEAD_MAX, Verdict, judge
from replication.journal import Head

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


@given(common=st.integers(0, 5_000), more=st.integers(0, 5_000))
def test_the_last_common_entry_is_found_in_few_questions(common: int, more: int) -> None:
    asked: list[int] = []

    async def is_same(seq: int) -> bool:
        asked.append(seq)
        return seq <= common

    assert asyncio.run(common_point(common + more, is_same)) == common
    assert len(asked) <= (common + more + 1).bit_length()
