"""The sides of a chain (`tests.chain`): a program's deciding state over its file, and its people.

A side commits as the writer thread does, can be told that its next commit fails, and can start
again on its file.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import order_documents, reservations, resolving
from cloud_hub.ordering import order_events as hub_events
from cloud_hub.ordering import orders as hub_orders
from cloud_hub.products import catalogue
from cloud_hub.stores import enrolment
from gateway.identity import Identity
from gateway.link import cursor, intake
from gateway.ordering import orders as shop_orders
from gateway.returning import returns, unverified
from gateway.returning.returnables import Elsewhere
from gateway.selling import baskets, sales
from gateway.shop import Shop
from gateway.stockroom import adjustments, counts, stock, transfers
from replication.adapters.group_commit import CommittedState
from replication.escrow import EscrowCounter
from replication.feed import FeedItem
from replication.journal import Actor, EntryBody
from replication.ledger import RequestKey
from retail.ordering.holds import Basket, BasketRequest, Reservation, ReservationRequest
from retail.ordering.order_status import EventType
from retail.ordering.orders import (
    Order,
    OrderEventRequest,
    OrderLine,
    OrderRequest,
    Payment,
    Pickup,
    ReallocateRequest,
    Ship,
)
from retail.ordering.shortages import ResolveRequest, Shortage
from retail.prices.sale_request import SaleRequest
from retail.products.catalogue import ProductBody
from retail.returning.return_requests import (
    ExchangeRequest,
    InspectionRequest,
    RefundTo,
    ReturnRequest,
    SettleRequest,
)
from retail.returning.returns import Disposition, Inspected, ReturnRequestLine
from retail.selling.sales import SaleRequestLine
from retail.stock.counts import (
    CountCloseRequest,
    CountLinesRequest,
    CountRequest,
    GivenReason,
    ScannedLine,
)
from retail.stock.transfers import CountedLine, Transfer, TransferLine
from tests import uses_asked
from tests.uses_asked import SECRET
from web.once import Command, Done, Outcome
from web.problems import Problem
from web.tokens import Principal

State = TypeVar("State", bound=CommittedState)
T = TypeVar("T")
_numbers = itertools.count(1)


class CommitFailed(Exception):
    """The disk did not take a commit; the side is back at what its file holds."""


def command(*, role: str = "manager", register: str | None = None) -> Command:
    """Somebody asks, under a key that was never used before; with `register`, that one's token."""
    key = RequestKey("till-1", "/v1/x", f"key-{next(_numbers)}")
    principal = Principal(id="till-1", role=role, register=register, name="Ann")
    return Command(principal, key, b"\0" * 16, Actor(register="till-1", person="Ann"))


def sale_of(sku: str, units: int, basket: str | None = None) -> SaleRequest:
    """A sale of one line that is paid with more than enough cash, and ends a basket's hold."""
    sale = {
        "register": "till-1",
        "lines": [{"sku": sku, "quantity": units}],
        "tenders": [{"type": "cash", "amount_minor": 1_000_000}],
        "basket": basket,
    }
    return msgspec.convert(sale, SaleRequest)


def lines_of(units: Mapping[str, int]) -> tuple[OrderLine, ...]:
    """Order lines from units per SKU."""
    return tuple(OrderLine(sku=sku, quantity=quantity) for sku, quantity in units.items())


def _transfer_lines(units: Mapping[str, int]) -> tuple[TransferLine, ...]:
    return tuple(TransferLine(sku=sku, quantity=quantity) for sku, quantity in units.items())


def order_in(outcome: object) -> Order:
    """The order that a success answered with; anything else fails the test and says so."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Order)


def transfer_in(outcome: object) -> Transfer:
    """The transfer that a success answered with; anything else fails the test and says so."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Transfer)


def reservation_in(outcome: object) -> Reservation:
    """The reservation that a success answered with; anything else fails the test and says so."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Reservation)


def basket_in(outcome: object) -> Basket:
    """The basket that a success answered with; anything else fails the test and says so."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Basket)


class Side(Generic[State]):
    """One program's deciding state over its file; `open_state` makes it anew at each start."""

    def __init__(self, open_state: Callable[[], State], start: Callable[[State], None]) -> None:
        self._open_state = open_state
        self._start = start
        self._refuses = False
        self._refused = False
        self._open()

    def _open(self) -> None:
        self.state = self._open_state()
        self.state.connection.pragma("synchronous", "off")
        self.state.connection.set_commit_hook(self._hook)
        self.commit(lambda: self._start(self.state))

    def _hook(self) -> bool:
        self._refused, self._refuses = self._refuses, False
        return self._refused

    def refuse_next_commit(self) -> None:
        """The next commit fails at its very end, when all is decided and written."""
        self._refuses = True

    def restart(self) -> None:
        """End without a checkpoint and start again from the file."""
        self.close()
        self._open()

    def close(self) -> None:
        """End without a checkpoint."""
        self._refuses = False
        self.state.connection.close()

    def commit(self, work: Callable[[], T]) -> T:
        """Decide in one transaction; whatever breaks it leaves the state that the file holds.

        Raises:
            CommitFailed: `refuse_next_commit` was called before.
        """
        connection = self.state.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            self.state.begin([])
            done = work()
            self.state.flush()
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self.state.forget()
            if self._refused:
                self._refused = False
                raise CommitFailed from error
            raise
        self.state.committed()
        return done


class HubSide(Side[HeadOffice]):
    """The hub, asked for what its HTTP and links ask it for."""

    def product(self, sku: str, *, price_minor: int = 100, safety_stock: int = 0) -> None:
        """Head office writes a product."""
        body = ProductBody(
            name=sku, price_minor=price_minor, currency="USD", safety_stock=safety_stock
        )
        self.put(sku, body)

    def put(self, sku: str, body: ProductBody) -> None:
        """The same, with all there is to say about it."""
        done = self.commit(lambda: catalogue.put_product(self.state, command(), sku, body))
        assert isinstance(done, Done), done

    def enrol(self, location: str, *, replace: bool = False) -> Identity:
        """Make a location's next box."""
        place = enrolment.Place(
            location=location, name=location, kind="store", jurisdiction="home", timezone="UTC"
        )
        number = next(_numbers)
        asked = enrolment.EnrolmentRequest(code=f"CODE-{number}")

        def work() -> enrolment.Enrolled | Problem:
            office = self.state
            enrolment.add_code(
                office.connection, place,
                replace=replace, code=asked.code, now_ms=office.ledger.now_ms,
                although_connected=True,
            )  # fmt: skip
            return enrolment.enrol(office, asked, number.to_bytes(32))

        enrolled = self.commit(work)
        assert not isinstance(enrolled, Problem), enrolled
        return msgspec.convert(msgspec.to_builtins(enrolled), Identity)

    def reserve(
        self, units: Mapping[str, int], *, pickup: str | None = None
    ) -> Outcome | hub_orders.ShortOnline:
        """A checkout sets units aside."""
        request = ReservationRequest(
            lines=lines_of(units),
            fulfilment=Ship() if pickup is None else Pickup(location=pickup),
        )
        return self.commit(lambda: reservations.reserve(self.state, command(), request))

    def drop(self, reservation: str) -> Outcome:
        """A checkout is given up."""
        return self.commit(lambda: reservations.release(self.state, command(), reservation))

    def expire(self, reservation: str) -> None:
        """A checkout's time is over."""
        self.commit(lambda: reservations.expire(self.state, reservation))

    def place(
        self,
        units: Mapping[str, int],
        *,
        pickup: str | None = None,
        payment: Payment = "paid",
        reservation: str | None = None,
    ) -> Outcome | hub_orders.ShortOnline:
        """The storefront places an order: to be shipped, or to be collected at `pickup`."""
        request = OrderRequest(
            lines=lines_of(units),
            fulfilment=Ship() if pickup is None else Pickup(location=pickup),
            payment=payment,
            reservation=reservation,
        )
        return self.commit(lambda: uses_asked.place(self.state, command(), request))

    def tell(self, order: str, event: EventType) -> Outcome:
        """The storefront or back office tells an event."""
        request = OrderEventRequest(type=event)
        return self.commit(lambda: hub_events.tell_event(self.state, command(), order, request))

    def resolve(self, shortage: str, **decided: str) -> Outcome:
        """The back office decides about a shortage: as proposed, or what `decided` says."""
        request = msgspec.convert(decided, ResolveRequest)
        return self.commit(lambda: resolving.resolve(self.state, command(), shortage, request))

    def reallocate(self, order: str, allocation: str, *, location: str | None = None) -> Outcome:
        """The back office wants an allocation's units to come from elsewhere."""
        request = ReallocateRequest(allocation=allocation, location=location)
        return self.commit(lambda: resolving.reallocate(self.state, command(), order, request))

    def shortages(self, *, state: str | None = None) -> list[Shortage]:
        """The queue, oldest first."""
        rows = self.state.connection.execute(
            "SELECT data FROM shortage WHERE ?1 IS NULL OR state = ?1 ORDER BY number", (state,)
        )
        return [msgspec.json.decode(str(data), type=Shortage) for (data,) in rows]

    def order(self, order: str) -> Order:
        """One order as the hub knows it."""
        return order_documents.read(self.state, order)

    def counter(self, location: str, sku: str) -> EscrowCounter:
        """One counter as the hub knows it."""
        return self.state.ledger.counter(location, sku)

    def sale_ids(self) -> list[str]:
        """The ids of all sales that the hub keeps, as often as it keeps them."""
        return self.ids_of("sale")

    def ids_of(self, kind: str) -> list[str]:
        """The same of another kind of entry whose record has an id."""
        rows = self.state.connection.execute("SELECT body FROM entry WHERE kind = ?", (kind,))
        bodies = [msgspec.json.decode(bytes(body), type=EntryBody) for (body,) in rows]
        return [msgspec.json.decode(body.record)["id"] for body in bodies]


class ShopSide(Side[Shop]):
    """A shop's gateway, asked for what its registers and its link ask it for."""

    def receive(self, **units: int) -> Outcome:
        """Goods arrive, units per SKU."""
        lines = tuple(stock.ReceiptLine(sku=sku, quantity=many) for sku, many in units.items())
        request = stock.ReceiptRequest(lines=lines, reference="paper")
        return self.commit(lambda: stock.receive(self.state, command(), request))

    def adjust(self, sku: str, delta: int, reason: str) -> Outcome | sales.Short:
        """Goods are found or lost."""
        request = adjustments.AdjustmentRequest(sku=sku, delta=delta, reason=reason)
        return self.commit(lambda: adjustments.adjust(self.state, command(), request))

    def start_count(self, *skus: str, blind: bool = False) -> Outcome:
        """A clerk starts a count, of these SKUs where any are named."""
        request = CountRequest(skus=skus or None, blind=blind)
        return self.commit(lambda: counts.start(self.state, command(), request))

    def count(self, count: str, *lines: ScannedLine) -> Outcome:
        """Somebody counted."""
        request = CountLinesRequest(lines=lines)
        return self.commit(lambda: counts.add_lines(self.state, command(), count, request))

    def close_count(self, count: str, **reasons: str) -> Outcome:
        """A clerk closes a count, with reasons per SKU."""
        given = tuple(GivenReason(sku=sku, reason=reason) for sku, reason in reasons.items())
        request = CountCloseRequest(reasons=given)
        return self.commit(lambda: counts.close(self.state, command(), count, request))

    def hold(self, units: Mapping[str, int], *, register: str = "till-1") -> Outcome | sales.Short:
        """A till sets a basket's units aside."""
        lines = tuple(SaleRequestLine(sku=sku, quantity=many) for sku, many in units.items())
        request = BasketRequest(register=register, lines=lines)
        return self.commit(lambda: baskets.hold(self.state, command(), request, 900))

    def drop(self, basket: str) -> Outcome:
        """A basket is given up."""
        return self.commit(lambda: baskets.release(self.state, command(), basket))

    def expire(self, basket: str) -> None:
        """A basket's time is over."""
        self.commit(lambda: baskets.expire(self.state, basket))

    def sell(self, sku: str, units: int = 1, *, basket: str | None = None) -> Outcome | sales.Short:
        """A till sells one line, and with it what a basket holds."""
        request = sale_of(sku, units, basket)
        return self.commit(lambda: uses_asked.sell(self.state, command(), request))

    def take_back(
        self,
        sale: str,
        sku: str,
        units: int,
        *,
        refund_to: RefundTo = "original",
        has_asked: bool = False,
        named: str | None = None,
        asked: Command | None = None,
    ) -> Outcome | Elsewhere:
        """A customer brings some of a sale back; `named`: as they call it, `asked`: as it was."""
        request = ReturnRequest(
            register="till-1", sale=named or sale, reason="unwanted", refund_to=refund_to,
            lines=(ReturnRequestLine(sku=sku, quantity=units),),
        )  # fmt: skip
        return self.commit(
            lambda: returns.take_return(
                self.state, asked or command(), request, sale, uses_asked.no_paper, SECRET,
                has_asked=has_asked,
            )
        )  # fmt: skip

    def take_in(self, sale: str, sku: str, units: int, *, advance_minor: int) -> Outcome:
        """A supervisor takes goods in that nobody can verify, and gives some cash for them."""
        request = ReturnRequest(
            register="till-1", sale=sale, reason="unwanted", unverified=True,
            lines=(ReturnRequestLine(sku=sku, quantity=units),), advance_minor=advance_minor,
        )  # fmt: skip
        return self.commit(
            lambda: unverified.take_in(self.state, command(), request, sale, uses_asked.no_paper)
        )

    def settle(self, waiting: str, sale: str) -> Outcome | Elsewhere:
        """They are paid for, now that the hub was asked."""
        return self.commit(
            lambda: unverified.settle(
                self.state, command(), waiting, SettleRequest(register="till-1"), sale,
                uses_asked.no_paper, SECRET, has_asked=True,
            )
        )  # fmt: skip

    def exchange(
        self, sale: str, back: tuple[str, int], wanted: tuple[str, int]
    ) -> Outcome | sales.Short:
        """A customer brings some of a sale back and takes something else; cash pays any rest."""
        body = {
            "register": "till-1",
            "sale": sale,
            "reason": "wrong size",
            "returned": [{"sku": back[0], "quantity": back[1]}],
            "lines": [{"sku": wanted[0], "quantity": wanted[1]}],
            "tenders": [{"type": "cash", "amount_minor": 1_000_000}],
        }
        request = msgspec.convert(body, ExchangeRequest)
        return self.commit(lambda: uses_asked.exchange(self.state, command(), request))

    def inspect(self, came: str, sku: str, units: int, disposition: Disposition) -> Outcome:
        """Somebody looks at what came back."""
        return self.look(came, (sku, units, disposition))

    def look(self, came: str, *seen: tuple[str, int, Disposition]) -> Outcome:
        """The same, with several lines."""
        lines = [Inspected(sku=sku, quantity=many, disposition=fate) for sku, many, fate in seen]
        request = InspectionRequest(lines=tuple(lines))
        return self.commit(lambda: returns.inspect(self.state, command(), came, request))

    def tell(
        self, order: str, event: EventType, units: Mapping[str, int] | None = None, *,
        before: bool | None = None,
    ) -> Outcome:  # fmt: skip
        """Somebody in the shop tells an event: of all that waits here, or of these lines."""
        request = OrderEventRequest(
            type=event, lines=lines_of(units) if units else None, handed_over_before=before
        )
        return self.commit(lambda: shop_orders.tell_event(self.state, command(), order, request))

    def create_transfer(self, to: str, **units: int) -> Outcome:
        """The stockroom plans what goes to another location, units per SKU."""
        request = transfers.TransferRequest(to=to, lines=_transfer_lines(units))
        return self.commit(lambda: transfers.create(self.state, command(), request))

    def ship_transfer(
        self, number: str, units: Mapping[str, int] | None = None
    ) -> Outcome | sales.Short:
        """The truck leaves: with all that was planned, or with these units per SKU."""
        request = transfers.ShipRequest(lines=_transfer_lines(units) if units else None)
        return self.commit(lambda: transfers.ship(self.state, command(), number, request))

    def receive_transfer(
        self, number: str, units: Mapping[str, int] | None = None, *, before: bool | None = None
    ) -> Outcome:
        """The truck is counted in: as shipped, or these units per SKU."""
        lines = [CountedLine(sku=sku, quantity=many) for sku, many in (units or {}).items()]
        request = transfers.ArrivalRequest(lines=tuple(lines) or None, came_before=before)
        return self.commit(lambda: transfers.receive(self.state, command(), number, request))

    def apply(self, items: Sequence[FeedItem]) -> None:
        """Take in a part of the feed, as the uplink does; a cursor never goes back."""
        position = max(items[-1].position, cursor.cursor_of(self.state.store))
        self.commit(lambda: intake.apply(self.state, items, position))
