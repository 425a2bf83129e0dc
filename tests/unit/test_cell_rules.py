"""Goal: the rights of a fenced writer are thawed by the replica above it, and by nobody else.

Method: each table with writers and details that are almost right. What holds for the cells of all
tables is in `tests/property/test_escrow.py`.
"""

from typing import Final

import pytest

from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CONCEDED_LEVELS, CellChange
from replication.ids import EVERYWHERE

HUB: Final = "hub.1"
STORE: Final = "riverside.1"
TILL: Final = "riverside.till-1.1"


@pytest.mark.parametrize("table", ["reclaimed", "conceded"])
@pytest.mark.parametrize(
    ("writer", "fenced"),
    [(HUB, STORE), (HUB, "riverside.2"), (STORE, TILL), ("riverside.2", TILL)],
)
@pytest.mark.parametrize(
    ("location", "key"), [("riverside", "tea"), (EVERYWHERE, "promotion/summer")]
)
def test_the_replica_above_writes_them(
    table: str, writer: str, fenced: str, location: str, key: str
) -> None:
    check_cell(CellChange(location, key, table, writer, fenced, 3), writer)


@pytest.mark.parametrize(
    ("writer", "table", "detail"),
    [
        (STORE, "reclaimed", HUB),
        (STORE, "reclaimed", STORE),
        (STORE, "reclaimed", "riverside.2"),  # its successor's rights are the hub's to take
        ("riverside.2", "reclaimed", STORE),
        ("riverside.2", "conceded", STORE),
        (STORE, "reclaimed", "airport.till-1.1"),
        (STORE, "conceded", "airport.till-1.1"),
        (HUB, "reclaimed", TILL),  # a register is below its gateway
        (HUB, "conceded", TILL),
        (HUB, "reclaimed", HUB),
        (HUB, "reclaimed", "hub.2"),
        (TILL, "reclaimed", TILL),
        (TILL, "conceded", "riverside.till-1.2"),
        (HUB, "reclaimed", "riverside"),
        (HUB, "reclaimed", ""),
        (HUB, "reclaimed", "held"),
        (STORE, "conceded", "held"),  # levels are the hub's: it alone hears all
        (HUB, "conceded", "deficit"),
        (HUB, "conceded", "on_hand"),
        (HUB, "conceded", "riverside.0"),
    ],
)
def test_only_the_replica_above_thaws_the_rights_of_a_fenced_writer(
    writer: str, table: str, detail: str
) -> None:
    with pytest.raises(PeerViolation, match="is not for"):
        check_cell(CellChange("riverside", "tea", table, writer, detail, 1), writer)


def test_whoever_concedes_of_an_allowance_may_cover_it_and_no_register() -> None:
    for writer in (HUB, "riverside.1"):
        change = CellChange(EVERYWHERE, "promotion/summer", "spent", writer, "covered", 1)
        check_cell(change, writer)

    till = "riverside.till-1.1"
    with pytest.raises(PeerViolation, match="conceded by a register"):
        check_cell(CellChange(EVERYWHERE, "promotion/summer", "spent", till, "covered", 1), till)


@pytest.mark.parametrize("level", CONCEDED_LEVELS)
def test_the_hub_concedes_a_level_of_goods(level: str) -> None:
    check_cell(CellChange("riverside", "tea", "conceded", HUB, level, 1), HUB)

    with pytest.raises(PeerViolation):
        check_cell(CellChange(EVERYWHERE, "promotion/summer", "conceded", HUB, level, 1), HUB)
