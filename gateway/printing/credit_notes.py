"""A return as the credit note that the customer takes home: numbered, and naming its sale."""

from collections.abc import Callable, Iterator

from devices.paper import Barcode, Block, Document, Gap, Pair, Rule, Text
from gateway.printing.receipt_words import WORDS, Words
from gateway.printing.receipts import Issuer, letterhead, local_minute
from retail.money import format_minor
from retail.returning.returns import GoodsReturn


def credit_note_of(record: GoodsReturn, issuer: Issuer) -> Document:
    """The paper of a committed return, in the store's language."""
    language = issuer.setting.language
    return Document(language=language, blocks=tuple(_blocks(record, issuer)))


def _blocks(record: GoodsReturn, issuer: Issuer) -> Iterator[Block]:
    words = WORDS[issuer.setting.language]

    def money(minor: int) -> str:
        return format_minor(minor, record.currency)

    yield from letterhead(issuer, words)
    heading = words.credit_note if record.unverified is None else words.unverified
    yield Text(heading, align="center", strong=True)
    yield Rule()
    yield Pair(words.credit_note_number, record.number)
    yield Pair(words.of_sale, record.sale_number)
    yield Pair(words.date, local_minute(record.at, issuer))
    yield Pair(words.register, record.register)
    yield Pair(words.cashier, record.cashier)
    yield Rule()
    for line in record.lines:
        yield Pair(f"{line.quantity} {line.name}", money(line.total_minor))
    for asked in record.unverified.lines if record.unverified is not None else ():
        yield Text(f"{asked.quantity} {asked.sku}")
    yield Rule()
    currency = words.currencies.get(record.currency, record.currency)
    yield Pair(words.refund, f"{money(record.total_minor)} {currency}", strong=True, big=True)
    yield Pair(words.tax, money(record.tax_minor))
    for refund in record.refunds:
        yield Pair(words.tenders[refund.type], money(refund.amount_minor))
    yield Gap()
    if record.credit is not None:
        yield from _credit(record, words, money)
    if issuer.setting.barcode:
        yield Barcode(record.number)


def _credit(record: GoodsReturn, words: Words, money: Callable[[int], str]) -> Iterator[Block]:
    """What the customer pays with next time: the code, always in bars too, and what it is worth."""
    assert record.credit is not None, "a credit has a code"
    minor = sum(one.amount_minor for one in record.refunds if one.credit == record.credit)
    yield Rule()
    yield Pair(words.credit_issued, money(minor), strong=True, big=True)
    yield Text(record.credit, align="center", strong=True)
    yield Barcode(record.credit)
    yield Text(words.credit_how, align="center")
    yield Rule()
