"""Goal: the website never offers below the safety stock nor, unheard, beyond the hub's own quota.

Method: by example around each bound.
"""

import pytest

from retail.stock.availability import available_online


@pytest.mark.parametrize(
    ("available", "safety_stock", "quota_online", "connected", "offered"),
    [
        (10, 3, 2, True, 7),
        (10, 3, 2, False, 2),
        (10, 9, 2, False, 1),
        (3, 3, 2, True, 0),
        (2, 3, 2, True, 0),
        (2, 3, 2, False, 0),
        (10, 0, -1, False, 0),
        (0, 0, 0, True, 0),
    ],
)
def test_the_offer_is_above_the_floor_and_within_what_can_be_promised(
    *, available: int, safety_stock: int, quota_online: int, connected: bool, offered: int
) -> None:
    assert (
        available_online(
            available=available,
            safety_stock=safety_stock,
            quota_online=quota_online,
            connected=connected,
        )
        == offered
    )
