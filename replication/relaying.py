"""Relaying: what a gateway passes on for the registers that sell alone.

A register's journal goes up inside its gateway's own: an entry of kind `relayed` carries several of
a register's entries, verbatim and with their hashes. So the hub hears all of a store in one order
that keeps cause before effect: a grant to a register always comes before what was sold on it. The
register's chain is as good a proof at the hub as it was at the gateway; nobody encodes an entry
again.

A grant travels ahead of its entry, and what is done on it may overtake that entry on the way to the
hub. So a gateway journals such grants as `witnessed` before it goes on: those that a register gave
to it, before it sells on them; and those that an earlier incarnation of this gateway gave to the
register and died without telling the hub, as the register presents them. It is the one case in
which a writer passes on a cell of another, and never one of somebody else.
"""

from collections.abc import Iterable
from typing import Annotated, Final, TypeVar

import msgspec

from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import (
    WriterId,
    incarnation_of,
    is_register,
    is_writer_id,
    location_of,
    place_of,
    replica_of,
)
from replication.journal import HASH_BYTES, Entry, EntryBody

RELAYED: Final = "relayed"
"""The kind of an entry that carries a register's entries."""

WITNESSED: Final = "witnessed"
"""The kind of an entry that carries grants between a register and its gateway's incarnations."""

RELAYABLE_BYTES_MAX: Final = 512 * 1024
"""A register's largest entry: in base 64 it still fits into an entry of its gateway."""

RELAYED_BYTES_MAX: Final = 256 * 1024
"""A relayed record is cut here, so that its entry is not longer under way than a batch of others;
a larger entry of a register travels alone."""

WITNESSED_CELLS_MAX: Final = 1000
"""Grants in one `witnessed` entry: as many as a frame brings."""

_ENTRY_EXTRA_BYTES: Final = 52
"""What a hash in base 64 and the marks around an entry take."""

_NEVER: Final = 10**9
"""Above every incarnation."""

_Record = TypeVar("_Record", "Relayed", "Witnessed")

_Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class Relayed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Consecutive entries of a register, each (body, hash), verbatim; in JSON both are base 64."""

    writer: str
    entries: Annotated[list[tuple[bytes, _Hash]], msgspec.Meta(min_length=1)]


class Witnessed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Grants between a register, which is named by its writer, and incarnations of its gateway."""

    register: str
    cells: Annotated[list[CellChange], msgspec.Meta(min_length=1, max_length=WITNESSED_CELLS_MAX)]


def relay(writer: WriterId, entries: Iterable[Entry]) -> list[bytes]:
    """The records that carry a register's consecutive entries, in order; each is one entry."""
    records: list[Relayed] = []
    size = 0
    for entry in entries:
        takes = -(-len(entry.body) // 3) * 4 + _ENTRY_EXTRA_BYTES
        if not records or size + takes > RELAYED_BYTES_MAX:
            records.append(Relayed(writer=writer, entries=[]))
            size = 0
        records[-1].entries.append((entry.body, entry.hash))
        size += takes
    return [msgspec.json.encode(one) for one in records]


def unwrap(body: EntryBody) -> tuple[WriterId, list[Entry]]:
    """The register and its entries that a `relayed` entry carries.

    They are not verified yet: the caller does it from the head that it holds of that register.

    Raises:
        PeerViolation: not such a record, a register of another store, or a register that relays.
    """
    assert body.kind == RELAYED, f"{body.kind} carries no entries"
    relayed = _decoded(body, Relayed)
    _check_register(relayed.writer, body.writer)
    for data, _digest in relayed.entries:
        if len(data) > RELAYABLE_BYTES_MAX:
            raise PeerViolation(f"entry of {len(data)} bytes is above {RELAYABLE_BYTES_MAX}")
    return WriterId(relayed.writer), [Entry(data, digest) for data, digest in relayed.entries]


def check_witnessed(body: EntryBody) -> Witnessed:
    """Read a `witnessed` entry: grants that its writer heard of from a register.

    Raises:
        PeerViolation: not such a record, another store's register, or cells that are anything else.
    """
    assert body.kind == WITNESSED, f"{body.kind} witnesses nothing"
    witnessed = _decoded(body, Witnessed)
    check_grants_witnessed(witnessed.cells, register=witnessed.register, by=body.writer)
    return witnessed


def check_grants_witnessed(cells: Iterable[CellChange], *, register: str, by: str) -> None:
    """Check what a register presents to its gateway `by`, before that journals it.

    Raises:
        PeerViolation: another store's register, or a cell that is neither a grant to this register
            by an earlier incarnation of `by`, nor one by this register to any so far.
    """
    _check_register(register, by)
    for cell in cells:
        check_cell(cell, cell.holder)
        to_register = cell.detail == register and _lived(cell.holder, by) < incarnation_of(by)
        by_register = cell.holder == register and _lived(cell.detail, by) <= incarnation_of(by)
        if (
            cell.table != Table.GRANTED
            or not (to_register or by_register)
            or cell.location != place_of(cell.sku, location_of(by))
        ):
            what = f"{cell.table}[{cell.holder}, {cell.detail}] of {cell.sku} at {cell.location}"
            raise PeerViolation(f"{what} is not between {register} and {by} or one before it")


def _lived(writer: str, gateway: str) -> int:
    """Which incarnation of that gateway the writer is; one that never was for any other writer."""
    is_same = is_writer_id(writer) and replica_of(writer) == replica_of(gateway)
    return incarnation_of(writer) if is_same else _NEVER


def _check_register(register: str, gateway: str) -> None:
    if not is_writer_id(register) or not is_register(register):
        raise PeerViolation(f"{register[:200]!r} is no register's writer")
    if is_register(gateway) or location_of(register) != location_of(gateway):
        raise PeerViolation(f"{gateway} speaks for {register}, which is not its register")


def _decoded(body: EntryBody, kind: type[_Record]) -> _Record:
    try:
        return msgspec.json.decode(body.record, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PeerViolation(
            f"{body.kind} {body.writer}-{body.seq} has no such record: {error}"
        ) from None
