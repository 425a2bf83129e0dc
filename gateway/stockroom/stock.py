"""Goods that come in, on the writer thread.

Stock that arrives is minted here, by the custodian, and a share of it is granted to the hub in the
same entry, so that the website has something to sell when the line goes down. Whatever arrives
first covers what was overdrawn.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.registers.lending import share_out
from gateway.selling.picked import why_archived
from gateway.shop import Shop
from gateway.stockroom.deficit import cover
from replication.clock import rfc3339
from replication.escrow import CellChange, Minted, Moved, QuotaShort, latest
from replication.ids import entry_id
from replication.quota import fill_online
from retail.products.catalogue import QUANTITY_MAX, Quantity, Sku, unstocked_words
from retail.selling.sales import LINES_MAX
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome
from web.problems import Problem

RECEIPT: Final = "receipt"

Reference = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="some words")
]


class ReceiptLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many base units of a SKU that arrived, and what one of them cost."""

    sku: Sku
    quantity: Quantity
    unit_cost_minor: Annotated[int, Meta(ge=0, le=10**12)] | None = None


class ReceiptRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a stock receipt; `reference` is the paper's number.

    `came_before` says that the goods were here already when they were counted, at a gateway that
    took another box's place.
    """

    lines: Annotated[tuple[ReceiptLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Reference
    supplier: Annotated[str, Meta(max_length=200)] | None = None
    transfer: Annotated[str, Meta(max_length=200)] | None = None
    came_before: bool | None = None


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


def receive(shop: Shop, command: Command, request: ReceiptRequest) -> Outcome:
    """Book goods that arrived, or refuse the whole paper and change nothing.

    Those of a transfer are booked by `gateway.stockroom.transfers.receive_by_receipt`, and those
    that a count has found by `gateway.stockroom.came_before.receive_counted`.
    """
    assert request.transfer is None, "a transfer's goods are received once per line"
    known = shop.answered(command)
    if known is not None:
        return known
    units: dict[str, int] = {}
    for number, line in enumerate(request.lines):
        field = f"$.lines[{number}].sku"
        refused = why_unstocked(shop, line.sku, field)
        if refused is not None:
            return refused
        if shop.catalogue[line.sku].archived:
            return why_archived(line.sku, field)
        units[line.sku] = units.get(line.sku, 0) + line.quantity
        if units[line.sku] > QUANTITY_MAX:
            return Problem.invalid(
                f"{units[line.sku]} of {line.sku} are too many for one paper.", field="$.lines"
            )
    cells: list[CellChange] = []
    for sku, arrived in units.items():
        arrive(
            shop, cells, sku, arrived, Minted.RECEIVED, Moved.RECEIVED,
            is_counted=bool(request.came_before),
        )  # fmt: skip
    record = receipt_record(shop, command, request)
    shop.ledger.append(
        RECEIPT,
        record,
        actor=command.actor,
        reference=request.reference,
        moves=units.items(),
        cells=latest(cells),
        request=command.mark(),
    )
    return Done(201, record)


def receipt_record(shop: Shop, command: Command, request: ReceiptRequest) -> bytes:
    """The paper's record, for the entry that is appended next."""
    return msgspec.json.encode(
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


def arrive(
    shop: Shop,
    cells: list[CellChange],
    sku: str,
    units: int,
    minted: Minted,
    moved: Moved,
    *,
    is_counted: bool = False,
) -> None:
    """Goods come in: rights are minted, a deficit is covered first, the hub gets its share.

    Of goods that a count has found already nobody gets a share: the count is put right in the same
    commit, which takes as many rights, and what is dealt out could be sold meanwhile.
    """
    counter, writer = shop.counter(sku), shop.ledger.writer
    cells.append(counter.move(writer, moved, units))
    if is_counted:
        cells.append(counter.mint(writer, minted, units))
        cover(shop, cells, sku)
    else:
        make_sellable(shop, cells, sku, units, minted)


def make_sellable(
    shop: Shop, cells: list[CellChange], sku: str, units: int, minted: Minted
) -> None:
    """Goods that stand here get rights, which are dealt out as those of goods that arrive.

    The hub gets its share, and the registers that sell alone get theirs of the rest.
    """
    counter = shop.counter(sku)
    writer, online = shop.ledger.writer, shop.identity.parent_id
    cells.append(counter.mint(writer, minted, units))
    cover(shop, cells, sku)
    share = fill_online(
        quota_store=counter.quota(writer),
        quota_registers=shop.registers.quota_of(counter),
        quota_online=counter.quota(online),
        safety_stock=shop.catalogue[sku].safety_stock,
    )
    if share > 0:
        granted = counter.grant(writer, online, share)
        assert not isinstance(granted, QuotaShort), "a share is part of the quota"
        cells.append(granted)
    share_out(shop, cells, sku)


def why_unstocked(shop: Shop, sku: str, field: str) -> Problem | None:
    """Why this SKU has no stock of its own here, or None."""
    product = shop.catalogue.get(sku)
    if product is None:
        return unknown_product(sku, field=field)
    words = unstocked_words(product)
    return None if words is None else Problem.invalid(words, field=field)
