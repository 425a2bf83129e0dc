"""Goal: the judge sees what it must: arms that must oversell do, and each planted defect is caught.

Method: each defect is planted into the real code and one seed is run, the one that caught it. When
plans or operations change, seeds mean other things: `scripts/simulate --plant NAME --seeds 0:1000`
finds another seed. The same seeds without a defect are clean, so it is the defect that is seen.
"""

from typing import Final, NamedTuple

import pytest

from tests.simulation.defects import ARMS, DEFECTS
from tests.simulation.run import run_seed
from tests.simulation.world import kind_of


class Caught(NamedTuple):
    """In which run a defect was caught, and by which kinds of sentences it may be."""

    profile: str
    seed: int
    by: frozenset[str]


def caught(profile: str, seed: int, *by: str) -> Caught:
    """One row of a list."""
    return Caught(profile, seed, frozenset(by))


ARMS_CAUGHT: Final = {
    "pn_counter": caught("all", 5, "oversold"),
    "cached_snapshot": caught("all", 0, "oversold"),
    "release_without_custody": caught("orders", 2, "oversold"),
}

DEFECTS_CAUGHT: Final = {
    "quota_from_global_value": caught("stock", 0, "log", "E1", "E3", "oversold"),
    "self_mint": caught("stock", 0, "E1"),
    "negative_grant": caught("stock", 0, "E4"),
    "overwrite_instead_of_max": caught("stock", 0, "audit", "E3", "E1"),
    "acknowledge_before_fsync": caught("stock", 0, "journal", "link", "sales"),
    "double_grant": caught("stock", 0, "E1"),
    "apply_before_check": caught("orders", 1, "E2", "E3"),
    "release_counted_twice": caught("all", 0, "oversold", "E9", "E2", "E3"),
    "transfer_received_twice": caught("stock", 1, "E7"),
    "hold_expiry_on_wall_clock": caught("orders", 30, "E6", "expiry"),
    "forgotten_request": caught(
        "orders", 0, "oversold", "shelf", "sales", "count", "expiry", "return", "E7"
    ),
    "limit_allowed_again": caught("offers", 0, "A1"),
    "offered_without_a_right": caught("offers", 0, "E1", "A1"),
    "use_returned_after_payment": caught("offers", 6, "A1"),
    "returned_rows_ignored": caught("returns", 0, "W1"),
    "restock_at_return": caught("returns", 0, "inspection", "oversold"),
    "refund_by_price_of_today": caught("all", 1, "W2"),
    "halves_in_two_commits": caught("returns", 0, "exchange"),
    "rights_lent_and_kept": caught("returns", 1, "W1", "return"),
    "stand_in_and_original": caught("orders", 2, "E9", "oversold"),
    "paid_twice_and_kept": caught("orders", 2, "M4"),
    "sent_though_unpaid": caught("orders", 149, "M5"),
    "forgets_before_hub": caught("boxes", 1008, "kept", "link", "sales", "quiet", "unfinished"),
    "sells_before_restored": caught("boxes", 1000, "E3", "quiet", "attest", "link", "adjustment"),
    "grants_not_shown": caught("boxes", 1014, "link", "E1", "E3", "quiet"),
    "nobody_asked": caught("boxes", 1022, "E9"),
    "left_and_missing": caught("boxes", 1022, "shelf"),
    "truck_asked_nobody": caught("mixed", 22, "shelf"),
    "reclaimed_without_count": caught("boxes", 1009, "E1"),
    "turned_away": caught("boxes", 1005, "quiet", "sales"),
    "branch_not_folded": caught("images", 1001, "E1", "sales", "E3"),
    "branch_cut_short": caught("images", 1001, "branch", "E3", "sales"),
    "copy_sells_on": caught("images", 1001, "unfinished", "copy", "E1", "E3"),
    "exposure_not_told": caught("images", 1001, "exposure"),
    "witness_ignored": caught("images", 1001, "quiet", "unfinished", "recovered", "E1"),
    "nothing_conceded": caught("boxes", 1018, "E1"),
}


def test_every_defect_has_its_seed() -> None:
    assert set(ARMS_CAUGHT) == set(ARMS)
    assert set(DEFECTS_CAUGHT) == set(DEFECTS)


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_that_must_oversell_does(name: str) -> None:
    row = ARMS_CAUGHT[name]

    with ARMS[name]():
        result = run_seed(row.seed, row.profile, only="oversold")

    assert result.oversold_units > 0


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_caught(name: str) -> None:
    row = DEFECTS_CAUGHT[name]

    with DEFECTS[name]():
        result = run_seed(row.seed, row.profile)

    assert result.violations, "not caught"
    assert kind_of(result.violations[0]).split()[0] in row.by, result.violations


@pytest.mark.parametrize(
    ("profile", "seed"),
    sorted({(row.profile, row.seed) for row in (ARMS_CAUGHT | DEFECTS_CAUGHT).values()}),
)
def test_the_same_seed_is_clean_without_a_defect(profile: str, seed: int) -> None:
    assert run_seed(seed, profile).violations == []
