"""Deciding where nobody can be asked for uses of limited promotions: what a side alone comes to."""

from typing import Final

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import orders
from devices.paper import Document
from gateway.returning import exchanges
from gateway.returning.returnables import Elsewhere
from gateway.selling import sales
from gateway.selling.credits import CreditShort
from gateway.shop import Shop
from retail.ordering.orders import OrderRequest
from retail.prices.sale_request import SaleRequest
from retail.returning.return_requests import ExchangeRequest
from retail.returning.returns import GoodsReturn
from web.once import Command, Outcome
from web.uses import Asked, UsesShort

CUT_OFF: Final = Asked(is_over=True, why="unheard")
"""With this, no decision ends in `UsesShort`."""

SECRET: Final = "K7QX2M"  # noqa: S105 - of a store credit in a test
"""The random letters of every store credit in a chain: what issued it tells them apart."""


def sell(shop: Shop, command: Command, request: SaleRequest) -> Outcome | sales.Short:
    """A till sells with the uses that its gateway holds."""
    outcome = sales.sell(shop, command, request, asked=CUT_OFF)
    assert not isinstance(outcome, UsesShort | CreditShort), outcome
    return outcome


def exchange(shop: Shop, command: Command, request: ExchangeRequest) -> Outcome | sales.Short:
    """The same for goods that are exchanged, after the hub was asked; no paper is made."""
    outcome = exchanges.exchange(
        shop, command, request, request.sale, no_paper, SECRET,
        asked_hub=False, asked=CUT_OFF, has_asked=True,
    )  # fmt: skip
    assert not isinstance(outcome, UsesShort | CreditShort | Elsewhere), outcome
    return outcome


def no_paper(_record: GoodsReturn) -> Document:
    """What a chain prints of a return."""
    return Document(language="en", blocks=())


def place(
    office: HeadOffice, command: Command, request: OrderRequest
) -> Outcome | orders.ShortOnline:
    """The storefront orders with the uses that the hub holds."""
    outcome = orders.place(office, command, request, "ABC123", CUT_OFF)
    assert not isinstance(outcome, UsesShort), outcome
    return outcome
