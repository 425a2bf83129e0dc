"""Goal: counts, as stories of one shop and its hub.

Method: a hub and a shop in one process (`tests.chain`); each story ends with both agreeing.
"""

import datetime
from pathlib import Path

import msgspec
import pytest

from gateway.selling import sales
from gateway.stockroom import counts
from replication.escrow import check_invariants
from retail.products.catalogue import ProductBody, with_sku
from retail.selling.sales import OverrideRequest
from retail.stock.counts import (
    COUNT_LINES_MAX,
    CountClosed,
    CountLinesKept,
    CountLinesRequest,
    CountStarted,
    CountStatus,
    ScannedLine,
)
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, command, sale_of
from tests.stock_stories import SKUS, check_agreed, entries_of, unacceptable
from web.once import Done, Outcome
from web.problems import Problem


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub with tea, jam and salt, and Riverside."""
    return Chain(tmp_path, skus=SKUS, shops=["riverside"])


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    """Riverside."""
    return chain.shops["riverside"]


def started(outcome: Outcome) -> str:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=CountStarted).id


def kept(outcome: Outcome) -> CountLinesKept:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=CountLinesKept)


def closed(outcome: Outcome) -> CountClosed:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=CountClosed)


def conflict(outcome: object) -> str:
    assert isinstance(outcome, Problem), outcome
    assert outcome.status == 409
    return outcome.detail


def counted(
    sku: str, units: int, *, at_ms: int | None = None, recount: bool = False
) -> ScannedLine:
    at = None if at_ms is None else datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC)
    return ScannedLine(sku=sku, counted=units, at=at, recount=recount)


def on_hand(shop: ShopSide, sku: str) -> int:
    counter = shop.state.counter(sku)
    assert check_invariants(counter) == []
    return counter.physical()


def test_what_is_sold_between_scan_and_close_stays_sold(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=40)
    count = started(shop.start_count("tea", "jam"))
    (line,) = kept(shop.count(count, counted("tea", 37))).lines
    shop.sell("tea", 5)

    result = closed(shop.close_count(count, tea="theft"))

    assert (line.expected, line.difference, line.provisional) == (40, -3, False)
    (difference,) = result.differences
    assert (difference.booked, difference.bounded) == (-3, False)
    assert (difference.on_hand, difference.deficit, difference.reason) == (32, 0, "theft")
    assert result.uncounted == ("jam",)
    assert on_hand(shop, "tea") == 32
    check_agreed(chain, shop)


def test_a_late_report_is_compared_with_its_own_instant(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=40, jam=10)
    count = started(shop.start_count())
    shop.sell("tea", 1)
    scan_ms = chain.now_ms()
    shop.sell("tea", 5)
    shop.receive(tea=8, jam=2)

    lines = kept(shop.count(count, counted("tea", 39, at_ms=scan_ms), counted("jam", 12))).lines

    assert [(line.sku, line.expected, line.difference) for line in lines] == [
        ("tea", 39, 0), ("jam", 12, 0),
    ]  # fmt: skip


def test_a_late_report_sees_what_is_sold_in_its_own_batch(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=40)
    count = started(shop.start_count())
    scan_ms = chain.now_ms()
    line = counted("tea", 40, at_ms=scan_ms)

    def sell_and_count() -> Outcome:
        assert isinstance(sales.sell(shop.state, command(), sale_of("tea", 4)), Done)
        request = CountLinesRequest(lines=(line,))
        return counts.add_lines(shop.state, command(), count, request)

    (told,) = kept(shop.commit(sell_and_count)).lines

    assert (told.expected, told.difference) == (40, 0)


def test_a_report_that_is_too_late_is_refused(
    chain: Chain, shop: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "ENTRIES_LOOKED_AT_MAX", 3)
    shop.receive(tea=40)
    count = started(shop.start_count())
    scan_ms = chain.now_ms()
    for _ in range(3):
        shop.sell("tea")

    (told,) = kept(shop.count(count, counted("tea", 40, at_ms=scan_ms))).lines
    refused = shop.count(count, counted("tea", 40, at_ms=scan_ms, recount=True))

    assert told.difference == 0
    assert "count it again" in unacceptable(refused)


@pytest.mark.parametrize("shift_ms", [-1, 10_000_000])
def test_a_scan_before_the_count_or_after_now_is_refused(shop: ShopSide, shift_ms: int) -> None:
    shop.receive(tea=4)
    count = started(shop.start_count())
    begun_ms = entries_of(shop, "count_started")[0].at_ms

    refused = shop.count(count, counted("tea", 4, at_ms=begun_ms + shift_ms))

    assert "not between" in unacceptable(refused)
    kept(shop.count(count, counted("tea", 4, at_ms=begun_ms)))


def test_a_wall_clock_that_jumps_back_stops_no_count(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=4)
    count = started(shop.start_count())
    chain._now_ms -= 3_600_000

    (line,) = kept(shop.count(count, counted("tea", 3))).lines

    assert line.difference == -1
    assert closed(shop.close_count(count)).differences[0].on_hand == 3


def test_a_line_is_counted_once_and_a_recount_replaces_it(shop: ShopSide) -> None:
    shop.receive(tea=40, jam=10)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 40)))

    again = shop.count(count, counted("jam", 10), counted("tea", 39))
    twice = shop.count(count, counted("jam", 10), counted("jam", 10, recount=True))
    nothing_kept = shop.state.connection.execute("SELECT sku FROM count_line").fetchall()
    kept(shop.count(count, counted("tea", 38, recount=True)))

    assert "tea was counted already" in conflict(again)
    assert "jam was counted already" in conflict(twice)
    assert nothing_kept == [("tea",)]
    result = closed(shop.close_count(count))
    assert [(one.sku, one.counted, one.difference) for one in result.differences] == [
        ("tea", 38, -2)
    ]
    assert result.counted == 1


def test_a_sku_is_in_one_open_count_whether_named_or_counted(shop: ShopSide) -> None:
    shop.receive(tea=4, jam=4)
    named = started(shop.start_count("tea"))
    free = started(shop.start_count())
    kept(shop.count(free, counted("jam", 4)))

    refusals = [
        shop.start_count("tea"),
        shop.start_count("salt", "jam"),
        shop.count(free, counted("tea", 4)),
    ]
    closed(shop.close_count(free))

    assert named in conflict(refusals[0])
    assert free in conflict(refusals[1])
    assert named in conflict(refusals[2])
    assert "other SKUs" in unacceptable(shop.count(named, counted("jam", 4)))
    started(shop.start_count("jam"))


def test_a_count_ends_once(shop: ShopSide) -> None:
    shop.receive(tea=4)
    first, second = started(shop.start_count("tea")), started(shop.start_count("jam"))
    kept(shop.count(first, counted("tea", 2)))
    closed(shop.close_count(first))
    cancelled = shop.commit(lambda: counts.cancel(shop.state, command(), second))
    head = shop.state.ledger.head

    refusals = [
        shop.close_count(first),
        shop.count(first, counted("tea", 2, recount=True)),
        shop.commit(lambda: counts.cancel(shop.state, command(), first)),
        shop.close_count(second),
        shop.count(second, counted("jam", 2)),
    ]

    assert isinstance(cancelled, Done)
    assert [conflict(one).split()[3] for one in refusals] == ["closed"] * 3 + ["cancelled"] * 2
    assert shop.state.ledger.head == head
    assert on_hand(shop, "tea") == 2


def test_a_cancelled_count_books_nothing(shop: ShopSide) -> None:
    shop.receive(tea=4)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 1)))

    shop.commit(lambda: counts.cancel(shop.state, command(), count))

    assert on_hand(shop, "tea") == 4
    assert [one.reference for one in entries_of(shop, "count_cancelled")] == [count]


def test_more_was_sold_since_than_was_counted_and_the_shelf_is_never_below_nothing(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=40)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 5)))
    shop.sell("tea", 30)

    (difference,) = closed(shop.close_count(count)).differences

    assert (difference.difference, difference.booked, difference.bounded) == (-35, -10, True)
    assert difference.on_hand == on_hand(shop, "tea") == 0
    check_agreed(chain, shop)


def test_a_count_below_what_was_promised_is_a_deficit(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=4)
    chain.sync()
    assert isinstance(chain.hub.place({"tea": 1}, pickup="riverside"), Done)
    chain.sync()
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 0)))

    (difference,) = closed(shop.close_count(count)).differences
    chain.sync()

    assert (difference.on_hand, difference.booked) == (0, -4)
    assert shop.state.counter("tea").deficit() == 1, "the unit that the order was promised"
    check_agreed(chain, shop)


def test_a_count_above_covers_what_was_sold_beyond_the_book(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=4)
    chain.sync()
    over = msgspec.structs.replace(sale_of("tea", 6), override=OverrideRequest(reason="in hand"))
    shop.commit(lambda: sales.sell(shop.state, command(), over, asked_hub=True))
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 3)))

    (difference,) = closed(shop.close_count(count)).differences

    assert (difference.expected, difference.difference) == (-2, 5)
    assert (difference.on_hand, difference.deficit) == (3, 0)
    check_agreed(chain, shop)


def test_goods_that_are_gone_are_no_longer_damaged(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=10)
    chain.sync()
    assert isinstance(shop.adjust("tea", -4, "damaged"), Done)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 1)))

    closed(shop.close_count(count))

    levels = shop.state.counter("tea").levels()
    assert (levels.on_hand, levels.damaged) == (1, 1)
    check_agreed(chain, shop)


def test_each_difference_is_an_entry_with_its_reason(shop: ShopSide) -> None:
    shop.receive(tea=10, jam=10, salt=10)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 8), counted("jam", 11), counted("salt", 10)))

    result = closed(shop.close_count(count, tea="theft"))

    entries = entries_of(shop, "count_difference")
    assert [(one.reason, one.moves) for one in entries] == [
        ("count", [("jam", 1)]), ("theft", [("tea", -2)]),
    ]  # fmt: skip
    assert {one.reference for one in entries} == {count}
    assert {one.actor.person for one in entries} == {"Ann"}
    assert [(one.reason, one.more, one.fewer) for one in result.by_reason] == [
        ("count", 1, 0), ("theft", 0, 2),
    ]  # fmt: skip
    assert (result.agreed, result.counted, result.status) == (1, 3, CountStatus.CLOSED)


@pytest.mark.parametrize(
    "reasons", [{"tea": "damaged"}, {"tea": "found"}, {"tea": "eaten"}, {"jam": "theft"}]
)
def test_a_reason_that_explains_nothing_is_refused_and_the_count_stays_open(
    shop: ShopSide, reasons: dict[str, str]
) -> None:
    shop.receive(tea=10, jam=10)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 8)))

    unacceptable(shop.close_count(count, **reasons))

    assert on_hand(shop, "tea") == 10
    closed(shop.close_count(count, tea="theft"))


def test_a_close_whose_commit_fails_books_nothing_and_can_be_tried_again(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=10)
    count = started(shop.start_count())
    kept(shop.count(count, counted("tea", 8)))
    shop.refuse_next_commit()

    with pytest.raises(CommitFailed):
        shop.close_count(count)
    before = on_hand(shop, "tea")
    shop.restart()

    assert (before, on_hand(shop, "tea")) == (10, 10)
    assert closed(shop.close_count(count)).differences[0].on_hand == 8
    check_agreed(chain, shop)


def test_a_count_takes_a_thousand_differences(chain: Chain, shop: ShopSide) -> None:
    body = ProductBody(name="x", price_minor=1, currency="USD")
    skus = [f"{'🍵' * 58}-{number}" for number in range(COUNT_LINES_MAX)]
    lines = [counted(sku, 1) for sku in skus]

    def list_products() -> None:
        for sku in skus:
            shop.state.catalogue.store(with_sku(body, sku), 0)

    shop.commit(list_products)
    count = started(shop.start_count(*skus))
    kept(shop.count(count, *lines))

    result = closed(shop.close_count(count))

    assert len(result.differences) == COUNT_LINES_MAX
    assert result.by_reason[0].more == COUNT_LINES_MAX
    check_agreed(chain, shop)
