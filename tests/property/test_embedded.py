"""Goal: what a scale printed is read back, whatever the chain's patterns are (M1-M4).

Method: Hypothesis makes patterns and labels; the labels are written here, digit by digit, with
check digits that are found by trying, so that nothing of the code under test writes them.
"""

import string

import pytest
from biip.checksums import gs1_price_weight_check_digit, gs1_standard_check_digit
from hypothesis import assume, given
from hypothesis import strategies as st

from retail.products.embedded import Label, LabelTable, PatternUnfit

DIGITS = st.sampled_from(string.digits)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """A pattern that says one item and one weight or price, in either order."""
    prefix = draw(st.text(string.digits, min_size=1, max_size=3))
    item = "I" * draw(st.integers(1, 7))
    letter = draw(st.sampled_from("WP"))
    measure = letter * draw(st.integers(2, 6))
    verifier = draw(st.sampled_from(["", "C"])) if len(measure) in {4, 5} else ""
    if letter == "W" and draw(st.booleans()):
        place = draw(st.integers(max(0, len(measure) - 3), len(measure) - 1))
        measure = f"{measure[:place]}.{measure[place:]}"
    parts = [item, verifier + measure, "X" * draw(st.integers(0, 2))]
    return prefix + "".join(draw(st.permutations(parts))) + draw(st.sampled_from(["C", "0"]))


def refusal_of(several: list[str]) -> str | None:
    """Why there is no table of these patterns, or None."""
    try:
        LabelTable(several)
    except PatternUnfit as refused:
        return str(refused)
    return None


def written(pattern: str, item: str, measure: str, fill: str) -> str:
    """The code that a scale with this pattern prints."""
    letters = pattern.replace(".", "")
    runs = {"I": iter(item), "W": iter(measure), "P": iter(measure)}
    digits = [
        next(runs[letter]) if letter in runs else fill if letter in "XC" else letter
        for letter in letters
    ]
    for place, letter in enumerate(letters[:-1]):
        if letter == "C":
            digits[place] = str(gs1_price_weight_check_digit(measure))
    if letters.endswith("C"):
        digits[-1] = str(gs1_standard_check_digit("".join(digits[:-1])))
    return "".join(digits)


def key_of(pattern: str, item: str) -> str:
    """How head office writes the barcode of the item: what changes from label to label is `*`."""
    numbers = iter(item)
    return "".join(
        next(numbers) if letter == "I" else "*" if letter in "WPCX" else letter
        for letter in pattern.replace(".", "")
    )


def grams_of(pattern: str, measure: str) -> int:
    """The weight as a person reads it: kilograms before the point, three digits after it."""
    if "." not in pattern:
        return int(measure)
    before = pattern.replace("I", "").partition(".")[0].count("W")
    return int((measure[before:] + "000")[:3]) + 1_000 * int(measure[:before] or "0")


@given(pattern=patterns(), data=st.data())
def test_a_printed_label_gives_back_its_item_and_its_weight_or_price(
    pattern: str, data: st.DataObject
) -> None:
    item = data.draw(
        st.text(string.digits, min_size=pattern.count("I"), max_size=pattern.count("I"))
    )
    size = pattern.count("W") + pattern.count("P")
    measure = data.draw(st.text(string.digits, min_size=size, max_size=size))
    code = written(pattern, item, measure, data.draw(DIGITS))
    table = LabelTable([pattern])

    read = table.match(code)

    if int(measure) == 0:
        assert read is None  # M4
    elif "P" in pattern:
        assert read == Label(key_of(pattern, item), None, int(measure))
    else:
        assert read == Label(key_of(pattern, item), grams_of(pattern, measure), None)
    assert table.match(f"]E0{code}\r\n") == read
    if not code.startswith("0"):  # else it may be a UPC-A that was scanned as an EAN-13
        assert table.match(f"{code}0") is None


@given(pattern=patterns(), data=st.data())
def test_a_label_with_another_check_digit_is_none(pattern: str, data: st.DataObject) -> None:
    letters = pattern.replace(".", "")
    places = [place for place, letter in enumerate(letters) if letter == "C"]
    assume(places)
    size = pattern.count("W") + pattern.count("P")
    measure = data.draw(st.text(string.digits, min_size=size, max_size=size))
    code = written(pattern, "1" * pattern.count("I"), measure, "0")
    place = data.draw(st.sampled_from(places))
    other = data.draw(DIGITS)
    assume(other != code[place])

    wrong = code[:place] + other + code[place + 1 :]

    assert LabelTable([pattern]).match(wrong) is None


@given(st.lists(patterns(), min_size=2, max_size=6), st.data())
def test_no_code_is_two_labels(several: list[str], data: st.DataObject) -> None:
    assume(refusal_of(several) is None)
    pattern = data.draw(st.sampled_from(several))
    size = pattern.count("W") + pattern.count("P")
    code = written(pattern, "7" * pattern.count("I"), "1" * size, "3")

    apart = [read for one in several if (read := LabelTable([one]).match(code)) is not None]

    assert len(apart) == 1
    assert LabelTable(several).match(code) == apart[0]


@given(st.text(max_size=40))
def test_any_text_is_a_label_or_none(text: str) -> None:
    LabelTable(["21IIIIIWWWWWC", "02IIIIIPPPPPC", "20IIIIICWWWWC"]).match(text)


@given(st.text("0123456789IWPCX.", min_size=1, max_size=20))
def test_any_pattern_is_taken_or_refused_with_a_sentence(text: str) -> None:
    refused = refusal_of([text])

    assert refused is None or text in refused


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("2112345012346", Label("2112345******", 1_234, None)),
        ("2012345928756", Label("2012345******", 2_875, None)),
        ("0254321019993", Label("0254321******", None, 1_999)),
        ("254321019993", Label("0254321******", None, 1_999)),
    ],
)
def test_labels_worked_out_by_hand(code: str, why: Label) -> None:
    # 2012345 9 2875: GS1's own example, 4 + 5 + 1 + 3 = 13, times 3 is 39, verifier 9.
    table = LabelTable(["21IIIIIWWWWWC", "02IIIIIPPPPPC", "20IIIIICWWWWC"])

    assert table.match(code) == why
