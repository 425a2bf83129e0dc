"""Price lists and promotions as a replica keeps them, ready for pricing.

Both programs price with them: their rows are read once, arranged (`PriceBook`, `PromotionIndex`),
and arranged anew when a rule changes, when a price list's day comes, or when the set of promotions
whose time it is becomes another. On a clock that cannot be believed that set stays as it was when
the clock was last good; it is kept in the file for that, over restarts.

It belongs to the writer thread, like the store that it is over.
"""

import datetime
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from replication import feed
from replication.adapters.sqlite import ReplicaStore
from replication.allowances import promotion_uses
from retail.prices.price_floors import PriceFloors
from retail.prices.price_lists import NO_LISTS, PriceBook
from retail.prices.price_rises import KeptPriceList, on_day
from retail.prices.promotion_index import NO_PROMOTIONS, PromotionIndex
from retail.prices.promotions import CouponTrouble, Promotion, in_time
from web.problems import Problem, Slug

IN_TIME: Final = "promotions_in_time"
"""The meta row with the ids of the promotions whose time it was on the last good clock."""


def refused_coupon(trouble: CouponTrouble, field: str) -> Problem:
    """The answer to a coupon that gives nothing; `coupon` and `reason` are for other languages."""
    return Problem(
        Slug.INVALID_REQUEST,
        f"The coupon is refused: {trouble}.",
        members={"field": field, "coupon": trouble.coupon, "reason": trouble.reason},
    )


class Arranged(NamedTuple):
    """The rules of one moment; `timely` are the ids of the promotions whose time it is."""

    prices: PriceBook
    promotions: PromotionIndex
    timely: frozenset[str]


NO_RULES: Final = Arranged(NO_LISTS, NO_PROMOTIONS, frozenset())


class PriceRules:
    """See the module's theory. Whoever rolls back calls `forget`."""

    def __init__(self, store: ReplicaStore) -> None:
        self._store = store
        self.forget()

    def forget(self) -> None:
        """Go back to what the file holds."""
        self.price_lists: dict[str, KeptPriceList] = {}
        self.promotions: dict[str, Promotion] = {}
        for kind, data in self._store.connection.execute("SELECT kind, data FROM rule"):
            if kind == feed.PRICE_LIST:
                price_list = msgspec.json.decode(str(data), type=KeptPriceList)
                self.price_lists[price_list.id] = price_list
            else:
                promotion = msgspec.json.decode(str(data), type=Promotion)
                self.promotions[promotion.id] = promotion
        known = self._store.meta(IN_TIME)
        self._stored = frozenset[str]() if known is None else _decode_ids(known)
        self._last_good = self._stored
        self._arranged = NO_RULES
        self._changed()

    @property
    def is_empty(self) -> bool:
        """Whether there is no rule at all."""
        return not (self.price_lists or self.promotions)

    def _changed(self) -> None:
        self._at: datetime.datetime | None = None
        self._was_good = False
        self._book_day: datetime.date | None = None
        self._index_of: frozenset[str] | None = None
        self._floors: PriceFloors | None = None
        self._limited: dict[str, str] | None = None

    @property
    def limited(self) -> Mapping[str, str]:
        """The promotions with a limit of uses: id -> the key of the allowance that counts them."""
        if self._limited is None:
            self._limited = {
                one.id: promotion_uses(one.id)
                for one in self.promotions.values()
                if one.max_usage is not None
            }
        return self._limited

    def keep(self, rule: KeptPriceList | Promotion) -> None:
        """Write a rule in the place of the one with its id, in the caller's transaction."""
        if isinstance(rule, KeptPriceList):
            kind = feed.PRICE_LIST
            self.price_lists[rule.id] = rule
        else:
            kind = feed.PROMOTION
            self.promotions[rule.id] = rule
        self._store.connection.execute(
            "INSERT OR REPLACE INTO rule VALUES (?, ?, ?)",
            (kind, rule.id, msgspec.json.encode(rule).decode()),
        )
        self._changed()

    def remove(self, kind: str, rule_id: str) -> None:
        """Forget a rule, in the caller's transaction; one that is not there is no matter."""
        self._store.connection.execute(
            "DELETE FROM rule WHERE kind = ? AND id = ?", (kind, rule_id)
        )
        if kind == feed.PRICE_LIST:
            self.price_lists.pop(rule_id, None)
        else:
            self.promotions.pop(rule_id, None)
        self._changed()

    @property
    def floors(self) -> PriceFloors:
        """How low prices may be while these promotions are there; arranged when it is asked for."""
        if self._floors is None:
            self._floors = PriceFloors(self.promotions.values())
        return self._floors

    def at(self, local_time: datetime.datetime, *, synchronised: bool) -> Arranged:
        """The rules of that second; `synchronised` says whether the clock can be believed."""
        second = local_time.replace(microsecond=0)
        if second == self._at and (not synchronised or self._was_good):
            return self._arranged
        self._at, self._was_good = second, synchronised
        timely = in_time(
            self.promotions.values(), second,
            clock_synchronised=synchronised, last_good=self._last_good,
        )  # fmt: skip
        if synchronised:
            self._last_good = timely
        day = second.date()
        prices, promotions = self._arranged.prices, self._arranged.promotions
        if self._book_day != day:
            prices = PriceBook(on_day(one, day) for one in self.price_lists.values())
            self._book_day = day
        if self._index_of != timely:
            promotions = PromotionIndex(self._of(timely))
            self._index_of = timely
        self._arranged = Arranged(prices, promotions, timely)
        return self._arranged

    def remember(self) -> None:
        """Write whose time it was on the last good clock, if that is news; in the transaction."""
        if self._last_good != self._stored:
            self._store.set_meta(IN_TIME, msgspec.json.encode(sorted(self._last_good)).decode())
            self._stored = self._last_good

    def _of(self, ids: Iterable[str]) -> list[Promotion]:
        return [self.promotions[one] for one in ids]


def _decode_ids(known: str) -> frozenset[str]:
    return msgspec.json.decode(known, type=frozenset[str])
