"""Selling at the till, on the writer thread.

A sale is decided as a whole before anything changes: every line known and priced, the tenders cover
the total, the quota covers the demand (bundles exploded, summed per SKU). Then rights are spent,
goods move, the sale and its key are journalled, and the receipt is spooled: one commit for all of
it (E5).
"""

from typing import Final, NamedTuple

import msgspec

from gateway import spool
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.escrow import CellChange, Moved, QuotaShort, Spent
from replication.ids import entry_id, incarnation_of
from replication.journal import RECORD_BYTES_MAX
from retail.catalogue import QUANTITY_MAX, Product, demand
from retail.pricing import PricedBasket, price_basket
from retail.sales import Override, Sale, SaleRequest, Settlement, settle
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

SALE: Final = "sale"
"""The kind of a sale's entry."""

OVERRIDES: Final = frozenset({"supervisor", "manager"})
"""Roles that may sell beyond quota, with a reason."""

_encode = msgspec.json.Encoder().encode


class Lack(NamedTuple):
    """What the quota lacks of one SKU: units wanted, and those that each holder has."""

    sku: str
    wanted: int
    sellable: int
    holders: dict[str, int]


class Short(NamedTuple):
    """Refusal: the quota does not cover the basket. Worth asking the hub."""

    lacks: list[Lack]

    def worst(self) -> Lack:
        """What not even all holders together have; else the first: a till drops that line."""
        return next(
            (lack for lack in self.lacks if sum(lack.holders.values()) < lack.wanted),
            self.lacks[0],
        )


def sell(  # noqa: PLR0911 - one return per way to refuse
    shop: Shop, command: Command, request: SaleRequest, *, may_overdraw: bool = False
) -> Outcome | Short:
    """Sell a basket, or refuse and change nothing. Safe to repeat with the same key.

    A supervisor's override counts only with `may_overdraw`: after the hub was asked.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    lines = _products(shop, request)
    if isinstance(lines, Problem):
        return lines
    priced = price_basket(lines, shop.taxes, shop.identity.jurisdiction, shop.business_date())
    if not isinstance(priced, PricedBasket):
        return Problem.invalid(f"The basket has no price: {priced}.", field="$.lines")
    settled = _settled(request, priced)
    if isinstance(settled, Problem):
        return settled
    if request.override is not None and command.principal.role not in OVERRIDES:
        return Problem(Slug.FORBIDDEN, "Only a supervisor may sell what the quota does not cover.")
    wanted = demand(lines, shop.catalogue)
    for sku, units in wanted.items():
        if units > QUANTITY_MAX:
            return Problem.invalid(f"{units} of {sku} are too many for one sale.", field="$.lines")
    lacks = [
        Lack(sku, units, quota, shop.counter(sku).holders())
        for sku, units in wanted.items()
        if (quota := shop.quota(sku)) < units
    ]
    if lacks and not (may_overdraw and request.override is not None):
        return Short(lacks)
    return _commit(shop, command, request, priced, settled, wanted)


def _products(shop: Shop, request: SaleRequest) -> list[tuple[Product, int]] | Problem:
    catalogue = shop.catalogue
    lines: list[tuple[Product, int]] = []
    for number, line in enumerate(request.lines):
        if line.sku is not None:
            product = catalogue.get(line.sku)
        else:
            product = catalogue.by_code(line.barcode or "")
        if product is None:
            code = line.sku or line.barcode or ""
            return unknown_product(code, field=f"$.lines[{number}]")
        lines.append((product, line.quantity))
    return lines


def _settled(request: SaleRequest, priced: PricedBasket) -> Settlement | Problem:
    expected = request.expected_total_minor
    if expected is not None and expected != priced.total_minor:
        return Problem(
            Slug.PRICE_CHANGED,
            f"The total is {priced.total_minor}, not {expected}: show it and ask again.",
            members={"total_minor": priced.total_minor, "expected_total_minor": expected},
        )
    settled = settle(priced.total_minor, request.tenders)
    if not isinstance(settled, Settlement):
        return Problem.invalid(f"The sale is not paid: {settled}.", field="$.tenders")
    return settled


def _commit(
    shop: Shop,
    command: Command,
    request: SaleRequest,
    priced: PricedBasket,
    settled: Settlement,
    wanted: dict[str, int],
) -> Outcome:
    ledger = shop.ledger
    writer, location = ledger.writer, shop.location
    override = request.override
    sale = Sale(
        id=entry_id(writer, ledger.next_seq),
        number=f"{location.upper()}-{incarnation_of(writer)}-{shop.sales_count + 1:06d}",
        location=location,
        register=request.register,
        cashier=command.principal.name,
        shift=None,
        business_date=shop.business_date().isoformat(),
        at=rfc3339(ledger.now_ms),
        writer=writer,
        seq=ledger.next_seq,
        currency=priced.currency,
        lines=priced.lines,
        total_minor=priced.total_minor,
        tax_minor=priced.tax_minor,
        tenders=request.tenders,
        change_minor=settled.change_minor,
        customer_id=request.customer_id,
        override=None
        if override is None
        else Override(reason=override.reason, by=command.principal.name),
    )
    record = _encode(sale)
    if len(record) > RECORD_BYTES_MAX:
        return Problem.too_large(RECORD_BYTES_MAX, what="A sale's record")
    cells: list[CellChange] = []
    for sku, units in wanted.items():
        take(shop, cells, sku, units, Spent.SOLD, Moved.SOLD)
    shop.sales_count += 1
    entry = ledger.append(
        SALE,
        record,
        actor=command.actor,
        reason=override.reason if override else "",
        moves=[(sku, -units) for sku, units in wanted.items()],
        cells=cells,
    )
    ledger.remember(command.key, command.digest, 201, entry)
    spool.add(shop, request.register, entry)
    return Done(201, record)


def take(
    shop: Shop, cells: list[CellChange], sku: str, units: int, reason: Spent, moved: Moved
) -> None:
    """Goods leave the shelf: own quota is spent first, the rest is overdrawn."""
    counter = shop.counter(sku)
    writer = shop.ledger.writer
    covered = min(units, counter.quota(writer))
    if covered:
        spent = counter.spend(writer, reason, covered)
        assert not isinstance(spent, QuotaShort), "no more than the quota is spent"
        cells.append(spent)
    if covered < units:
        cells.append(counter.overdraw(writer, reason, units - covered))
    cells.append(counter.move(writer, moved, units))
