"""The endless aisle of a chain in one process (`tests.chain`): a shop's desk, its line to the hub.

The line is asked as the gateway asks it over HTTP, and answers what the hub's endpoints would; it
can be cut, and it can lose an answer on its way back.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from cloud_hub.auditing.audit import audit
from cloud_hub.ordering import orders as hub_orders
from cloud_hub.prices.priced import price
from devices.paper import Document
from gateway.config import ReceiptSetting
from gateway.link.hub_line import ANSWER_S_MAX, HubAnswer
from gateway.ordering import order_payments
from gateway.ordering.order_desk import OrderDesk
from gateway.printing.receipts import Issuer
from replication.adapters.sqlite import ReplicaStore
from replication.journal import Actor
from replication.ledger import RequestKey
from retail.business_day import zone_of
from retail.ordering.order_payments import OrderPaymentRequest, PaidOrder, TillOrderRequest
from retail.ordering.orders import Order, OrderQuoteRequest, OrderRequest
from retail.prices.pricing import PricedBasket
from retail.prices.quotes import quote_of
from tests import uses_asked
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide, command
from tests.shortage_stories import lend_all, settled
from web.body import body_digest
from web.once import Command, Done, Outcome
from web.problems import Problem
from web.tokens import Principal

T = TypeVar("T")

PLENTY: Final = ({"type": "cash", "amount_minor": 100_000},)


@dataclass(slots=True)
class ChainLine:
    """A shop's line to the hub. `is_cut`: nobody is heard; `loses` counts answers to be lost.

    `asked` has the paths that were asked, in order. `before_answer` happens at the hub after it
    decided, while its answer is on the way.
    """

    hub: HubSide
    writer: str
    is_cut: bool = False
    loses: int = 0
    asked: list[str] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    async def get(self, path: str, *, within_s: float = ANSWER_S_MAX) -> HubAnswer | None:
        """Nothing is read so."""
        raise AssertionError((path, within_s))

    async def post(
        self, path: str, body: bytes, *, key: str, within_s: float = ANSWER_S_MAX
    ) -> HubAnswer | None:
        """What the hub's endpoint would say."""
        _ = within_s
        if self.is_cut:
            return None
        self.asked.append(path)
        said = self._quote(body) if path == "/v1/quotes" else self._place(body, key)
        self.before_answer()
        if self.loses:
            self.loses -= 1
            return None
        if isinstance(said, Problem):
            return HubAnswer(said.status, said.body())
        return HubAnswer(said.status, said.record)

    def _quote(self, body: bytes) -> Outcome:
        request = msgspec.json.decode(body, type=OrderQuoteRequest)
        office = self.hub.state

        def work() -> Outcome:
            lines = hub_orders.products_of(office, request.lines)
            if isinstance(lines, Problem):
                return lines
            if (nowhere := hub_orders.strange_pickup(office, request.fulfilment)) is not None:
                return nowhere
            priced = price(office, lines, request, request.fulfilment, uses_asked.CUT_OFF)
            if isinstance(priced, Problem):
                return priced
            assert isinstance(priced, PricedBasket)
            return Done(200, msgspec.json.encode(quote_of(priced, office.rules.promotions)))

        return self.hub.commit(work)

    def _place(self, body: bytes, key: str) -> Outcome:
        request = msgspec.json.decode(body, type=OrderRequest)
        gateway = Principal(
            id=f"gateway:{self.writer}", role="gateway", register=None, name=self.writer
        )
        if (refused := hub_orders.strange_seller(gateway, request)) is not None:
            return refused
        asked = Command(
            gateway,
            RequestKey(gateway.id, "/v1/orders", key),
            body_digest(body),
            Actor(register="", person=gateway.name),
        )

        placed = self.hub.commit(lambda: uses_asked.place(self.hub.state, asked, request))
        if isinstance(placed, hub_orders.ShortOnline):
            assert placed.problem is not None, placed
            return placed.problem
        return placed


@dataclass(slots=True)
class SideWriter:
    """A side's commits, as the desk waits for them."""

    side: ShopSide

    async def look(self, work: Callable[[], T], /) -> T:
        """Only read."""
        return self.side.commit(work)

    async def submit(self, work: Callable[[], T], request: RequestKey | None, /) -> T:
        """Decide and commit."""
        assert request is not None, "every order has its key"
        return self.side.commit(work)


class Aisle:
    """One shop's tills, selling what stands elsewhere."""

    def __init__(self, chain: Chain, location: str) -> None:
        self.shop = chain.shops[location]
        self.line = ChainLine(chain.hub, self.shop.state.ledger.writer)

    def order(
        self, lines: dict[str, int], asked: Command | None = None, /, **more: object
    ) -> Outcome:
        """A till orders: shipped and paid with plenty of cash, unless `more` says otherwise."""
        body = {
            "register": "till-1",
            "lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()],
            "fulfilment": {"type": "ship", "address": "Sea Street 1"},
            "tenders": PLENTY,
        }
        request = msgspec.convert(body | more, TillOrderRequest)
        return asyncio.run(self._desk().order(asked or command(), request))

    def pay(self, order: str, asked: Command | None = None, /, **more: object) -> Outcome:
        """A till takes the money for an order that is kept here."""
        request = msgspec.convert(
            {"register": "till-1", "tenders": PLENTY} | more, OrderPaymentRequest
        )
        told = asked or command()
        return self.shop.commit(
            lambda: order_payments.pay_here(self.shop.state, told, order, request, no_paper)
        )

    def _desk(self) -> OrderDesk:
        identity = self.shop.state.identity
        issuer = Issuer(
            name=identity.name, zone=zone_of(identity.timezone), setting=ReceiptSetting()
        )
        return OrderDesk(
            shop=self.shop.state, writer=SideWriter(self.shop), hub=self.line, issuer=issuer
        )


def no_paper(_paid: PaidOrder) -> Document:
    """What is printed of a payment here."""
    return Document(language="en", blocks=())


def paid_in(outcome: object) -> PaidOrder:
    """The paid order that a success answered with; anything else fails the test and says so."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=PaidOrder)


def tea_at_harbour(directory: Path) -> Chain:
    """Riverside has no tea; Harbour has 8, and the hub all of its rights."""
    chain = Chain(directory, skus=["tea"], shops=["riverside", "harbour"])
    chain.shops["harbour"].receive(tea=8)
    chain.sync()
    lend_all(chain, chain.shops["harbour"], 8)
    return chain


def ended_well(chain: Chain) -> None:
    """All agree, what is committed has its allocations, and the audit finds nothing."""
    settled(chain)
    assert audit(ReplicaStore(chain.hub.state.connection), None).differences == []


def only_order(chain: Chain) -> Order:
    """The one order that the hub has."""
    rows = chain.hub.state.connection.execute("SELECT data FROM online_order").fetchall()
    assert len(rows) == 1, rows
    return msgspec.json.decode(str(rows[0][0]), type=Order)
