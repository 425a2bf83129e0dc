"""Papers of orders that are printed once more, on the writer thread: slips, receipts of payments.

Each is journalled, because each paper of money or goods is part of their trail. Who asks for one
has looked whether the first came out.
"""

from collections.abc import Callable

import msgspec

from devices.paper import Document
from gateway.ordering.order_payments import ORDER_PAYMENT
from gateway.printing import spool
from gateway.shop import Shop
from replication.journal import EntryBody
from retail.ordering.order_payments import PaidOrder
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

CopyOf = Callable[[PaidOrder], Document]
"""Makes the receipt of a payment, marked as a copy."""


class PrintedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """Papers of an order that were spooled once more: how many, and where."""

    order: str
    papers: int
    printers: tuple[str, ...]


def print_slip(shop: Shop, command: Command, order_id: str) -> Outcome:
    """Print an order's picking slip again, of what waits here now, wherever slips are printed."""
    known = shop.answered(command)
    if known is not None:
        return known
    kept = shop.connection.execute(
        "SELECT max(state = 'committed') FROM allocation WHERE order_id = ?", (order_id,)
    ).fetchone()
    if kept is None or kept[0] is None:
        return Problem(Slug.NOT_FOUND, f"No order {order_id} is fulfilled here.")
    if not kept[0]:
        return Problem(Slug.CONFLICT, "Nothing of this order waits here any more.")
    printers = [one.name for one in shop.printer_settings.values() if one.slips]
    if (refused := _no_room(shop, printers, "No printer here prints picking slips.")) is not None:
        return refused
    spool.add_slips(shop, order_id, more=True)
    return _journal(shop, command, order_id, len(printers), printers)


def print_receipt(shop: Shop, command: Command, order_id: str, copy_of: CopyOf) -> Outcome:
    """Print the receipts of what this shop's tills were paid for an order again, as copies."""
    known = shop.answered(command)
    if known is not None:
        return known
    payments = [_paid(body) for body in shop.named.find(ORDER_PAYMENT, order_id)]
    if not payments:
        return Problem(Slug.NOT_FOUND, f"No till here was paid for an order {order_id}.")
    registers = [one.payment.register for one in payments]
    printers = [printer for one in registers if (printer := shop.printers.get(one)) is not None]
    why = f"Register {registers[0]} has no printer."
    if (refused := _no_room(shop, printers, why)) is not None:
        return refused
    for paid in payments:
        printer = shop.printers.get(paid.payment.register)
        if printer is not None:
            title = f"Order {paid.payment.order_number}, paid: copy"
            spool.add_document(shop, printer, copy_of(paid), title)
    return _journal(shop, command, order_id, len(printers), printers)


def _paid(body: EntryBody) -> PaidOrder:
    return msgspec.json.decode(body.record, type=PaidOrder)


def _no_room(shop: Shop, printers: list[str], why: str) -> Problem | None:
    """Why nothing more is printed there now, or None; `why` is told where there is no printer."""
    if not printers:
        return Problem(Slug.CONFLICT, why)
    full = next((one for one in printers if spool.is_full(shop, one)), None)
    if full is not None:
        return Problem(Slug.CONFLICT, f"Too many jobs wait for {full} already.")
    return None


def _journal(
    shop: Shop, command: Command, order_id: str, papers: int, printers: list[str]
) -> Outcome:
    told = PrintedAgain(order=order_id, papers=papers, printers=tuple(dict.fromkeys(printers)))
    record = msgspec.json.encode(told)
    shop.ledger.append(
        spool.REPRINT, record, actor=command.actor, reference=order_id, request=command.mark()
    )
    return Done(201, record)
