"""What a sale used of allowances, read off its record: of a recovered one no cell says it."""

from collections import Counter

import msgspec

from replication.allowances import promotion_uses
from replication.escrow import Spent
from replication.ids import is_allowance
from replication.journal import EntryBody
from retail.selling.sales import Sale
from retail.selling.store_credit import CreditCode, read_credit_code
from web.credits import key_of


def uses_unspent(body: EntryBody) -> Counter[str]:
    """Uses and minor units per allowance that a recovered sale had, and that its entry spent not.

    The rights to them are those of the box that sold, and lie with it.
    """
    if any(is_allowance(one.sku) and one.detail == Spent.USED for one in body.cells):
        return Counter()  # of a branch: it spent them as another incarnation
    sale = msgspec.json.decode(body.record, type=Sale)
    promotions = {
        promotion_uses(one.promotion)
        for line in sale.lines
        for one in line.discounts
        if one.promotion is not None
    }
    used = Counter(promotions)
    for tender in sale.tenders:
        code = None if tender.credit is None else read_credit_code(tender.credit)
        if isinstance(code, CreditCode):
            used[key_of(code)] += tender.amount_minor
    return used
