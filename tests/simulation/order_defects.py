"""Defects of orders, and of what comes back in any store, to plant; `defects` lists them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

import msgspec

from cloud_hub.ordering import overpaid, reallocation
from gateway.returning import returnables, returns, unverified
from gateway.returning.returnables import Elsewhere, Known
from gateway.shop import Shop
from retail.ordering import allocations
from retail.ordering.allocations import Settled
from retail.ordering.orders import Order, asked_back
from web.problems import Problem


@contextmanager
def rights_lent_and_kept() -> Iterator[None]:
    """Who sold something goes on by its own rows, though the rights are in another store (W1)."""
    real = returnables.known_here

    def known(shop: Shop, told: str, **asked: bool) -> Known | Elsewhere | Problem:
        with mock.patch.object(returnables, "_counters", return_value=[]):
            own = real(shop, told, **asked)
        return own if isinstance(own, Known) and not own.are_rights else real(shop, told, **asked)

    with ExitStack() as stack:
        for module in (returns, unverified):
            stack.enter_context(mock.patch.object(module, "known_here", known))
        yield


def stand_in_and_original() -> AbstractContextManager[Any]:
    """Units are promised elsewhere as soon as their custodian is asked, before it answers (E9)."""
    real = allocations.settle_stand_ins

    def settle(order: Order) -> Settled:
        asked = asked_back(order)
        given = tuple(
            msgspec.structs.replace(one, state="released")
            if one.id in asked and one.state == "committed"
            else one
            for one in order.allocations
        )
        return real(msgspec.structs.replace(order, allocations=given))

    return mock.patch.object(reallocation, "settle_stand_ins", settle)


def paid_twice_and_kept() -> AbstractContextManager[Any]:
    """Nobody looks whether an order was paid in another store as well (M4)."""
    return mock.patch.object(overpaid, "_open_double", return_value=None)


def sent_though_unpaid() -> AbstractContextManager[Any]:
    """Units that a till was not paid for, since they were missing, come from elsewhere (M5)."""
    return mock.patch.object(overpaid, "_without_unpaid", side_effect=lambda _, order: order)


ORDER_DEFECTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "rights_lent_and_kept": rights_lent_and_kept,
    "stand_in_and_original": stand_in_and_original,
    "paid_twice_and_kept": paid_twice_and_kept,
    "sent_though_unpaid": sent_though_unpaid,
}
"""By name."""
