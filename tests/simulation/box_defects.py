"""Defects of registers that sell alone and of lives of a box, to plant; `defects` lists them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

from gateway.client import kept
from gateway.client.register_uplink import RegisterUplink
from gateway.link.uplink import Uplink
from gateway.lives import restoring
from gateway.ordering import orders, unsure
from gateway.shop import Shop
from replication.journal import Head
from replication.session import Acknowledged, Event


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
    return mock.patch.object(RegisterUplink, "show", return_value=None)


def nobody_asked() -> AbstractContextManager[Any]:
    """A new box takes it for granted that the one before had handed nothing over (E9)."""
    return mock.patch.object(unsure, "is_unsure", return_value=False)


def left_and_missing() -> AbstractContextManager[Any]:
    """What had left before a count, and is said after it, stays missing as well."""
    return mock.patch.object(orders, "counted_too_late", return_value=None)


BOX_DEFECTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "forgets_before_hub": forgets_before_hub,
    "sells_before_restored": sells_before_restored,
    "grants_not_shown": grants_not_shown,
    "nobody_asked": nobody_asked,
    "left_and_missing": left_and_missing,
}
"""By name."""
