"""Goal: the till has words in each language for every reason why a store credit does not pay.

Method: the reasons are read from the type that refusals are made with, the words from the page.
"""

from pathlib import Path
from typing import get_args

from web.credits import CreditReason

WORDS = Path("gateway/till/static/words.js").read_text("utf-8")
LANGUAGES = 2


def test_each_reason_has_words_in_each_language() -> None:
    reasons = get_args(CreditReason)

    assert {"left", "held", "unheard"} <= set(reasons)
    for reason in reasons:
        assert WORDS.count(f"credit_{reason}:") == LANGUAGES, reason
