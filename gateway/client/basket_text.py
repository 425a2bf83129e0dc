"""A basket as it is typed: ``TEAx2 4006381333931 --cash 10.00``. Pure."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.client.basket import SaleLine, Tender
from retail.product_files.product_csv_columns import Misread, amount_minor

_TIMES: Final = re.compile(r"(.+)x([1-9][0-9]{0,8})")
"""A code and how many of it; what is a code as a whole is not cut."""

IsCode = Callable[[str], Awaitable[bool]]
"""Whether a text is a code that means something here."""


async def lines_of(typed: Sequence[str], is_code: IsCode) -> list[SaleLine]:
    """The lines that were typed. A SKU that ends like a count is that SKU."""
    return [await _line(text, is_code) for text in typed]


async def _line(text: str, is_code: IsCode) -> SaleLine:
    counted = _TIMES.fullmatch(text)
    if counted is None or await is_code(text):
        return SaleLine(barcode=text)
    return SaleLine(barcode=counted[1], quantity=int(counted[2]))


def tenders_of(typed: Sequence[tuple[str, str]], currency: str) -> list[Tender] | Misread:
    """What pays, of (kind, amount in major units); or what is wrong with the first bad amount."""
    tenders: list[Tender] = []
    for kind, text in typed:
        minor = amount_minor(text, currency)
        if isinstance(minor, Misread):
            return minor
        tenders.append(Tender(type=kind, amount_minor=minor))
    return tenders
