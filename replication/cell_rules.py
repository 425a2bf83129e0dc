"""Who may write which cell: checked before a cell from the wire or from disk is merged.

A writer writes its own cells only (E8), with details from a closed list. Some are not every
writer's: what is allowed of an allowance is its allower's, the rights of a fenced writer are those
of the replica directly above it.
"""

from collections.abc import Mapping
from typing import Final

from replication.errors import PeerViolation
from replication.escrow import (
    CELL_VALUE_MAX,
    CONCEDED_LEVELS,
    CellChange,
    Disposed,
    Minted,
    Moved,
    Spent,
    Table,
)
from replication.ids import (
    EVERYWHERE,
    HUB,
    allower_of,
    is_allowance,
    is_register,
    is_writer_id,
    parent_of,
    replica_of,
)

_OF_ALLOWANCES: Final[Mapping[str, frozenset[str]]] = {
    Table.MINTED: frozenset({Minted.ALLOWED, Minted.USE_RELEASED}),
    Table.SPENT: frozenset({Spent.USED, Spent.DISALLOWED, Spent.COVERED}),
}
"""The closed list of details per table of an allowance."""

_OF_ALLOWER: Final = frozenset({Minted.ALLOWED, Minted.USE_RELEASED, Spent.DISALLOWED})
"""Details of an allowance that one replica alone writes (`ids.allower_of`)."""

_DETAILS: Final[Mapping[str, frozenset[str]]] = {
    Table.MINTED: frozenset(Minted) - _OF_ALLOWANCES[Table.MINTED],
    Table.SPENT: frozenset(Spent) - _OF_ALLOWANCES[Table.SPENT] | {Spent.COVERED},
    Table.MOVED: frozenset(Moved),
    Table.OVERDRAWN: frozenset({Spent.SOLD, Spent.WRITTEN_OFF, Spent.COUNTED_DOWN, Spent.DAMAGED}),
    Table.DISPOSED: frozenset(Disposed),
}
"""The closed list of details per table; those that are missing have writers for details."""


def check_cell(change: CellChange, writer: str) -> None:
    """Check a cell that came over the wire or from disk before it is merged.

    Raises:
        PeerViolation: not the writer's own cell (E4, E8), an unknown reason, a value that is no
            positive integer, a grant to itself, an allowance that is not the writer's to give, or
            rights of a fenced writer that is not directly below this one.
    """
    if change.holder != writer:
        raise PeerViolation(f"{writer} wrote a cell of {change.holder}")
    if not 0 < change.value <= CELL_VALUE_MAX:
        raise PeerViolation(f"cell value {change.value} is out of range")
    if is_allowance(change.sku) != (change.location == EVERYWHERE):
        raise PeerViolation(f"there is no counter of {change.sku} at {change.location}")
    details = _OF_ALLOWANCES if change.location == EVERYWHERE else _DETAILS
    if change.table == Table.GRANTED:
        if change.detail == writer:
            raise PeerViolation(f"{writer} granted to itself")
    elif change.table in (Table.RECLAIMED, Table.CONCEDED):
        _check_fencing(change, writer)
    elif change.detail not in details.get(change.table, frozenset()):
        raise PeerViolation(f"unknown cell {change.table}[{change.detail}]")
    elif change.detail in _OF_ALLOWER and replica_of(writer) != allower_of(change.sku):
        raise PeerViolation(f"{writer} decides what is allowed: {change.detail} of {change.sku}")
    elif is_allowance(change.sku) and change.detail == Spent.COVERED and is_register(writer):
        raise PeerViolation(f"{writer} covers {change.sku}: nothing is conceded by a register")


def _check_fencing(change: CellChange, writer: str) -> None:
    """The replica above a writer decides on its frozen rights; the hub also on levels (E2)."""
    is_level = (
        change.table == Table.CONCEDED
        and change.detail in CONCEDED_LEVELS
        and change.location != EVERYWHERE
    )
    above = HUB if is_level else parent_of(change.detail) if is_writer_id(change.detail) else None
    if replica_of(writer) != above:
        raise PeerViolation(f"{change.table}[{change.detail}] is not for {writer} to write")
