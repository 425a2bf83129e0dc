"""Random letters that people read out, type and show: of an order to collect, of a store credit."""

import secrets
from typing import Final

SPOKEN_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""No 0 and O, no 1 and I: a code is read out at a counter. Five bits each."""


def spoken_code(chars: int) -> str:
    """So many letters from the system's secure source."""
    return "".join(secrets.choice(SPOKEN_LETTERS) for _ in range(chars))
