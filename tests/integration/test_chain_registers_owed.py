"""Goal: a store's deficit is worked off with whatever rights its registers and the hub hold there.

Method: a chain in one process; more of a SKU is lost than the gateway has rights to. What a link
does every second, the tests do when they say so.
"""

from gateway.registers import lending
from tests.chain_sides import ShopSide
from tests.register_chain import SKU, RegisterChain, RegisterSide, check_whole
from web.once import Done


def lose(shop: ShopSide, units: int) -> None:
    """Goods are broken, also beyond what the gateway holds."""
    outcome = shop.adjust(SKU, -units, "damaged")
    assert isinstance(outcome, Done), outcome


def owed(shop: ShopSide) -> list[tuple[str, int]]:
    """What registers are asked about in the next round."""
    return shop.commit(lambda: lending.owed(shop.state, 100))


def test_a_deficit_is_asked_back_of_a_register_and_covered_though_nobody_waits(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    here, part = shop.state.quota(SKU), till.quota(SKU)
    lose(shop, here + 5)
    assert owed(shop) == [(SKU, 5)]

    stores.recall(shop, *owed(shop))

    assert (shop.state.counter(SKU).deficit(), till.quota(SKU)) == (0, (part - 5) // 2)
    assert shop.state.quota(SKU) == part - 5 - till.quota(SKU)
    assert (owed(shop), shop.state.registers.owed) == ([], set())
    check_whole(stores)


def test_what_a_register_has_is_a_part_of_it_and_the_rest_stays_owed(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    lose(shop, shop.state.quota(SKU) + till.quota(SKU) + 3)

    stores.recall(shop, *owed(shop))

    assert till.quota(SKU) == 0
    assert shop.state.counter(SKU).deficit() == 3
    assert not owed(shop), "nobody here has any more"
    check_whole(stores)


def test_a_deficit_is_remembered_over_a_restart_and_nobody_away_is_asked(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.cut(till)
    lose(shop, shop.state.quota(SKU) + 5)
    assert not owed(shop)

    shop.restart()
    stores.meet(till)

    assert owed(shop) == [(SKU, 5)]
    stores.recall(shop, *owed(shop))
    assert shop.state.counter(SKU).deficit() == 0


def test_the_hub_gives_what_it_holds_also_where_registers_hold_enough(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.cut(till)
    lose(shop, shop.state.quota(SKU) + 5)

    stores.sync(shop)

    assert till.quota(SKU) == 15
    assert shop.state.counter(SKU).deficit() == 0
    assert stores.hub.counter("riverside", SKU).deficit() == 0
    assert [item.state for item in stores.hub.shortages()] == ["resolved"]
    check_whole(stores)


def test_rights_of_a_register_that_is_gone_are_not_waited_for(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.cut(till)
    assert isinstance(stores.write_off(shop, "till-1"), Done)
    lose(shop, shop.state.quota(SKU) + 12)  # the hub has 10 of it
    stores.sync(shop)
    stores.sync(shop)

    item = next(item for item in stores.hub.shortages() if item.kind == "deficit")

    assert shop.state.counter(SKU).deficit() == 2
    assert (item.state, item.units) == ("open", 2)
    assert item.proposal is not None
    assert item.proposal.action == "count"
