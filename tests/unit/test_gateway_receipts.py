"""Goal: a receipt says what was sold, in the words of its reader, and adds up.

Method: one sale in riyals as blocks, in both languages; then what each setting changes; then
products and shops with hostile names, printed.
"""

import base64
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from PIL import Image

import gateway.printing.receipts as receipts_module
from devices.encode import encode
from devices.paper import Barcode, Block, Document, Logo, Pair, Paper, Qr, Rule, Table, Text
from gateway.config import ReceiptSetting
from gateway.identity import Identity
from gateway.printing.receipt_words import WORDS, Mark
from gateway.printing.receipts import Issuer, Receipts, receipt_of
from retail.business_day import zone_of
from retail.products.catalogue import Product, Translation
from retail.selling.sales import LineDiscount, Sale, SaleLine, Tender
from tests.documents import HOSTILE
from web.catalogue_rows import Catalogue

TEA_AR = "\N{ARABIC LETTER SHEEN}\N{ARABIC LETTER ALEF}\N{ARABIC LETTER YEH}"
VAT = "310122393500003"


def line(sku: str, quantity: int, price: int, net: int, tax: int, **more: Any) -> SaleLine:  # noqa: ANN401
    facts: dict[str, Any] = {"name": sku.title(), "discounts": (), "tax_rate": "0.15"} | more
    return SaleLine(
        sku=sku,
        quantity=quantity,
        unit_price_minor=price,
        net_minor=net,
        tax_class="standard",
        tax_minor=tax,
        total_minor=net + tax,
        **facts,
    )


TENTH = LineDiscount(promotion="tenth", name="A tenth off", amount_minor=20)
LINES = (
    line("tea", 2, 100, 157, 23, discounts=(TENTH,)),
    line("milk", 1, 595, 595, 0, tax_rate="0"),
    line("book", 1, 1_000, 1_000, 0, tax_rate="exempt"),
    line("tomatoes", 1_250, 600, 652, 98),
)


def sale_of(*lines: SaleLine, currency: str = "SAR", **more: Any) -> Sale:  # noqa: ANN401
    total = sum(one.total_minor for one in lines)
    facts: dict[str, Any] = {
        "tenders": (Tender(type="cash", amount_minor=5_000),),
        "change_minor": 5_000 - total,
        "at": "2026-11-22T22:30:59.999Z",
    }
    return Sale(
        id="riverside.1-7",
        number="RIVERSIDE-1-000042",
        location="riverside",
        register="till-1",
        cashier="amira",
        shift=None,
        business_date="2026-11-23",
        writer="riverside.1",
        seq=7,
        currency=currency,
        lines=lines,
        total_minor=total,
        tax_minor=sum(one.tax_minor for one in lines),
        customer_id=None,
        override=None,
        **(facts | more),
    )


PRODUCTS: Mapping[str, Product] = {
    "tea": Product(
        sku="tea", name="Tea", price_minor=100, currency="SAR",
        translations={"ar": Translation(name=TEA_AR)},
    ),
    "tomatoes": Product(
        sku="tomatoes", name="Tomatoes", price_minor=600, currency="SAR", unit="g",
        price_per_quantity=1_000,
    ),
}  # fmt: skip
SALE = sale_of(*LINES)


def issuer(zone: str = "Asia/Riyadh", name: str = "Riverside", **setting: Any) -> Issuer:  # noqa: ANN401
    return Issuer(name=name, zone=zone_of(zone), setting=ReceiptSetting(**setting))


def pairs(document: Document) -> dict[str, str]:
    return {block.left: block.right for block in document.blocks if isinstance(block, Pair)}


def only(document: Document, kind: type[Block]) -> Any:  # noqa: ANN401
    (found,) = (block for block in document.blocks if isinstance(block, kind))
    return found


def texts(document: Document) -> list[str]:
    return [block.text for block in document.blocks if isinstance(block, Text)]


def test_a_receipt_in_english() -> None:
    document = receipt_of(SALE, issuer(header=("12 Quay Street",), vat_number=VAT), PRODUCTS)

    head, rest = document.blocks[:4], document.blocks[4:]
    assert head == (
        Text("Riverside", align="center", strong=True, big=True),
        Text("12 Quay Street", align="center"),
        Text(f"VAT no. {VAT}", align="center"),
        Text("Simplified tax invoice", align="center", strong=True),
    )
    assert rest[:-5] == (
        Rule(),
        Pair("Receipt", "RIVERSIDE-1-000042"),
        Pair("Date", "2026-11-23 01:30"),
        Pair("Register", "till-1"),
        Pair("Cashier", "amira"),
        Rule(),
        Pair("Tea", "1.80"),
        Text("2 \N{MULTIPLICATION SIGN} 1.00", indented=True),
        Text("A tenth off: -0.20", indented=True),
        Pair("Milk", "5.95"),
        Pair("Book", "10.00"),
        Pair("Tomatoes", "7.50"),
        Text("1.250 kg \N{MULTIPLICATION SIGN} 6.00", indented=True),
        Rule(),
        Pair("Total", "25.25 SAR", strong=True, big=True),
        Pair("Cash", "50.00"),
        Pair("Change", "24.75"),
        Rule(),
        Table(
            ("Rate", "Net", "Tax", "Gross"),
            (
                ("15%", "8.09", "1.21", "9.30"),
                ("0%", "5.95", "0.00", "5.95"),
                ("exempt", "10.00", "0.00", "10.00"),
            ),
        ),
    )
    assert only(document, Barcode).data == "RIVERSIDE-1-000042"
    assert document.blocks[-1] == Text("Thank you", align="center")
    assert document.copy_mark is None


def test_a_receipt_in_arabic_has_arabic_words_and_translated_names() -> None:
    words = WORDS["ar"]

    document = receipt_of(SALE, issuer(language="ar"), PRODUCTS, mark=Mark.POSSIBLE_DUPLICATE)

    said = pairs(document)
    assert (document.language, document.direction) == ("ar", "rtl")
    assert document.copy_mark == words.marks[Mark.POSSIBLE_DUPLICATE]
    assert said[TEA_AR] == "1.80"
    assert said["Milk"] == "5.95"
    assert said[words.total] == f"25.25 {words.currencies['SAR']}"
    assert said[words.date] == "2026-11-23 01:30"
    assert only(document, Table).columns == (words.rate, words.net, words.tax, words.gross)


def test_a_receipt_may_be_asked_for_in_the_other_language() -> None:
    store = issuer(language="ar")

    assert receipt_of(SALE, store, PRODUCTS, language="en") == receipt_of(SALE, issuer(), PRODUCTS)


def test_arabic_digits_are_for_what_is_read_and_not_for_what_is_typed() -> None:
    document = receipt_of(SALE, issuer(language="ar", digits="arabic"), PRODUCTS)

    said = pairs(document)
    assert said[WORDS["ar"].number] == "RIVERSIDE-1-000042"
    assert said[TEA_AR] == "\u0661\u066b\u0668\u0660"
    assert (
        said[WORDS["ar"].date]
        == "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0663 \u0660\u0661:\u0663\u0660"
    )
    english = receipt_of(SALE, issuer(digits="arabic"), PRODUCTS)
    assert pairs(english)["Tea"] == "1.80"


def test_both_languages_have_the_same_words() -> None:
    english, arabic = WORDS["en"], WORDS["ar"]

    assert english.tenders.keys() == arabic.tenders.keys()
    assert english.units.keys() == arabic.units.keys()
    assert english.marks.keys() == arabic.marks.keys() == set(Mark)
    assert {mark.value for mark in Mark} == {"copy", "possible_duplicate"}


def test_what_was_sold_keeps_its_name_when_the_product_gets_another() -> None:
    renamed = {"milk": Product(sku="milk", name="Oat drink", price_minor=1, currency="SAR")}

    assert "Milk" in pairs(receipt_of(SALE, issuer(), renamed))
    assert "Oat drink" not in pairs(receipt_of(SALE, issuer(), renamed))


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("UTC", "2026-11-22 22:30"), ("America/New_York", "2026-11-22 17:30"),
     ("Pacific/Kiritimati", "2026-11-23 12:30")],
)  # fmt: skip
def test_the_time_is_the_stores(zone: str, shown: str) -> None:
    assert pairs(receipt_of(SALE, issuer(zone), PRODUCTS))["Date"] == shown


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "25 JPY"), ("KWD", "0.025 KWD"), ("USD", "0.25 USD")]
)
def test_amounts_have_their_currencys_decimals(currency: str, amount: str) -> None:
    sale = sale_of(line("tea", 1, 25, 25, 0), currency=currency)

    assert pairs(receipt_of(sale, issuer(), {}))["Total"] == amount


def test_no_change_is_not_mentioned_and_each_tender_is() -> None:
    tenders = (Tender(type="card", amount_minor=100), Tender(type="wallet", amount_minor=80))
    sale = sale_of(LINES[0], tenders=tenders, change_minor=0)

    said = pairs(receipt_of(sale, issuer(), PRODUCTS))

    assert (said["Card"], said["Wallet"]) == ("1.00", "0.80")
    assert "Change" not in said


@pytest.mark.parametrize(
    ("currency", "vat_number", "has_code"),
    [("SAR", VAT, True), ("SAR", None, False), ("USD", VAT, False)],
)
def test_the_code_of_a_tax_invoice_is_for_saudi_sellers(
    currency: str, vat_number: str | None, *, has_code: bool
) -> None:
    sale = sale_of(*LINES, currency=currency)

    document = receipt_of(sale, issuer(vat_number=vat_number, seller="Riverside LLC"), {})

    codes = [block for block in document.blocks if isinstance(block, Qr)]
    assert bool(codes) == has_code
    assert ("Simplified tax invoice" in texts(document)) == has_code
    if has_code:
        assert base64.b64decode(codes[0].data) == (
            b"\x01\x0dRiverside LLC\x02\x0f" + VAT.encode() + b"\x03\x142026-11-22T22:30:59Z"
            b"\x04\x0525.25\x05\x041.21"
        )


def test_settings_say_what_else_is_on_it() -> None:
    document = receipt_of(
        SALE, issuer(barcode=False, footer=("Bye", "Come again"), logo=Path("logo.png")), {}
    )

    assert document.blocks[0] == Logo()
    assert not any(isinstance(block, Barcode) for block in document.blocks)
    assert texts(document)[-2:] == ["Bye", "Come again"]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("mode", ["text", "raster"])
def test_a_sale_of_hostile_names_prints(language: Any, mode: Any) -> None:  # noqa: ANN401
    names = [name for name in HOSTILE if name.strip()]
    lines = [line("tea", 1, 100, 100, 0, name=name) for name in names]
    store = issuer(language=language, name=names[0])

    document = receipt_of(sale_of(*lines), store, {})

    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document
    assert encode(document, Paper(columns=32, dots=384, mode=mode)).endswith(b"\x1dV\x00")


def identity() -> Identity:
    return Identity(
        writer="riverside.1", name="Riverside", kind="store", parent="hub.1",
        jurisdiction="home", timezone="Asia/Riyadh", token="t",  # noqa: S106 - it opens nothing
    )  # fmt: skip


def catalogue() -> Catalogue:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE product (sku TEXT PRIMARY KEY, data BLOB)")
    for product in PRODUCTS.values():
        connection.execute(
            "INSERT INTO product VALUES (?, ?)", (product.sku, msgspec.json.encode(product))
        )
    return Catalogue(connection)


def test_the_gateways_receipts_read_names_as_they_are_now() -> None:
    connection = apsw.Connection(":memory:")
    receipts = Receipts(identity(), ReceiptSetting(language="ar"), catalogue())

    assert TEA_AR in pairs(receipts.of(SALE))
    assert "Tea" in pairs(receipts.of(SALE, language="en"))
    connection.close()


def test_another_document_is_marked_in_its_own_language() -> None:
    receipts = Receipts(identity(), ReceiptSetting(), catalogue())
    slip = Document(language="ar", blocks=())

    assert receipts.marked(slip, Mark.COPY).copy_mark == WORDS["ar"].marks[Mark.COPY]


def test_a_logo_is_read_once_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    Image.new("L", (40, 20), 0).save(path)

    receipts = Receipts(identity(), ReceiptSetting(logo=path), catalogue())
    path.unlink()

    assert receipts.logo is not None
    assert receipts.logo.size == (40, 20)
    assert receipts.troubles == ()


def test_a_logo_that_cannot_be_shown_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "logo.png"
    Image.new("1", (10_000, 5_000), 255).save(path)

    with caplog.at_level(logging.WARNING):
        receipts = Receipts(identity(), ReceiptSetting(logo=path), catalogue())

    assert receipts.logo is None
    assert "10000 x 5000 pixels" in receipts.troubles[0]
    assert [record.__dict__["why"] for record in caplog.records] == list(receipts.troubles)


def test_a_system_that_cannot_join_arabic_is_told_where_receipts_are_arabic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receipts_module, "check_shaping", lambda: "Install it.")

    assert Receipts(identity(), ReceiptSetting(language="ar"), catalogue()).troubles == (
        "Install it.",
    )
    assert Receipts(identity(), ReceiptSetting(), catalogue()).troubles == ()


@pytest.mark.parametrize(
    "setting",
    [
        '{"language":"fr"}', '{"vat_number":"x\\u001by"}', '{"header":["' + "x" * 121 + '"]}',
        '{"footer":["1","2","3","4","5","6","7","8","9"]}', '{"motto":"x"}', '{"header":[""]}',
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(setting: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(setting, type=ReceiptSetting)
