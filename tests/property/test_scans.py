"""Goal: what a label says is what is read, in whatever order, and nothing raises (S1, G1).

Method: Hypothesis writes element strings from the values that are to come back, and noise around
them; biip, asked directly, is the second reader.
"""

import datetime
import string

import biip
from hypothesis import example, given
from hypothesis import strategies as st

from retail.products.barcodes import GTIN_LENGTHS, has_valid_check_digit, index_key, lookup_keys
from retail.products.gs1 import Gs1Data, date_of, read_gs1
from retail.products.scans import Fault, read_scan

TODAY = datetime.date(2026, 11, 22)
GS = "\x1d"
AIM_IDS = ["]C1", "]d2", "]Q3", "]e0"]  # biip does not know the DotCode's "]J1"

texts = st.text(f"{string.ascii_letters}{string.digits}-_/.", min_size=1, max_size=20)
days = st.dates(datetime.date(1980, 1, 1), datetime.date(2070, 12, 31))
numbers = st.text(string.digits, min_size=13, max_size=13).map(
    lambda body: next(body + d for d in string.digits if has_valid_check_digit(body + d))
)
noise = st.text(max_size=80) | st.lists(
    st.sampled_from(
        [*AIM_IDS, "]E0", "]E3", "]", GS, "(01)", "01", "04006381333931", "17", "261231", "10", "(",
         "310", "3103", "392", "http://", "https://x/01/", "[", "%", "?", "=", "٤", "²", "\x00"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(noise)
@example("http://[")
@example("]d2\x1d")
@example("(01)")
def test_nothing_that_is_scanned_makes_it_raise(scan: str) -> None:
    reading = read_scan(scan, TODAY)
    keys = lookup_keys(scan)

    assert reading.gtin is None or reading.gtin in keys
    assert not keys or index_key(scan) in keys
    reading.is_expired(TODAY)


@st.composite
def labels(draw: st.DrawFn) -> tuple[str, Gs1Data]:
    """A message as a scanner sends it, and what it says."""
    gtin = draw(numbers)
    use_by, best_before = draw(st.none() | days), draw(st.none() | days)
    batch, serial = draw(st.none() | texts), draw(st.none() | texts)
    grams = draw(st.none() | st.integers(1, 999_999))
    elements = [f"01{gtin}"]
    elements += [] if use_by is None else [f"17{use_by:%y%m%d}"]
    elements += [] if best_before is None else [f"15{best_before:%y%m%d}"]
    elements += [] if batch is None else [f"10{batch}"]
    elements += [] if serial is None else [f"21{serial}"]
    elements += [] if grams is None else [f"3103{grams:06}"]
    said = Gs1Data(
        gtin=gtin,
        batch=batch,
        serial=serial,
        use_by=None if use_by is None else f"{use_by:%y%m%d}",
        best_before=None if best_before is None else f"{best_before:%y%m%d}",
        weight_grams=grams,
    )
    written = draw(st.permutations(elements))
    # The separator is needed behind what has no fixed length, and allowed everywhere.
    parts = [
        part + (GS if part[:2] in {"10", "21"} or draw(st.booleans()) else "") for part in written
    ]
    return "".join(parts), said


@given(labels())
def test_a_message_is_read_in_any_order(label: tuple[str, Gs1Data]) -> None:
    message, said = label

    assert read_gs1(message) == said


@given(labels(), st.sampled_from(AIM_IDS))
def test_biip_reads_the_same(label: tuple[str, Gs1Data], aim_id: str) -> None:
    message, _ = label
    theirs = biip.parse(aim_id + message)
    ours = read_scan(aim_id + message, datetime.datetime.now(datetime.UTC).date())

    assert theirs.gtin is not None
    assert theirs.gs1_message is not None
    elements = theirs.gs1_message.element_strings
    use_by, weight = elements.get(ai="17"), elements.get(ai="3103")
    assert ours.gtin == theirs.gtin.value
    assert ours.expires_on == (None if use_by is None else use_by.date)
    assert ours.weight_grams == (
        None if weight is None or weight.decimal is None else weight.decimal * 1_000
    )


@given(labels(), st.integers(2, 15), st.integers(1, 9))
def test_a_digit_of_the_number_that_is_misread_is_noticed(
    label: tuple[str, Gs1Data], place: int, more: int
) -> None:
    _, said = label
    assert said.gtin is not None
    right = f"01{said.gtin}"
    wrong = f"{right[:place]}{(int(right[place]) + more) % 10}{right[place + 1 :]}"

    reading = read_scan(f"]d2{wrong}", TODAY)
    assert (reading.fault, reading.gtin) == (Fault.CHECK_DIGIT, None)  # G2
    assert lookup_keys(f"]d2{wrong}") == (wrong,)


@given(st.sampled_from(GTIN_LENGTHS).flatmap(
    lambda size: st.text(string.digits, min_size=size, max_size=size)
))  # fmt: skip
@example("4006381333932")
def test_digits_of_a_gtins_length_are_a_gtin_or_nothing(digits: str) -> None:
    """Without an AIM id biip takes many of them for messages of other fields."""
    reading = read_scan(digits, TODAY)

    assert (reading.gtin, reading.batch, reading.serial) == (None, None, None)
    if reading.fault is None:
        assert biip.parse(digits).gtin is not None or biip.parse(digits).upc is not None
    else:
        assert lookup_keys(digits) == (digits,)


@given(days)
def test_a_day_within_fifty_years_is_read_back(day: datetime.date) -> None:
    assert date_of(f"{day:%y%m%d}", TODAY) == day
