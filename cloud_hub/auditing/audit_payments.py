"""Did money for orders come once? The audit of what tills were paid for orders (`M1`).

An order may be paid twice, by tills that could not hear of each other: then a refund stands in the
shortage queue for each payment but one. Nothing is kept in memory but each journal's last
number: the order of a payment is looked up by its row, which is compared with its document apart.
"""

from collections.abc import Container, Sequence
from typing import Final

import msgspec

from cloud_hub.auditing.audit_findings import Findings, HeardEntry
from replication.adapters.sqlite import ReplicaStore
from replication.errors import PeerViolation
from replication.ids import HUB, location_of, parse_entry_id
from replication.journal import decode_body
from retail.ordering.order_payments import PaidOrder
from retail.ordering.orders import Order, OrderEvent, payments_of
from retail.returning.returns import GoodsReturn, over_the_counter_minor
from web.sale_numbers import printed_number

PAYMENT: Final = "order_payment"


class PaymentAudit:
    """Looks at entry after entry: is each payment whole, and does its order say that it came?"""

    def __init__(self, findings: Findings, store: ReplicaStore, again: Container[str]) -> None:
        """`again` are entries that tell what another has told."""
        self._again = again
        self._findings = findings
        self._store = store
        self._numbers: dict[str, tuple[int, str]] = {}

    def take(self, entry: HeardEntry) -> None:
        """Look at one entry, whatever it is about."""
        writer = entry.body.writer
        if entry.body.kind != PAYMENT or location_of(writer) == HUB:
            return
        try:
            paid = msgspec.json.decode(entry.body.record, type=PaidOrder)
        except (msgspec.DecodeError, UnicodeDecodeError) as broken:
            self._add("rows", f"the record of {entry.place} is no {PAYMENT}: {broken}", entry)
            return
        payment = paid.payment
        if (payment.id, payment.order) != (entry.place, paid.order.id):
            what = f"holds the payment {payment.id} of {payment.order}, for order {paid.order.id}"
            self._add("M1", f"{entry.place} {what}", entry)
        tendered = sum(tender.amount_minor for tender in payment.tenders)
        if tendered - payment.change_minor != payment.total_minor:
            what = f"{tendered} less {payment.change_minor} of change for {payment.total_minor}"
            self._add("M1", f"{entry.place} took {what}", entry)
        self._take_number(entry, payment.number)
        row = self._store.connection.execute(
            "SELECT EXISTS (SELECT 1 FROM json_each(data, '$.events') AS event "
            "WHERE event.value ->> 'id' = ?) FROM online_order WHERE id = ?",
            (entry.place, payment.order),
        ).fetchone()
        if (row is None or not row[0]) and entry.place not in self._again:
            what = f"order {payment.order} does not say that {entry.place} paid it"
            self._add("M1", what, entry, payment.order)

    def _take_number(self, entry: HeardEntry, number: str) -> None:
        """A box numbers its payments without a gap."""
        last, where = self._numbers.get(entry.body.writer, (0, ""))
        text = number.rpartition("-P")[2]
        now = int(text) if text.isascii() and text.isdecimal() else 0
        is_other = not where and not number.startswith(printed_number(entry.body.writer, now, "P"))
        if now != last + 1 and not is_other:  # a branch goes on with the numbers that it began with
            what = f"payment {number} of {entry.place} comes after number {last}"
            self._add("M1", what, entry, *([where] if where else []))
        self._numbers[entry.body.writer] = (now, entry.place)

    def _add(self, invariant: str, what: str, entry: HeardEntry, *others: str) -> None:
        location = location_of(entry.body.writer)
        self._findings.add(invariant, what, [entry.place, *others], location=location)


def check_paid(store: ReplicaStore, findings: Findings, order: Order) -> None:
    """Each till's payment of an order is in that till's journal; what came twice goes back."""
    payments = payments_of(order)
    for event in payments:
        if event.tenders is not None and not _is_told(store, event, order):
            what = f"order {order.id} was paid by {event.id}, which says otherwise"
            findings.add("M1", what, [order.id, event.id])
    _check_paid_back(store, findings, order, payments)
    if len(payments) < 2:  # noqa: PLR2004 - twice
        return
    rows = store.connection.execute(
        "SELECT data ->> 'payment' FROM shortage WHERE order_id = ? AND kind = 'refund'",
        (order.id,),
    )
    going_back = {row[0] for row in rows}
    standing = [event for event in payments if event.id not in going_back]
    for event in standing[1:]:
        money = order.total_minor if event.tenders is None else len(event.tenders)
        if money:
            what = f"order {order.id} was paid twice, and {event.id} does not go back"
            findings.add("M1", what, [order.id, standing[0].id, event.id])


def _check_paid_back(
    store: ReplicaStore, findings: Findings, order: Order, payments: Sequence[OrderEvent]
) -> None:
    """No more goes back of an order, by the queue and over the counter, than came for it."""
    row = store.connection.execute(
        "SELECT coalesce(sum(data ->> 'amount_minor'), 0) FROM shortage "
        "WHERE order_id = ? AND kind = 'refund'",
        (order.id,),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    back_minor = int(str(row[0]))
    returns = store.connection.execute(
        "SELECT id, data FROM goods_return WHERE sale = ?", (order.id,)
    ).fetchall()
    notes = [msgspec.json.decode(str(data), type=GoodsReturn) for _, data in returns]
    back_minor += sum(over_the_counter_minor(one) for one in notes)
    # A supervisor may have given more in advance than anybody had paid.
    settled = [one.settles for one in notes if one.settles is not None]
    for waiting in settled:
        advance = store.connection.execute(
            "SELECT data ->> '$.unverified.advance_minor' FROM goods_return WHERE id = ?",
            (waiting,),
        ).fetchone()
        back_minor -= int(str((advance and advance[0]) or 0))
    paid_minor = sum(
        order.total_minor
        if event.tenders is None
        else sum(tender.amount_minor for tender in event.tenders)
        for event in payments
    )
    if back_minor > paid_minor:
        what = f"{back_minor} of order {order.id} go back, and {paid_minor} were paid"
        findings.add("M1", what, [order.id, *(str(note) for note, _ in returns)])


def _is_told(store: ReplicaStore, event: OrderEvent, order: Order) -> bool:
    """Whether the entry that the event is named after has this money for this order."""
    place = parse_entry_id(event.id)
    data = None if place is None else store.load_body(*place)
    try:
        body = None if data is None else decode_body(data)
        if body is None or body.kind != PAYMENT:
            return False
        payment = msgspec.json.decode(body.record, type=PaidOrder).payment
    except (PeerViolation, msgspec.DecodeError, UnicodeDecodeError):
        return False  # the entry's own difference says why
    came_minor = sum(tender.amount_minor for tender in event.tenders or ())
    return (payment.order, payment.total_minor) == (order.id, came_minor)
