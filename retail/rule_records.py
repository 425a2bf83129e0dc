"""Price lists and promotions as their owner tells them: strict, because half a rule is another one.

A product's unknown attribute can be left out. Of a rule that a newer hub has written, an attribute
that this program does not know may be the very condition of an offer: such a rule is set aside, and
what was known before stays.
"""

from typing import TypeVar

import msgspec

from retail.documents import DocumentUnfit
from retail.prices.price_rises import KeptPriceList
from retail.prices.promotions import Promotion

RuleT = TypeVar("RuleT", KeptPriceList, Promotion)


def price_list_told(record: bytes, key: str) -> KeptPriceList:
    """The price list in a record.

    Raises:
        DocumentUnfit: it is none, or another than its key says.
    """
    return _told(record, key, KeptPriceList)


def promotion_told(record: bytes, key: str) -> Promotion:
    """The promotion in a record.

    Raises:
        DocumentUnfit: it is none, or another than its key says.
    """
    return _told(record, key, Promotion)


def _told(record: bytes, key: str, kind: type[RuleT]) -> RuleT:
    try:
        rule = msgspec.json.decode(record, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentUnfit(f"not a rule: {error}") from None
    if rule.id != key:
        raise DocumentUnfit(f"the item of {key} says that it is {rule.id}")
    return rule
