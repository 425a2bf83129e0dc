"""Defects of registers that sell alone and of the lives of a box, to plant; `defects` lists them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

from cloud_hub.lives import attesting
from gateway.client import kept
from gateway.client.register_uplink import RegisterUplink
from gateway.link.uplink import Uplink
from gateway.lives import recovered, restoring
from gateway.shop import Shop
from replication.escrow import EscrowCounter
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


def recovered_twice() -> AbstractContextManager[Any]:
    """Nobody looks whether a sale that a till hands in is known already."""
    return mock.patch.object(recovered, "_known", return_value=None)


def reclaimed_uncounted() -> AbstractContextManager[Any]:
    """What a dead box held comes back on somebody's word alone, without a count."""
    return mock.patch.object(attesting, "_waits_for", return_value=[])


def never_conceded() -> AbstractContextManager[Any]:
    """What is known to have gone out of a dead box beyond its rights is not made a deficit."""
    return mock.patch.object(EscrowCounter, "concede", return_value=None)


BOX_DEFECTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "forgets_before_hub": forgets_before_hub,
    "sells_before_restored": sells_before_restored,
    "recovered_twice": recovered_twice,
    "reclaimed_uncounted": reclaimed_uncounted,
}
