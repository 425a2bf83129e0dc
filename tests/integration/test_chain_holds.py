"""Goal: what a checkout or basket holds is nobody else's, ends once, and is never lost (E6).

Method: a hub and a shop in one process (`tests.chain`); after each story both sides are compared
cell by cell, and what is held with the rows that are still open.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cloud_hub import catalogue, reservations
from cloud_hub.orders import ShortOnline
from gateway import baskets, sales
from gateway.sales import Short
from replication.escrow import Spent, Table, check_invariants
from replication.journal import EntryBody
from retail.catalogue import BundleLine, ProductBody
from retail.holds import HoldStatus, ReservationRequest
from retail.orders import EventType, OrderStatus
from tests.chain import (
    Chain,
    CommitFailed,
    HubSide,
    ShopSide,
    basket_in,
    command,
    lines_of,
    order_in,
    reservation_in,
    sale_of,
)
from web.once import Done
from web.problems import Problem, Slug

SKUS = ("tea", "jam")
OPEN, RELEASED, EXPIRED, USED = HoldStatus


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub with tea and jam; Riverside has 40 of each, and the hub may sell 10 of them."""
    chain = Chain(tmp_path, skus=SKUS, shops=["riverside"])
    chain.shops["riverside"].receive(tea=40, jam=40)
    chain.sync()
    return chain


def shop_of(chain: Chain) -> ShopSide:
    return chain.shops["riverside"]


def held(chain: Chain) -> dict[str, int]:
    """Units that are held; cells, both sides and the open rows agree on them."""
    chain.sync()
    shop = shop_of(chain).state
    rows: Counter[str] = Counter()
    at_hub = chain.hub.state.connection
    for sku, units in at_hub.execute(
        "SELECT value ->> 'sku', value ->> 'quantity' "
        "FROM reservation, json_each(data, '$.allocations') WHERE status = 'open' "
        "UNION ALL SELECT sku, quantity FROM allocation WHERE state = 'held'"
    ):
        rows[str(sku)] += int(str(units))
    for sku, units in shop.connection.execute(
        "SELECT value ->> 'sku', value ->> 'quantity' "
        "FROM basket, json_each(data, '$.held') WHERE status = 'open'"
    ):
        rows[str(sku)] += int(str(units))
    for sku in SKUS:
        counter = chain.hub.counter("riverside", sku)
        assert counter.cells() == shop.counter(sku).cells()
        assert check_invariants(counter) == []
        assert counter.levels().held == rows[sku], sku
    return {sku: units for sku, units in rows.items() if units}


def status_of(side: HubSide | ShopSide, hold: str) -> tuple[str, str | None]:
    """How a hold stands in its program's file, and what used it."""
    table = "reservation" if isinstance(side, HubSide) else "basket"
    row = side.state.connection.execute(
        f"SELECT status, data ->> 'used_by' FROM {table} WHERE id = ?",  # noqa: S608 - one of two names
        (hold,),
    ).fetchone()
    assert row is not None
    return str(row[0]), row[1]


def last_entry(side: HubSide | ShopSide) -> EntryBody:
    """The newest entry of a program's own journal."""
    ledger = side.state.ledger
    body = side.state.store.load_body(ledger.writer, ledger.head.seq)
    assert body is not None
    return msgspec.json.decode(body, type=EntryBody)


def slug_of(outcome: object) -> Slug:
    """Why something was refused."""
    assert isinstance(outcome, Problem), outcome
    return outcome.slug


# Checkouts


def test_a_reserved_unit_is_nobody_elses_until_it_is_given_up(chain: Chain) -> None:
    reservation = reservation_in(chain.hub.reserve({"tea": 8}))
    assert held(chain) == {"tea": 8}
    assert slug_of(chain.hub.place({"tea": 3})) == Slug.QUOTA_SHORT
    assert slug_of(chain.hub.reserve({"tea": 3})) == Slug.QUOTA_SHORT
    chain.hub.state.reachable.add("riverside")
    short = chain.hub.reserve({"tea": 3})
    assert isinstance(short, ShortOnline)
    assert short.borrow == {"riverside": [("tea", 1)]}

    first, again = chain.hub.drop(reservation.id), chain.hub.drop(reservation.id)

    assert first == again == Done(200, msgspec.json.encode(
        msgspec.structs.replace(reservation, status=RELEASED)
    ))  # fmt: skip
    assert held(chain) == {}
    assert chain.hub.state.quota("riverside", "tea") == 10
    assert last_entry(chain.hub).reason == "deleted"


def test_an_order_takes_over_its_reservation_in_one_commit(chain: Chain) -> None:
    reservation = reservation_in(chain.hub.reserve({"tea": 8, "jam": 10}))
    before = chain.hub.state.ledger.head.seq

    order = order_in(chain.hub.place({"jam": 10, "tea": 8}, reservation=reservation.id))

    assert chain.hub.state.ledger.head.seq == before + 1
    assert last_entry(chain.hub).reason == f"reservation {reservation.id} used"
    assert {(one.sku, one.location, one.quantity) for one in order.allocations} == {
        (one.sku, one.location, one.quantity) for one in reservation.allocations
    }
    assert status_of(chain.hub, reservation.id) == (USED, order.id)
    assert held(chain) == {}
    assert chain.hub.counter("riverside", "tea").levels().committed == 8
    assert chain.hub.counter("riverside", "jam").levels().committed == 10
    order_in(shop_of(chain).tell(order.id, EventType.SHIPPED))
    assert held(chain) == {}


def test_a_reservation_is_used_once(chain: Chain) -> None:
    reservation = reservation_in(chain.hub.reserve({"tea": 2}))
    order_in(chain.hub.place({"tea": 2}, reservation=reservation.id))
    cells = chain.hub.counter("riverside", "tea").cells()

    twice = chain.hub.place({"tea": 2}, reservation=reservation.id)
    dropped = chain.hub.drop(reservation.id)
    chain.hub.expire(reservation.id)

    assert slug_of(twice) == slug_of(dropped) == Slug.CONFLICT
    assert chain.hub.counter("riverside", "tea").cells() == cells
    assert status_of(chain.hub, reservation.id)[0] == USED


def test_an_unpaid_order_holds_what_its_reservation_held(chain: Chain) -> None:
    reservation = reservation_in(chain.hub.reserve({"tea": 10}))

    order = order_in(chain.hub.place({"tea": 10}, payment="pending", reservation=reservation.id))
    chain.hub.expire(reservation.id)

    assert held(chain) == {"tea": 10}
    paid = order_in(chain.hub.tell(order.id, EventType.PAID))
    assert held(chain) == {}
    assert {one.state for one in paid.allocations} == {"committed"}


@pytest.mark.parametrize("pickup", [None, "riverside"])
def test_an_order_that_does_not_fit_its_reservation_changes_nothing(
    chain: Chain, pickup: str | None
) -> None:
    chain.box("harbour")
    reservation = reservation_in(chain.hub.reserve({"tea": 4}, pickup=pickup))
    seq = chain.hub.state.ledger.head.seq

    refused = [
        chain.hub.place({"tea": 3}, reservation=reservation.id),
        chain.hub.place({"tea": 5}, reservation=reservation.id),
        chain.hub.place({"tea": 4, "jam": 1}, reservation=reservation.id),
        chain.hub.place({"jam": 4}, reservation=reservation.id),
        chain.hub.place({"tea": 4}, pickup="harbour", reservation=reservation.id),
        chain.hub.place({"tea": 4}, pickup="nowhere", reservation=reservation.id),
        chain.hub.place({"tea": 4}, reservation="hub.1-999"),
    ]

    assert {slug_of(one) for one in refused} == {Slug.INVALID_REQUEST}
    assert chain.hub.state.ledger.head.seq == seq
    assert held(chain) == {"tea": 4}
    order_in(chain.hub.place({"tea": 4}, pickup="riverside", reservation=reservation.id))


@pytest.mark.parametrize("ended", [RELEASED, EXPIRED])
def test_who_comes_late_gets_units_that_are_still_there(chain: Chain, ended: HoldStatus) -> None:
    reservation = reservation_in(chain.hub.reserve({"tea": 10}))
    (chain.hub.drop if ended is RELEASED else chain.hub.expire)(reservation.id)
    assert status_of(chain.hub, reservation.id) == (ended, None)
    assert last_entry(chain.hub).reason == ("deleted" if ended is RELEASED else "expired")

    order = order_in(chain.hub.place({"tea": 10}, reservation=reservation.id))

    assert order.status is OrderStatus.PAID
    assert status_of(chain.hub, reservation.id) == (USED, order.id)
    assert slug_of(chain.hub.place({"tea": 10}, reservation=reservation.id)) == Slug.CONFLICT
    assert held(chain) == {}


def test_who_comes_late_is_refused_when_the_units_are_gone(chain: Chain) -> None:
    reservation = reservation_in(chain.hub.reserve({"tea": 10}))
    chain.hub.expire(reservation.id)
    order_in(chain.hub.place({"tea": 1}))

    short = chain.hub.place({"tea": 10}, reservation=reservation.id)

    assert slug_of(short) == Slug.QUOTA_SHORT
    assert status_of(chain.hub, reservation.id) == (EXPIRED, None)


def test_a_bundle_reserves_its_components_and_an_order_of_them_fits(chain: Chain) -> None:
    body = ProductBody(
        name="hamper", price_minor=500, currency="USD",
        bundle=(BundleLine(sku="tea", quantity=2), BundleLine(sku="jam", quantity=1)),
    )  # fmt: skip
    hub = chain.hub
    hub.commit(lambda: catalogue.put_product(hub.state, command(), "hamper", body))

    reservation = reservation_in(hub.reserve({"hamper": 3, "jam": 1}))

    assert held(chain) == {"tea": 6, "jam": 4}
    order_in(hub.place({"tea": 6, "jam": 4}, reservation=reservation.id))
    assert held(chain) == {}


def test_a_reservation_keeps_the_floor_of_the_safety_stock(chain: Chain) -> None:
    chain.hub.product("tea", safety_stock=35)
    chain.sync()

    assert slug_of(chain.hub.reserve({"tea": 6})) == Slug.QUOTA_SHORT
    reservation_in(chain.hub.reserve({"tea": 5}))


# Baskets


def test_a_basket_is_sold_though_nobody_else_could_have_its_units(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 30}))  # all that the shop may sell unasked
    assert held(chain) == {"tea": 30}
    assert isinstance(shop.sell("tea"), Short)
    assert isinstance(shop.hold({"tea": 1}), Short)
    before = shop.state.ledger.head.seq

    sold = shop.sell("tea", 30, basket=basket.id)

    assert isinstance(sold, Done)
    entry = last_entry(shop)
    assert entry.seq == before + 1
    assert (entry.kind, entry.reference, entry.moves) == ("sale", basket.id, [("tea", -30)])
    assert status_of(shop, basket.id) == (USED, msgspec.json.decode(sold.record)["id"])
    assert held(chain) == {}
    assert shop.state.counter("tea").physical() == 10


@pytest.mark.parametrize(("sku", "many", "free"), [("tea", 3, 27), ("tea", 12, 18), ("jam", 5, 30)])
def test_a_sale_may_differ_from_its_basket(chain: Chain, sku: str, many: int, free: int) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 10}))

    assert isinstance(shop.sell(sku, many, basket=basket.id), Done)

    assert held(chain) == {}
    assert shop.state.quota("tea") == free
    assert shop.state.counter(sku).physical() == 40 - many


def test_what_a_basket_holds_counts_as_quota_of_its_sale(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 10}))

    short = shop.sell("tea", 31, basket=basket.id)

    assert isinstance(short, Short)
    assert short.wants() == [("tea", 1)]
    assert held(chain) == {"tea": 10}


def test_a_basket_is_sold_once(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 2}))
    assert isinstance(shop.sell("tea", 2, basket=basket.id), Done)
    cells = shop.state.counter("tea").cells()

    twice = shop.sell("tea", 2, basket=basket.id)
    dropped = shop.drop(basket.id)
    shop.expire(basket.id)

    assert slug_of(twice) == slug_of(dropped) == Slug.CONFLICT
    assert slug_of(shop.sell("tea", 2, basket="riverside.1-999")) == Slug.INVALID_REQUEST
    assert slug_of(shop.drop("riverside.1-999")) == Slug.NOT_FOUND
    assert shop.state.counter("tea").cells() == cells


@pytest.mark.parametrize("ended", [RELEASED, EXPIRED])
def test_an_ended_basket_is_sold_as_without_it(chain: Chain, ended: HoldStatus) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 30}))
    (shop.drop if ended is RELEASED else shop.expire)(basket.id)
    assert last_entry(shop).reason == ("deleted" if ended is RELEASED else "expired")
    assert isinstance(shop.sell("tea", 1), Done)

    short = shop.sell("tea", 30, basket=basket.id)
    sold = shop.sell("tea", 29, basket=basket.id)

    assert isinstance(short, Short)
    assert isinstance(sold, Done)
    assert slug_of(shop.sell("tea", 1, basket=basket.id)) == Slug.CONFLICT
    assert held(chain) == {}


def test_a_registers_token_ends_the_baskets_of_its_own_register_only(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 2}, register="till-2"))
    foreign = command(role="cashier", register="till-1")

    sold = shop.commit(lambda: sales.sell(shop.state, foreign, sale_of("tea", 2, basket.id)))
    dropped = shop.commit(lambda: baskets.release(shop.state, foreign, basket.id))

    assert slug_of(sold) == slug_of(dropped) == Slug.FORBIDDEN
    assert held(chain) == {"tea": 2}
    own = command(role="cashier", register="till-2")
    assert isinstance(shop.commit(lambda: baskets.release(shop.state, own, basket.id)), Done)


def test_units_that_come_back_first_cover_what_was_overdrawn(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 25}))
    assert isinstance(shop.adjust("tea", -8, "breakage"), Done)  # 5 had a right
    chain.hub.place({"tea": 10})
    chain.sync()
    assert shop.state.counter("tea").deficit() == 3

    shop.drop(basket.id)

    counter = shop.state.counter("tea")
    assert counter.deficit() == 0
    assert counter.total(Table.SPENT, Spent.COVERED) == 3
    assert shop.state.quota("tea") == 22
    assert held(chain) == {}


def test_what_a_sale_leaves_of_its_basket_covers_what_was_overdrawn(chain: Chain) -> None:
    shop = shop_of(chain)
    basket = basket_in(shop.hold({"tea": 25}))
    assert isinstance(shop.adjust("tea", -8, "breakage"), Done)
    chain.hub.place({"tea": 10})
    chain.sync()

    assert isinstance(shop.sell("tea", 24, basket=basket.id), Done)

    assert shop.state.counter("tea").deficit() == 2
    assert shop.state.quota("tea") == 0
    assert held(chain) == {}


def test_a_shop_holds_so_many_baskets_and_no_more(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baskets, "BASKETS_MAX", 2)
    shop = shop_of(chain)
    first = basket_in(shop.hold({"tea": 1}))
    basket_in(shop.hold({"tea": 1}))

    refused = shop.hold({"tea": 1})
    shop.drop(first.id)

    assert slug_of(refused) == Slug.CONFLICT
    basket_in(shop.hold({"tea": 1}))
    assert held(chain) == {"tea": 2}


# Power cuts and full disks


def test_open_holds_survive_a_restart_of_their_program(chain: Chain) -> None:
    shop = shop_of(chain)
    reservation = reservation_in(chain.hub.reserve({"tea": 4}))
    basket = basket_in(shop.hold({"jam": 7}))

    chain.hub.restart()
    shop.restart()

    assert held(chain) == {"tea": 4, "jam": 7}
    order_in(chain.hub.place({"tea": 4}, reservation=reservation.id))
    assert isinstance(shop.sell("jam", 7, basket=basket.id), Done)
    chain.hub.restart()
    shop.restart()
    assert held(chain) == {}
    assert slug_of(chain.hub.place({"tea": 4}, reservation=reservation.id)) == Slug.CONFLICT
    assert slug_of(shop.sell("jam", 7, basket=basket.id)) == Slug.CONFLICT


@pytest.mark.parametrize("end", ["use", "drop", "expire"])
@pytest.mark.parametrize("at", ["hub", "shop"])
def test_a_commit_that_the_disk_refuses_leaves_the_hold_as_it_was(
    chain: Chain, at: str, end: str
) -> None:
    shop = shop_of(chain)
    side: HubSide | ShopSide = chain.hub if at == "hub" else shop
    ends: dict[tuple[str, str], Callable[[str], object]] = {
        ("hub", "use"): lambda hold: chain.hub.place({"tea": 4}, reservation=hold),
        ("shop", "use"): lambda hold: shop.sell("tea", 4, basket=hold),
        ("hub", "drop"): chain.hub.drop,
        ("shop", "drop"): shop.drop,
        ("hub", "expire"): chain.hub.expire,
        ("shop", "expire"): shop.expire,
    }
    hold = (
        reservation_in(chain.hub.reserve({"tea": 4})).id
        if at == "hub"
        else basket_in(shop.hold({"tea": 4})).id
    )

    side.refuse_next_commit()
    with pytest.raises(CommitFailed):
        ends[at, end](hold)

    assert held(chain) == {"tea": 4}
    assert status_of(side, hold) == (OPEN, None)
    ends[at, end](hold)
    assert held(chain) == {}
    assert status_of(side, hold)[0] == {"use": USED, "drop": RELEASED, "expire": EXPIRED}[end]


def test_a_hold_that_the_disk_refuses_holds_nothing(chain: Chain) -> None:
    for side, hold in (
        (chain.hub, lambda: chain.hub.reserve({"tea": 4})),
        (shop_of(chain), lambda: shop_of(chain).hold({"tea": 4})),
    ):
        side.refuse_next_commit()
        with pytest.raises(CommitFailed):
            hold()

    assert held(chain) == {}


def test_the_same_key_sets_units_aside_once(chain: Chain) -> None:
    hub, asked = chain.hub, command()
    request = ReservationRequest(lines=lines_of({"tea": 2}))

    first = hub.commit(lambda: reservations.reserve(hub.state, asked, request))
    again = hub.commit(lambda: reservations.reserve(hub.state, asked, request))

    assert first == again
    assert held(chain) == {"tea": 2}
