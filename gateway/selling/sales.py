"""Selling at the till, on the writer thread.

A sale is decided as a whole before anything changes: every line known and priced, the tenders cover
the total, the quota covers the demand (bundles exploded, summed per SKU). Then rights are spent,
goods move, the sale and its key are journalled, and the receipt is spooled: one commit for all of
it (E5).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.prices.priced import price
from gateway.printing import spool
from gateway.selling.credits import CreditShort, spend_credits, take_credits
from gateway.selling.held import (
    basket_rows,
    basket_to_sell,
    cover_deficits,
    release_units,
    units_held,
)
from gateway.selling.picked import pick
from gateway.shop import Shop
from gateway.stockroom.deficit import note_owed
from replication.allowances import use
from replication.clock import rfc3339
from replication.escrow import CellChange, Minted, Moved, QuotaShort, Spent
from replication.ids import entry_id
from replication.journal import RECORD_BYTES_MAX, RequestMark
from replication.ledger import STAMP_AHEAD_MS_MAX, Ledger
from retail.ordering.holds import Basket, HoldStatus
from retail.prices.pricing import PricedBasket
from retail.prices.sale_request import SaleRequest
from retail.products.catalogue import QUANTITY_MAX, Product, demand
from retail.selling.sales import CHANGE_FROM, EXCHANGE, Override, Sale, Settlement, Tender, settle
from retail.stock.stock_reasons import TOLERANCE
from retail.stock.tolerance import is_within_tolerance
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug
from web.sale_numbers import printed_number
from web.uses import NOBODY, Asked, UsesShort, uses_of

SALE: Final = "sale"
"""The kind of a sale's entry."""

OVERRIDES: Final = frozenset({"supervisor", "manager"})
"""Roles that may sell beyond quota, with a reason."""

_encode = msgspec.json.Encoder().encode


class Lack(NamedTuple):
    """What the quota lacks of one SKU: units wanted, and those that each holder has.

    `is_tolerant`: the product is one of which the scale may find a little more than the book has.
    """

    sku: str
    wanted: int
    sellable: int
    holders: dict[str, int]
    is_tolerant: bool = False

    def missing(self) -> int:
        """Units that this gateway has no right to."""
        return self.wanted - self.sellable

    def may_be_found(self, sellable: int) -> bool:
        """Whether the scale may have found what `sellable` units lack."""
        return self.is_tolerant and is_within_tolerance(self.wanted, sellable)


class Short(NamedTuple):
    """Refusal: the quota does not cover the basket. Worth asking the hub."""

    lacks: list[Lack]

    def wants(self) -> list[tuple[str, int]]:
        """What would have to be borrowed, per SKU."""
        return [(lack.sku, lack.missing()) for lack in self.lacks]

    def wants_of_tolerant(self) -> list[tuple[str, int]]:
        """What would do as well, where a scale may find the rest: all that the others have.

        Empty where it would not do, or would be no less than `wants`.
        """
        wants: list[tuple[str, int]] = []
        for lack in self.lacks:
            total = sum(lack.holders.values())
            if total < lack.wanted and not lack.may_be_found(total):
                return []
            if (units := min(lack.missing(), total - lack.sellable)) > 0:
                wants.append((lack.sku, units))
        return [] if wants == self.wants() else wants

    def may_all_be_found(self) -> bool:
        """Whether a scale may have found all that is short."""
        return all(lack.may_be_found(lack.sellable) for lack in self.lacks)

    def worst(self) -> Lack:
        """What not even all holders together have; else the first: a till drops that line."""
        return next(
            (lack for lack in self.lacks if sum(lack.holders.values()) < lack.wanted),
            self.lacks[0],
        )


class Credit(NamedTuple):
    """What is paid already: the worth of goods that come back in `entries` before the sale."""

    minor: int
    entries: int

    def tenders(self, total_minor: int) -> tuple[Tender, ...]:
        """The part of it that this total takes."""
        used_minor = min(self.minor, total_minor)
        return (Tender(type=EXCHANGE, amount_minor=used_minor),) if used_minor else ()


NO_CREDIT: Final = Credit(0, 0)


def sell(
    shop: Shop,
    command: Command,
    request: SaleRequest,
    *,
    asked_hub: bool = False,
    asked: Asked = NOBODY,
) -> Outcome | Short | UsesShort | CreditShort:
    """Sell a basket, or refuse and change nothing. Safe to repeat with the same key.

    A scale's tolerance and a supervisor's override count only after the hub was asked (for units:
    `asked_hub`); `asked` says whether it was asked for uses of limited promotions and store credit.
    """
    known = shop.answered(command)
    if known is not None:
        return known
    plan = plan_sale(shop, command, request, asked_hub=asked_hub, asked=asked)
    if not isinstance(plan, SalePlan):
        return plan
    book_sale(shop, command, plan, request=command.mark())
    return Done(201, plan.record)


class SalePlan(NamedTuple):
    """A sale as it is going to be: its record, and what it takes of rights and goods."""

    sale: Sale
    record: bytes
    priced: PricedBasket
    wanted: dict[str, int]
    found: dict[str, int]
    basket: Basket | None


def plan_sale(  # noqa: PLR0911 - one return per way to refuse
    shop: Shop,
    command: Command,
    request: SaleRequest,
    *,
    asked_hub: bool,
    asked: Asked,
    credit: Credit = NO_CREDIT,
) -> SalePlan | Problem | Short | UsesShort | CreditShort:
    """Decide a sale as a whole; nothing is changed. With a credit it is the second half of more."""
    basket = basket_to_sell(shop, command, request.basket)
    if isinstance(basket, Problem):
        return basket
    picked = pick(shop, request.lines)
    if isinstance(picked, Problem):
        return picked
    lines = picked.lines
    priced = price(shop, picked, request, command.principal.role, asked)
    if not isinstance(priced, PricedBasket):
        return priced
    tenders = (*credit.tenders(priced.total_minor), *request.tenders)
    settled = _settled(request, priced, tenders)
    if isinstance(settled, Problem):
        return settled
    if request.override is not None and command.principal.role not in OVERRIDES:
        return Problem(Slug.FORBIDDEN, "Only a supervisor may sell what the quota does not cover.")
    wanted = units_of(shop, lines)
    if isinstance(wanted, Problem):
        return wanted
    lacks = lacks_of(shop, wanted, units_held(basket))
    found = {one.sku: one.missing() for one in lacks if one.may_be_found(one.sellable)}
    passes = request.override is not None or len(found) == len(lacks)
    if lacks and not (asked_hub and passes):
        return Short(lacks)
    paid = take_credits(shop, request.tenders, priced.currency, asked)
    if not isinstance(paid, list):
        return paid
    sale = _sale(shop, command, request, priced, seq=shop.ledger.next_seq + credit.entries)
    tenders = (*credit.tenders(priced.total_minor), *paid)
    sale = msgspec.structs.replace(sale, tenders=tenders, change_minor=settled.change_minor)
    record = _encode(sale)
    if len(record) > RECORD_BYTES_MAX:
        return Problem.too_large(RECORD_BYTES_MAX, what="A sale's record")
    return SalePlan(sale, record, priced, wanted, found, basket)


def units_of(shop: Shop, lines: Iterable[tuple[Product, int]]) -> dict[str, int] | Problem:
    """Base units that the lines take from stock, per SKU (`retail.products.catalogue.demand`)."""
    wanted = demand(lines, shop.catalogue)
    for sku, units in wanted.items():
        if units > QUANTITY_MAX:
            return Problem.invalid(f"{units} of {sku} are too many for one sale.", field="$.lines")
    return wanted


def lacks_of(shop: Shop, wanted: Mapping[str, int], held: Mapping[str, int]) -> list[Lack]:
    """What is wanted beyond the quota and what is `held` for the same customer."""
    lacks: list[Lack] = []
    for sku, units in wanted.items():
        sellable = shop.quota(sku) + held.get(sku, 0)
        if sellable < units:
            holders = shop.counter(sku).holders() | {shop.ledger.writer: sellable}
            lacks.append(Lack(sku, units, sellable, holders, _is_tolerant(shop, sku)))
    return lacks


def _is_tolerant(shop: Shop, sku: str) -> bool:
    product = shop.catalogue.get(sku)
    return product is not None and product.stock_policy == "tolerant"


def _settled(
    request: SaleRequest, priced: PricedBasket, tenders: Sequence[Tender]
) -> Settlement | Problem:
    expected = request.expected_total_minor
    if expected is not None and expected != priced.total_minor:
        return Problem.price_changed(total_minor=priced.total_minor, expected_minor=expected)
    settled = settle(priced.total_minor, tenders)
    if not isinstance(settled, Settlement):
        return Problem.invalid(f"The sale is not paid: {settled}.", field="$.tenders")
    return settled


def _sale(
    shop: Shop, command: Command, request: SaleRequest, priced: PricedBasket, *, seq: int
) -> Sale:
    """The record of the sale that is going to be entry `seq`; how it is paid is not in it yet."""
    writer, location = shop.ledger.writer, shop.location
    override = request.override
    return Sale(
        id=entry_id(writer, seq),
        number=printed_number(writer, shop.sales_count + 1),
        location=location,
        register=request.register,
        cashier=command.principal.name,
        shift=None,
        business_date=shop.business_date().isoformat(),
        at=rfc3339(shop.ledger.now_ms),
        writer=writer,
        seq=seq,
        currency=priced.currency,
        lines=priced.lines,
        total_minor=priced.total_minor,
        tax_minor=priced.tax_minor,
        tenders=(),
        change_minor=0,
        customer_id=request.customer_id,
        override=None
        if override is None
        else Override(reason=override.reason, by=command.principal.name),
        clock_synchronised=_is_believed(shop.ledger),
    )


def _is_believed(ledger: Ledger) -> bool:
    """Whether this box's clock can be believed now, as the entry of a sale says it."""
    return ledger.synchronised and ledger.next_ms - ledger.now_ms <= STAMP_AHEAD_MS_MAX


def book_sale(
    shop: Shop,
    command: Command,
    plan: SalePlan,
    *,
    request: RequestMark | None = None,
    more: int = 0,
) -> None:
    """Spend, move, journal and spool what was planned; `request` where the sale answers it.

    So many `more` entries belong to it.
    """
    ledger = shop.ledger
    writer, sale, found, wanted = ledger.writer, plan.sale, plan.found, plan.wanted
    assert sale.seq == ledger.next_seq, "a sale is booked where it was planned"
    cells: list[CellChange] = []
    held = units_held(plan.basket)
    release_units(shop, cells, held)
    for sku, units in found.items():
        cells.append(shop.counter(sku).mint(writer, Minted.COUNTED_UP, units))
        cells.append(shop.counter(sku).move(writer, Moved.COUNTED_UP, units))
    for sku, units in wanted.items():
        take(shop, cells, sku, units, Spent.SOLD, Moved.SOLD)
    cover_deficits(shop, cells, held)
    cells += [use(shop.counter(key), writer) for key in uses_of(plan.priced, shop.rules.limited)]
    cells += spend_credits(shop, sale.tenders)
    shop.sales_count += 1
    entry = ledger.append(
        SALE,
        plan.record,
        actor=command.actor,
        reason=sale.override.reason if sale.override else TOLERANCE if found else "",
        reference=plan.basket.id if plan.basket else "",
        moves=[*found.items(), *((sku, -units) for sku, units in wanted.items())],
        cells=cells,
        request=request,
        more=more,
    )
    if plan.basket is not None:
        basket_rows(shop).end(plan.basket, HoldStatus.USED, used_by=entry)
    is_cash = any(tender.type == CHANGE_FROM for tender in sale.tenders)
    spool.add(shop, sale.register, entry, kicks=is_cash)


def take(
    shop: Shop, cells: list[CellChange], sku: str, units: int, reason: Spent, moved: Moved | None
) -> None:
    """Goods can be sold no more: own quota is spent first, the rest is overdrawn.

    `moved` is None where they stay in the shop.
    """
    counter = shop.counter(sku)
    writer = shop.ledger.writer
    covered = min(units, counter.quota(writer))
    if covered:
        spent = counter.spend(writer, reason, covered)
        assert not isinstance(spent, QuotaShort), "no more than the quota is spent"
        cells.append(spent)
    if covered < units:
        cells.append(counter.overdraw(writer, reason, units - covered))
        note_owed(shop, sku)
    if moved is not None:
        cells.append(counter.move(writer, moved, units))
