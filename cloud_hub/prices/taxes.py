"""Dated tax rates, written at the hub, on the writer thread; every store hears of all of them.

A rate that has begun is never edited: a change is a row with a later day (`retail.prices.tax`). A
row that has not begun may be written anew or taken back, and a class that has no rate yet in a
jurisdiction gets its first one for any day.
"""

from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from retail.prices.tax import ApplicableRate, TaxPlace, TaxRate, TaxRateBody
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

TAX_RATE: Final = "tax_rate"
WITHDRAWN: Final = "withdrawn"
"""The reason of an entry that takes a row back."""

ROWS_MAX: Final = 1_000
"""All rows travel as one item: some 110 kB, and more than a chain of fifty jurisdictions needs."""


def put_tax_rate(
    office: HeadOffice, command: Command, place: TaxPlace, body: TaxRateBody
) -> Outcome:
    """Add a row, or write one anew that has not begun."""
    row = TaxRate(**msgspec.structs.asdict(place), **msgspec.structs.asdict(body))
    known = _find(office, place)
    if row == known:
        return Done(200, msgspec.json.encode(row))
    if place.valid_from <= office.today() and _has_rate(office, place):
        return _begun(place)
    if known is None and len(office.tax_rows) >= ROWS_MAX:
        return Problem(Slug.CONFLICT, f"There are {ROWS_MAX} tax rates already.")
    office.connection.execute(
        "INSERT OR REPLACE INTO tax_rate VALUES (?, ?, ?, ?, ?)",
        (*_key(place), row.rate, int(row.inclusive)),
    )
    return _told(office, command, row, 201 if known is None else 200)


def withdraw_tax_rate(office: HeadOffice, command: Command, place: TaxPlace) -> Outcome:
    """Take back a row that has not begun."""
    known = _find(office, place)
    if known is None:
        return Problem(
            Slug.NOT_FOUND,
            f"No tax rate of class {place.tax_class} in {place.jurisdiction} begins on that day.",
        )
    if place.valid_from <= office.today():
        return _begun(place)
    office.connection.execute(
        "DELETE FROM tax_rate WHERE tax_class = ? AND jurisdiction = ? AND valid_from = ?",
        _key(place),
    )
    return _told(office, command, known, 200, reason=WITHDRAWN)


def _find(office: HeadOffice, place: TaxPlace) -> TaxRate | None:
    return next((row for row in office.tax_rows if _place_of(row) == place), None)


def _place_of(row: TaxRate) -> TaxPlace:
    return TaxPlace(
        jurisdiction=row.jurisdiction, tax_class=row.tax_class, valid_from=row.valid_from
    )


def _has_rate(office: HeadOffice, place: TaxPlace) -> bool:
    rate = office.taxes.rate_on(place.tax_class, place.jurisdiction, office.today())
    return isinstance(rate, ApplicableRate)


def _begun(place: TaxPlace) -> Problem:
    return Problem(
        Slug.CONFLICT,
        f"Class {place.tax_class} has a rate in {place.jurisdiction} by now, and what has begun is "
        "not changed any more: write a rate that begins tomorrow or later.",
        members={"tax_class": place.tax_class, "jurisdiction": place.jurisdiction},
    )


def _told(
    office: HeadOffice, command: Command, row: TaxRate, status: int, *, reason: str = ""
) -> Done:
    office.read_taxes()
    office.tell_taxes()
    record = msgspec.json.encode(row)
    reference = " ".join(_key(_place_of(row)))
    office.ledger.append(TAX_RATE, record, actor=command.actor, reason=reason, reference=reference)
    return Done(status, record)


def _key(place: TaxPlace) -> tuple[str, str, str]:
    return place.tax_class, place.jurisdiction, place.valid_from.isoformat()
