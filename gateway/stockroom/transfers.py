"""Goods between this location and another, on the writer thread.

The source says what is to go and what left; the destination counts what came, each line once, and
it alone mints (E7). A shipment is an intention, so it waits for quota like a sale. An arrival is a
fact: it is taken in by the paper's number also when the source has not been heard.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from gateway.selling.sales import Short, lacks_of
from gateway.shop import Shop
from gateway.stockroom.came_before import CAME_BEFORE, why_asked
from gateway.stockroom.late_moves import counted_too_late
from gateway.stockroom.stock import (
    RECEIPT,
    ReceiptRequest,
    Reference,
    arrive,
    receipt_record,
    why_unstocked,
)
from replication import feed
from replication.clock import rfc3339
from replication.document import EntityDocument, actor_for
from replication.escrow import CellChange, Minted, Moved, QuotaShort, Spent, latest
from replication.ids import entry_id, is_location_id
from replication.journal import RequestMark
from retail.documents import DocumentUnfit
from retail.products.catalogue import QUANTITY_MAX
from retail.selling.sales import LINES_MAX, LocationId
from retail.stock.transfers import (
    PART_BYTES_MAX,
    CountedLine,
    Plan,
    Received,
    ReceivedLine,
    Route,
    Shipped,
    Transfer,
    TransferLine,
    event_field,
    is_too_large,
    parse_transfer_id,
    plan_field,
    transfer_id,
    transfer_of,
    units_of,
)
from retail.stock.trucks import TransferRefused, count_in, load_truck
from web.catalogue_rows import unknown_product
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

TRANSFER: Final = "transfer"
TRANSFER_SHIPPED: Final = "transfer_shipped"
TRANSFER_RECEIVED: Final = "transfer_received"

Lines = Annotated[tuple[TransferLine, ...], Meta(min_length=1, max_length=LINES_MAX)]


class TransferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a new transfer: what is to go where. A SKU named twice is summed."""

    to: LocationId
    lines: Lines
    reference: Reference | None = None


class ShipRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a shipment: what is really on the truck; without `lines` all that was planned."""

    lines: Lines | None = None


class ArrivalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an arrival: what was counted; without `lines` all that is in transit.

    `came_before` answers what a gateway asks that took another box's place: whether the goods were
    here already when they were counted.
    """

    lines: Annotated[tuple[CountedLine, ...], Meta(min_length=1, max_length=LINES_MAX)] | None = (
        None
    )
    came_before: bool | None = None


class Known(NamedTuple):
    """A transfer as far as it is known here, with the document to write to."""

    document: EntityDocument
    transfer: Transfer


class Written(NamedTuple):
    """A document with something new in it, not stored yet, and the transfer that it says."""

    document: EntityDocument
    transfer: Transfer
    change: bytes


class Arrival(NamedTuple):
    """What an arrival comes to: the transfer with it, and the lines that are booked."""

    written: Written
    lines: tuple[ReceivedLine, ...]


def create(shop: Shop, command: Command, request: TransferRequest) -> Outcome:
    """Plan a transfer; no stock moves."""
    known = shop.answered(command)
    if known is not None:
        return known
    if request.to == shop.location:
        return Problem.invalid("A transfer goes to another location.", field="$.to")
    if not is_location_id(request.to):
        return Problem.invalid(f"{request.to} is no location.", field="$.to")
    units = units_of((line.sku, line.quantity) for line in request.lines)
    for sku, many in units.items():
        refused = why_unstocked(shop, sku, "$.lines")
        if refused is None and many > QUANTITY_MAX:
            refused = Problem.invalid(f"{many} of {sku} are too many.", field="$.lines")
        if refused is not None:
            return refused
    ledger = shop.ledger
    place = entry_id(ledger.writer, ledger.next_seq)
    plan = Plan(
        lines=tuple(TransferLine(sku=sku, quantity=many) for sku, many in units.items()),
        reference=request.reference,
        created_at=rfc3339(ledger.now_ms),
        created_by=command.principal.name,
    )
    document = EntityDocument.new(actor_for(ledger.writer, ledger.boot))
    written = _written(document, transfer_id(place, request.to), plan_field(plan), {})
    if isinstance(written, Problem):
        return written
    return Done(201, _journal(shop, command, TRANSFER, written, request=command.mark()))


def ship(  # noqa: PLR0911 - one return per way to refuse
    shop: Shop, command: Command, number: str, request: ShipRequest
) -> Outcome | Short:
    """Send the truck: all of its goods are spent from this gateway's own quota, or none."""
    known = shop.answered(command)
    if known is not None:
        return known
    route = parse_transfer_id(number)
    if route is not None and route.source != shop.location:
        return Problem(Slug.CONFLICT, f"{route.source} ships transfer {number}, not this location.")
    found = _find(shop, number)
    if route is None or found is None:
        return Problem(Slug.NOT_FOUND, f"No transfer {number} was created here.")
    wanted = None
    if request.lines is not None:
        wanted = units_of((line.sku, line.quantity) for line in request.lines)
    lines = load_truck(found.transfer, wanted)
    if isinstance(lines, TransferRefused):
        return _refusal(lines, found.transfer)
    if lacks := lacks_of(shop, {line.sku: line.quantity for line in lines}, {}):
        return Short(lacks)
    event = Shipped(
        id=entry_id(shop.ledger.writer, shop.ledger.next_seq),
        at=rfc3339(shop.ledger.now_ms),
        actor=command.principal.name,
        lines=lines,
    )
    written = _written(found.document, number, {}, event_field(event))
    if isinstance(written, Problem):
        return written
    cells: list[CellChange] = []
    for line in lines:
        _send(shop, cells, line)
    moves = [(line.sku, -line.quantity) for line in lines]
    told = _journal(shop, command, TRANSFER_SHIPPED, written, moves, cells, request=command.mark())
    return Done(201, told)


def receive(shop: Shop, command: Command, number: str, request: ArrivalRequest) -> Outcome:
    """Count a truck in: by what was shipped, or by paper where the source is unheard."""
    known = shop.answered(command)
    if known is not None:
        return known
    counted = None
    if request.lines is not None:
        counted = units_of((line.sku, line.quantity) for line in request.lines)
    arrived = _arrived(shop, command, number, counted, came_before=request.came_before)
    if isinstance(arrived, Problem):
        return arrived
    told = _take_in(
        shop, command, arrived, request=command.mark(), is_counted=bool(request.came_before)
    )
    if request.came_before:
        counted_too_late(shop, {line.sku: line.quantity for line in arrived.lines}, CAME_BEFORE)
    return Done(201, told)


def receive_by_receipt(shop: Shop, command: Command, request: ReceiptRequest) -> Outcome:
    """Book a receipt that names a transfer: its goods are that transfer's, received once per line.

    Two entries in one commit: the arrival, which moves the goods, and the paper with its costs.
    """
    assert request.transfer is not None, "without a transfer it is `stock.receive`"
    known = shop.answered(command)
    if known is not None:
        return known
    if parse_transfer_id(request.transfer) is None:
        return Problem.invalid(
            f"{request.transfer} is no transfer's number, such as riverside.1-57-harbour.",
            field="$.transfer",
        )
    counted = units_of((line.sku, line.quantity) for line in request.lines)
    arrived = _arrived(shop, command, request.transfer, counted, came_before=request.came_before)
    if isinstance(arrived, Problem):
        return arrived
    _take_in(shop, command, arrived, is_counted=bool(request.came_before))
    if request.came_before:
        counted_too_late(shop, counted, CAME_BEFORE)
    record = receipt_record(shop, command, request)
    shop.ledger.append(
        RECEIPT,
        record,
        actor=command.actor,
        reference=request.reference,
        request=command.mark(),
    )
    return Done(201, record)


def hear(shop: Shop, transfer: Transfer, document: EntityDocument, change: bytes) -> None:
    """The feed brought a transfer: what was received here by paper may have met its shipment."""
    shop.store.store_document(feed.TRANSFER, transfer.id, document, change)
    _keep(shop, transfer)


def read(shop: Shop, number: str, document: EntityDocument) -> Transfer:
    """The transfer in a document that came with the feed.

    Raises:
        DocumentUnfit: it is none, or none of this location's.
    """
    transfer = transfer_of(number, document.fields(), document.events())
    if shop.location not in {transfer.source, transfer.destination}:
        raise DocumentUnfit(f"{number} is neither sent from nor to {shop.location}")
    return transfer


def _find(shop: Shop, number: str) -> Known | None:
    actor = actor_for(shop.ledger.writer, shop.ledger.boot)
    document = shop.store.load_document(feed.TRANSFER, number, actor)
    if document is None:
        return None
    return Known(document, transfer_of(number, document.fields(), document.events()))


def _by_paper(shop: Shop, number: str) -> Known:
    """A transfer of which nothing is known but its number."""
    document = EntityDocument.new(actor_for(shop.ledger.writer, shop.ledger.boot))
    return Known(document, transfer_of(number, {}, {}))


def _arrived(
    shop: Shop,
    command: Command,
    number: str,
    counted: Mapping[str, int] | None,
    *,
    came_before: bool | None = None,
) -> Arrival | Problem:
    """Decide an arrival as a whole; nothing is changed yet."""
    route = parse_transfer_id(number)
    if route is None:
        return Problem(Slug.NOT_FOUND, f"{number} is no transfer's number.")
    if route.destination != shop.location:
        return _elsewhere(shop, number, route)
    document, transfer = _find(shop, number) or _by_paper(shop, number)
    lines = count_in(transfer, counted)
    if isinstance(lines, TransferRefused):
        return _refusal(lines, transfer)
    unfit = _unfit(shop, lines, by_paper=not transfer.is_shipped())
    if unfit is not None:
        return unfit
    asked = why_asked(
        shop, transfer, [line.sku for line in lines if line.quantity], came_before=came_before
    )
    if asked is not None:
        return asked
    event = Received(
        id=entry_id(shop.ledger.writer, shop.ledger.next_seq),
        at=rfc3339(shop.ledger.now_ms),
        actor=command.principal.name,
        lines=lines,
        unmatched=not transfer.is_shipped(),
    )
    written = _written(document, number, {}, event_field(event))
    return written if isinstance(written, Problem) else Arrival(written, lines)


def _elsewhere(shop: Shop, number: str, route: Route) -> Problem:
    if route.source == shop.location:
        return Problem(
            Slug.CONFLICT, f"Transfer {number} is sent from here; {route.destination} receives it."
        )
    return Problem(Slug.CONFLICT, f"Transfer {number} goes to {route.destination}, not here.")


def _unfit(shop: Shop, lines: Sequence[ReceivedLine], *, by_paper: bool) -> Problem | None:
    """Why a line cannot be booked here. What was shipped had stock where it came from."""
    for line in lines:
        if by_paper and (refused := why_unstocked(shop, line.sku, "$.lines")) is not None:
            return refused
        if shop.catalogue.get(line.sku) is None:
            return unknown_product(line.sku, field="$.lines")
        if line.quantity > QUANTITY_MAX:
            return Problem.invalid(f"{line.quantity} of {line.sku} are too many.", field="$.lines")
    return None


def _refusal(refused: TransferRefused, transfer: Transfer) -> Problem:
    if refused.is_done:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"transfer_status": transfer.status})
    return Problem.invalid(f"{refused}.", field="$.lines")


def _written(
    document: EntityDocument, number: str, fields: Mapping[str, str], events: Mapping[str, str]
) -> Written | Problem:
    """Write into a document in memory; refused when nobody could carry it."""
    change = document.put(fields, events)
    transfer = transfer_of(number, document.fields(), document.events())
    if is_too_large(transfer):
        return Problem.too_large(PART_BYTES_MAX, what="The lines of a transfer")
    return Written(document, transfer, change)


def _take_in(
    shop: Shop,
    command: Command,
    arrived: Arrival,
    *,
    request: RequestMark | None = None,
    is_counted: bool,
) -> bytes:
    cells: list[CellChange] = []
    moves = [(line.sku, line.quantity) for line in arrived.lines if line.quantity]
    for sku, units in moves:
        arrive(
            shop, cells, sku, units, Minted.TRANSFERRED_IN, Moved.TRANSFERRED_IN,
            is_counted=is_counted,
        )  # fmt: skip
    return _journal(
        shop, command, TRANSFER_RECEIVED, arrived.written, moves, cells, request=request
    )


def _send(shop: Shop, cells: list[CellChange], line: TransferLine) -> None:
    counter, writer = shop.counter(line.sku), shop.ledger.writer
    spent = counter.spend(writer, Spent.TRANSFERRED_OUT, line.quantity)
    assert not isinstance(spent, QuotaShort), "the whole truck was checked before"
    cells += [spent, counter.move(writer, Moved.TRANSFERRED_OUT, line.quantity)]


def _journal(
    shop: Shop,
    command: Command,
    kind: str,
    written: Written,
    moves: Sequence[tuple[str, int]] = (),
    cells: Sequence[CellChange] = (),
    *,
    request: RequestMark | None = None,
) -> bytes:
    """Keep the transfer as it is now, and append the entry that says so; its record."""
    transfer = written.transfer
    shop.store.store_document(feed.TRANSFER, transfer.id, written.document, written.change)
    _keep(shop, transfer)
    record = msgspec.json.encode(transfer)
    shop.ledger.append(
        kind,
        record,
        actor=command.actor,
        reference=transfer.id,
        moves=moves,
        cells=latest(cells),
        request=request,
    )
    return record


def _keep(shop: Shop, transfer: Transfer) -> None:
    """Rebuild the rows of a transfer from what its document says now."""
    direction = "out" if transfer.source == shop.location else "in"
    shop.connection.execute(
        "INSERT INTO transfer (id, direction, status, data) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (id) DO UPDATE SET status = ?3, data = ?4",
        (transfer.id, direction, transfer.status, msgspec.json.encode(transfer).decode()),
    )
    shop.connection.execute("DELETE FROM transfer_line WHERE transfer = ?", (transfer.id,))
    if direction == "in":
        shop.connection.executemany(
            "INSERT INTO transfer_line VALUES (?, ?, ?)",
            [(one.sku, transfer.id, one.in_transit) for one in transfer.lines if one.in_transit],
        )
