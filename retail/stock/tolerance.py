"""Goods of which scale and book never quite agree: how much more than the book may be sold.

A product's `stock_policy` is strict by default. A tolerant one is weighed: what the customer holds
is in the shop, whatever the book says, so a small difference is sold and journalled as found.
"""

from typing import Final

TOLERANCE_PERCENT: Final = 5
"""252 g where the book has 240 g: what trimming, drying and small scales come to at a counter."""


def is_within_tolerance(wanted_units: int, quota_units: int) -> bool:
    """Whether the scale may have found what the quota lacks; where there is none, it has not."""
    missing_units = wanted_units - quota_units
    return quota_units > 0 and 100 * missing_units <= TOLERANCE_PERCENT * quota_units
