"""Goal: a picture of a receipt is legible: letters joined, lines in order, codes readable.

Method: ink is compared with ink (joined against apart, left half against right half, one picture
against another), never with a stored picture: fonts and renderers have versions.
"""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

import devices.shaping as shaping_module
from devices.lines import LINES_MAX
from devices.logo import WHITE
from devices.paper import (
    Barcode,
    Block,
    Document,
    Dots,
    Gap,
    Language,
    Logo,
    Pair,
    Qr,
    Rule,
    Table,
    Text,
)
from devices.picture import MARGIN_DOTS, pictures_of
from devices.shaping import Face, check_shaping, direction_of, face, has_fribidi
from devices.symbols import bars_of, matrix_of
from tests.documents import HOSTILE, RECEIPT, documents

BEH, ALEF, SHEEN = "\N{ARABIC LETTER BEH}", "\N{ARABIC LETTER ALEF}", "\N{ARABIC LETTER SHEEN}"
APART = "\N{ZERO WIDTH NON-JOINER}"

needs_fribidi = pytest.mark.skipif(not has_fribidi(), reason=str(check_shaping()))


def document_of(*blocks: Block, language: Language = "en") -> Document:
    return Document(language=language, blocks=blocks)


def picture_of(*blocks: Block, language: Language = "en", dots: Dots = 576) -> Image.Image:
    """All strips below each other."""
    strips = list(pictures_of(document_of(*blocks, language=language), dots))
    whole = Image.new("1", (dots, sum(strip.height for strip in strips)), WHITE)
    at = 0
    for strip in strips:
        whole.paste(strip, (0, at))
        at += strip.height
    return whole


def ink_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """Where the ink is: left, top, right, bottom."""
    box = ImageChops.invert(picture).getbbox()
    assert box is not None, "nothing was drawn"
    return box


def ink_columns(picture: Image.Image) -> int:
    """How many columns of dots have ink in them: gaps between letters do not."""
    return sum(1 for grey in _columns(picture) if grey)


def islands(picture: Image.Image) -> list[tuple[int, int, int, int]]:
    """The boxes of the pieces of ink that stand apart, from left to right."""
    row = [bool(grey) for grey in _columns(picture)]
    edges = [
        place
        for place, (before, here) in enumerate(zip([False, *row], [*row, False], strict=True))
        if before != here
    ]
    boxes = []
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        _, top, _, bottom = ink_box(picture.crop((left, 0, right, picture.height)))
        boxes.append((left, top, right, bottom))
    return boxes


def _columns(picture: Image.Image) -> bytes:
    """For each column of dots something above zero where there is ink."""
    inked = ImageChops.invert(picture).convert("L")
    return inked.reduce((1, picture.height)).point(lambda grey: 255 * (grey > 0)).tobytes()


def without_fribidi(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system that has no such library."""
    monkeypatch.setattr(shaping_module, "has_fribidi", lambda: False)
    face.cache_clear()


@pytest.fixture(params=["raqm", "substitute"])
def shaping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    """Both ways to draw Arabic."""
    if request.param == "substitute":
        without_fribidi(monkeypatch)
    elif not has_fribidi():
        pytest.skip(str(check_shaping()))
    face.cache_clear()
    yield request.param
    face.cache_clear()


# Arabic


@pytest.mark.usefixtures("shaping")
def test_arabic_letters_are_joined() -> None:
    joined = picture_of(Text(BEH * 4), language="ar")
    apart = picture_of(Text(" ".join(BEH * 4)), language="ar")

    assert len(islands(joined)) == 1
    assert len(islands(apart)) == 4


@needs_fribidi
def test_letters_that_are_kept_apart_by_the_writer_stay_apart() -> None:
    assert len(islands(picture_of(Text(BEH + APART + BEH), language="ar"))) == 2


@pytest.mark.usefixtures("shaping")
def test_the_first_letter_of_arabic_is_on_the_right() -> None:
    """An alef is a tall stroke, a row of beh is flat: the alef's side is where the ink is high."""
    picture = picture_of(Text(ALEF + " " + BEH * 3), language="ar")
    left, _, right, _ = ink_box(picture)
    middle = (left + right) // 2

    top_of_left = ink_box(picture.crop((left, 0, middle, picture.height)))[1]
    top_of_right = ink_box(picture.crop((middle, 0, right, picture.height)))[1]

    assert top_of_right < top_of_left
    assert right > picture.width - MARGIN_DOTS - 6


@pytest.mark.usefixtures("shaping")
@pytest.mark.parametrize(
    ("number", "heights"),
    [("-5", "-I"), ("2026-11-22", "IIII-II-II"), ("+966 12", "-IIIII")],
)
def test_numbers_beside_arabic_do_not_flip(number: str, heights: str) -> None:
    """Signs are lower than digits, so the order of the pieces is that of the characters."""
    left, _, right, _ = ink_box(picture_of(Text(SHEEN), language="ar"))
    word_dots = right - left
    line = picture_of(Text(f"{SHEEN} {number}"), language="ar")
    left, _, right, _ = ink_box(line)

    pieces = islands(line.crop((left, 0, right - word_dots - 2, line.height)))

    highest = max(bottom - top for _, top, _, bottom in pieces)
    assert (
        "".join("I" if bottom - top > 0.85 * highest else "-" for _, top, _, bottom in pieces)
        == heights
    )


@pytest.mark.usefixtures("shaping")
def test_labels_and_amounts_change_sides() -> None:
    pair = Pair(ALEF, "1.00")
    english, arabic = picture_of(pair), picture_of(pair, language="ar")

    def alef_is_left(picture: Image.Image) -> bool:
        left_half = picture.crop((0, 0, 288, picture.height))
        right_half = picture.crop((288, 0, 576, picture.height))
        return ink_columns(left_half) < ink_columns(right_half)

    assert alef_is_left(english)
    assert not alef_is_left(arabic)


@pytest.mark.usefixtures("shaping")
def test_a_table_is_mirrored() -> None:
    table = Table(("i", "i"), (("wwwwww", "i"),))
    english, arabic = picture_of(table), picture_of(table, language="ar")

    half = (0, 0, 288, english.height)
    assert ink_columns(english.crop(half)) > 4 * ink_columns(arabic.crop(half))


def test_brackets_are_mirrored_without_fribidi(monkeypatch: pytest.MonkeyPatch) -> None:
    without_fribidi(monkeypatch)
    laid, how = Face(24, strong=False)._laid(f"{BEH} (Extra)", "rtl")
    face.cache_clear()

    assert laid == "(Extra) \N{ARABIC LETTER BEH ISOLATED FORM}"
    assert how == {}


def test_a_system_without_fribidi_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_shaping() is None or "libfribidi0" in str(check_shaping())

    monkeypatch.setattr(shaping_module, "has_fribidi", lambda: False)

    assert "sudo apt install libfribidi0" in str(check_shaping())


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        (f"Tea {BEH}", "ltr"),
        (f"{BEH} Tea", "rtl"),
        (f"12 {BEH}", "rtl"),
        ("12.50", "rtl"),
        ("\N{HEBREW LETTER ALEF}", "rtl"),
    ],
)
def test_a_line_runs_as_its_first_letter_and_else_as_its_document(
    text: str, direction: str
) -> None:
    assert direction_of(text, "rtl") == direction


@pytest.mark.parametrize("char", ["\N{LATIN SMALL LETTER C WITH CARON}", "a", BEH, "\N{EURO SIGN}"])
@needs_fribidi
def test_the_font_has_what_it_can_put_together(char: str) -> None:
    assert face(24).holds(char)


@pytest.mark.parametrize("char", ["\u20c1", "\N{ROCKET}", "\N{CYRILLIC CAPITAL LETTER ZHE}"])
def test_what_no_font_has_is_shown_as_a_question(char: str) -> None:
    assert not face(24).holds(char)
    assert face(24).write(char) == "?"


# Any document


@given(documents(), st.sampled_from([384, 512, 576]))
@settings(max_examples=40, deadline=None)
def test_every_strip_is_exactly_as_wide_as_the_paper(document: Document, dots: Dots) -> None:
    for strip in pictures_of(document, dots, logo=Image.new("L", (30, 20))):
        assert (strip.mode, strip.width) == ("1", dots)
        assert strip.height > 0


@pytest.mark.usefixtures("shaping")
@pytest.mark.parametrize("language", ["en", "ar"])
def test_no_name_breaks_a_receipt(language: Language) -> None:
    blocks = [
        block
        for name in HOSTILE
        for block in (Pair(name, "-1.00"), Text(name, indented=True), Pair("x", name))
    ]

    picture = picture_of(*blocks, language=language, dots=384)

    left, _, right, _ = ink_box(picture)
    assert 0 <= left < right <= 384


def test_a_receipt_of_five_hundred_lines_is_drawn_line_by_line() -> None:
    lines = tuple(Pair(f"{BEH * 20} {number}", "9.99") for number in range(500))

    heights = {strip.height for strip in pictures_of(document_of(*lines, language="ar"), 576)}

    assert len(heights) == 1


def test_a_document_ends_somewhere() -> None:
    endless = document_of(*(Gap(),) * (LINES_MAX + 5))

    assert sum(1 for _ in pictures_of(endless, 384)) == LINES_MAX + 1


def test_a_table_too_wide_for_the_paper_is_told_cell_by_cell() -> None:
    narrow = Table(("a", "b"), (("1", "2"), ("3", "4")))
    wide = Table(("a", "b"), (("1" * 30, "2" * 30), ("3", "4")))

    assert sum(1 for _ in pictures_of(document_of(narrow), 384)) == 3
    assert sum(1 for _ in pictures_of(document_of(wide), 384)) > 4


def test_words_are_placed_where_they_belong() -> None:
    boxes = {
        align: ink_box(picture_of(Text("word", align=align)))
        for align in ("start", "center", "end")
    }

    assert boxes["start"][0] < MARGIN_DOTS + 4
    assert boxes["end"][2] > 576 - MARGIN_DOTS - 4
    assert abs(boxes["center"][0] + boxes["center"][2] - 576) < 6


def test_strong_is_blacker_and_big_is_higher() -> None:
    def size(block: Text) -> tuple[int, int]:
        picture = picture_of(block)
        _, top, _, bottom = ink_box(picture)
        return bottom - top, ImageChops.invert(picture).histogram()[-1]

    plain, strong, big = (
        size(Text("Total")),
        size(Text("Total", strong=True)),
        size(Text("Total", big=True)),
    )

    assert strong[1] > plain[1]
    assert big[0] > plain[0] * 1.3


def test_a_copy_is_marked_at_both_ends() -> None:
    plain = list(pictures_of(RECEIPT, 576))
    copy = list(pictures_of(msgspec.structs.replace(RECEIPT, copy_mark="COPY"), 576))

    assert copy[0].tobytes() == copy[-1].tobytes()
    assert [strip.tobytes() for strip in copy[1:-1]] == [strip.tobytes() for strip in plain]


# Codes


@pytest.mark.parametrize("dots", [384, 512, 576])
@pytest.mark.parametrize("data", ["A", "RIVERSIDE-1-000042", "x" * 900, BEH * 100])
def test_a_qr_code_is_drawn_module_by_module(data: str, dots: Dots) -> None:
    code = Qr(data)
    (strip,) = pictures_of(document_of(code), dots)
    left, top, right, _ = ink_box(strip)
    matrix = matrix_of(code)
    module = (right - left) // len(matrix)

    assert module >= 2
    assert left >= 4 * module
    for y, row in enumerate(matrix):
        for x, black in enumerate(row):
            dot = strip.getpixel((left + x * module + module // 2, top + y * module + module // 2))
            assert (dot == 0) == black


def test_bars_are_drawn_with_their_number_below_and_room_beside() -> None:
    code = Barcode("RIVERSIDE-1-000042")
    bars, number = pictures_of(document_of(code), 576)
    found = bars_of(code, 576)
    assert found is not None

    left, _, right, _ = ink_box(bars)

    assert right - left == len(found.modules) * found.module_dots
    assert left >= 10 * found.module_dots
    row = [bars.getpixel((x, bars.height // 2)) == 0 for x in range(left, right)]
    assert row[:: found.module_dots] == [module == "1" for module in found.modules]
    assert ink_box(number)


def test_a_number_that_bars_cannot_hold_is_a_qr_code() -> None:
    for code in (Barcode(BEH), Barcode("R" * 40)):
        strip, *_ = pictures_of(document_of(code), 576)
        left, top, right, bottom = ink_box(strip)
        assert right - left == bottom - top


def test_rules_gaps_and_a_missing_logo() -> None:
    rule, gap = pictures_of(document_of(Rule(), Gap(), Logo()), 384)

    assert ink_box(rule)[0] == MARGIN_DOTS
    assert ImageChops.invert(gap).getbbox() is None
