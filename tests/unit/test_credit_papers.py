"""Goal: a credit note says what it is worth and how to spend it; a receipt what is left of it.

Method: a return and a sale as blocks in both languages, and printed on the narrowest paper.
"""

from typing import Any

import pytest

from devices.encode import encode
from devices.paper import Barcode, Block, Document, Language, Pair, Paper, Text
from gateway.config import ReceiptSetting
from gateway.printing.credit_notes import credit_note_of
from gateway.printing.receipt_words import WORDS
from gateway.printing.receipts import Issuer, receipt_of
from retail.business_day import zone_of
from retail.returning.returns import GoodsReturn, ReturnedLine
from retail.selling.sales import Sale, SaleLine, Tender
from retail.selling.store_credit import CreditCode

CODE = str(CreditCode("riverside", 1, 57, "SAR", "K7QX2M"))
LANGUAGES: tuple[Language, ...] = ("en", "ar")


def issuer(language: Language, **setting: Any) -> Issuer:  # noqa: ANN401
    paper = ReceiptSetting(language=language, **setting)
    return Issuer(name="Riverside", zone=zone_of("Asia/Riyadh"), setting=paper)


def note(language: Language, *refunds: Tender, credit: str | None, **setting: Any) -> Document:  # noqa: ANN401
    line = ReturnedLine(
        line=1, sku="tea", name="Tea", quantity=2, net_minor=261, tax_class="standard",
        tax_rate="0.15", tax_minor=39, total_minor=300,
    )  # fmt: skip
    record = GoodsReturn(
        id="riverside.1-57", number="RIVERSIDE-1-R000003", sale="riverside.1-7",
        sale_number="RIVERSIDE-1-000042", location="riverside", register="till-1", cashier="amira",
        business_date="2026-11-23", at="2026-11-22T22:30:59.999Z", reason="unwanted",
        currency="SAR", lines=(line,), total_minor=300, tax_minor=39, refunds=refunds,
        goods={"tea": 2}, credit=credit,
    )  # fmt: skip
    return credit_note_of(record, issuer(language, **setting))


def sale(*tenders: Tender) -> Sale:
    line = SaleLine(
        sku="tea", name="Tea", quantity=2, unit_price_minor=150, discounts=(), net_minor=261,
        tax_class="standard", tax_rate="0.15", tax_minor=39, total_minor=300,
    )  # fmt: skip
    return Sale(
        id="riverside.1-60", number="RIVERSIDE-1-000043", location="riverside", register="till-1",
        cashier="amira", shift=None, business_date="2026-11-23", at="2026-11-22T22:35:59.999Z",
        writer="riverside.1", seq=60, currency="SAR", lines=(line,), total_minor=300, tax_minor=39,
        tenders=tenders, change_minor=0, customer_id=None, override=None,
    )  # fmt: skip


def pairs(document: Document) -> dict[str, str]:
    return {block.left: block.right for block in document.blocks if isinstance(block, Pair)}


def of(document: Document, kind: type[Block]) -> list[Any]:
    return [block for block in document.blocks if isinstance(block, kind)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_note_shows_the_credit_in_letters_and_bars(language: Language) -> None:
    part = Tender(type="store_credit", amount_minor=200, credit=CODE)
    document = note(language, Tender(type="cash", amount_minor=100), part, credit=CODE)

    words = WORDS[language]
    assert pairs(document)[words.credit_issued] == "2.00"
    assert CODE in [block.text for block in of(document, Text)]
    assert words.credit_how in [block.text for block in of(document, Text)]
    assert [block.data for block in of(document, Barcode)] == [CODE, "RIVERSIDE-1-R000003"]


def test_the_code_is_in_bars_where_receipts_have_none() -> None:
    part = Tender(type="store_credit", amount_minor=300, credit=CODE)
    document = note("en", part, credit=CODE, barcode=False)

    assert [block.data for block in of(document, Barcode)] == [CODE]


def test_a_note_without_a_credit_says_nothing_of_one() -> None:
    document = note("en", Tender(type="cash", amount_minor=300), credit=None)

    assert WORDS["en"].credit_issued not in pairs(document)
    assert len(of(document, Barcode)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("paper", [Paper(dots=384, columns=32), Paper(dots=576)])
def test_a_note_is_printed_on_any_paper(language: Language, paper: Paper) -> None:
    part = Tender(type="store_credit", amount_minor=300, credit=CODE)

    assert encode(note(language, part, credit=CODE), paper)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_says_what_is_left_and_nothing_that_spends_it(language: Language) -> None:
    tender = Tender(type="store_credit", amount_minor=300, credit=CODE, left_minor=0)

    document = receipt_of(sale(tender), issuer(language), {})

    words, texts = WORDS[language], [block.text for block in of(document, Text)]
    assert pairs(document)[words.tenders["store_credit"]] == "3.00"
    assert pairs(document)[words.credit_left] == "0.00"
    assert "RIVERSIDE-1-57-SAR-..." in texts
    assert not [text for text in texts if "K7QX2M" in text]
