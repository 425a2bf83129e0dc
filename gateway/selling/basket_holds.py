"""Baskets that expire: `web.hold_watch` over the baskets of a gateway."""

from functools import partial

import apsw
import msgspec

from gateway.selling import baskets
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from retail.ordering.holds import Basket, HoldStatus
from web.hold_rows import HoldRows
from web.hold_watch import HoldWatch


class BasketHolds:
    """Watches the open baskets, each for `basket_s` seconds from now on."""

    def __init__(
        self, shop: Shop, writer: GroupCommit, reader: apsw.Connection, *, basket_s: int
    ) -> None:
        self.basket_s = basket_s
        self._shop = shop
        self._rows = HoldRows(reader, "basket", Basket)
        self._watch = HoldWatch(writer)

    def watch(self, record: bytes) -> None:
        """A basket was held, or is asked for again."""
        basket = msgspec.json.decode(record, type=Basket)
        if basket.status is HoldStatus.OPEN:
            self._add(basket.id)

    async def run(self) -> None:
        """Expire what is due, until cancelled; open baskets of the last run start anew."""
        for basket_id in self._rows.open_ids():
            self._add(basket_id)
        await self._watch.run()

    def _add(self, basket_id: str) -> None:
        self._watch.add(basket_id, self.basket_s, partial(baskets.expire, self._shop, basket_id))
