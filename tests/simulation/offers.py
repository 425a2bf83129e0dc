"""Limited promotions: what head office allows, and how often customers had them.

Customers count for themselves: each sale and order that came out cheaper by an offer is a use,
whatever the programs wrote down. An order that waits for its money is one as long as it can be
paid in time; cancelled or expired, its use may be another's. The programs' own cells are held
against the same limit after each commit.

    A1  never more uses than the highest limit that head office ever wrote for an offer

What a register that is written off had given and nobody has heard of is beside that: nobody can
count such uses, so they are others' from then on. Should they be heard after all, the cells are
held against the limit and so many more.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from replication.allowances import promotion_uses
from replication.ids import EVERYWHERE

if TYPE_CHECKING:
    from tests.simulation.judge import Union
    from tests.simulation.notes import Placed
    from tests.simulation.world import World

LIMIT_MAX: Final = 12
"""Low, so that a run uses an offer up, and often there are fewer uses than stores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an offer takes off, and for whom."""

    effect: Mapping[str, Any]
    coupon: str | None = None


KINDS: Final[Mapping[str, Kind]] = {
    "tenth": Kind(effect={"kind": "percentage", "skus": "all", "off_bp": 1_000}),
    "welcome": Kind(
        effect={"kind": "order_threshold", "threshold_minor": 0, "off_bp": 500}, coupon="WELCOME"
    ),
}
"""One for everybody, one for who brings its coupon; a basket may have both."""


@dataclass(slots=True)
class Use:
    """A basket that an offer made cheaper; `order` is one that waits for its money, or None."""

    order: "Placed | None"

    def counts(self, now_s: float) -> bool:
        """Whether the customer has had it, or may still."""
        order = self.order
        if order is None or order.until_s is None:
            return True
        return now_s < order.until_s and not order.is_cancelled


@dataclass(slots=True)
class Offer:
    """An offer as people know it: the highest limit that was ever asked for, and who had it."""

    limit: int = 0
    uses: dict[str, Use] = field(default_factory=dict)


class Offers:
    """All offers of a world."""

    def __init__(self) -> None:
        self.by_id: dict[str, Offer] = {}

    def had(self, world: "World", body: Mapping[str, Any], order: "Placed | None" = None) -> None:
        """A sale or an order was told to a customer: was it cheaper by an offer?

        `order` is given as long as its money may still come.
        """
        promotions = {one["promotion"] for line in body["lines"] for one in line["discounts"]}
        for promotion in sorted(promotions - {None}):
            offer = self.by_id[promotion]
            offer.uses[str(body["id"])] = Use(order)
            now_s = world.loop.now_s
            many = sum(
                use.counts(now_s)
                for sold, use in offer.uses.items()
                if not _went_with_a_register(world, sold)
            )
            if many > offer.limit:
                world.accuse(f"A1: {promotion} was had {many} times, allowed {offer.limit}")

    def look(self, world: "World", key: str, union: "Union", place: tuple[str, str]) -> None:
        """Hold the cells of an allowance against what head office ever allowed."""
        limit = self._offer(key).limit
        used = union.total(place, "spent", "used") - union.total(place, "minted", "use_released")
        allowed = union.total(place, "minted", "allowed") - union.total(
            place, "spent", "disallowed"
        )
        if used > limit + self.beside(world, key) or allowed > limit:
            world.accuse(
                f"A1: {used} of {key} are used and {allowed} allowed, the limit is {limit}"
            )

    def beside(self, world: "World", key: str) -> int:
        """Uses that went with registers which people gave up, beside the limit; by their cells.

        A use is in a journal before its customer is told of it, who may never be.
        """
        if not any(promotion_uses(one) == key for one in self.by_id):
            return 0
        return sum(
            world.judge.used_after(writer, register.kept_to, (EVERYWHERE, key))
            for writer, register in world.registers.items()
            if register.kept_to is not None and (register.is_lost or register.is_given_up)
        )

    def _offer(self, key: str) -> Offer:
        return next(offer for one, offer in self.by_id.items() if promotion_uses(one) == key)


def _went_with_a_register(world: "World", sold: str) -> bool:
    """Whether a register sold this that people gave up, and nobody had heard of it then."""
    writer, _, seq = sold.rpartition("-")
    register = world.registers.get(writer)
    if register is None or register.kept_to is None:
        return False
    return (register.is_lost or register.is_given_up) and int(seq) > register.kept_to


async def promote(world: "World", dice: random.Random) -> None:
    """Head office writes an offer, or moves its limit."""
    promotion = dice.choice(list(KINDS))
    kind, limit = KINDS[promotion], dice.randint(1, LIMIT_MAX)
    offer = world.offers.by_id.setdefault(promotion, Offer())
    offer.limit = max(offer.limit, limit)
    body = {"name": promotion, "effect": kind.effect, "max_usage": limit, "currency": "USD"}
    if kind.coupon is not None:
        body["coupon"] = kind.coupon
    reply = await world.office.insist("PUT", f"/v1/promotions/{promotion}", body, key=False)
    world.tell("office", f"offers {promotion} {limit} times: {reply}")
    if not reply.is_done:
        world.accuse(f"offer: {promotion} was refused: {reply.body}")


async def withdraw(world: "World", dice: random.Random) -> None:
    """Head office takes an offer back, for a while."""
    promotion = dice.choice(list(KINDS))
    reply = await world.office.insist("DELETE", f"/v1/promotions/{promotion}", key=False)
    world.tell("office", f"withdraws {promotion}: {reply}")


def some_coupons(world: "World", dice: random.Random) -> tuple[str, ...]:
    """What a customer brings along: now and then the coupon, once it was handed out."""
    if "welcome" not in world.offers.by_id or dice.random() < 0.5:
        return ()
    return ("WELCOME",)


async def quote(world: "World", dice: random.Random) -> None:
    """Somebody asks what a basket would cost, at a till or online: that promises nothing."""
    sku, coupons = dice.choice(list(world.items)), some_coupons(world, dice)
    body: dict[str, Any] = {"lines": [{"sku": sku, "quantity": world.items[sku].unit}]}
    if dice.random() < 0.5:
        at = dice.choice(list(world.shops))
        who, body["coupons"] = world.till(at, 1), coupons
    else:
        who = world.storefront
        if coupons:
            body["coupon"] = coupons[0]
    reply = await who.insist("POST", "/v1/quotes", body, key=False)
    world.tell(who.name, f"is told a price of {sku}: {reply}")
