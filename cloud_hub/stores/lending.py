"""Quota between the hub and the stores, on the writer thread."""

from collections.abc import Iterable, Sequence

import msgspec

from cloud_hub.head_office import HeadOffice
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange, QuotaShort
from replication.ids import WriterId, is_allowance, location_of, place_of
from replication.quota import (
    GRANT,
    GrantRecord,
    Lent,
    allowance_lent,
    hand_back,
    lend_store,
    remember_lent,
)


def lend(
    office: HeadOffice, writer: WriterId, request: str, wants: Sequence[tuple[str, int]]
) -> Lent:
    """Grant a till the whole of its wants at its own location, or nothing."""
    office.check_living(writer)
    location = location_of(writer)
    if (given := office.lent.get(request)) is not None:
        return Lent(given, [(sku, office.quota(location, sku)) for sku, _ in wants])
    covered = all(
        lend_store(quota_online=office.quota(location, sku), wanted=units) > 0
        for sku, units in wants
    )
    cells: list[CellChange] = []
    if covered and len({sku for sku, _ in wants}) == len(wants):
        lines = [(sku, units + _rest(office, location, sku, units)) for sku, units in wants]
        cells = give(office, writer, request, lines)
        remember_lent(office.lent, request, cells)
    return Lent(cells, [(sku, office.quota(location, sku)) for sku, _ in wants])


def _rest(office: HeadOffice, location: str, sku: str, wanted: int) -> int:
    """Units that go with what is wanted: those of an allowance that goes whole."""
    if not is_allowance(sku):
        return 0
    return allowance_lent(sku, quota=office.quota(location, sku), wanted=wanted) - wanted


def take_grant(office: HeadOffice, writer: WriterId, cells: Sequence[CellChange]) -> None:
    """Merge a gateway's grant, ahead of the entry that proves it.

    Raises:
        PeerViolation: a cell that is not this gateway's to write.
    """
    office.check_living(writer)
    for change in cells:
        check_cell(change, writer)
        if change.location != place_of(change.sku, location_of(writer)):
            raise PeerViolation(f"{writer} sent a cell of {change.location}")
    office.ledger.merge_cells(cells)


def keep_floors(office: HeadOffice, writer: WriterId, skus: Iterable[str]) -> list[CellChange]:
    """Hand back what the hub holds above available minus safety stock, after news from a store.

    Of what is available, units that the store overdrew are not: they go back and cover it there,
    also where the gateway's registers hold enough for that.
    """
    location = location_of(writer)
    surplus: list[tuple[str, int]] = []
    for sku in skus:
        product = office.catalogue.get(sku)
        counter = office.ledger.counter(location, sku)
        units = hand_back(
            available=office.promisable(counter),
            quota_online=office.quota(location, sku),
            safety_stock=product.safety_stock if product else 0,
            owed=counter.deficit() - max(0, counter.quota(writer)),
        )
        if units:
            surplus.append((sku, min(units, office.quota(location, sku))))
    return give(office, writer, "", surplus) if surplus else []


def give(
    office: HeadOffice, writer: WriterId, request: str, lines: Sequence[tuple[str, int]]
) -> list[CellChange]:
    """Grant to a gateway; the caller has checked that the quota covers it."""
    location = location_of(writer)
    cells: list[CellChange] = []
    for sku, units in lines:
        counter = office.ledger.counter(place_of(sku, location), sku)
        granted = counter.grant(office.ledger.writer, writer, units)
        assert not isinstance(granted, QuotaShort), "the quota was checked before"
        cells.append(granted)
    record = GrantRecord(to=writer, request=request, lines=tuple(lines))
    office.ledger.append(GRANT, msgspec.json.encode(record), reference=request, cells=cells)
    office.tell_cells(cells)
    return cells
