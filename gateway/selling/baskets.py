"""Holds of baskets at the till, on the writer thread.

A register that keeps a customer waiting sets the basket's units aside: they are spent as held and
nobody else can sell them (E6). The hold ends once, by the sale that names it
(`gateway.selling.sales`), by the register, or when its time is over
(`gateway.selling.basket_holds`).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.selling.held import (
    NOTHING,
    basket_rows,
    cover_deficits,
    release_units,
    units_held,
    unknown_basket,
    why_not_ended,
)
from gateway.selling.picked import Picked, pick
from gateway.selling.sales import Short, lacks_of, units_of
from gateway.shop import Shop
from replication.clock import rfc3339
from replication.escrow import CellChange, QuotaShort, Spent
from replication.ids import entry_id
from replication.journal import RECORD_BYTES_MAX, Actor
from replication.ledger import PROGRAM
from retail.ordering.holds import Basket, BasketRequest, HoldStatus
from retail.ordering.orders import OrderLine
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

BASKET: Final = "basket"
BASKET_RELEASED: Final = "basket_released"

BASKETS_MAX: Final = 1_000
"""Open baskets of one gateway: ten for each of a hundred registers."""

DELETED: Final = "deleted"
EXPIRED: Final = "expired"
REPLACED: Final = "replaced"


def hold(shop: Shop, command: Command, request: BasketRequest, basket_s: int) -> Outcome | Short:
    """Set a basket's units aside for so many seconds, all of them or none."""
    known = shop.answered(command)
    if known is not None:
        return known
    picked = _picked(shop, request)
    if isinstance(picked, Problem):
        return picked
    lines = picked.lines
    wanted = units_of(shop, lines)
    if isinstance(wanted, Problem):
        return wanted
    lacks = lacks_of(shop, wanted, NOTHING)
    if lacks:
        return Short(lacks)
    ledger = shop.ledger
    basket = Basket(
        id=entry_id(ledger.writer, ledger.next_seq),
        status=HoldStatus.OPEN,
        location=shop.location,
        register=request.register,
        lines=tuple(OrderLine(sku=product.sku, quantity=many) for product, many in lines),
        held=tuple(OrderLine(sku=sku, quantity=units) for sku, units in wanted.items()),
        expires_at=rfc3339(ledger.now_ms + basket_s * 1_000),
        used_by=None,
    )
    record = msgspec.json.encode(basket)
    if len(record) > RECORD_BYTES_MAX:
        return Problem.too_large(RECORD_BYTES_MAX, what="A basket's record")
    cells = _spend_held(shop, wanted)
    basket_rows(shop).add(basket)
    ledger.append(
        BASKET, record, actor=command.actor, reference=basket.id, cells=cells,
        request=command.mark(),
    )  # fmt: skip
    return Done(201, record)


def _picked(shop: Shop, request: BasketRequest) -> Picked | Problem:
    if basket_rows(shop).open_count() >= BASKETS_MAX:
        return Problem(
            Slug.CONFLICT,
            f"{BASKETS_MAX} baskets are held here already: sell or delete some first.",
        )
    return pick(shop, request.lines)


def _spend_held(shop: Shop, wanted: Mapping[str, int]) -> list[CellChange]:
    cells: list[CellChange] = []
    for sku, units in wanted.items():
        spent = shop.counter(sku).spend(shop.ledger.writer, Spent.HELD, units)
        assert not isinstance(spent, QuotaShort), "the quota was checked before"
        cells.append(spent)
    return cells


def release(shop: Shop, command: Command, basket_id: str) -> Outcome:
    """The register gives a basket up. Without a key: what has ended is answered as it ended."""
    known = shop.answered(command)
    if known is not None:
        return known
    basket = basket_rows(shop).find(basket_id)
    if basket is None:
        return unknown_basket(basket_id)
    if (refused := why_not_ended(command, basket)) is not None:
        return refused
    if basket.status is HoldStatus.OPEN:
        basket = _end(shop, basket, HoldStatus.RELEASED, actor=command.actor, reason=DELETED)
    return Done(200, msgspec.json.encode(basket))


def expire(shop: Shop, basket_id: str) -> None:
    """A basket's time is over: what is still held for it is free again."""
    basket = basket_rows(shop).find(basket_id)
    if basket is not None and basket.status is HoldStatus.OPEN:
        _end(shop, basket, HoldStatus.EXPIRED, actor=PROGRAM, reason=EXPIRED)


def give_up(shop: Shop, basket_id: str) -> None:
    """Another box speaks for this shop now: what an open basket keeps is free for it."""
    basket = basket_rows(shop).find(basket_id)
    assert basket is not None, "the rows name it"
    _end(shop, basket, HoldStatus.RELEASED, actor=PROGRAM, reason=REPLACED)


def _end(shop: Shop, basket: Basket, status: HoldStatus, *, actor: Actor, reason: str) -> Basket:
    held = units_held(basket)
    cells: list[CellChange] = []
    release_units(shop, cells, held)
    cover_deficits(shop, cells, held)
    ended = basket_rows(shop).end(basket, status)
    shop.ledger.append(
        BASKET_RELEASED,
        msgspec.json.encode(ended),
        actor=actor,
        reason=reason,
        reference=basket.id,
        cells=cells,
    )
    return ended
