"""Goal: the policy only ever proposes what escrow would grant, and its three rules hold.

Method: properties over all small numbers, and the worked examples of a shop's day.
"""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.escrow import CellChange
from replication.quota import (
    LENT_REMEMBERED_MAX,
    fill_online,
    hand_back,
    lend_online,
    lend_store,
    remember_lent,
)

units = st.integers(0, 2_000)
wanted_units = st.integers(1, 2_000)
shares = st.fractions(0, 1)


@given(units, units, units, shares)
def test_a_share_comes_out_of_the_stores_quota_and_leaves_the_floor(
    quota_store: int, quota_online: int, safety_stock: int, share: Fraction
) -> None:
    given_units = fill_online(
        quota_store=quota_store, quota_online=quota_online, safety_stock=safety_stock, share=share
    )

    assert 0 <= given_units <= quota_store
    if given_units:
        offered = quota_store + quota_online - safety_stock
        assert quota_online + given_units == offered * share.numerator // share.denominator
        assert quota_store - given_units >= safety_stock - quota_online


@given(units, units, units)
def test_the_share_is_given_once(quota_store: int, quota_online: int, safety_stock: int) -> None:
    given_units = fill_online(
        quota_store=quota_store, quota_online=quota_online, safety_stock=safety_stock
    )

    again = fill_online(
        quota_store=quota_store - given_units,
        quota_online=quota_online + given_units,
        safety_stock=safety_stock,
    )

    assert again == 0


@given(units, units, units)
def test_what_is_offered_online_never_exceeds_available_minus_the_floor(
    quota_store: int, quota_online: int, safety_stock: int
) -> None:
    available = quota_store + quota_online
    returned = hand_back(available=available, quota_online=quota_online, safety_stock=safety_stock)

    assert 0 <= returned <= quota_online
    assert quota_online - returned <= max(0, available - safety_stock)
    if quota_online <= available - safety_stock:
        assert returned == 0


@given(units, units, wanted_units)
def test_a_checkout_gets_its_whole_need_above_the_floor_or_nothing(
    quota_store: int, safety_stock: int, wanted: int
) -> None:
    lent = lend_online(quota_store=quota_store, safety_stock=safety_stock, wanted=wanted)

    assert lent in {0, wanted}
    assert bool(lent) == (quota_store - safety_stock >= wanted)
    assert lent <= quota_store


@given(units, wanted_units)
def test_a_till_gets_its_whole_need_to_the_last_unit_or_nothing(online: int, wanted: int) -> None:
    lent = lend_store(quota_online=online, wanted=wanted)

    assert lent in {0, wanted}
    assert bool(lent) == (online >= wanted)


@pytest.mark.parametrize(
    ("store", "online", "floor", "share"),
    [
        (100, 0, 0, 25),
        (100, 25, 0, 6),
        (100, 50, 0, 0),
        (100, 0, 60, 10),
        (10, 0, 10, 0),
        (3, 0, 0, 0),
        (0, 0, 0, 0),
    ],
)
def test_a_quarter_of_what_may_go_online_goes_online(
    store: int, online: int, floor: int, share: int
) -> None:
    assert fill_online(quota_store=store, quota_online=online, safety_stock=floor) == share


def test_what_was_lent_is_remembered_up_to_a_bound() -> None:
    lent: dict[str, list[CellChange]] = {}
    cells = [CellChange("riverside", "tea", "granted", "hub.1", "riverside.1", 2)]

    for number in range(LENT_REMEMBERED_MAX + 10):
        remember_lent(lent, f"r-{number}", cells)

    assert len(lent) == LENT_REMEMBERED_MAX
    assert "r-9" not in lent, "the oldest give way"
    assert lent[f"r-{LENT_REMEMBERED_MAX + 9}"] == cells
