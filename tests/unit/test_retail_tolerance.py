"""Goal: a scale may find five in a hundred more than the quota, and nothing where there is none.

Method: the edges, in grams.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.stock.tolerance import TOLERANCE_PERCENT, is_within_tolerance

grams = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("wanted", "quota", "within"),
    [(252, 240, True), (253, 240, False), (260, 240, False), (240, 240, True), (21, 20, True),
     (20, 19, False), (1, 0, False), (1, 1, True)],
)  # fmt: skip
def test_the_edges(wanted: int, quota: int, *, within: bool) -> None:
    assert is_within_tolerance(wanted, quota) is within


@given(wanted=grams, quota=grams)
def test_what_is_found_is_never_more_than_the_percentage(wanted: int, quota: int) -> None:
    if wanted > quota and is_within_tolerance(wanted, quota):
        assert (wanted - quota) * 100 <= quota * TOLERANCE_PERCENT
        assert quota > 0
