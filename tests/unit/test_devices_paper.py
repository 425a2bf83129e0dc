"""Goal: whatever a document is made of, it can be kept as JSON and read back the same.

Method: Hypothesis writes documents; limits are tried at their edge.
"""

import msgspec
import pytest
from hypothesis import given

from devices.paper import (
    CODE_BYTES_MAX,
    ELLIPSIS,
    TABLE_COLUMNS_MAX,
    TABLE_ROWS_MAX,
    TEXT_CHARS_MAX,
    Barcode,
    Document,
    Pair,
    Paper,
    Qr,
    Rule,
    Table,
    Text,
)
from tests.documents import RECEIPT, documents


@given(documents())
def test_a_document_is_the_same_after_it_was_kept(document: Document) -> None:
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document


def test_a_text_that_is_too_long_is_cut_where_the_block_is_made() -> None:
    fits, cut = Text("x" * TEXT_CHARS_MAX), Pair("x" * (TEXT_CHARS_MAX + 1), "y" * 10_000)

    assert fits.text == "x" * TEXT_CHARS_MAX
    assert cut.left == "x" * (TEXT_CHARS_MAX - 1) + ELLIPSIS
    assert len(cut.right) == TEXT_CHARS_MAX


@pytest.mark.parametrize("kind", [Qr, Barcode])
def test_half_a_code_is_not_printed(kind: type[Qr | Barcode]) -> None:
    assert kind("x" * CODE_BYTES_MAX).data == "x" * CODE_BYTES_MAX
    assert kind("\N{ARABIC LETTER BEH}" * (CODE_BYTES_MAX // 2 + 1)).data == ""


def test_a_table_is_as_wide_as_its_headings() -> None:
    table = Table(("a", "b"), (("1",), ("1", "2", "3")))
    large = Table(("x" * 1_000,) * 9, ((),) * (TABLE_ROWS_MAX + 1))

    assert table.rows == (("1", ""), ("1", "2"))
    assert len(large.columns) == TABLE_COLUMNS_MAX
    assert len(large.rows) == TABLE_ROWS_MAX
    assert all(len(cell) == TEXT_CHARS_MAX for cell in large.columns)


def test_a_copy_says_so_at_both_ends() -> None:
    copy = msgspec.structs.replace(RECEIPT, copy_mark="POSSIBLE DUPLICATE")

    first, *_, last = copy.marked_blocks()

    assert first == last == Text("POSSIBLE DUPLICATE", align="center", strong=True)
    assert RECEIPT.marked_blocks() == RECEIPT.blocks


def test_direction_follows_from_the_language() -> None:
    assert Document(language="ar", blocks=()).direction == "rtl"
    assert RECEIPT.direction == "ltr"


@pytest.mark.parametrize(
    "text", ['{"columns":23}', '{"columns":97}', '{"dots":400}', '{"mode":"braille"}', '{"x":1}']
)
def test_paper_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Paper)


@pytest.mark.parametrize("block", ['{"block":"drawer"}', '{"block":"rule","kick":true}', "{}"])
def test_a_block_that_nobody_knows_is_refused(block: str) -> None:
    text = f'{{"language":"en","blocks":[{block}]}}'

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Document)
    assert Rule() in RECEIPT.blocks
