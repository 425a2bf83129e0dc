"""Goal: what a lost register held comes back when it may, whole, and covers what is short.

Method: a chain in one process. Registers are written off or replaced while goods are short, while
somebody counts, and while their gateway is replaced.
"""

from unittest import mock

from cloud_hub.lives import rows as hub_rows
from gateway.registers import reclaiming
from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide
from tests.limited_offers import SUMMER, at_hub, lend_to, limit, sells_reduced
from tests.register_chain import SKU, RegisterChain, RegisterSide, check_whole, kinds, sold
from web.once import Done


def lose(shop: ShopSide, units: int) -> None:
    """Goods are broken, also beyond what the gateway holds."""
    outcome = shop.adjust(SKU, -units, "damaged")
    assert isinstance(outcome, Done), outcome


def there(units: int) -> ScannedLine:
    """What somebody counts."""
    return ScannedLine(sku=SKU, counted=units)


def give_up(stores: RegisterChain, shop: ShopSide, name: str) -> None:
    """A manager writes a register off, and what it held of promotions comes back."""
    stores.write_off(shop, name)
    stores.reclaim_all(shop)


def test_what_comes_back_by_a_count_covers_what_is_short_at_once(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.cut(till)
    here, part = shop.state.quota(SKU), till.quota(SKU)
    lose(shop, here + 5)
    stores.write_off(shop, "till-1")
    assert shop.state.counter(SKU).deficit() == 5

    count = sold(shop.start_count())
    shop.count(count, there(shop.state.counter(SKU).physical()))
    shop.close_count(count)

    assert (shop.state.counter(SKU).deficit(), shop.state.quota(SKU)) == (0, part - 5)
    check_whole(stores)


def test_what_comes_back_with_the_last_entry_covers_what_is_short_at_once(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.cut(till)
    stores.cut(stores.register(shop))  # another box takes its name
    lose(shop, shop.state.quota(SKU) + 5)
    assert shop.state.counter(SKU).deficit() == 5

    till.seal()
    stores.replay(till)

    counter = shop.state.counter(SKU)
    assert (counter.quota(till.writer), counter.deficit()) == (0, 0)


def test_goods_scanned_before_the_register_was_written_off_bring_nothing_back(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    count = sold(shop.start_count())
    shop.count(count, there(40))
    stores.cut(till)
    stores.advance(1_000)
    for _ in range(4):
        sold(till.sell(SKU))  # after the scan, and nobody will ever hear of it
    stores.write_off(shop, "till-1")
    held = shop.state.counter(SKU).quota(till.writer)

    assert isinstance(shop.close_count(count), Done)

    assert shop.state.counter(SKU).quota(till.writer) == held, "36 stand there, not 40"
    count = sold(shop.start_count())
    shop.count(count, there(36))
    assert isinstance(shop.close_count(count), Done)
    counter = shop.state.counter(SKU)
    assert (counter.quota(till.writer), counter.levels().on_hand) == (0, 36)
    check_whole(stores)


def test_what_a_sealed_register_held_of_many_goods_comes_back_in_steps(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    for number in range(5):
        stores.hub.product(f"sku-{number}")
    stores.sync()
    shop.receive(**{f"sku-{number}": 40 for number in range(5)})
    stores.meet(till)
    stores.register(shop)
    till.seal()

    with mock.patch.object(reclaiming, "LOOKED_AT_ONCE_MAX", 2):
        stores.replay(till)

    names = [SKU, *(f"sku-{number}" for number in range(5))]
    assert [shop.state.counter(name).quota(till.writer) for name in names] == [0] * 6
    assert kinds(shop).count("register_reclaimed") >= 3
    assert shop.state.registers.rows.to_reclaim() == []
    check_whole(stores)


def test_a_register_whose_journal_has_ended_is_none_any_more_though_nobody_here_gave_it_up(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    till.seal()  # a gateway before this one had written it off, and died with the word
    stores.replay(till)
    shop.receive(**{SKU: 40})
    stores.sync()

    assert (till.row.state, till.row.sealed) == ("replaced", True)
    assert shop.state.counter(SKU).quota(till.writer) == 0, "nobody could sell on it"
    known = hub_rows.register_of(stores.hub.state.connection, till.writer)
    assert known is not None
    assert (known.state, bool(known.sealed)) == ("replaced", True)
    check_whole(stores)


def test_uses_of_a_promotion_come_back_when_a_register_is_written_off_for_nobody_can_count_them(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    limit(stores.hub, 4)
    stores.sync()
    assert lend_to(stores, shop, 4)
    stores.hear(till)
    assert stores.borrow(till, (SUMMER, 4))
    stores.cut(till)
    assert sells_reduced(till)  # and nobody hears of it
    held = shop.state.counter(SKU).quota(till.writer)
    give_up(stores, shop, "till-1")

    assert shop.state.quota(SUMMER) == 4
    assert shop.state.counter(SKU).quota(till.writer) == held, "goods are counted first"
    assert [sells_reduced(shop) for _ in range(5)] == [True] * 4 + [False]
    stores.replay(till)  # it is found after all
    stores.sync()
    uses = at_hub(stores.hub)
    assert uses.quota(till.writer) == 0
    assert uses.value("spent", till.writer, "used") == 1, "that customer had it, beyond the limit"
    check_whole(stores)


def test_a_use_that_a_register_had_given_when_it_was_written_off_is_one_less_for_all_others(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    limit(stores.hub, 4)
    other = stores.register(shop, "till-2")
    stores.sync()
    assert lend_to(stores, shop, 4)
    for one in (till, other):
        stores.hear(one)
        assert stores.borrow(one, (SUMMER, 1))
        stores.cut(one)
    assert sells_reduced(till)
    give_up(stores, shop, "till-1")
    stores.replay(till)  # one use beyond its rights is known now
    give_up(stores, shop, "till-2")

    stores.sync()

    uses = at_hub(stores.hub)
    assert uses.quota(shop.state.ledger.writer) == shop.state.quota(SUMMER) == 3
    assert (sum(uses.holders().values()), uses.deficit()) == (3, 0), "one of four is had"


def test_a_use_that_a_lost_register_had_given_back_comes_back_once(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    limit(stores.hub, 4)
    stores.sync()
    assert lend_to(stores, shop, 4)
    stores.hear(till)
    assert stores.borrow(till, (SUMMER, 2))
    stores.lend_back(till, (SUMMER, 1))  # which is lost on its way
    stores.cut(till)
    give_up(stores, shop, "till-1")
    assert shop.state.quota(SUMMER) == 4, "what it had, as far as the gateway knows"

    stores.replay(till)  # it is found: one of them it had given back before
    stores.sync()

    uses = at_hub(stores.hub)
    assert shop.state.quota(SUMMER) == sum(uses.holders().values()) == 4
    assert uses.deficit() == 0
