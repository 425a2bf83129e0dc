"""Goal: whatever comes back of a sale, in whatever parts, W1-W3 hold, and all of it is all of it.

Method: sales of a few lines, some of the same SKU, paid in several ways; Hypothesis brings back
units in any order until nothing is left, and tries to bring back one more.
"""

from hypothesis import given
from hypothesis import strategies as st

from retail.returning.returns import (
    GoodsReturn,
    NotOnSale,
    ReturnRequestLine,
    TooManyReturned,
    came_back,
    left_of,
    refunds_of,
    sold_goods,
    take_back,
)
from retail.selling.sales import Sale, SaleLine, Tender

SKUS = ("TEA", "RICE")


@st.composite
def lines(draw: st.DrawFn) -> SaleLine:
    net = draw(st.integers(0, 5_000))
    tax = draw(st.integers(0, net))
    return SaleLine(
        sku=draw(st.sampled_from(SKUS)), name="Goods", quantity=draw(st.integers(1, 7)),
        unit_price_minor=100, discounts=(), net_minor=net, tax_class="standard", tax_rate="0.15",
        tax_minor=tax, total_minor=net + tax,
    )  # fmt: skip


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    sold = tuple(draw(st.lists(lines(), min_size=1, max_size=4)))
    total = sum(line.total_minor for line in sold)
    card = draw(st.integers(0, total))
    change = draw(st.integers(0, 500)) if card < total else 0
    tenders = [Tender(type="cash", amount_minor=total - card + change)] if card < total else []
    tenders += [Tender(type="card", amount_minor=card)] if card else []
    return Sale(
        id="riverside.1-1", number="RIVERSIDE-1-000001", location="riverside", register="till-1",
        cashier="Amal", shift=None, business_date="2026-11-22", at="2026-11-22T10:00:00.000Z",
        writer="riverside.1", seq=1, currency="SAR", lines=sold, total_minor=total,
        tax_minor=sum(line.tax_minor for line in sold), tenders=tuple(tenders),
        change_minor=change, customer_id=None, override=None,
    )  # fmt: skip


def returned(sale: Sale, before: list[GoodsReturn], asked: ReturnRequestLine) -> GoodsReturn:
    """A return of one line, as a gateway records it."""
    sold = sold_goods(sale)
    so_far = came_back(before, len(sold.lines))
    came = take_back(sold, so_far, left_of(sold, so_far), (asked,))
    assert isinstance(came, tuple), came
    total = sum(line.total_minor for line in came)
    return GoodsReturn(
        id=f"riverside.1-{len(before) + 2}", number="R", sale=sale.id, sale_number=sale.number,
        location="riverside", register="till-1", cashier="Amal", business_date="2026-11-22",
        at="2026-11-22T11:00:00.000Z", reason="unwanted", currency="SAR", lines=came,
        total_minor=total, tax_minor=sum(line.tax_minor for line in came),
        refunds=refunds_of(sold, so_far, total), goods={asked.sku: asked.quantity},
    )  # fmt: skip


def units_left(sale: Sale, before: list[GoodsReturn], sku: str) -> int:
    """Units of a SKU that nobody brought back yet: the model is one plain number."""
    sold = sum(line.quantity for line in sale.lines if line.sku == sku)
    return sold - sum(one.goods[sku] for one in before if sku in one.goods)


@given(sale=sales(), data=st.data())
def test_in_whatever_parts_a_sale_comes_back_it_is_paid_back_once(
    sale: Sale, data: st.DataObject
) -> None:
    before: list[GoodsReturn] = []
    while skus := [sku for sku in SKUS if units_left(sale, before, sku)]:
        sku = data.draw(st.sampled_from(skus))
        units = data.draw(st.integers(1, units_left(sale, before, sku)))
        before.append(returned(sale, before, ReturnRequestLine(sku=sku, quantity=units)))

    lines_back = [line for one in before for line in one.lines]
    for number, sold in enumerate(sale.lines, 1):
        parts = [line for line in lines_back if line.line == number]
        assert sum(part.quantity for part in parts) == sold.quantity
        assert sum(part.total_minor for part in parts) == sold.total_minor
        assert sum(part.tax_minor for part in parts) == sold.tax_minor
    paid = {tender.type: tender.amount_minor for tender in sale.tenders}
    paid["cash"] = paid.get("cash", 0) - sale.change_minor
    for kind in ("cash", "card"):
        back = sum(
            refund.amount_minor for one in before for refund in one.refunds if refund.type == kind
        )
        assert back == paid.get(kind, 0)


@given(sale=sales(), data=st.data())
def test_one_more_than_is_left_is_refused(sale: Sale, data: st.DataObject) -> None:
    sku = data.draw(st.sampled_from([line.sku for line in sale.lines]))
    before: list[GoodsReturn] = []
    if data.draw(st.booleans()):
        units = data.draw(st.integers(1, units_left(sale, before, sku)))
        before.append(returned(sale, before, ReturnRequestLine(sku=sku, quantity=units)))
    left = units_left(sale, before, sku)

    sold = sold_goods(sale)
    more = ReturnRequestLine(sku=sku, quantity=left + 1)
    came = came_back(before, len(sold.lines))
    refused = take_back(sold, came, left_of(sold, came), (more,))

    assert refused == TooManyReturned(sku=sku, quantity=left + 1, left_units=left)


@given(sale=sales())
def test_a_line_that_has_another_sku_is_refused(sale: Sale) -> None:
    other = "RICE" if sale.lines[0].sku == "TEA" else "TEA"

    sold = sold_goods(sale)
    strange = ReturnRequestLine(sku=other, quantity=1, line=1)
    came = came_back([], len(sold.lines))
    refused = take_back(sold, came, left_of(sold, came), (strange,))

    assert refused == NotOnSale(sku=other, line=1)
