"""Goal: an allowance is a counter over no goods, written by the right hands, and never exceeded.

Method: counters and policies by themselves; forged cells are handed to the check that every cell
from outside passes.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.allowances import allowed, promotion_uses, set_limit, usage_of, use
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange, EscrowCounter, Minted, Spent, check_invariants
from replication.ids import EVERYWHERE, WriterId, is_allowance, is_location_id, place_of
from replication.quota import USES_BLOCK_MAX, uses_handed_out, uses_recalled

KEY = promotion_uses("summer")
HUB, STORE = WriterId("hub.1"), WriterId("riverside.1")


def counter() -> EscrowCounter:
    return EscrowCounter(EVERYWHERE, KEY)


# Names


def test_no_location_and_no_sku_can_be_taken_for_an_allowance() -> None:
    assert not is_location_id(EVERYWHERE)
    assert is_allowance(KEY)
    assert (place_of(KEY, "riverside"), place_of("tea", "riverside")) == (EVERYWHERE, "riverside")


# Limits


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(0, 5)), max_size=8))
def test_what_is_allowed_is_the_limit_or_what_is_out_already(
    steps: list[tuple[int, int, int]],
) -> None:
    one = counter()
    for limit, given_away, used in steps:
        set_limit(one, HUB, limit)
        out = allowed(one) - one.quota(HUB)
        assert allowed(one) == max(limit, out)
        if (units := min(given_away, one.quota(HUB))) > 0:
            one.grant(HUB, STORE, units)
        for _ in range(min(used, one.quota(STORE))):
            use(one, STORE)
    assert check_invariants(one) == []
    assert usage_of(one).used <= allowed(one)


def test_the_same_limit_again_is_nothing_new() -> None:
    one = counter()
    set_limit(one, HUB, 5)

    assert set_limit(one, HUB, 5) == []


def test_usage_tells_where_the_uses_are() -> None:
    one = counter()
    set_limit(one, HUB, 5)
    one.grant(HUB, STORE, 2)
    use(one, STORE)
    use(one, HUB)
    one.mint(HUB, Minted.USE_RELEASED, 1)

    told = usage_of(one)

    assert (told.allowed, told.used, told.held) == (5, 1, {HUB: 3, STORE: 1})


def test_an_allowance_has_no_goods_to_agree_with() -> None:
    one = counter()
    set_limit(one, HUB, 5)

    assert check_invariants(one) == []


# Who may write what


@pytest.mark.parametrize(
    ("table", "detail"),
    [("minted", "allowed"), ("minted", "use_released"), ("spent", "disallowed")],
)
def test_only_the_hub_decides_what_is_allowed(table: str, detail: str) -> None:
    check_cell(CellChange(EVERYWHERE, KEY, table, HUB, detail, 1), HUB)

    with pytest.raises(PeerViolation, match="decides what is allowed"):
        check_cell(CellChange(EVERYWHERE, KEY, table, STORE, detail, 1), STORE)


def test_a_store_uses_and_gives_back() -> None:
    check_cell(CellChange(EVERYWHERE, KEY, "spent", STORE, Spent.USED, 1), STORE)
    check_cell(CellChange(EVERYWHERE, KEY, "granted", STORE, HUB, 1), STORE)


@pytest.mark.parametrize(
    ("location", "key", "table", "detail"),
    [
        (EVERYWHERE, "tea", "minted", "received"),
        ("riverside", KEY, "spent", "used"),
        (EVERYWHERE, KEY, "moved", "sold"),
        (EVERYWHERE, KEY, "overdrawn", "sold"),
        (EVERYWHERE, KEY, "spent", "sold"),
        (EVERYWHERE, KEY, "minted", "received"),
        ("riverside", "tea", "minted", "allowed"),
        ("riverside", "tea", "spent", "used"),
    ],
)
def test_goods_and_allowances_are_not_mixed(
    location: str, key: str, table: str, detail: str
) -> None:
    with pytest.raises(PeerViolation):
        check_cell(CellChange(location, key, table, HUB, detail, 1), HUB)


# Who holds how many


@pytest.mark.parametrize(
    ("hub", "store", "stores", "given_to_store"),
    [
        (100, 0, 2, 12),
        (100, 6, 2, 6),
        (100, 7, 2, 0),
        (5, 0, 4, 1),
        (4, 0, 4, 0),
        (1, 0, 1, 0),
        (2, 0, 1, 1),
        (2, 1, 1, 0),
        (10**9, 0, 3, USES_BLOCK_MAX),
    ],
)
def test_a_store_is_given_a_share_and_the_hub_keeps_what_is_scarce(
    hub: int, store: int, stores: int, given_to_store: int
) -> None:
    assert uses_handed_out(quota_hub=hub, quota_store=store, stores=stores) == given_to_store


@given(st.integers(0, 10**6), st.integers(0, 200), st.integers(1, 2_000))
def test_no_more_is_handed_out_than_the_hub_has(hub: int, store: int, stores: int) -> None:
    units = uses_handed_out(quota_hub=hub, quota_store=store, stores=stores)

    assert 0 <= units <= hub
    assert units + store <= max(store, USES_BLOCK_MAX)


@given(st.integers(1, 10**6))
def test_what_is_asked_back_is_at_least_one_and_never_more_than_there_is(store: int) -> None:
    assert 1 <= uses_recalled(quota_store=store) <= store
