"""Quota between the hub and the stores, on the writer thread."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice
from replication.errors import PeerViolation
from replication.escrow import CellChange, QuotaShort, check_cell
from replication.ids import WriterId, replica_of
from replication.quota import hand_back, lend_store, remember_lent

GRANT: Final = "grant"


class GrantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Quota that changed hands, as journalled; `request` is the borrow that it answers, if any."""

    to: str
    request: str
    lines: tuple[tuple[str, int], ...]


class Lent(NamedTuple):
    """The answer to a borrow: the cells of the grant (empty: refused) and what is left here."""

    cells: list[CellChange]
    sellable: list[tuple[str, int]]


def lend(
    office: HeadOffice, writer: WriterId, request: str, wants: Sequence[tuple[str, int]]
) -> Lent:
    """Grant a till the whole of its wants at its own location, or nothing."""
    location = replica_of(writer)
    if (given := office.lent.get(request)) is not None:
        return Lent(given, [(sku, office.quota(location, sku)) for sku, _ in wants])
    covered = all(
        lend_store(quota_online=office.quota(location, sku), wanted=units) > 0
        for sku, units in wants
    )
    cells: list[CellChange] = []
    if covered and len({sku for sku, _ in wants}) == len(wants):
        cells = give(office, writer, request, wants)
        remember_lent(office.lent, request, cells)
    return Lent(cells, [(sku, office.quota(location, sku)) for sku, _ in wants])


def take_grant(office: HeadOffice, writer: WriterId, cells: Sequence[CellChange]) -> None:
    """Merge a gateway's grant, ahead of the entry that proves it.

    Raises:
        PeerViolation: a cell that is not this gateway's to write.
    """
    for change in cells:
        check_cell(change, writer)
        if change.location != replica_of(writer):
            raise PeerViolation(f"{writer} sent a cell of {change.location}")
    office.ledger.merge_cells(cells)


def keep_floors(office: HeadOffice, writer: WriterId, skus: Iterable[str]) -> list[CellChange]:
    """Hand back what the hub holds above available minus safety stock, after news from a store."""
    location = replica_of(writer)
    surplus: list[tuple[str, int]] = []
    for sku in skus:
        product = office.catalogue.get(sku)
        units = hand_back(
            available=office.ledger.counter(location, sku).available(),
            quota_online=office.quota(location, sku),
            safety_stock=product.safety_stock if product else 0,
        )
        if units:
            surplus.append((sku, min(units, office.quota(location, sku))))
    return give(office, writer, "", surplus) if surplus else []


def give(
    office: HeadOffice, writer: WriterId, request: str, lines: Sequence[tuple[str, int]]
) -> list[CellChange]:
    """Grant to a gateway; the caller has checked that the quota covers it."""
    location = replica_of(writer)
    cells: list[CellChange] = []
    for sku, units in lines:
        granted = office.ledger.counter(location, sku).grant(office.ledger.writer, writer, units)
        assert not isinstance(granted, QuotaShort), "the quota was checked before"
        cells.append(granted)
    record = GrantRecord(to=writer, request=request, lines=tuple(lines))
    office.ledger.append(GRANT, msgspec.json.encode(record), reference=request, cells=cells)
    office.tell_cells(cells)
    return cells
