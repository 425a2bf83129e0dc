"""Defects of registers that sell alone and of lives of a box, to plant; `defects` lists them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

from gateway.client import kept, register_uplink
from gateway.client.register_uplink import RegisterUplink
from gateway.link.uplink import Uplink
from gateway.lives import restoring
from gateway.ordering import orders, unsure
from gateway.registers import enrolment, journals, reclaiming
from gateway.registers.identity import LostRequest
from gateway.registers.rows import LIVING
from gateway.shop import Shop
from gateway.stockroom import transfers
from replication import wire
from replication.errors import PeerFenced
from replication.ids import WriterId
from replication.journal import Head
from replication.session import Acknowledged, Event
from web.once import Command, Done, Outcome


def forgets_before_hub() -> AbstractContextManager[Any]:
    """A register gives up what its gateway has, and does not wait until the hub has it."""
    real = Uplink._handle

    async def handle(self: Uplink, event: Event) -> None:
        await real(self, event)
        if isinstance(event, Acknowledged) and isinstance(self, RegisterUplink):
            await self._writer.submit(lambda: _give_up(self._shop, event.head))

    return mock.patch.object(Uplink, "_handle", handle)


def _give_up(shop: Shop, head: Head) -> None:
    with mock.patch.object(kept, "KEPT_ENTRIES", 0):
        kept.keep_from(shop, head)


def sells_before_restored() -> AbstractContextManager[Any]:
    """A new box sells at once, and never asks what there was before it."""
    return mock.patch.object(restoring, "is_needed", return_value=False)


def grants_not_shown() -> AbstractContextManager[Any]:
    """A register does not show to a new box what the dead one had granted to it."""
    return mock.patch.object(register_uplink, "grants_held", side_effect=lambda *_: iter(()))


def nobody_asked() -> AbstractContextManager[Any]:
    """A new box takes it for granted that the one before had handed nothing over (E9)."""
    return mock.patch.object(unsure, "is_unsure", return_value=False)


def left_and_missing() -> AbstractContextManager[Any]:
    """What had left before a count, and is said after it, stays missing as well."""
    return mock.patch.object(orders, "counted_too_late", return_value=None)


def reclaimed_without_count() -> AbstractContextManager[Any]:
    """What a register is thought to hold comes back as soon as somebody writes it off."""
    real = enrolment.write_off

    def write_off(shop: Shop, command: Command, name: str, request: LostRequest) -> Outcome:
        outcome = real(shop, command, name, request)
        if isinstance(outcome, Done):
            known = shop.connection.execute("SELECT sku FROM counter").fetchall()
            scanned = {str(sku): shop.ledger.next_ms for (sku,) in known}
            reclaiming.reclaim_counted(shop, scanned, reference=name)
        return outcome

    return mock.patch.object(enrolment, "write_off", write_off)


def turned_away() -> AbstractContextManager[Any]:
    """A register that is found is told that it is none any more, and nothing is taken of it."""
    real = journals.arrive

    def arrive(shop: Shop, writer: WriterId, hello: wire.Hello) -> journals.Arrival:
        arrival = real(shop, writer, hello)
        if arrival.state != LIVING:
            raise PeerFenced(f"{writer} sells no more")
        return arrival

    return mock.patch.object(journals, "arrive", arrive)


def nothing_conceded() -> AbstractContextManager[Any]:
    """What a register that was found used of rights that others have by now is no deficit."""
    return mock.patch.object(reclaiming, "concede", return_value=None)


def truck_asked_nobody() -> AbstractContextManager[Any]:
    """A truck is counted in beside a count that has found its goods, and nobody is asked."""
    return mock.patch.object(transfers, "why_asked", return_value=None)


BOX_DEFECTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "forgets_before_hub": forgets_before_hub,
    "sells_before_restored": sells_before_restored,
    "grants_not_shown": grants_not_shown,
    "nobody_asked": nobody_asked,
    "left_and_missing": left_and_missing,
    "truck_asked_nobody": truck_asked_nobody,
    "reclaimed_without_count": reclaimed_without_count,
    "turned_away": turned_away,
    "nothing_conceded": nothing_conceded,
}
"""By name."""
