"""A sale as the receipt that the customer takes home: values in, words and amounts out."""

from devices.receipt import Receipt, ReceiptAmount, ReceiptLine
from retail.money import format_minor
from retail.sales import Sale

TENDER_WORDS = {"cash": "Cash", "card": "Card", "wallet": "Wallet"}


def receipt_of(sale: Sale, store_name: str, *, copy_mark: str | None = None) -> Receipt:
    """The receipt of a committed sale; `copy_mark` on everything but the first paper."""

    def money(minor: int) -> str:
        return format_minor(minor, sale.currency)

    tenders = [
        ReceiptAmount(label=TENDER_WORDS[tender.type], amount=money(tender.amount_minor))
        for tender in sale.tenders
    ]
    if sale.change_minor:
        tenders.append(ReceiptAmount(label="Change", amount=money(sale.change_minor)))
    return Receipt(
        header=(store_name, f"{sale.at[:10]} {sale.at[11:16]} UTC  {sale.register}"),
        number=sale.number,
        lines=tuple(
            ReceiptLine(
                name=line.name,
                quantity=str(line.quantity),
                unit_price=money(line.unit_price_minor),
                total=money(line.total_minor),
                discounts=tuple(
                    f"{discount.name}: -{money(discount.amount_minor)}"
                    for discount in line.discounts
                ),
            )
            for line in sale.lines
        ),
        totals=(
            ReceiptAmount(label="Total", amount=money(sale.total_minor), is_strong=True),
            ReceiptAmount(label="of which tax", amount=money(sale.tax_minor)),
        ),
        tenders=tuple(tenders),
        footer=("Thank you",),
        copy_mark=copy_mark,
    )
