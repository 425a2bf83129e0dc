"""The code of a store credit: what is printed on a credit note, and what a customer brings back.

    RIVERSIDE-1-57-SAR-K7QX2MB

names the return that issued it (entry 57 of box 1 of riverside), its currency, six random letters
that only the paper shows, and a check letter. It is typed and scanned, so case, spaces and the kind
of dash do not matter; whatever reads as one code is written as one text, `str(code)`.

    C1  read_credit_code(str(code)) == code, for every code
    C2  one wrong character is seen without asking anybody (ISO 7064, MOD 37,36). A check letter O
        or I may be typed as 0 or 1 and the other way round, so of such a code one wrong character
        in 35 or so is seen only by whoever is asked for the credit: nobody has issued that one
"""

import re
import unicodedata
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

CREDIT_CODE_CHARS_MAX: Final = 120
"""A location's name of 63 letters, three numbers' worth of digits, the rest, and spaces."""

TypedCredit = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=CREDIT_CODE_CHARS_MAX,
        pattern=r"\S",
        description="a store credit's code",
    ),
]
"""A code as somebody typed or scanned it."""

SECRET_CHARS: Final = 6
"""30 bits, of use only together with the number of the return."""

_CODE: Final = re.compile(
    r"(?P<location>[A-Z0-9][A-Z0-9-]{0,62})-(?P<incarnation>[1-9][0-9]{0,8})-"
    r"(?P<seq>[1-9][0-9]{0,18})-(?P<currency>[A-Z]{3})-(?P<secret>[A-Z0-9]{6})(?P<check>[A-Z0-9])"
)

_APART: Final = re.compile(r"\s*[.\-_\u2010-\u2015\u2212]\s*|\s+")
"""What people and keyboards put between the parts; one for each dash of the code."""

_CHECKED: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOOKS_LIKE: Final = str.maketrans("01", "OI")


class CreditCode(NamedTuple):
    """A store credit, by the entry of the return that issued it; `location` in small letters."""

    location: str
    incarnation: int
    seq: int
    currency: str
    secret: str

    def __str__(self) -> str:
        plain = "-".join(
            (
                self.location.upper(),
                str(self.incarnation),
                str(self.seq),
                self.currency,
                self.secret,
            )
        )
        return plain + _check_letter(plain)


class CreditUnread(NamedTuple):
    """Refusal: no code reads like that; `is_mistyped`: one does, but for a wrong character."""

    typed: str
    is_mistyped: bool

    def __str__(self) -> str:
        if self.is_mistyped:
            return f"{self.typed} is mistyped: a letter or digit of it is wrong"
        return f"{self.typed} is no code of a store credit"


def read_credit_code(typed: str) -> CreditCode | CreditUnread:
    """The code that somebody typed or scanned."""
    latin = "".join(str(unicodedata.decimal(one, one)) for one in typed[:CREDIT_CODE_CHARS_MAX])
    text = _APART.sub("-", latin.strip().upper()).strip("-")
    found = _CODE.fullmatch(text)
    if found is None:
        return CreditUnread(typed, is_mistyped=False)
    code = CreditCode(
        location=found["location"].lower(),
        incarnation=int(found["incarnation"]),
        seq=int(found["seq"]),
        currency=found["currency"],
        secret=found["secret"],
    )
    due = str(code)[-1]
    if found["check"].translate(_LOOKS_LIKE) != due.translate(_LOOKS_LIKE):
        return CreditUnread(typed, is_mistyped=True)
    return code


def public_part(code: str) -> str:
    """A code for papers that anybody may find: which credit it is, without what spends it."""
    return f"{code.rpartition('-')[0]}-..."


def _check_letter(plain: str) -> str:
    """The check character of ISO 7064's hybrid system MOD 37,36; dashes are not counted."""
    product = 36
    for one in plain:
        if one != "-":
            product = ((product + _CHECKED.index(one)) % 36 or 36) * 2 % 37
    return _CHECKED[(37 - product) % 36]
