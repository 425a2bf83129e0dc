"""What leaves the shop's machine for a technician's eyes: text without what nobody may read there.

Log messages are written without secrets and personal data; this is the second fence, for what a
library or a broken message puts into one. What is known to be secret (this box's own tokens and
codes) is replaced wherever it stands; what looks like a secret or like a person's address is too.
"""

import re
from collections.abc import Iterable
from typing import Final

from web.tokens import TOKEN_PREFIX

HIDDEN: Final = "[hidden]"

SECRET_CHARS_MIN: Final = 6
"""A shorter "secret" would blot out ordinary words."""

PATTERNS: Final = (
    re.compile(rf"{TOKEN_PREFIX}[A-Za-z0-9_-]+"),
    re.compile(r"(?<=bearer )\S+", re.IGNORECASE),
    re.compile(r"(?<=bearer\.)\S+", re.IGNORECASE),
    re.compile(r"(?<=://)[^/\s@]{1,255}(?=@)"),
    re.compile(
        r"(?<=[?&])[^\s&=?]{0,32}(?:token|code|key|secret|password)[^\s&=?]{0,32}=[^\s&]+", re.I
    ),
    re.compile(r"\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2,}\b"),
    re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
)
"""Tokens, bearers, passwords and codes in addresses, enrolment codes, e-mail addresses.

Each takes time in proportion to the text: what repeats is bounded, or begins at one place only.
"""


class Redaction:
    """Hides `secrets`, and what looks like one. For any thread."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        known = {one for one in secrets if one is not None and len(one) >= SECRET_CHARS_MIN}
        longest_first = sorted(known, key=len, reverse=True)
        self._patterns = (*(re.compile(re.escape(one)) for one in longest_first), *PATTERNS)

    def __call__(self, text: str) -> str:
        """`text` without them."""
        for pattern in self._patterns:
            text = pattern.sub(HIDDEN, text)
        return text
