"""Goal: the JSON of a sale never changes shape, its request is bounded, and tenders are settled.

Method: the golden file is written and read back byte for byte; requests and tenders by example.
"""

from pathlib import Path

import msgspec
import pytest

from retail.money import TOTAL_MINOR_MAX
from retail.prices.sale_request import SaleRequest
from retail.selling.sales import (
    LINES_MAX,
    TENDERS_MAX,
    LineDiscount,
    NonCashAboveTotal,
    Override,
    Sale,
    SaleLine,
    Settlement,
    Tender,
    TenderedTooMuch,
    TendersShort,
    TenderType,
    TooManyTenders,
    settle,
)

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sale.json"

SALE = Sale(
    id="riverside.1-42",
    number="riverside.1-42",
    location="riverside",
    register="till-1",
    cashier="amira",
    shift=None,
    business_date="2026-11-22",
    at="2026-11-22T14:02:31.250Z",
    writer="riverside.1",
    seq=42,
    currency="USD",
    lines=(
        SaleLine(
            sku="tea-250",
            name="Green tea 250 g",
            quantity=2,
            unit_price_minor=345,
            discounts=(),
            net_minor=600,
            tax_class="standard",
            tax_rate="0.15",
            tax_minor=90,
            total_minor=690,
        ),
        SaleLine(
            sku="gouda",
            name="Gouda per kg",
            quantity=252,
            unit_price_minor=1999,
            discounts=(),
            net_minor=438,
            tax_class="standard",
            tax_rate="0.15",
            tax_minor=66,
            total_minor=504,
        ),
    ),
    total_minor=1194,
    tax_minor=156,
    tenders=(Tender(type="card", amount_minor=1000), Tender(type="cash", amount_minor=200)),
    change_minor=6,
    customer_id=None,
    override=Override(reason="the customer holds it in the hand", by="omar"),
)


def test_a_sale_is_written_as_the_golden_file_has_it() -> None:
    assert msgspec.json.encode(SALE) + b"\n" == GOLDEN.read_bytes()


def test_the_golden_file_reads_as_the_sale() -> None:
    assert msgspec.json.decode(GOLDEN.read_bytes(), type=Sale) == SALE


def test_what_is_absent_from_a_sale_is_null_and_not_missing() -> None:
    plain = msgspec.structs.replace(SALE, override=None)

    assert msgspec.json.encode(plain).endswith(b'"customer_id":null,"override":null}')


def test_a_clock_that_could_not_be_believed_is_told_and_one_that_could_is_not() -> None:
    doubtful = msgspec.structs.replace(SALE, clock_synchronised=False)

    written = msgspec.json.encode(doubtful)

    assert written == msgspec.json.encode(SALE)[:-1] + b',"clock_synchronised":false}'
    assert msgspec.json.decode(written, type=Sale) == doubtful


def test_a_discount_is_written_with_its_promotion_or_with_null() -> None:
    by_rule = LineDiscount(promotion="autumn", name="Autumn", amount_minor=45)
    by_hand = LineDiscount(promotion=None, name="dented tin", amount_minor=13)
    line = msgspec.structs.replace(SALE.lines[0], discounts=(by_rule, by_hand))

    written = msgspec.json.encode(line)

    assert (
        b'"discounts":[{"promotion":"autumn","name":"Autumn","amount_minor":45},'
        b'{"promotion":null,"name":"dented tin","amount_minor":13}]' in written
    )
    assert msgspec.json.decode(written, type=SaleLine) == line


def request(**fields: object) -> SaleRequest:
    """A sale's request out of JSON, with what must be there filled in."""
    given: dict[str, object] = {
        "register": "till-1",
        "lines": [{"sku": "tea", "quantity": 1}],
        "tenders": [{"type": "cash", "amount_minor": 500}],
        **fields,
    }
    return msgspec.json.decode(msgspec.json.encode(given), type=SaleRequest)


def test_a_line_is_named_by_sku_or_by_barcode() -> None:
    asked = request(
        lines=[{"sku": "tea", "quantity": 1}, {"barcode": "4006381333931", "quantity": 2}]
    )

    assert [line.sku for line in asked.lines] == ["tea", None]
    assert [line.barcode for line in asked.lines] == [None, "4006381333931"]
    assert (asked.customer_id, asked.expected_total_minor, asked.override) == (None, None, None)


@pytest.mark.parametrize(
    "line",
    [
        {"quantity": 1},
        {"sku": "tea", "barcode": "4006381333931", "quantity": 1},
        {"sku": None, "barcode": None, "quantity": 1},
        {"sku": "tea"},
        {"sku": "tea", "quantity": 0},
        {"sku": "tea", "quantity": -1},
        {"sku": "tea", "quantity": 1.5},
        {"sku": "tea", "quantity": 1.0},
        {"sku": "tea", "quantity": True},
        {"sku": "tea", "quantity": "1"},
        {"sku": "tea", "quantity": 1_000_000_001},
        {"sku": "tea", "quantity": 2**31},
        {"sku": "tea", "quantity": 2**70},
        {"sku": "", "quantity": 1},
        {"barcode": "", "quantity": 1},
        {"sku": "tea", "quantity": 1, "price_minor": 1},
    ],
)
def test_a_line_outside_the_limits_is_refused(line: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.lines\[0\]"):
        request(lines=[line])


@pytest.mark.parametrize(
    "fields",
    [
        {"register": ""},
        {"register": None},
        {"lines": []},
        {"lines": [{"sku": "tea", "quantity": 1}] * (LINES_MAX + 1)},
        {"tenders": [{"type": "cash", "amount_minor": 1}] * (TENDERS_MAX + 1)},
        {"tenders": [{"type": "cash", "amount_minor": 0}]},
        {"tenders": [{"type": "cash", "amount_minor": -1}]},
        {"tenders": [{"type": "cheque", "amount_minor": 1}]},
        {"tenders": [{"type": "cash", "amount_minor": 2**53}]},
        {"expected_total_minor": -1},
        {"override": {}},
        {"override": {"reason": " "}},
        {"override": {"reason": "x", "by": "me"}},
        {"discount": 1},
    ],
)
def test_a_request_outside_the_limits_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        request(**fields)


def tenders(*paid: tuple[TenderType, int]) -> list[Tender]:
    """Tenders out of pairs."""
    return [Tender(type=type_, amount_minor=amount) for type_, amount in paid]


@pytest.mark.parametrize(
    ("total_minor", "paid", "change_minor"),
    [
        (1194, [("cash", 1194)], 0),
        (1194, [("cash", 2000)], 806),
        (1194, [("card", 1194)], 0),
        (1194, [("card", 1000), ("cash", 200)], 6),
        (1194, [("wallet", 194), ("card", 1000)], 0),
        (0, [], 0),
        (0, [("cash", 5)], 5),
    ],
)
def test_tenders_that_cover_the_total_settle_it_and_cash_gives_change(
    total_minor: int, paid: list[tuple[TenderType, int]], change_minor: int
) -> None:
    assert settle(total_minor, tenders(*paid)) == Settlement(change_minor=change_minor)


def test_no_more_is_tendered_than_an_amount_may_be_so_the_change_fits_its_record() -> None:
    largest = Tender(type="cash", amount_minor=TOTAL_MINOR_MAX)

    assert settle(100, [largest]) == Settlement(change_minor=TOTAL_MINOR_MAX - 100)
    assert settle(100, [largest, Tender(type="cash", amount_minor=1)]) == TenderedTooMuch(
        tendered_minor=TOTAL_MINOR_MAX + 1
    )


def test_tenders_that_do_not_cover_the_total_are_refused() -> None:
    refusal = settle(1194, tenders(("card", 1000), ("cash", 193)))

    assert refusal == TendersShort(total_minor=1194, tendered_minor=1193)
    assert settle(1, []) == TendersShort(total_minor=1, tendered_minor=0)
    assert str(refusal) == "tenders of 1193 do not cover the total of 1194"


def test_a_card_gives_no_change() -> None:
    refusal = settle(1194, tenders(("card", 1000), ("wallet", 195)))

    assert refusal == NonCashAboveTotal(total_minor=1194, non_cash_minor=1195)
    assert str(refusal) == "tenders other than cash of 1195 exceed the total of 1194"


def test_a_bill_is_not_split_without_end() -> None:
    paid = [Tender(type="cash", amount_minor=1)] * (TENDERS_MAX + 1)

    assert settle(TENDERS_MAX, paid) == TooManyTenders(tenders=TENDERS_MAX + 1)
    assert settle(TENDERS_MAX, paid[1:]) == Settlement(change_minor=0)
    assert str(settle(1, paid)) == "21 tenders; one sale takes up to 20"
