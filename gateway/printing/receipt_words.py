"""The words of a receipt and of a picking slip, in each language that they are printed in."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from devices.paper import Language


class Mark(enum.Enum):
    """Why a paper is not the first of its kind."""

    COPY = "copy"
    POSSIBLE_DUPLICATE = "possible_duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language. `tenders`, `marks`, `units` and `fulfilment` by their names in records."""

    tax_invoice: str
    number: str
    date: str
    register: str
    cashier: str
    vat_number: str
    total: str
    change: str
    rate: str
    net: str
    tax: str
    gross: str
    exempt: str
    thanks: str
    credit_note: str
    credit_note_number: str
    unverified: str
    of_sale: str
    refund: str
    credit_left: str
    credit_issued: str
    credit_how: str
    slip: str
    order: str
    ordered: str
    customer: str
    pickup: str
    ship: str
    pieces: str
    paid_order: str
    pickup_code: str
    comes_from: str
    tenders: Mapping[str, str]
    marks: Mapping[Mark, str]
    units: Mapping[str, str]
    currencies: Mapping[str, str]


WORDS: Final[Mapping[Language, Words]] = {
    "en": Words(
        tax_invoice="Simplified tax invoice",
        number="Receipt",
        date="Date",
        register="Register",
        cashier="Cashier",
        vat_number="VAT no.",
        total="Total",
        change="Change",
        rate="Rate",
        net="Net",
        tax="Tax",
        gross="Gross",
        exempt="exempt",
        thanks="Thank you",
        credit_note="Credit note",
        unverified="Goods taken in, not verified yet",
        credit_note_number="Credit note",
        of_sale="For receipt",
        refund="Refund",
        credit_left="Left of it",
        credit_issued="Store credit",
        credit_how="Pays in any of our stores. Please keep this note.",
        slip="Picking slip",
        order="Order",
        ordered="Ordered",
        customer="Customer",
        pickup="To be collected",
        ship="To be shipped",
        pieces="Pieces",
        paid_order="Paid order",
        pickup_code="Pick-up code",
        comes_from="Comes from",
        tenders={
            "cash": "Cash",
            "card": "Card",
            "wallet": "Wallet",
            "exchange": "Exchange",
            "online": "Paid online",
            "store_credit": "Store credit",
        },
        marks={Mark.COPY: "COPY", Mark.POSSIBLE_DUPLICATE: "POSSIBLE DUPLICATE"},
        units={"g": "kg", "ml": "l", "cm": "m"},
        currencies={},
    ),
    "ar": Words(
        tax_invoice="فاتورة ضريبية مبسطة",
        number="رقم الإيصال",
        date="التاريخ",
        register="نقطة البيع",
        cashier="البائع",
        vat_number="الرقم الضريبي",
        total="الإجمالي",
        change="الباقي",
        rate="النسبة",
        net="الصافي",
        tax="الضريبة",
        gross="الإجمالي",
        exempt="معفى",
        thanks="شكرًا لزيارتكم",
        credit_note="إشعار دائن",
        unverified="بضاعة مستلمة قيد التحقق",
        credit_note_number="رقم الإشعار",
        of_sale="للإيصال رقم",
        refund="المبلغ المسترد",
        credit_left="المتبقي منه",
        credit_issued="رصيد لدى المتجر",
        credit_how="يُستخدم للدفع في أي من فروعنا. يُرجى الاحتفاظ بهذا الإشعار.",
        slip="قائمة تجهيز",
        order="رقم الطلب",
        ordered="وقت الطلب",
        customer="العميل",
        pickup="للاستلام من المتجر",
        ship="للشحن",
        pieces="عدد القطع",
        paid_order="طلب مدفوع",
        pickup_code="رمز الاستلام",
        comes_from="يأتي من",
        tenders={
            "cash": "نقدًا",
            "card": "بطاقة",
            "wallet": "محفظة إلكترونية",
            "exchange": "استبدال",
            "online": "مدفوع عبر الإنترنت",
            "store_credit": "رصيد لدى المتجر",
        },
        marks={Mark.COPY: "نسخة", Mark.POSSIBLE_DUPLICATE: "نسخة قد تكون مكررة"},
        units={"g": "كجم", "ml": "لتر", "cm": "م"},
        # No font has U+20C1, the riyal's sign; these are the Arabic signs of Unicode's CLDR.
        currencies={
            "AED": "د.إ",
            "BHD": "د.ب",
            "EGP": "ج.م",
            "JOD": "د.أ",
            "KWD": "د.ك",
            "OMR": "ر.ع",
            "QAR": "ر.ق",
            "SAR": "ر.س",
        },
    ),
}
