"""Goal: the benchmark of receipts draws what it says, and is held against the paper's own time.

Method: what it draws is looked at; rows are made of rounds that are written down.
"""

from devices.paper import Barcode, Logo, Qr, Table
from scripts.benchmarks import receipt
from scripts.benchmarks.basket import Timed


def timed(*rounds_us: float) -> Timed:
    """Rounds as if they had been measured."""
    return Timed(lambda _: None, list(rounds_us))


def test_the_receipt_has_all_that_one_can_have() -> None:
    document = receipt.receipt("ar")

    assert {type(block) for block in document.blocks} >= {Logo, Table, Qr, Barcode}
    assert document.direction == "rtl"
    assert receipt.printed("ar", "raster").count(b"\x1dv0\x00") > 40
    assert b"\x1dv0\x00" in receipt.printed("en", "text")


def test_a_receipt_of_this_length_takes_half_a_second_of_paper() -> None:
    assert 0.5e6 < receipt.paper_us(receipt.receipt("ar")) < 2e6


def test_a_row_is_its_best_round_against_the_paper() -> None:
    slow, *_ = receipt.rows_from(timed(3, 2), timed(1), timed(1), 1.5)
    rows = receipt.rows_from(timed(40, 30), timed(20), timed(10), 600)

    assert slow.verdict == "missed"
    assert [(row.ours, row.ratio, row.verdict) for row in rows] == [
        (30, 0.05, "met"),
        (30, 3.0, ""),
        (30, 1.5, ""),
    ]
