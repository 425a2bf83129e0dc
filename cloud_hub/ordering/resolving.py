"""What a person or a rule decides about units that are short, on the writer thread.

A decision about goods is carried out by asking: the store that keeps them answers (E9), and its
journal closes the item. Only money is settled here, by saying that it was paid back.
"""

from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.ordering import all_back, reallocation, shortages
from cloud_hub.ordering.order_documents import find, read
from replication.clock import rfc3339
from replication.ids import EntryId
from replication.journal import Actor
from replication.ledger import PROGRAM
from retail.ordering.order_status import EventType
from retail.ordering.orders import (
    Allocation,
    Order,
    ReallocateRequest,
    Ship,
    asked_back,
    check_event,
)
from retail.ordering.shortages import (
    ACTIONS,
    Action,
    Promise,
    Resolution,
    ResolveRequest,
    Shortage,
    easiest,
    elsewhere,
    promise_of,
)
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug

_MOVES: Final = frozenset({Action.REALLOCATE, Action.CANCEL})
"""What is done about goods that are promised; the rest is a word, or the program's own."""


class Move(NamedTuple):
    """Units of an order that are taken from where they are, to `location` or (None) nowhere."""

    order: Order
    allocation: Allocation
    location: str | None


class Decision(NamedTuple):
    """What is to be done, complete: nothing of it is left to choose."""

    action: Action
    move: Move | None = None


def resolve(
    office: HeadOffice, command: Command, shortage: str, request: ResolveRequest
) -> Outcome:
    """Accept an item's proposal, or do something else about it."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    item = shortages.find(office, shortage)
    if item is None:
        return Problem(Slug.NOT_FOUND, f"There is no shortage {shortage}.")
    if item.state != "open":
        return Problem(
            Slug.CONFLICT,
            f"Shortage {shortage} is {item.state} already.",
            members={"shortage_state": item.state},
        )
    decision = _decision(office, item, request)
    if isinstance(decision, Problem):
        return decision
    entry, record = _carry_out(office, item, decision, command.actor, request.reference)
    office.ledger.remember(command.key, command.digest, 201, entry)
    return Done(201, record)


def reallocate(
    office: HeadOffice, command: Command, order_id: str, request: ReallocateRequest
) -> Outcome:
    """Ask the custodian of an allocation to give it back, and hold as much at another location."""
    known = earlier(office.ledger, office.store, command)
    if known is not None:
        return known
    found = _allocation_to_move(office, order_id, request)
    if isinstance(found, Problem):
        return found
    order, one = found
    location = _elsewhere(office, order, one, request.location)
    if isinstance(location, Problem):
        return location
    entry, order = reallocation.ask_back(office, order, one, location, command.actor)
    office.ledger.remember(command.key, command.digest, 201, entry)
    record = msgspec.json.encode(order)
    _settled(office, reallocation.follow(office, order), one)
    return Done(201, record)


def _allocation_to_move(
    office: HeadOffice, order_id: str, request: ReallocateRequest
) -> tuple[Order, Allocation] | Problem:
    if find(office, order_id) is None:
        return Problem(Slug.NOT_FOUND, f"There is no order {order_id}.")
    order = read(office, order_id)
    one = next((one for one in order.allocations if one.id == request.allocation), None)
    if one is None:
        return Problem.invalid(
            f"{order_id} has no allocation {request.allocation}.", field="$.allocation"
        )
    if (refused := check_event(order, EventType.RELEASE_REQUESTED)) is not None:
        return Problem(Slug.CONFLICT, f"{refused}.", members={"order_status": order.status})
    if one.state != "committed" or one.id in asked_back(order):
        return Problem(
            Slug.CONFLICT, f"{one.id} is {one.state}, or was asked back already: it stays there."
        )
    return order, one


def settle_by_rule(office: HeadOffice) -> None:
    """Where the chain wishes it, what is proposed about goods is done without asking anyone."""
    if not office.settings.settle_shortages:
        return
    for item in shortages.open_items(office):
        if item.proposal is None or item.proposal.action not in _MOVES:
            continue
        decision = _decision(office, item, ResolveRequest())
        if isinstance(decision, Decision):
            _carry_out(office, item, decision, PROGRAM, None)


def _carry_out(
    office: HeadOffice, item: Shortage, decision: Decision, actor: Actor, reference: str | None
) -> tuple[EntryId, bytes]:
    """Write down what was decided, then do it; the entry and its record."""
    ledger, move = office.ledger, decision.move
    decided = msgspec.structs.replace(
        item,
        state="resolving",
        resolution=Resolution(
            action=decision.action,
            by=actor.person,
            at=rfc3339(ledger.now_ms),
            order=move.order.id if move else item.order,
            allocation=move.allocation.id if move else item.allocation,
            location=move.location if move else None,
            reference=reference,
        ),
    )
    if item.kind == "deficit":
        shortages.keep(office, decided)
        record = msgspec.json.encode(decided)
        entry = ledger.append(
            shortages.DECIDED,
            record,
            actor=actor,
            reference=item.id,
            reason=decision.action.value,
        )
    else:
        how = _how(decision, reference)
        entry, record = shortages.close(office, decided, actor, how=how)
    if move is not None:
        _move(office, item, move, actor)
    return entry, record


def _move(office: HeadOffice, item: Shortage, move: Move, actor: Actor) -> None:
    order, one = move.order, move.allocation
    if item.kind == "deficit":
        _, order = reallocation.ask_back(office, order, one, move.location, actor)
        _settled(office, reallocation.follow(office, order), one)
    elif move.location is not None:
        reallocation.commit_elsewhere(office, order, one, move.location, actor)
    else:
        shortages.withdraw(office, order, one)
        all_back.note(office, order.id)


def _settled(office: HeadOffice, order: Order, one: Allocation) -> None:
    """Units were asked back; what no location had heard of was released here at once."""
    shortages.order_changed(office, order)
    shortages.rights_changed(office, [(one.location, one.sku)])


def _how(decision: Decision, reference: str | None) -> str:
    """How an item ends that is settled by the decision itself."""
    if decision.move is None:
        done = "paid back" if decision.action is Action.REFUND else "told"
        return f"{done} as {reference}" if reference else done
    units, location = decision.move.allocation.quantity, decision.move.location
    return f"{location} sends {units} instead" if location else f"{units} will not be sent"


def _decision(office: HeadOffice, item: Shortage, request: ResolveRequest) -> Decision | Problem:
    assert item.proposal is not None, "an open item has a proposal"
    action = request.action or item.proposal.action
    if action not in ACTIONS[item.kind]:
        fits = ", ".join(sorted(ACTIONS[item.kind]))
        return Problem.invalid(
            f"A shortage of kind {item.kind} is not settled by {action}: {fits}.", field="$.action"
        )
    if action is not Action.REALLOCATE and request.location is not None:
        return Problem.invalid(f"To {action} needs no location.", field="$.location")
    if action not in _MOVES and request.allocation is not None:
        return Problem.invalid(f"To {action} needs no allocation.", field="$.allocation")
    if action is Action.COVER:
        return Problem(
            Slug.CONFLICT,
            "The hub has nothing left at this location to cover it with: what it had went there.",
        )
    return _decide_move(office, item, request, action) if action in _MOVES else Decision(action)


def _decide_move(
    office: HeadOffice, item: Shortage, request: ResolveRequest, action: Action
) -> Decision | Problem:
    promise = _promise(office, item, request)
    if isinstance(promise, Problem):
        return promise
    order, one = read(office, promise.order), promise.allocation
    if action is Action.CANCEL:
        return Decision(action, Move(order, one, None))
    location = _elsewhere(office, order, one, request.location)
    if isinstance(location, Problem):
        return location
    return Decision(action, Move(order, one, location))


def _promise(office: HeadOffice, item: Shortage, request: ResolveRequest) -> Promise | Problem:
    """The promise that the decision is about: the one named, else as proposed."""
    if item.kind == "unfulfilled":
        assert item.order is not None, "it was given back by an order"
        order = read(office, item.order)
        if request.allocation not in {None, item.allocation}:
            return Problem.invalid(
                f"This shortage is about {item.allocation}.", field="$.allocation"
            )
        one = next(one for one in order.allocations if one.id == item.allocation)
        return promise_of(order, one)
    ordered = easiest(shortages.promises(office, *shortages.place_of(item)))
    assert item.proposal is not None, "an open item has a proposal"
    named = request.allocation or item.proposal.allocation
    for promise in ordered:
        if named is None or promise.allocation.id == named:
            return promise
    return Problem(
        Slug.CONFLICT,
        "Nothing of it is promised there any more."
        if named is None
        else f"{named} is not kept there any more, or was asked back already.",
    )


def _elsewhere(
    office: HeadOffice, order: Order, one: Allocation, wished: str | None
) -> str | Problem:
    """The location that sends the units instead: the one wished for, else the one with most."""
    if not isinstance(order.fulfilment, Ship):
        return Problem(Slug.CONFLICT, "This order is collected there: other units do not help.")
    if wished == one.location:
        return Problem(Slug.CONFLICT, f"They are at {wished} already.")
    if wished is not None and office.location(wished) is None:
        return Problem.invalid(f"There is no location {wished}.", field="$.location")
    offers = shortages.offers(office, one.sku, one.location)
    location = wished or elsewhere(offers, one.quantity)
    if location is None or offers.get(location, 0) < one.quantity:
        best = offers.get(wished, 0) if wished else max(offers.values(), default=0)
        return Problem.quota_short(sku=one.sku, wanted=one.quantity, sellable=best, elsewhere=[])
    return location
