"""Goal: what a checkout holds is nobody else's, ends once, and is never lost; no hold is (E6).

Method: a hub and a shop in one process (`tests.chain`); after each story both sides are compared
cell by cell, and what is held with the rows that are still open (`tests.holds_seen`). Baskets
have stories of their own (`test_chain_baskets`).
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cloud_hub.ordering import reservations
from cloud_hub.ordering.orders import ShortOnline
from cloud_hub.products import catalogue
from retail.ordering.holds import HoldStatus, ReservationRequest
from retail.ordering.order_status import EventType, OrderStatus
from retail.products.catalogue import BundleLine, ProductBody
from tests.chain import Chain
from tests.chain_sides import (
    CommitFailed,
    HubSide,
    ShopSide,
    basket_in,
    command,
    lines_of,
    order_in,
    reservation_in,
)
from tests.holds_seen import held, last_entry, shop_of, slug_of, status_of, stocked
from web.once import Done
from web.problems import Slug

OPEN, RELEASED, EXPIRED, USED = HoldStatus


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Riverside has 40 tea and jam, and the hub may sell 10 of them."""
    return stocked(tmp_path)


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


def test_units_that_come_back_online_first_cover_what_the_store_overdrew(chain: Chain) -> None:
    shop = shop_of(chain)
    reservation = reservation_in(chain.hub.reserve({"tea": 10}))
    assert isinstance(shop.sell("tea", 30), Done)
    assert isinstance(shop.adjust("tea", -4, "breakage"), Done)
    assert held(chain) == {"tea": 10}
    assert shop.state.counter("tea").deficit() == 4

    chain.hub.drop(reservation.id)

    assert held(chain) == {}
    assert shop.state.counter("tea").deficit() == 0
    assert chain.hub.state.quota("riverside", "tea") == 6


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
