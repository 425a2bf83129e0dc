"""`python -m scripts.drawn_receipts [--check]`: the pictures of receipts in the documents.

They are what a printer of 576 dots is sent for two made-up sales, on white with a margin. They are
compared by size and ink, not by pixel: another version of the font's renderer may set a dot more.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from devices.logo import WHITE
from devices.paper import Document, Language
from devices.picture import pictures_of
from gateway.config import ReceiptSetting
from gateway.printing.receipts import Issuer, receipt_of
from retail.business_day import zone_of
from retail.products.catalogue import Product, Translation
from retail.selling.sales import LineDiscount, Sale, SaleLine, Tender

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final[dict[Language, Path]] = {
    "en": ROOT / "docs/images/receipt-en.png",
    "ar": ROOT / "docs/images/receipt-ar.png",
}
DOTS: Final = 576
MARGIN: Final = 32
TOLERANCE: Final = 0.02
"""Of the ink and of the height: so far may two versions of a renderer be apart."""

GOODS: Final = (
    ("TEA-250", "Black tea 250 g", "شاي أسود 250 جم", 2, 1_850, 0),
    ("DATES-1", "Dates, Sukkari 1 kg", "تمر سكري 1 كجم", 1, 3_200, 320),
    ("MILK-1L", "Milk 1 l", "حليب كامل الدسم 1 لتر", 3, 595, 0),
    ("OIL-05", "Olive oil (extra virgin) 0.5 l", "زيت زيتون بكر ممتاز (Extra Virgin)", 1, 4_195, 0),
    ("TOM", "Tomatoes", "طماطم", 1_250, 600, 0),
)
"""SKU, names, quantity, price and discount in halalas; tomatoes by the kilogram."""


def sample_sale() -> tuple[Sale, dict[str, Product]]:
    """A basket in riyals, one line of it at a rate of nothing."""
    lines, products = [], {}
    for sku, name, arabic, quantity, price, off in GOODS:
        is_weighed = sku == "TOM"
        total = quantity * price // 1_000 if is_weighed else quantity * price - off
        tax = 0 if sku == "MILK-1L" else round(total * 15 / 115)
        products[sku] = Product(
            sku=sku, name=name, price_minor=price, currency="SAR",
            price_per_quantity=1_000 if is_weighed else 1, unit="g" if is_weighed else "piece",
            translations={"ar": Translation(name=arabic)},
        )  # fmt: skip
        lines.append(
            SaleLine(
                sku=sku, name=name, quantity=quantity, unit_price_minor=price,
                discounts=(LineDiscount(promotion="tenth", name="10 %", amount_minor=off),)
                if off else (),
                net_minor=total - tax, tax_class="standard", tax_rate="0.15" if tax else "0",
                tax_minor=tax, total_minor=total,
            )
        )  # fmt: skip
    total = sum(line.total_minor for line in lines)
    sale = Sale(
        id="riverside.1-118", number="RIVERSIDE-1-000042", location="riverside",
        register="till-1", cashier="amira", shift=None, business_date="2026-11-22",
        at="2026-11-22T16:05:31.000Z", writer="riverside.1", seq=118, currency="SAR",
        lines=tuple(lines), total_minor=total, tax_minor=sum(line.tax_minor for line in lines),
        tenders=(Tender(type="cash", amount_minor=20_000),), change_minor=20_000 - total,
        customer_id=None, override=None,
    )  # fmt: skip
    return sale, products


def sample_receipt(language: Language) -> Document:
    """The basket's receipt in that language."""
    sale, products = sample_sale()
    heading = {
        "en": ("Riverside Market", ("12 Quay Street, Jeddah", "Tel. +966 12 345 6789")),
        "ar": ("سوق الضفة", ("12 شارع الميناء، جدة", "هاتف +966 12 345 6789")),
    }
    name, header = heading[language]
    setting = ReceiptSetting(
        language=language, header=header, vat_number="310122393500003", logo=Path("logo.png")
    )
    issuer = Issuer(name=name, zone=zone_of("Asia/Riyadh"), setting=setting)
    return receipt_of(sale, issuer, products)


def sample_logo() -> Image.Image:
    """Three waves, as a store's picture."""
    logo = Image.new("L", (240, 90), "white")
    canvas = ImageDraw.Draw(logo)
    for row, grey in enumerate((0, 90, 170)):
        for wave in range(4):
            left, top = wave * 60, 4 + row * 28
            canvas.arc((left, top, left + 62, top + 50), 180, 360, fill=grey, width=9)
    return logo


def picture_of(document: Document) -> Image.Image:
    """The paper, with white around it."""
    strips = list(pictures_of(document, DOTS, logo=sample_logo()))
    height = sum(strip.height for strip in strips)
    paper = Image.new("1", (DOTS + 2 * MARGIN, height + 2 * MARGIN), WHITE)
    at = MARGIN
    for strip in strips:
        paper.paste(strip, (MARGIN, at))
        at += strip.height
    return paper


def ink(picture: Image.Image) -> int:
    """Black dots."""
    return picture.convert("L").histogram()[0]


def outdated() -> list[Language]:
    """The languages whose file does not show what would be drawn now."""
    return [
        language
        for language, path in FILES.items()
        if not path.exists() or _differs(picture_of(sample_receipt(language)), path)
    ]


def _differs(new: Image.Image, path: Path) -> bool:
    with Image.open(path) as old:
        apart = (abs(new.height - old.height) / new.height, abs(ink(new) - ink(old)) / ink(new))
        return new.width != old.width or max(apart) > TOLERANCE


def main() -> None:
    """Draw what is not up to date, or only say so."""
    parser = argparse.ArgumentParser(prog="scripts.drawn_receipts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    is_check = parser.parse_args().check
    found = outdated()
    for language in found:
        if not is_check:
            picture_of(sample_receipt(language)).save(FILES[language], optimize=True)
    if is_check and found:
        sys.exit("\n".join(f"{FILES[language]} is not up to date" for language in found))


if __name__ == "__main__":
    main()
