"""Prices that change by the clock alone: a promotion's hour, a price list's day.

Nothing comes in when an offer begins or ends, so somebody looks at the clock. It also keeps the
rule about clocks true in a quiet shop: whose time it was on the last good clock is remembered at
least once a minute, not only when somebody buys something.
"""

import asyncio
import datetime
from contextlib import suppress
from typing import Final

from gateway.prices.price_changes import offers_changed
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.errors import StorageFailed

LOOK_S: Final = 60.0
"""Offers are written for minutes; a till asks for a quote in between anyway."""


class PriceWatch:
    """Looks every minute, on the writer thread. `run` is a task of the program."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._seen: tuple[frozenset[str], datetime.date] | None = None

    async def run(self, writer: GroupCommit) -> None:
        """Until cancelled."""
        while True:
            with suppress(StorageFailed):  # the next sale says so too
                await writer.submit(self.look)
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Tell whoever shows prices when another set of offers, or another day, has begun."""
        now = (self._shop.current_rules().timely, self._shop.business_date())
        if self._seen not in (None, now) and not self._shop.rules.is_empty:
            offers_changed(self._shop)
        self._seen = now
