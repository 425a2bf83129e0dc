"""Goal: what a printer is sent is the document, one cut, and nothing that a name has smuggled in.

Method: the bytes are read back by the simulator's interpreter, and their commands counted by a
reader of this file's own; Hypothesis writes the words.
"""

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from devices.encode import encode, load_encoder
from devices.letters import printable
from devices.lines import Line, lines_of
from devices.paper import (
    LANGUAGES,
    Barcode,
    Document,
    Gap,
    Language,
    Logo,
    Mode,
    Pair,
    Paper,
    Qr,
    Table,
    Text,
)
from devices.picture import pictures_of
from devices.raster import BAND_BYTES_MAX, raster_commands
from devices.sim.mechanism import Mechanism
from tests.documents import HOSTILE, RECEIPT, documents

CUT = b"\x1bd\x06\x1dV\x00"
REAL_TIME = re.compile(rb"\x10[\x04\x05\x14]")


def papers() -> st.SearchStrategy[Paper]:
    """Any paper."""
    return st.builds(
        Paper,
        columns=st.sampled_from([24, 32, 42, 48]),
        dots=st.sampled_from([384, 512, 576]),
        mode=st.sampled_from(["text", "raster"]),
    )


def printed(data: bytes) -> tuple[Mechanism, bytes]:
    """A printer that was sent the bytes piece by piece, as a connection does, and its answers."""
    printer = Mechanism()
    pieces = (data[at : at + 4_096] for at in range(0, len(data), 4_096))
    return printer, b"".join(printer.receive_bytes(piece) for piece in pieces)


def bands_in(data: bytes) -> list[tuple[int, bytes]]:
    """The pictures of a raster job, in order: bytes of a row, and rows; fails on anything else."""
    bands = []
    assert data.startswith(b"\x1b@\x1c.")
    at = 4
    while data[at : at + 4] == b"\x1dv0\x00":
        width = int.from_bytes(data[at + 4 : at + 6], "little")
        height = int.from_bytes(data[at + 6 : at + 8], "little")
        bands.append((width, data[at + 8 : at + 8 + width * height]))
        at += 8 + width * height
    assert data[at:] == CUT
    return bands


@given(documents(), papers())
@settings(max_examples=40, deadline=None)
def test_any_document_is_printed_and_cut_once_and_nothing_else(
    document: Document, paper: Paper
) -> None:
    printer, answers = printed(encode(document, paper, logo=Image.new("L", (30, 20))))

    assert (len(printer.receipts), printer.garbage_bytes, printer.held_bytes) == (1, 0, 0)
    assert (answers, printer.kicks) == (b"", 0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mode", ["text", "raster"])
def test_no_name_says_anything_to_a_printer(language: Language, mode: Mode) -> None:
    blocks = [
        block
        for name in HOSTILE
        for block in (Text(name), Pair(name, name), Table((name,), ((name,),)), Qr(name))
    ] + [Barcode(name) for name in HOSTILE]

    data = encode(Document(language=language, blocks=tuple(blocks)), Paper(mode=mode))
    printer, answers = printed(data)

    assert (len(printer.receipts), printer.garbage_bytes, printer.held_bytes) == (1, 0, 0)
    assert (answers, printer.kicks) == (b"", 0)


@given(documents(), st.sampled_from([384, 512, 576]))
@settings(max_examples=20, deadline=None)
def test_every_band_is_as_wide_as_the_paper_and_fits_a_buffer(
    document: Document,
    dots: Any,  # noqa: ANN401
) -> None:
    data = encode(document, Paper(dots=dots, mode="raster"), logo=Image.new("L", (30, 20)))

    for width, rows in bands_in(data):
        assert width == dots // 8
        assert 0 < len(rows) <= BAND_BYTES_MAX
        assert not REAL_TIME.search(rows)


def test_the_paper_shows_the_lines() -> None:
    printer, _ = printed(encode(RECEIPT, Paper(columns=32)))

    expected = [line.text for line in lines_of(RECEIPT, 32, printable) if isinstance(line, Line)]
    assert printer.receipts == ["\n".join(expected) + "\n"]


def test_the_paper_shows_the_picture() -> None:
    printer, _ = printed(encode(RECEIPT, Paper(dots=512, mode="raster")))

    whole = b"".join(strip.tobytes() for strip in pictures_of(RECEIPT, 512))
    (picture,) = printer.pictures
    assert picture is not None
    assert picture.width_bytes == 64
    assert len(picture.rows) == len(whole)
    unlike = int.from_bytes(picture.rows, "big") ^ int.from_bytes(whole, "big")
    same_dots = len(whole) * 8 - unlike.bit_count()
    assert same_dots <= 3  # a printer's 1 is black; of commands that dots had spelt


def test_an_arabic_document_is_a_picture_on_any_paper() -> None:
    arabic = Document(language="ar", blocks=RECEIPT.blocks)

    as_text, as_raster = (encode(arabic, Paper(mode=mode)) for mode in ("text", "raster"))

    assert as_text == as_raster
    assert bands_in(as_text)


def test_white_paper_stays_white() -> None:
    blank = encode(Document(language="ar", blocks=(Gap(), Text(" "))), Paper(dots=384))

    assert all(not any(rows) for _, rows in bands_in(blank))


def test_no_picture_spells_a_real_time_command() -> None:
    """Paper can be made to say DLE DC4 1 0 5, which opens the drawer of an idle printer."""
    spelt = b"\x10\x14\x01\x00\x05" + b"\x10\x04\x01" + b"\x10\x10\x05\x01" + bytes(4)
    picture = ImageChops.invert(Image.frombytes("1", (8, len(spelt)), spelt))

    data = raster_commands(picture)

    assert not REAL_TIME.search(data)
    assert data[8:] == spelt.replace(b"\x10\x14", b"\x18\x14").replace(
        b"\x10\x04", b"\x18\x04"
    ).replace(b"\x10\x05", b"\x18\x05")


def test_codes_of_a_text_document_are_the_printers_own() -> None:
    document = Document(language="en", blocks=(Barcode("R-1-{7}"), Qr("a\x10\x04\x01b")))

    data = encode(document, Paper())

    assert b"\x1dkI\x0a{BR-1-{{7}" in data
    assert b"\x1d(k\x08\x001P0a \x04\x01b" in data
    assert data.count(b"\x1ba\x01") == data.count(b"\x1ba\x00") == 2


def test_a_number_too_long_for_bars_on_this_paper_is_a_qr_code_with_its_text() -> None:
    document = Document(language="en", blocks=(Barcode("RIVERSIDE-1-000042"),))

    wide, narrow = (
        encode(document, Paper(columns=columns, dots=dots))  # type: ignore[arg-type] # on purpose
        for columns, dots in ((42, 576), (32, 384))
    )

    assert b"\x1dkI" in wide
    assert b"\x1dkI" not in narrow
    assert b"1P0RIVERSIDE-1-000042" in narrow
    assert b"       RIVERSIDE-1-000042\n" in narrow


def test_nothing_is_printed_of_a_code_without_data_or_a_logo_that_is_not_there() -> None:
    empty = Document(language="en", blocks=())
    blank = Document(language="en", blocks=(Barcode(""), Qr(""), Logo()))

    for mode in ("text", "raster"):
        paper = Paper(mode=mode)
        assert encode(blank, paper) == encode(empty, paper)


def test_a_logo_is_a_picture_among_letters() -> None:
    document = Document(language="en", blocks=(Logo(), Text("Shop")))

    printer, _ = printed(encode(document, Paper(dots=384), logo=Image.new("L", (1_000, 400))))

    assert printer.receipts == ["[picture 384x154]\nShop\n"]


def test_strong_rows_are_bold_big_ones_double_and_the_rest_is_not() -> None:
    blocks = (Pair("Total", "6.48", strong=True, big=True), Text("Cash"))

    data = encode(Document(language="en", blocks=blocks), Paper(columns=32))

    assert b"\x1bE\x01\x1d!\x11Total       6.48\n\x1d!\x00\x1bE\x00Cash\n" in data


def test_the_encoder_is_loaded_once_and_leaves_the_root_logger_alone() -> None:
    handlers = list(logging.getLogger().handlers)

    assert load_encoder() is load_encoder()
    assert logging.getLogger().handlers == handlers


def test_encoding_says_nothing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """A gateway's stdout is for its address; python-escpos likes to talk."""
    for mode in ("text", "raster"):
        blocks = (Barcode("A-1"), Qr("x"), Logo(), Text("x"))
        encode(
            Document(language="en", blocks=blocks),
            Paper(mode=mode),
            logo=Image.new("L", (9, 9)),
        )

    assert capsys.readouterr() == ("", "")


def test_importing_this_module_does_not_load_the_encoder() -> None:
    program = "import sys, devices.encode; sys.exit('escpos' in sys.modules)"

    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
