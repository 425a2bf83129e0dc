"""Is each store credit what its return says, and used by what it paid? Part of A1.

That no credit pays more than it has follows from E1. This compares the rights with the deeds: a
credit comes into being in the entry of the return that was paid with it, for as much, and is used
in the entries of what it paid, for as much; nowhere else.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from cloud_hub.auditing.audit_findings import Findings, HeardEntry
from replication.allowances import is_store_credit
from replication.escrow import Minted, Spent, Table
from replication.ids import EVERYWHERE
from retail.selling.store_credit import CreditCode, read_credit_code
from web.credits import issuer_of, key_of
from web.lives import RECOVERED_SALE

_ISSUED: Final = (Table.MINTED, Minted.ALLOWED)
_USED: Final = (Table.SPENT, Spent.USED)

_HANDED_ON: Final = frozenset({Table.GRANTED, Table.RECLAIMED, Table.CONCEDED})
"""Rights that go from one holder to another, also from a box that is gone."""

Deed = tuple[str, tuple[str, str]]
"""A credit's key, and the table and detail of the cell that tells of the deed."""


class _Tender(msgspec.Struct, frozen=True):
    amount_minor: int
    credit: str | None = None


class _Paid(msgspec.Struct, frozen=True):
    tenders: tuple[_Tender, ...]


class _PaidOrder(msgspec.Struct, frozen=True):
    payment: _Paid


class _Returned(msgspec.Struct, frozen=True):
    refunds: tuple[_Tender, ...]


class CreditAudit:
    """Looks at entry after entry."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._values: dict[tuple[str, Deed], int] = {}

    def take(self, entry: HeardEntry) -> None:
        """Look at one entry, whatever it is about."""
        grown = self._grown(entry)
        try:
            # A sale that was booked in its writer's place says what that one used.
            due = self._due(entry) if grown or entry.body.kind != RECOVERED_SALE else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            due = {}  # the check of the record itself has told that
        for deed in sorted(grown.keys() | due.keys()):
            units, said = grown.get(deed, 0), due.get(deed, 0)
            if units != said:
                key, (_, what) = deed
                told = f"{entry.place} has {units} {what} of {key}, its record says {said}"
                self._findings.add("A1", told, [entry.place], location=EVERYWHERE, sku=key)

    def _grown(self, entry: HeardEntry) -> dict[Deed, int]:
        """By how much the entry's cells of credits grew, except where only their holder changed."""
        grown: dict[Deed, int] = {}
        for change in entry.body.cells:
            is_deed = change.table not in _HANDED_ON and change.detail != Spent.COVERED
            if is_store_credit(change.sku) and is_deed:
                deed = (change.sku, (change.table, change.detail))
                place = (change.holder, deed)
                grown[deed] = change.value - self._values.get(place, 0)
                self._values[place] = change.value
        return grown

    def _due(self, entry: HeardEntry) -> dict[Deed, int]:
        """By how much they should have grown, by what the entry's record says was paid with what.

        A code that names another return is issued by nobody: its growth is found, and not due.
        """
        record = entry.body.record
        match entry.body.kind:
            case "sale" | "recovered_sale":
                return _used(msgspec.json.decode(record, type=_Paid))
            case "order_payment":
                return _used(msgspec.json.decode(record, type=_PaidOrder).payment)
            case "return":
                refunds = msgspec.json.decode(record, type=_Returned).refunds
                return {
                    (key_of(code), _ISSUED): minor
                    for code, minor in _credits(refunds)
                    if issuer_of(code) == entry.place
                }
            case _:
                return {}


def _used(paid: _Paid) -> dict[Deed, int]:
    return {(key_of(code), _USED): minor for code, minor in _credits(paid.tenders)}


def _credits(tenders: Iterable[_Tender]) -> Iterable[tuple[CreditCode, int]]:
    for one in tenders:
        if one.credit is not None:
            code = read_credit_code(one.credit)
            if isinstance(code, CreditCode):
                yield code, one.amount_minor
