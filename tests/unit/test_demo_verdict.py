"""Goal: no difference between what was told and what the hub has goes unnamed, and none is made up.

Method: one sale and one order as they should be; each test changes one thing and reads the verdict.
"""

import copy
from collections.abc import Callable

import pytest

from scripts.demo_day.api import Json
from scripts.demo_day.baskets import Line
from scripts.demo_day.ledger import Shelf
from scripts.demo_day.notebook import ToldOrder, ToldReturn, ToldSale, ToldTransfer
from scripts.demo_day.verdict import (
    judge_doubts,
    judge_orders,
    judge_receipts,
    judge_returns,
    judge_sales,
    judge_shortages,
    judge_totals,
    judge_transfers,
    repeated,
)

TEA = (Line(sku="tea", quantity=2),)


def sale(seq: int = 42) -> Json:
    line = {"sku": "tea", "quantity": 2, "total_minor": 900}
    return {
        "id": f"riverside.1-{seq}",
        "number": f"R-{seq}",
        "location": "riverside",
        "register": "till-1",
        "lines": [line],
        "total_minor": 900,
        "tenders": [{"type": "cash", "amount_minor": 1_000}],
        "change_minor": 100,
    }


def told_sale(told: Json, key: str = "k-1") -> ToldSale:
    return ToldSale(
        location="riverside",
        register="till-1",
        key=key,
        lines=TEA,
        total_minor=900,
        asked_s=1.0,
        told_s=2.0,
        sale=told,
    )


def allocation(name: str, location: str, state: str, replaces: str | None = None) -> Json:
    return {
        "id": name,
        "sku": "tea",
        "location": location,
        "quantity": 2,
        "state": state,
        "replaces": replaces,
        "part_of": None,
    }


def order(status: str = "collected", state: str = "fulfilled") -> Json:
    return {
        "id": "o-1",
        "number": "O-1",
        "status": status,
        "lines": [{"sku": "tea", "quantity": 2}],
        "allocations": [allocation("a-1", "riverside", state)],
        "total_minor": 900,
        "tax_minor": 117,
        "currency": "USD",
    }


def told_order(*, cancel_asked: bool = False) -> ToldOrder:
    placed = order("paid", "committed")
    return ToldOrder(
        lines=TEA, total_minor=900, asked_s=1.0, told_s=2.0, order=placed, cancel_asked=cancel_asked
    )


def test_a_sale_that_the_hub_shows_once_and_alike_is_sound() -> None:
    verdict = judge_sales([told_sale(sale())], [sale()])

    assert (verdict.lost, verdict.duplicated, verdict.different) == ((), (), ())
    assert verdict.at_hub == {"riverside": 1}


def test_a_sale_that_the_hub_does_not_show_is_lost() -> None:
    verdict = judge_sales([told_sale(sale(42)), told_sale(sale(43), "k-2")], [sale(42)])

    assert [each.split()[0] for each in verdict.lost] == ["riverside.1-43"]
    assert verdict.at_hub == {"riverside": 1}


def test_a_sale_that_the_hub_shows_three_times_is_duplicated_twice() -> None:
    verdict = judge_sales([told_sale(sale())], [sale(), sale(), sale()])

    assert len(verdict.duplicated) == 2
    assert verdict.at_hub == {}


def test_a_sale_that_nobody_was_told_of_is_duplicated() -> None:
    verdict = judge_sales([told_sale(sale(42))], [sale(42), sale(43)])

    assert [each.split()[0] for each in verdict.duplicated] == ["riverside.1-43"]


def test_one_sale_for_two_keys_has_lost_a_basket() -> None:
    verdict = judge_sales([told_sale(sale()), told_sale(sale(), "k-2")], [sale()])

    assert len(verdict.lost) == 1
    assert "k-2" in verdict.lost[0]


def with_total(one: Json) -> None:
    one["total_minor"] = 901


def with_quantity(one: Json) -> None:
    one["lines"][0]["quantity"] = 3


def with_tender(one: Json) -> None:
    one["tenders"][0]["amount_minor"] = 2_000


def with_new_field(one: Json) -> None:
    one["shift"] = "early"


changes = pytest.mark.parametrize(
    "change", [with_total, with_quantity, with_tender, with_new_field]
)


@changes
def test_a_sale_that_the_hub_shows_otherwise_is_different(change: Callable[[Json], None]) -> None:
    shown = copy.deepcopy(sale())
    change(shown)

    assert len(judge_sales([told_sale(sale())], [shown]).different) == 1


@pytest.mark.parametrize("change", [with_total, with_quantity, with_tender])
def test_a_register_that_is_told_of_another_basket_is_different(
    change: Callable[[Json], None],
) -> None:
    told = copy.deepcopy(sale())
    change(told)

    assert len(judge_sales([told_sale(told)], [told]).different) == 1


def test_an_order_that_was_handed_over_is_sound() -> None:
    verdict = judge_orders([told_order()], [order()], {"a-1"})

    assert verdict.different == ()
    assert verdict.ends == {"collected": 1}


def test_an_order_that_was_cancelled_in_time_frees_its_allocations() -> None:
    shown = order("cancelled", "released")
    verdict = judge_orders([told_order(cancel_asked=True)], [shown], ())

    assert verdict.different == ()
    assert verdict.released == {"a-1"}


@pytest.mark.parametrize(
    ("shown", "handed_over", "cancel_asked", "word"),
    [
        (order("paid", "committed"), "", False, "still paid"),
        (order("cancel_requested", "committed"), "", True, "still cancel_requested"),
        (order("cancelled", "released"), "", False, "not committed"),
        (order("cancelled", "released"), "a-1", True, "not fulfilled"),
        (order("collected", "fulfilled"), "", False, "not committed"),
        ({**order(), "total_minor": 901}, "a-1", False, "total_minor"),
        ({**order(), "allocations": []}, "a-1", False, "elsewhere"),
    ],
)
def test_an_order_that_ended_otherwise_is_different(
    shown: Json, handed_over: str, word: str, *, cancel_asked: bool
) -> None:
    verdict = judge_orders([told_order(cancel_asked=cancel_asked)], [shown], {handed_over})

    assert any(word in each for each in verdict.different)


@pytest.mark.parametrize("copies", [0, 2])
def test_an_order_is_at_the_hub_exactly_once(copies: int) -> None:
    verdict = judge_orders([told_order()], [order()] * copies, {"a-1"})

    assert verdict.different == (f"order o-1 is at the hub {copies} times",)


def test_an_order_that_nobody_placed_is_different() -> None:
    assert len(judge_orders([], [order()], ()).different) == 1


def moved_order(*, given_up: bool = True, cancel_asked: bool = False) -> ToldOrder:
    told = told_order(cancel_asked=cancel_asked)
    told.given_up |= {"a-1"} if given_up else set()
    return told


def shown_elsewhere(state: str = "fulfilled", **changes: Json) -> Json:
    stand_in = {**allocation("a-2", "harbour", state, replaces="a-1"), **changes}
    original = allocation("a-1", "riverside", "released")
    return {**order("shipped"), "allocations": [original, stand_in]}


def test_an_order_that_the_back_office_moved_is_sound() -> None:
    verdict = judge_orders([moved_order()], [shown_elsewhere()], {"a-2"})

    assert verdict.different == ()
    assert verdict.released == {"a-1"}


@pytest.mark.parametrize(
    ("told", "shown", "word"),
    [
        (moved_order(given_up=False), shown_elsewhere(), "nobody gave up"),
        (moved_order(), shown_elsewhere(sku="rice"), "other goods"),
        (moved_order(), shown_elsewhere(quantity=3), "other goods"),
        (moved_order(cancel_asked=True), shown_elsewhere(), "has cancelled"),
    ],
)
def test_goods_from_elsewhere_that_nobody_asked_for_are_different(
    told: ToldOrder, shown: Json, word: str
) -> None:
    verdict = judge_orders([told], [shown], {"a-2"})

    assert any(word in each for each in verdict.different)


def short_picked() -> Json:
    """Of two units one went out, and the other was not there."""
    whole = {**allocation("a-1", "riverside", "fulfilled"), "quantity": 1}
    part = {**allocation("a-1-1", "riverside", "released"), "quantity": 1, "part_of": "a-1"}
    return {**order("shipped"), "allocations": [whole, part]}


def test_an_order_of_which_a_unit_was_missed_is_sound_where_its_store_said_so() -> None:
    told = told_order()
    told.missed.add("a-1-1")

    assert judge_orders([told], [short_picked()], {"a-1"}).different == ()
    assert judge_orders([told_order()], [short_picked()], {"a-1"}).different


def test_a_stand_in_is_free_again_when_the_goods_were_gone_already() -> None:
    shown = shown_elsewhere("released")
    shown["allocations"][0]["state"] = "fulfilled"

    assert judge_orders([moved_order()], [shown], {"a-1"}).different == ()


TRUCK = ToldTransfer(
    id="riverside.1-5-harbour",
    source="riverside",
    destination="harbour",
    shipped=(Line(sku="tea", quantity=4),),
    received=(Line(sku="tea", quantity=3),),
)


def truck(**changes: Json) -> Json:
    line = {"sku": "tea", "shipped": 4, "received": 3, "lost": 1, "surplus": 0, "unmatched": 0}
    line |= {name: changes.pop(name) for name in list(changes) if name in line}
    shown = {"id": TRUCK.id, "from": "riverside", "to": "harbour", "status": "received"}
    return {**shown, "lines": [line], **changes}


def test_a_transfer_that_lost_a_unit_on_its_way_is_sound() -> None:
    assert judge_transfers([TRUCK], [truck()]) == ()


@pytest.mark.parametrize(
    "shown",
    [[], [truck(lost=0)], [truck(unmatched=3)], [truck(status="shipped")], [truck(to="hill")],
     [truck(), {"id": "riverside.1-6-harbour"}]],
)  # fmt: skip
def test_a_transfer_that_the_hub_shows_otherwise_is_different(shown: list[Json]) -> None:
    assert len(judge_transfers([TRUCK], shown)) == 1


def note(number: int, units: int = 1, minor: int = 450) -> Json:
    line = {"line": 1, "sku": "tea", "quantity": units, "total_minor": minor}
    return {
        "id": f"harbour.1-{number}", "number": f"HARBOUR-1-R{number}", "sale": sale()["id"],
        "lines": [line], "total_minor": minor, "goods": {"tea": units}, "inspected": [],
    }  # fmt: skip


def brought(*notes: Json) -> list[ToldReturn]:
    return [ToldReturn(location="harbour", bought=sale(), note=each) for each in notes]


def test_what_came_back_once_and_is_at_the_hub_is_sound() -> None:
    looked_at = note(2) | {"inspected": [{"sku": "tea", "quantity": 1}]}

    assert judge_returns(brought(note(1), note(2)), [note(1), looked_at]) == ()


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ([note(1)], []),
        ([], [note(1)]),
        ([note(1)], [note(1, minor=451)]),
        ([note(1, units=3)], [note(1, units=3)]),
        ([note(1, units=2, minor=901)], [note(1, units=2, minor=901)]),
        ([note(1), note(2), note(3)], [note(1), note(2), note(3)]),
    ],
)
def test_what_came_back_more_than_was_bought_or_is_told_otherwise_is_different(
    told: list[Json], shown: list[Json]
) -> None:
    assert judge_returns(brought(*told), shown)


def test_a_shortage_that_nobody_settled_is_different() -> None:
    item = {"id": "hub.1-9", "kind": "deficit", "units": 2, "sku": "tea", "location": "riverside"}

    [named] = judge_shortages(
        [{**item, "state": "resolved"}, {**item, "id": "hub.1-10", "state": "resolving"}]
    )
    assert "hub.1-10" in named


def test_an_order_of_which_nobody_said_whether_it_had_left_is_different() -> None:
    orders = [{"id": "o-1", "is_unsure": True}, {"id": "o-2", "is_unsure": False}]

    [named] = judge_doubts("riverside", orders)

    assert "o-1" in named
    assert "riverside" in named


def test_totals_are_compared_shelf_by_shelf_and_both_ways() -> None:
    tea, rice, salt = (Shelf("riverside", sku) for sku in ("tea", "rice", "salt"))

    named = judge_totals("units", {tea: 1, rice: 2}, {tea: 1, salt: 3})

    assert [each.split()[0] for each in named] == ["rice", "salt"]


def test_what_is_there_twice_is_named() -> None:
    assert repeated([("riverside.1", 1, "tea"), ("riverside.1", 1, "rice")]) == ()
    assert repeated([("riverside.1", 1, "tea")] * 2) == (("riverside.1", 1, "tea"),)


def test_every_sale_has_one_receipt() -> None:
    papers = ["SHOP\nReceipt R-1\n", "SHOP\nReceipt R-2\n", "COPY\nReceipt R-2\n"]

    assert judge_receipts(["R-1"], papers) == ()
    assert judge_receipts(["R-2", "R-3"], papers) == (
        "the receipt of R-2 was printed 2 times",
        "the receipt of R-3 was printed 0 times",
    )
