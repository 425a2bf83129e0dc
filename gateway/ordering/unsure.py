"""Orders that a box before this one may have handed over, on the writer thread.

A box that dies takes its last hand-overs with it: what the hub had not heard of still waits, by all
books, in the box that takes its place. That one has custody of it (E9) and cannot know whether the
goods are here or with their customer. So it neither answers a cancel for them by itself nor lets
them go once more on anybody's click: first somebody has to say, once per order, whether they had
been handed over before (`OrderEventRequest.handed_over_before`). The team knows it from the signed
slips, or from the customer.

Which orders these are the hub says when this box takes over: those that a box before it was told of
(`web.lives.EarlierLives.orders`).
"""

from collections.abc import Iterable
from typing import Final

from gateway.shop import Shop
from retail.ordering.order_status import ENDS_CUSTODY
from retail.ordering.orders import HANDS_OVER, OrderEventRequest
from web.problems import Problem, Slug

FIELD: Final = "$.handed_over_before"


def keep(shop: Shop, orders: Iterable[str]) -> None:
    """The hub named orders that a box before this one may have handed over."""
    shop.connection.executemany(
        "INSERT OR IGNORE INTO unsure_order VALUES (?)", [(one,) for one in orders]
    )


def is_unsure(shop: Shop, order_id: str) -> bool:
    """Whether nobody has said yet what the box before this one did with an order."""
    row = shop.connection.execute("SELECT 1 FROM unsure_order WHERE id = ?", (order_id,)).fetchone()
    return row is not None


def settle(shop: Shop, order_id: str) -> None:
    """Somebody has said it."""
    shop.connection.execute("DELETE FROM unsure_order WHERE id = ?", (order_id,))


def why_refused(shop: Shop, order_id: str, request: OrderEventRequest) -> Problem | None:
    """Why an event cannot be told before it is clear who had the goods last, or None."""
    before = request.handed_over_before
    if before and request.type not in HANDS_OVER:
        return Problem.invalid(
            "Only what was shipped or collected can have been handed over before.", field=FIELD
        )
    is_open = is_unsure(shop, order_id)
    if before and not is_open:
        return Problem(
            Slug.CONFLICT,
            "No box before this one can have handed over what waits here of this order.",
            members={"field": FIELD},
        )
    if is_open and before is None and request.type in ENDS_CUSTODY:
        return Problem(
            Slug.CONFLICT,
            "The box before this one may have handed this order over already. Look at the signed "
            "slips, or ask the customer; then say handed_over_before: true if the goods were "
            "handed over then, false if they were not.",
            members={"field": FIELD},
        )
    return None
