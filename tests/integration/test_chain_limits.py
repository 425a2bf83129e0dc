"""Goal: a limit that is raised, lowered, lifted or withdrawn, and uses that come back, add up.

Method: as in `test_chain_uses`: a hub and two shops in one process; uses are counted from outside.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.head_office import HUB_WRITER
from cloud_hub.prices.allowances import PromotionUsage
from gateway.selling import sales
from replication import feed
from replication.allowances import usage_of
from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.ids import EVERYWHERE
from retail.ordering.order_status import EventType, OrderStatus
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, order_in, sale_of
from tests.limited_offers import (
    SUMMER,
    arrive,
    at_hub,
    chain_of_offers,
    expire,
    lend_back,
    limit,
    order_online,
    sells_reduced,
    usage,
    withdraw,
)
from tests.price_asking import asked, cost_online, sell
from web.problems import Problem, Slug
from web.uses import UsesShort


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops with tea; see `chain_of_offers`."""
    yield from chain_of_offers(tmp_path)


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    """One of the two."""
    return chain.shops["riverside"]


def test_a_limit_that_is_raised_allows_the_difference(chain: Chain) -> None:
    limit(chain.hub, 5)
    order_online(chain)

    told = limit(chain.hub, 8)

    assert told == PromotionUsage(allowed=8, used=1, with_hub=7, with_stores=0)


def test_a_limit_that_is_lowered_takes_back_what_the_hub_still_has(
    chain: Chain, shop: ShopSide
) -> None:
    limit(chain.hub, 20)
    arrive(chain, shop)
    for _ in range(10):
        order_online(chain)
    assert usage(chain.hub) == PromotionUsage(allowed=20, used=10, with_hub=8, with_stores=2)

    told = limit(chain.hub, 3)

    assert told == PromotionUsage(allowed=12, used=10, with_hub=0, with_stores=2)
    assert order_online(chain).total_minor == 100
    assert sells_reduced(shop)
    assert limit(chain.hub, 12) is not None
    assert order_online(chain).total_minor == 100


def test_what_comes_back_above_a_lowered_limit_is_used_by_nobody(
    chain: Chain, shop: ShopSide
) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)
    held = usage(chain.hub)
    assert held is not None
    assert held.with_stores > 3
    limit(chain.hub, 3)

    assert lend_back(chain, shop, held.with_stores)

    told = usage(chain.hub)
    assert told is not None
    assert (told.allowed, told.used, told.with_hub, told.with_stores) == (3, 0, 3, 0)
    assert [order_online(chain).total_minor for _ in range(4)] == [90, 90, 90, 100]


def test_withdrawing_and_writing_it_again_allows_nothing_anew(chain: Chain) -> None:
    limit(chain.hub, 3)
    order_online(chain)

    withdraw(chain.hub)
    assert order_online(chain).total_minor == 100
    told = limit(chain.hub, 3)

    assert told == PromotionUsage(allowed=3, used=1, with_hub=2, with_stores=0)


def test_the_same_words_again_allow_nothing_anew(chain: Chain) -> None:
    limit(chain.hub, 3)
    head = chain.hub.state.ledger.head

    limit(chain.hub, 3)

    assert chain.hub.state.ledger.head == head


def test_what_has_no_limit_any_more_is_not_counted(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 2)
    chain.sync()
    order_online(chain)

    assert limit(chain.hub, None) is None
    chain.sync()
    assert [sells_reduced(shop) for _ in range(3)] == [True] * 3
    assert order_online(chain).total_minor == 90

    assert limit(chain.hub, 2) == PromotionUsage(allowed=2, used=1, with_hub=1, with_stores=0)
    chain.sync()
    assert not sells_reduced(shop)


def test_a_program_from_before_limits_is_never_told_of_one(chain: Chain) -> None:
    def told() -> dict[str, bool]:
        rows = chain.hub.state.connection.execute(
            "SELECT kind, data FROM feed WHERE key = 'summer' ORDER BY position"
        )
        return {str(kind): bool(data) for kind, data in rows}

    limit(chain.hub, None)
    assert told() == {feed.PROMOTION: True}
    limit(chain.hub, 3)
    assert told() == {feed.PROMOTION: False, feed.LIMITED_PROMOTION: True}
    limit(chain.hub, None)
    assert told() == {feed.LIMITED_PROMOTION: False, feed.PROMOTION: True}
    limit(chain.hub, 3)
    withdraw(chain.hub)
    assert told() == {feed.PROMOTION: False, feed.LIMITED_PROMOTION: False}


@pytest.mark.parametrize("uses", [None, 3])
def test_a_withdrawn_offer_is_gone_at_the_tills(
    chain: Chain, shop: ShopSide, uses: int | None
) -> None:
    limit(chain.hub, uses)
    chain.sync()
    assert "summer" in shop.state.rules.promotions

    withdraw(chain.hub)
    chain.sync()

    assert "summer" not in shop.state.rules.promotions


# Orders that do not come about


def test_an_unpaid_order_that_expires_gives_its_use_back(chain: Chain) -> None:
    limit(chain.hub, 1)
    placed = order_online(chain, payment="pending")
    assert cost_online(chain.hub, "tea") == 100

    expire(chain, placed)

    assert usage(chain.hub) == PromotionUsage(allowed=1, used=0, with_hub=1, with_stores=0)
    assert order_online(chain).total_minor == 90


def test_an_unpaid_order_that_is_cancelled_gives_its_use_back_once(chain: Chain) -> None:
    limit(chain.hub, 1)
    placed = order_online(chain, payment="pending")

    chain.hub.tell(placed.id, EventType.CANCELLED)
    chain.hub.tell(placed.id, EventType.CANCELLED)

    assert usage(chain.hub) == PromotionUsage(allowed=1, used=0, with_hub=1, with_stores=0)


def test_an_order_that_was_paid_has_had_its_use(chain: Chain) -> None:
    limit(chain.hub, 1)
    placed = order_online(chain)

    chain.hub.tell(placed.id, EventType.CANCELLED)

    assert usage(chain.hub) == PromotionUsage(allowed=1, used=1, with_hub=0, with_stores=0)


def test_paid_in_time_keeps_the_use_and_a_later_cancel_does_not_return_it(chain: Chain) -> None:
    limit(chain.hub, 1)
    placed = order_online(chain, payment="pending")

    chain.hub.tell(placed.id, EventType.PAID)
    chain.hub.tell(placed.id, EventType.CANCELLED)

    assert usage(chain.hub) == PromotionUsage(allowed=1, used=1, with_hub=0, with_stores=0)


def test_money_that_comes_late_takes_the_use_again(chain: Chain) -> None:
    limit(chain.hub, 1)
    placed = order_online(chain, payment="pending")
    expire(chain, placed)

    paid = order_in(chain.hub.tell(placed.id, EventType.PAID))

    assert paid.status is OrderStatus.PAID
    assert usage(chain.hub) == PromotionUsage(allowed=1, used=1, with_hub=0, with_stores=0)


def test_money_that_comes_late_goes_back_when_another_has_the_last_use(chain: Chain) -> None:
    limit(chain.hub, 1)
    placed = order_online(chain, payment="pending")
    expire(chain, placed)
    assert order_online(chain).total_minor == 90

    paid = order_in(chain.hub.tell(placed.id, EventType.PAID))

    assert paid.status is OrderStatus.CANCELLED
    assert [one.kind for one in chain.hub.shortages(state="open")] == ["refund"]
    assert usage(chain.hub) == PromotionUsage(allowed=1, used=1, with_hub=0, with_stores=0)


def test_a_use_that_comes_back_after_the_limit_was_lowered_is_gone(chain: Chain) -> None:
    limit(chain.hub, 2)
    first, second = (order_online(chain, payment="pending") for _ in range(2))
    limit(chain.hub, 1)

    for placed in (first, second):
        chain.hub.tell(placed.id, EventType.CANCELLED)

    assert usage(chain.hub) == PromotionUsage(allowed=1, used=0, with_hub=1, with_stores=0)


# What a till is told


def test_a_till_first_asks_for_what_its_gateway_does_not_hold(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 1)
    chain.sync()
    before = shop.state.ledger.head

    outcome = shop.commit(lambda: sales.sell(shop.state, command(), sale_of("tea", 1)))

    assert outcome == UsesShort(((SUMMER, 1),))
    assert shop.state.ledger.head == before


def test_a_total_that_counted_on_it_is_refused(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 1)
    chain.sync()
    order_online(chain)

    refused = sell(shop, "tea", expected_total_minor=90)

    assert isinstance(refused, Problem)
    assert (refused.slug, refused.members["total_minor"]) == (Slug.PRICE_CHANGED, 100)


def test_a_coupon_that_cannot_be_checked_is_refused_by_its_name(
    chain: Chain, shop: ShopSide
) -> None:
    limit(chain.hub, 1, coupon="SUMMER")
    chain.sync()
    before = shop.state.ledger.head

    for refused in (
        sell(shop, "tea", coupons=["summer"]),
        asked(shop, "tea", coupons=["summer"]),
    ):
        assert isinstance(refused, Problem)
        assert refused.detail == (
            "The coupon is refused: coupon SUMMER cannot be checked while the line to head office "
            "is down."
        )
        assert refused.members == {
            "field": "$.coupons[0]", "coupon": "SUMMER", "reason": "unheard",
        }  # fmt: skip
    assert shop.state.ledger.head == before


def test_a_coupon_that_is_used_up_online_is_refused_by_its_name(chain: Chain) -> None:
    limit(chain.hub, 1, coupon="SUMMER")
    assert cost_online(chain.hub, "tea", coupon="summer") == 90


# What a gateway may not write


def forge(shop: ShopSide, table: str, detail: str) -> None:
    """A broken gateway journals a cell of the uses that no verb of ours would write."""
    ledger = shop.state.ledger
    cell = CellChange(EVERYWHERE, SUMMER, table, ledger.writer, detail, 1)

    def work() -> None:
        shop.state.counter(SUMMER).merge_cell(cell.key, 1)
        ledger.append("sale", b"{}", cells=[cell])

    shop.commit(work)


def test_a_gateway_that_allows_itself_more_is_not_believed(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 1)
    forge(shop, "minted", "allowed")

    with pytest.raises(PeerViolation, match="decides what is allowed"):
        chain.send(shop)

    shop.close()
    chain.shops["riverside"] = chain.box("riverside", replace=True)


def test_a_gateway_that_used_more_than_it_held_is_not_believed(
    chain: Chain, shop: ShopSide
) -> None:
    limit(chain.hub, 1)
    forge(shop, "spent", "used")

    with pytest.raises(PeerViolation, match=r"spent more of promotion/summer than it had \(E1\)"):
        chain.send(shop)

    shop.close()
    chain.shops["riverside"] = chain.box("riverside", replace=True)


def test_uses_are_no_stock(chain: Chain, shop: ShopSide) -> None:
    limit(chain.hub, 40)
    arrive(chain, shop)
    assert sells_reduced(shop)
    chain.sync()

    told = usage_of(at_hub(chain.hub))

    assert told.held == {HUB_WRITER: 35, "riverside.1": 4}
    assert chain.hub.shortages() == []
    assert {one.location for one in chain.hub.state.counters_of("tea")} == {"harbour", "riverside"}
