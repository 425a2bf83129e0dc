"""Stock that is other than the book says, on the writer thread: found, lost, damaged, sent back.

What a reason does is a row of `retail.stock.stock_reasons`. A loss is never refused for quota:
physical truth wins, and what was promised of it is the deficit.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.selling.sales import Lack, Short, take
from gateway.shop import Shop
from gateway.stockroom.stock import arrive, make_sellable, why_unstocked
from replication.clock import rfc3339
from replication.escrow import CellChange, Disposed, Moved, Spent, latest
from replication.ids import entry_id
from retail.products.catalogue import QUANTITY_MAX, Sku
from retail.selling.sales import Reason
from retail.stock.stock_reasons import Effect, Place, effect_of, standing
from web.once import Command, Done, Outcome
from web.problems import Problem

ADJUSTMENT: Final = "adjustment"

Note = Annotated[str, Meta(max_length=500)]


class AdjustmentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of an adjustment: by how many base units, and a `retail.stock.stock_reasons` code.

    `delta` is above 0 for what can be sold besides, below for what cannot be sold any more.
    """

    sku: Sku
    delta: Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
    reason: Reason
    note: Note | None = None


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """A difference, as journalled, and the stock that it left."""

    id: str
    location: str
    at: str
    sku: str
    delta: int
    reason: str
    note: str | None
    on_hand: int
    damaged: int
    quality_control: int
    deficit: int
    by: str


def adjust(shop: Shop, command: Command, request: AdjustmentRequest) -> Outcome | Short:
    """Book a difference, or refuse it and change nothing."""
    known = shop.answered(command)
    if known is not None:
        return known
    effect = _effect(shop, request)
    if isinstance(effect, Problem):
        return effect
    sku, units = request.sku, abs(request.delta)
    counter = shop.counter(sku)
    if effect.needs_quota and (quota := shop.quota(sku)) < units:
        return Short([Lack(sku, units, quota, counter.holders())])
    cells: list[CellChange] = []
    apply_effect(shop, cells, sku, units, effect)
    levels = counter.levels()
    record = msgspec.json.encode(
        Adjustment(
            id=entry_id(shop.ledger.writer, shop.ledger.next_seq),
            location=shop.location,
            at=rfc3339(shop.ledger.now_ms),
            sku=sku,
            delta=request.delta,
            reason=request.reason,
            note=request.note,
            on_hand=levels.on_hand,
            damaged=levels.damaged,
            quality_control=levels.quality_control,
            deficit=levels.deficit,
            by=command.principal.name,
        )
    )
    shop.ledger.append(
        ADJUSTMENT,
        record,
        actor=command.actor,
        reason=request.reason,
        moves=[(sku, request.delta)] if effect.moved is not None else [],
        cells=latest(cells),
        request=command.mark(),
    )
    return Done(201, record)


def wants(shop: Shop, request: AdjustmentRequest) -> list[tuple[str, int]]:
    """What the hub is to be asked for before goods go: the rights that this gateway lacks.

    Empty where the adjustment spends none, or is going to be refused anyway.
    """
    effect = _effect(shop, request)
    if isinstance(effect, Problem) or effect.spent is None:
        return []
    units = min(-request.delta, standing(shop.counter(request.sku), Place.SHELF))
    lacks = units - shop.quota(request.sku)
    return [(request.sku, lacks)] if lacks > 0 else []


def _effect(shop: Shop, request: AdjustmentRequest) -> Effect | Problem:
    """What the adjustment is going to do, or why it cannot be; quota apart."""
    refused = why_unstocked(shop, request.sku, "$.sku")
    if refused is not None:
        return refused
    if request.delta == 0:
        return Problem.invalid("An adjustment of 0 changes nothing.", field="$.delta")
    effect = effect_of(request.reason, request.delta)
    if not isinstance(effect, Effect):
        return Problem.invalid(f"No such adjustment: {effect}.", field="$.reason")
    if effect.taken_from is not None:
        there = standing(shop.counter(request.sku), effect.taken_from)
        if abs(request.delta) > there:
            return Problem.invalid(
                f"{abs(request.delta)} of {request.sku} are more than the {there} "
                f"{effect.taken_from}.",
                field="$.delta",
            )
    return effect


def apply_effect(shop: Shop, cells: list[CellChange], sku: str, units: int, effect: Effect) -> None:
    """Do to rights and goods what a reason says; the caller has seen that the units are there."""
    if effect.minted is not None:
        if effect.moved is None:
            make_sellable(shop, cells, sku, units, effect.minted)
        else:
            arrive(shop, cells, sku, units, effect.minted, effect.moved)
    elif effect.disposed is not None:
        _dispose(shop, cells, sku, units, effect.disposed)
        if effect.moved is not None:
            cells.append(shop.counter(sku).move(shop.ledger.writer, effect.moved, units))
    else:
        assert effect.spent is not None, "an effect mints, disposes or spends"
        if effect.taken_from is Place.SHOP:
            assert effect.moved is not None, "what is lost is gone"
            lose(shop, cells, sku, units, effect.spent, effect.moved)
        else:
            take(shop, cells, sku, units, effect.spent, effect.moved)


def lose(
    shop: Shop, cells: list[CellChange], sku: str, units: int, reason: Spent, moved: Moved
) -> None:
    """Goods are gone from the shop, and nobody says from where: the caller knows they were there.

    The shelf's go first; what it never had was among the damaged goods, then in quality control,
    and needs no right.
    """
    counter = shop.counter(sku)
    writer = shop.ledger.writer
    damaged, inspected = standing(counter, Place.DAMAGED), counter.levels().quality_control
    from_shelf = min(units, standing(counter, Place.SHELF))
    from_damaged = min(units - from_shelf, damaged)
    from_control = min(units - from_shelf - from_damaged, inspected)
    assert from_shelf + from_damaged + from_control == units, "more is lost than there was"
    if from_shelf:
        take(shop, cells, sku, from_shelf, reason, None)
    if from_damaged:
        _dispose(shop, cells, sku, from_damaged, Disposed.DAMAGED_WRITTEN_OFF)
    if from_control:
        _dispose(shop, cells, sku, from_control, Disposed.INSPECTED_WRITTEN_OFF)
    cells.append(counter.move(writer, moved, units))


def _dispose(shop: Shop, cells: list[CellChange], sku: str, units: int, fate: Disposed) -> None:
    cells.append(shop.counter(sku).dispose(shop.ledger.writer, fate, units))
