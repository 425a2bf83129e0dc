"""Goal: a return, its inspection and an exchange are durable as a whole or not at all.

Method: a hub and a shop on real files (`tests.chain`); commits fail at their very end, programs
start again, journals arrive entry by entry; rows, cells and journals are compared before and after.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_hub.auditing.audit import audit
from gateway.returning.return_rows import returns_of
from gateway.selling import sales
from gateway.selling.sales import Short
from retail.returning.returns import Disposition, GoodsReturn
from retail.selling.sales import OverrideRequest
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, command, sale_of
from tests.holds_seen import shop_of, stocked
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Riverside has 40 tea and jam, and the hub may sell 10 of them; each costs 100."""
    return stocked(tmp_path)


def record_of(outcome: object) -> Any:  # noqa: ANN401 - JSON
    """What a success was journalled as."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record)


def seen(shop: ShopSide, sale: str) -> tuple[object, ...]:
    """All that a shop knows of its journal, its stock and what came back of a sale."""
    state = shop.state
    counters = [state.counter(sku).cells() for sku in ("tea", "jam")]
    noted: list[GoodsReturn] = returns_of(state, sale)
    return state.ledger.head, counters, noted, state.sales_count


def fails(shop: ShopSide, act: Callable[[], object]) -> None:
    """The disk does not take the act's commit."""
    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        act()


def kinds_at_hub(chain: Chain) -> list[str]:
    """What the hub has heard of what came back and what was sold."""
    rows = chain.hub.state.connection.execute(
        "SELECT kind FROM entry WHERE kind IN ('sale', 'return', 'inspection', 'exchange') "
        "AND writer = 'riverside.1' ORDER BY seq"
    )
    return [str(kind) for (kind,) in rows]


def test_a_return_whose_commit_fails_never_was(chain: Chain) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 3))["id"]
    before = seen(shop, sale)

    fails(shop, lambda: shop.take_back(sale, "tea", 2))

    assert seen(shop, sale) == before
    shop.restart()
    assert seen(shop, sale)[1:] == before[1:]
    came = record_of(shop.take_back(sale, "tea", 3))
    assert came["number"] == "RIVERSIDE-1-R000001"
    assert isinstance(shop.take_back(sale, "tea", 1), Problem)


def test_an_inspection_whose_commit_fails_lets_nothing_be_sold(chain: Chain) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 3))["id"]
    came = record_of(shop.take_back(sale, "tea", 3))["id"]
    before = seen(shop, sale)

    fails(shop, lambda: shop.inspect(came, "tea", 3, Disposition.RESTOCK))

    assert seen(shop, sale) == before
    shop.restart()
    assert shop.state.quota("tea") == 27
    assert isinstance(shop.sell("tea", 28), Short)
    record_of(shop.inspect(came, "tea", 3, Disposition.RESTOCK))
    assert shop.state.counter("tea").available() == 40


def test_what_is_lost_while_it_waits_moves_nothing_more_and_the_return_is_closed(
    chain: Chain,
) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 30))["id"]
    came = record_of(shop.take_back(sale, "tea", 4))["id"]
    record_of(shop.adjust("tea", -11, "theft"))  # ten of them had lain on the shelf
    counter = shop.state.counter("tea")
    assert (counter.levels().quality_control, counter.physical()) == (3, 3)

    refused = shop.inspect(came, "tea", 4, Disposition.RESTOCK)
    record_of(shop.inspect(came, "tea", 3, Disposition.RESTOCK))
    before = shop.state.counter("tea").cells()
    closed = record_of(shop.inspect(came, "tea", 1, Disposition.LOST))

    assert isinstance(refused, Problem)
    assert refused.detail == (
        "4 of tea were looked at, and 3 of this return wait for it. "
        "What is not there any more is lost."
    )
    assert [one["disposition"] for one in closed["inspected"]] == ["restock", "lost"]
    assert shop.state.counter("tea").cells() == before
    assert isinstance(shop.inspect(came, "tea", 1, Disposition.LOST), Problem)
    chain.sync()
    assert audit(chain.hub.state.store, None).differences == []


def test_one_look_restocks_what_is_there_and_loses_what_is_not(chain: Chain) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 30))["id"]
    came = record_of(shop.take_back(sale, "tea", 4))["id"]
    record_of(shop.adjust("tea", -11, "theft"))

    looked = shop.look(came, ("tea", 1, Disposition.LOST), ("tea", 3, Disposition.RESTOCK))

    levels = shop.state.counter("tea").levels()
    assert len(record_of(looked)["inspected"]) == 2
    assert (levels.quality_control, levels.on_hand) == (0, 3)
    assert shop.state.counter("tea").physical() == 3


def test_what_is_thrown_away_is_a_loss_of_its_own_also_where_another_emptied_quality_control(
    chain: Chain,
) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 30))["id"]
    came = record_of(shop.take_back(sale, "tea", 1))["id"]
    record_of(shop.adjust("tea", -11, "broken"))  # one of them was of a truck not yet typed in
    emptied = shop.inspect(came, "tea", 1, Disposition.WRITE_OFF)
    record_of(shop.receive(tea=8))

    record_of(shop.inspect(came, "tea", 1, Disposition.WRITE_OFF))

    assert isinstance(emptied, Problem)
    levels = shop.state.counter("tea").levels()
    assert (levels.quality_control, levels.on_hand, shop.state.counter("tea").physical()) == (
        0, 7, 7,
    )  # fmt: skip
    chain.sync()
    assert audit(chain.hub.state.store, None).differences == []


@pytest.mark.parametrize("fate", [Disposition.RESTOCK, Disposition.LOST])
def test_what_came_back_and_was_sold_before_anybody_typed_that_covers_its_sale(
    chain: Chain, fate: Disposition
) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 30))["id"]
    came = record_of(shop.take_back(sale, "tea", 2))["id"]
    record_of(shop.adjust("tea", -10, "broken"))
    over = msgspec.structs.replace(sale_of("tea", 1), override=OverrideRequest(reason="in hand"))
    record_of(shop.commit(lambda: sales.sell(shop.state, command(), over, asked_hub=True)))
    counter = shop.state.counter("tea")
    assert (counter.levels().quality_control, counter.physical(), counter.deficit()) == (2, 1, 11)
    damaged = shop.inspect(came, "tea", 2, Disposition.DAMAGED)

    record_of(shop.look(came, ("tea", 1, fate), ("tea", 1, Disposition.DAMAGED)))

    assert isinstance(damaged, Problem)
    counter = shop.state.counter("tea")
    levels = counter.levels()
    assert (levels.quality_control, levels.damaged, levels.on_hand) == (0, 1, 1)
    assert (counter.physical(), counter.deficit(), counter.quota(shop.state.ledger.writer)) == (
        1,
        10,
        0,
    )
    assert isinstance(shop.sell("tea", 1), Short)
    chain.sync()
    assert audit(chain.hub.state.store, None).differences == []


@pytest.mark.parametrize("wanted", ["tea", "jam"])
def test_an_exchange_whose_commit_fails_is_neither_a_return_nor_a_sale(
    chain: Chain, wanted: str
) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 3))["id"]
    before = seen(shop, sale)

    fails(shop, lambda: shop.exchange(sale, ("tea", 3), (wanted, 2)))

    assert seen(shop, sale) == before
    chain.sync()
    assert kinds_at_hub(chain) == ["sale"]
    shop.restart()
    both = record_of(shop.exchange(sale, ("tea", 3), (wanted, 2)))
    assert [one.id for one in returns_of(shop.state, sale)] == [both["returned"]["id"]]
    assert both["sale"]["number"] == "RIVERSIDE-1-000002"
    chain.sync()
    assert kinds_at_hub(chain) == ["sale", "return", "sale", "exchange"]


def test_an_exchange_arrives_as_a_whole(chain: Chain) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 3))["id"]
    record_of(shop.exchange(sale, ("tea", 2), ("jam", 5)))
    chain.send(shop, entries_max=2)
    assert kinds_at_hub(chain) == ["sale"]
    assert audit(chain.hub.state.store, None).differences == []

    chain.hub.restart()
    chain.sync(entries_max=1)

    assert kinds_at_hub(chain) == ["sale", "return", "sale", "exchange"]
    assert audit(chain.hub.state.store, None).differences == []
    for sku in ("tea", "jam"):
        known = chain.hub.counter("riverside", sku)
        assert known.cells() == shop.state.counter(sku).cells()
    assert chain.hub.counter("riverside", "tea").levels().quality_control == 2


def test_an_exchange_of_what_is_not_there_leaves_the_return_undone(chain: Chain) -> None:
    shop = shop_of(chain)
    sale = record_of(shop.sell("tea", 3))["id"]
    before = seen(shop, sale)

    short = shop.exchange(sale, ("tea", 3), ("jam", 31))
    too_much = shop.exchange(sale, ("tea", 4), ("jam", 1))

    assert isinstance(short, Short)
    assert isinstance(too_much, Problem)
    assert too_much.slug is Slug.CONFLICT
    assert seen(shop, sale) == before
