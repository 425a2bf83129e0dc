"""Goal: the number on a receipt names one sale, or none that is held here.

Method: a file with the journals of a gateway and of a register whose names could be mixed up; of an
earlier incarnation it holds only the end.
"""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from replication.adapters.sqlite import REPLICA, ReplicaStore, connect, migrate, transaction
from replication.ids import LocationId, register_writer, writer_id
from tests.replication_samples import body_of, chain
from web.sale_numbers import location_on_receipt, printed_number, sale_named

GATEWAY: Final = writer_id(LocationId("riverside"), 2)
BEFORE: Final = writer_id(LocationId("riverside"), 1)
TILL: Final = register_writer(LocationId("riverside"), "till-1", 2)
TWIN: Final = writer_id(LocationId("riverside-till-1"), 2)
"""Its numbers would look like the register's, if the register had a dash there."""


@pytest.fixture
def store(tmp_path: Path) -> ReplicaStore:
    connection = connect(tmp_path / "file.db")
    migrate(connection, [REPLICA])
    made = ReplicaStore(connection)
    with transaction(connection):
        for writer in (GATEWAY, TILL, TWIN):
            made.store_entries(journal_of(writer))
        made.store_entries(journal_of(BEFORE)[12:])
    return made


def journal_of(writer: str) -> list[tuple[str, int, str, bytes, bytes]]:
    """Ten sales, each after another entry: sale n is entry 2n."""
    kinds = ["note", "sale"] * 10
    entries, _head = chain(
        body_of(
            seq, writer=writer, kind=kind, cells=[],
            record=msgspec.Raw(msgspec.json.encode({"number": printed_number(writer, seq // 2)})),
        )
        for seq, kind in enumerate(kinds, 1)
    )  # fmt: skip
    return [
        (writer, seq, kind, one.hash, one.body)
        for (seq, kind), one in zip(enumerate(kinds, 1), entries, strict=True)
    ]


@pytest.mark.parametrize(
    ("told", "sale"),
    [
        ("RIVERSIDE-2-000003", "riverside.2-6"),
        ("riverside-2-000003 ", "riverside.2-6"),
        ("RIVERSIDE.TILL-1-2-000003", "riverside.till-1.2-6"),
        ("RIVERSIDE-TILL-1-2-000003", "riverside-till-1.2-6"),
        ("RIVERSIDE-1-000007", "riverside.1-14"),
        ("RIVERSIDE-1-000010", "riverside.1-20"),
    ],
)
def test_a_number_names_the_sale_of_its_writer(store: ReplicaStore, told: str, sale: str) -> None:
    assert sale_named(store, told) == sale


@pytest.mark.parametrize(
    "number",
    [
        "RIVERSIDE-1-000001",  # before what is held of that journal
        "RIVERSIDE-1-000006",
        "RIVERSIDE-2-000011",
        "RIVERSIDE-3-000001",
        "RIVERSIDE.TILL-1-1-000001",
        "RIVERSIDE.TILL-2-2-000001",
        "HUB.TILL-1-1-000001",
    ],
)
def test_a_number_that_is_not_here_stays_a_number(store: ReplicaStore, number: str) -> None:
    assert sale_named(store, number.lower()) == number


@pytest.mark.parametrize("told", ["", "riverside.2-6", "RIVERSIDE-2-000000", "a.b.c-1-000001"])
def test_what_is_no_number_is_taken_as_it_is(store: ReplicaStore, told: str) -> None:
    assert sale_named(store, told) == told


def test_a_number_says_where_it_was_printed() -> None:
    assert printed_number(GATEWAY, 12) == "RIVERSIDE-2-000012"
    assert printed_number(TILL, 12, "R") == "RIVERSIDE.TILL-1-2-R000012"
    assert location_on_receipt("RIVERSIDE.TILL-1-2-000012") == "riverside"
    assert location_on_receipt("RIVERSIDE-TILL-1-2-000012") == "riverside-till-1"
    assert location_on_receipt("RIVERSIDE-2-R000012") is None
