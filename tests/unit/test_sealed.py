"""Goal: a journal's last entry says that nothing is missing, unless a register has seen more of it.

Boxes that know of no such word say nothing, as they always did.
"""

import msgspec
import pytest

from replication.journal import Actor, EntryBody
from web.lives import SEALED, Sealed, vouches

HASH = "0" * 64


def last_entry(record: bytes, writer: str = "riverside.1") -> EntryBody:
    return EntryBody(
        writer=writer, seq=9, at_ms=1, tick=0, boot="b", synchronised=True, kind=SEALED,
        actor=Actor(), reason="", reference="", moves=[], cells=[], record=msgspec.Raw(record),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "is_whole"),
    [
        (b"{}", True),
        (b'{"behind":null,"more":1}', True),
        (f'{{"behind":"riverside.1;99;{HASH}"}}'.encode(), False),
        (f'{{"behind":"riverside.2;3;{HASH}"}}'.encode(), True),
        (b'{"behind":7}', False),
        (b"[]", False),
    ],
)
def test_a_last_entry_vouches_for_its_journal_unless_more_of_that_was_seen(
    record: bytes,
    is_whole: bool,  # noqa: FBT001
) -> None:
    assert vouches(last_entry(record)) is is_whole


def test_what_was_seen_of_its_box_takes_nothing_from_a_branch() -> None:
    seen = msgspec.json.encode(Sealed(behind=f"riverside.1;99;{HASH}"))
    assert vouches(last_entry(seen, "riverside.3"))


def test_a_box_that_knows_of_no_such_word_ends_its_journal_as_before() -> None:
    assert msgspec.json.encode(Sealed()) == b"{}"
