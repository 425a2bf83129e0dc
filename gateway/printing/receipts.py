"""A sale as the receipt that the customer takes home: values in, words and amounts out.

The words are the receipt's language's; a product is called what the catalogue calls it in that
language today, else what it was called when it was sold. Amounts are the sale's own: nothing is
computed anew but the sums of each tax rate.
"""

import datetime
import logging
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec
from PIL import Image

from devices.logo import LogoRefused, load_logo
from devices.paper import (
    Barcode,
    Block,
    Document,
    Gap,
    Language,
    Logo,
    Pair,
    Qr,
    Rule,
    Table,
    Text,
)
from devices.shaping import check_shaping
from gateway.config import ReceiptSetting
from gateway.identity import Identity
from gateway.printing.receipt_words import WORDS, Mark, Words
from retail.business_day import zone_of
from retail.money import format_minor
from retail.prices.tax import EXEMPT
from retail.prices.tax_sums import tax_sums
from retail.products.catalogue import Product, name_in
from retail.selling.sales import Sale, SaleLine
from retail.selling.saudi_qr import CURRENCY as RIYAL
from retail.selling.saudi_qr import saudi_qr
from retail.selling.store_credit import public_part
from web.catalogue_rows import Catalogue

log: Final = logging.getLogger(__name__)

THOUSAND: Final = 1_000
PERCENT: Final = 100
TIMES: Final = "\N{MULTIPLICATION SIGN}"

_ARABIC_DIGITS: Final = str.maketrans(
    "0123456789.",
    "".join(chr(ord("\N{ARABIC-INDIC DIGIT ZERO}") + digit) for digit in range(10))
    + "\N{ARABIC DECIMAL SEPARATOR}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who gives receipts: the store, by its enrolment and its settings."""

    name: str
    zone: zoneinfo.ZoneInfo
    setting: ReceiptSetting


class Receipts:
    """Makes this store's receipts; for the event loop, like the catalogue that it reads.

    `logo` is read once. `troubles` are sentences for the technician, also in the log: a logo that
    cannot be shown is left out, since nobody wants a shop that does not open because of a picture.
    """

    def __init__(self, identity: Identity, setting: ReceiptSetting, catalogue: Catalogue) -> None:
        self.issuer = Issuer(name=identity.name, zone=zone_of(identity.timezone), setting=setting)
        self.logo: Image.Image | None = None
        self._catalogue = catalogue
        troubles = []
        if setting.logo is not None:
            try:
                self.logo = load_logo(setting.logo)
            except LogoRefused as refused:
                troubles.append(str(refused))
        if setting.language == "ar" and (missing := check_shaping()) is not None:
            troubles.append(missing)
        for trouble in troubles:
            log.warning(
                "receipts are not as they should be", extra={"action": "receipts", "why": trouble}
            )
        self.troubles = tuple(troubles)

    def of(
        self, sale: Sale, *, mark: Mark | None = None, language: Language | None = None
    ) -> Document:
        """The receipt of a committed sale; with a `mark` on everything but the first paper."""
        self._catalogue.forget()
        return receipt_of(sale, self.issuer, self._catalogue, mark=mark, language=language)

    def marked(self, document: Document, mark: Mark) -> Document:
        """Another document as a paper that is not the first of its kind."""
        words = WORDS[document.language].marks[mark]
        return msgspec.structs.replace(document, copy_mark=words)


def receipt_of(
    sale: Sale,
    issuer: Issuer,
    products: Mapping[str, Product],
    *,
    mark: Mark | None = None,
    language: Language | None = None,
) -> Document:
    """The receipt of a committed sale, in the store's language or another."""
    language = language or issuer.setting.language
    writer = _Writer(sale, issuer, products, language)
    return Document(
        language=language,
        blocks=tuple(writer.blocks()),
        copy_mark=None if mark is None else WORDS[language].marks[mark],
    )


def letterhead(issuer: Issuer, words: Words) -> Iterator[Block]:
    """Who gives out a paper: what it begins with, in the paper's language."""
    setting = issuer.setting
    yield Text(issuer.name, align="center", strong=True, big=True)
    for text in setting.header:
        yield Text(text, align="center")
    if setting.vat_number is not None:
        yield Text(f"{words.vat_number} {setting.vat_number}", align="center")


def local_minute(at: str, issuer: Issuer) -> str:
    """What the clock on the store's wall showed then, to the minute; `at` is RFC 3339."""
    local = datetime.datetime.fromisoformat(at).astimezone(issuer.zone)
    return f"{local:%Y-%m-%d %H:%M}"


def quantity_text(quantity: int, product: Product | None, words: Words) -> str:
    """Pieces as they are; what is priced per thousand base units in thousands, with their unit."""
    unit = "" if product is None else words.units.get(product.unit, "")
    if product is None or not unit or product.price_per_quantity != THOUSAND:
        return str(quantity)
    whole, rest = divmod(quantity, THOUSAND)
    return f"{whole}.{rest:03d} {unit}"


class _Writer:
    """One receipt while it is written."""

    def __init__(
        self, sale: Sale, issuer: Issuer, products: Mapping[str, Product], language: Language
    ) -> None:
        self._sale = sale
        self._issuer = issuer
        self._setting = issuer.setting
        self._products = products
        self._language = language
        self._words: Words = WORDS[language]
        self._has_arabic_digits = language == "ar" and issuer.setting.digits == "arabic"

    def blocks(self) -> Iterator[Block]:
        """All of it, from the logo to the footer."""
        yield from self._heading()
        yield Rule()
        for line in self._sale.lines:
            yield from self._sold(line)
        yield Rule()
        yield from self._paid()
        yield Rule()
        yield self._taxes()
        yield from self._ending()

    def _heading(self) -> Iterator[Block]:
        setting, words, sale = self._setting, self._words, self._sale
        if setting.logo is not None:
            yield Logo()
        yield from letterhead(self._issuer, words)
        if self._is_saudi_invoice():
            yield Text(words.tax_invoice, align="center", strong=True)
        yield Rule()
        yield Pair(words.number, sale.number)
        yield Pair(words.date, self._digits(local_minute(sale.at, self._issuer)))
        yield Pair(words.register, sale.register)
        yield Pair(words.cashier, sale.cashier)

    def _sold(self, line: SaleLine) -> Iterator[Block]:
        product = self._products.get(line.sku)
        # A product that was renamed since is still what was sold; a translation has no older one.
        name = line.name
        if product is not None and (other := name_in(product, self._language)) != product.name:
            name = other
        yield Pair(name, self._money(line.total_minor))
        # A single piece says its price too where something came off it: the total is another one.
        if line.quantity != 1 or line.discounts:
            quantity = self._digits(quantity_text(line.quantity, product, self._words))
            price = self._money(line.unit_price_minor)
            yield Text(f"{quantity} {TIMES} {price}", indented=True)
        for discount in line.discounts:
            off = self._money(-discount.amount_minor)
            yield Text(f"{discount.name}: {off}", indented=True)

    def _paid(self) -> Iterator[Block]:
        sale, words = self._sale, self._words
        currency = words.currencies.get(sale.currency, sale.currency)
        total = f"{self._money(sale.total_minor)} {currency}"
        yield Pair(words.total, total, strong=True, big=True)
        for tender in sale.tenders:
            yield Pair(words.tenders[tender.type], self._money(tender.amount_minor))
            if tender.credit is not None:
                yield Text(public_part(tender.credit), indented=True)
            if tender.left_minor is not None:
                yield Pair(words.credit_left, self._money(tender.left_minor))
        if sale.change_minor:
            yield Pair(words.change, self._money(sale.change_minor))

    def _taxes(self) -> Table:
        words = self._words
        return Table(
            columns=(words.rate, words.net, words.tax, words.gross),
            rows=tuple(
                (
                    self._rate(one.tax_rate),
                    self._money(one.net_minor),
                    self._money(one.tax_minor),
                    self._money(one.total_minor),
                )
                for one in tax_sums(self._sale.lines)
            ),
        )

    def _rate(self, rate: str) -> str:
        if rate == EXEMPT:
            return self._words.exempt
        percent = (Decimal(rate) * PERCENT).normalize()
        return self._digits(f"{percent:f}%")

    def _ending(self) -> Iterator[Block]:
        setting, sale = self._setting, self._sale
        yield Gap()
        if setting.vat_number is not None and self._is_saudi_invoice():
            yield Qr(
                saudi_qr(
                    seller=setting.seller or self._issuer.name,
                    vat_number=setting.vat_number,
                    at=sale.at,
                    total_minor=sale.total_minor,
                    tax_minor=sale.tax_minor,
                )
            )
        if setting.barcode:
            yield Barcode(sale.number)
        yield Gap()
        for text in setting.footer or (self._words.thanks,):
            yield Text(text, align="center")

    def _is_saudi_invoice(self) -> bool:
        return self._setting.vat_number is not None and self._sale.currency == RIYAL

    def _money(self, minor: int) -> str:
        return self._digits(format_minor(minor, self._sale.currency))

    def _digits(self, text: str) -> str:
        return text.translate(_ARABIC_DIGITS) if self._has_arabic_digits else text
