"""Goal: the till has words in each language for every reason why a coupon is refused in a shop.

Method: the reasons are read from the type that refusals are made with, the words from the page.
"""

from pathlib import Path
from typing import Any, get_args

from retail.prices.promotions import CouponReason

WORDS = Path("gateway/till/static/words.js").read_text("utf-8")
LANGUAGES = 2
ONLINE = {"out"}
"""Only the hub has stores that do not answer."""


def literals(kind: Any) -> set[str]:  # noqa: ANN401 - a union of literals
    """The texts in it."""
    return {kind} if isinstance(kind, str) else set().union(*map(literals, get_args(kind)))


def test_each_reason_has_words_in_each_language() -> None:
    reasons = literals(CouponReason) - ONLINE

    assert {"used-up", "unheard", "channel"} <= reasons
    for reason in reasons:
        assert WORDS.count(f"coupon_{reason}") == LANGUAGES, reason
