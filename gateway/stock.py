"""Goods that come in, and goods that are found or lost, on the writer thread.

Stock that arrives is minted here, by the custodian, and a share of it is granted to the hub in the
same entry, so that the website has something to sell when the line goes down. Whatever arrives
first covers what was overdrawn. A loss is never refused for quota: physical truth wins, and the
rest is deficit.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.sales import take
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.escrow import CellChange, Minted, Moved, QuotaShort, Spent, latest
from replication.ids import WriterId, entry_id
from replication.quota import share_on_arrival
from retail.catalogue import QUANTITY_MAX, Quantity, Sku
from retail.sales import LINES_MAX, Reason
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome
from web.problems import Problem

RECEIPT: Final = "receipt"
ADJUSTMENT: Final = "adjustment"

Reference = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]


class ReceiptLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many base units of a SKU that arrived, and what one of them cost."""

    sku: Sku
    quantity: Quantity
    unit_cost_minor: Annotated[int, Meta(ge=0, le=10**12)] | None = None


class ReceiptRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a stock receipt; `reference` is the paper's number."""

    lines: Annotated[tuple[ReceiptLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Reference
    supplier: Annotated[str, Meta(max_length=200)] | None = None
    transfer: Annotated[str, Meta(max_length=200)] | None = None


class StockReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that arrived, as journalled."""

    id: str
    location: str
    at: str
    lines: tuple[ReceiptLine, ...]
    reference: str
    supplier: str | None
    transfer: str | None
    by: str


class AdjustmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an adjustment: `delta` base units found (+) or lost (-), and why."""

    sku: Sku
    delta: Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
    reason: Reason


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """A difference, as journalled; `deficit` is what it left beyond any right."""

    id: str
    location: str
    at: str
    sku: str
    delta: int
    reason: str
    on_hand: int
    deficit: int
    by: str


def receive(shop: Shop, command: Command, request: ReceiptRequest) -> Outcome:
    """Book goods that arrived, or refuse the whole paper and change nothing."""
    known = shop.answered(command)
    if known is not None:
        return known
    units: dict[str, int] = {}
    for number, line in enumerate(request.lines):
        refused = _stocked(shop, line.sku, f"$.lines[{number}].sku")
        if refused is not None:
            return refused
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    cells: list[CellChange] = []
    for sku, arrived in units.items():
        _arrive(shop, cells, sku, arrived, Minted.RECEIVED, Moved.RECEIVED)
    record = msgspec.json.encode(
        StockReceipt(
            id=entry_id(shop.ledger.writer, shop.ledger.next_seq),
            location=shop.identity.location,
            at=rfc3339(shop.ledger.now_ms),
            lines=request.lines,
            reference=request.reference,
            supplier=request.supplier,
            transfer=request.transfer,
            by=command.principal.name,
        )
    )
    entry = shop.ledger.append(
        RECEIPT,
        record,
        actor=command.actor,
        reference=request.reference,
        moves=units.items(),
        cells=latest(cells),
    )
    shop.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def adjust(shop: Shop, command: Command, request: AdjustmentRequest) -> Outcome:
    """Book goods that were found or lost."""
    known = shop.answered(command)
    if known is not None:
        return known
    refused = _stocked(shop, request.sku, "$.sku")
    if refused is not None:
        return refused
    if request.delta == 0:
        return Problem.invalid("An adjustment of 0 changes nothing.", field="$.delta")
    counter = shop.counter(request.sku)
    if request.delta < 0 and -request.delta > counter.physical():
        return Problem.invalid(
            f"{-request.delta} were lost of {counter.physical()} on hand.", field="$.delta"
        )
    cells: list[CellChange] = []
    if request.delta > 0:
        _arrive(shop, cells, request.sku, request.delta, Minted.COUNTED_UP, Moved.COUNTED_UP)
    else:
        take(shop, cells, request.sku, -request.delta, Spent.WRITTEN_OFF, Moved.WRITTEN_OFF)
    levels = counter.levels()
    record = msgspec.json.encode(
        Adjustment(
            id=entry_id(shop.ledger.writer, shop.ledger.next_seq),
            location=shop.identity.location,
            at=rfc3339(shop.ledger.now_ms),
            sku=request.sku,
            delta=request.delta,
            reason=request.reason,
            on_hand=levels.on_hand,
            deficit=levels.deficit,
            by=command.principal.name,
        )
    )
    entry = shop.ledger.append(
        ADJUSTMENT,
        record,
        actor=command.actor,
        reason=request.reason,
        moves=[(request.sku, request.delta)],
        cells=latest(cells),
    )
    shop.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def cover(shop: Shop, cells: list[CellChange], sku: str) -> None:
    """Work off a deficit with rights that this gateway holds."""
    counter = shop.counter(sku)
    writer = shop.ledger.writer
    units = min(counter.deficit(), counter.quota(writer))
    if units > 0:
        covered = counter.spend(writer, Spent.COVERED, units)
        assert not isinstance(covered, QuotaShort), "no more than the quota is spent"
        cells.append(covered)


def _arrive(
    shop: Shop, cells: list[CellChange], sku: str, units: int, minted: Minted, moved: Moved
) -> None:
    counter = shop.counter(sku)
    writer, online = shop.ledger.writer, WriterId(shop.identity.hub_writer)
    cells.append(counter.mint(writer, minted, units))
    cells.append(counter.move(writer, moved, units))
    cover(shop, cells, sku)
    share = share_on_arrival(
        quota_store=counter.quota(writer),
        quota_online=counter.quota(online),
        safety_stock=shop.catalogue[sku].safety_stock,
    )
    if share > 0:
        granted = counter.grant(writer, online, share)
        assert not isinstance(granted, QuotaShort), "a share is part of the quota"
        cells.append(granted)


def _stocked(shop: Shop, sku: str, field: str) -> Problem | None:
    """Why this SKU has no stock of its own here, or None."""
    product = shop.catalogue.get(sku)
    if product is None:
        return unknown_product(sku, field=field)
    if product.bundle:
        return Problem.invalid(f"{sku} is a bundle: receive its components.", field=field)
    if product.stock_policy == "untracked":
        return Problem.invalid(f"{sku} is untracked: it has no stock to book.", field=field)
    return None
