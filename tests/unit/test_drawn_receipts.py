"""Goal: the receipts in the documents are those that a printer is sent today.

Method: they are drawn again and compared by size and ink; then that a change would be seen.
"""

from pathlib import Path

import pytest
from PIL import Image

from devices.letters import printable
from devices.lines import text_of
from scripts import drawn_receipts
from scripts.drawn_receipts import FILES, outdated, picture_of, sample_receipt, sample_sale


def test_the_pictures_are_up_to_date() -> None:
    assert not outdated(), "run scripts/draw-docs"


def test_another_picture_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    english, missing = tmp_path / "en.png", tmp_path / "ar.png"
    monkeypatch.setattr(drawn_receipts, "FILES", {"en": english, "ar": missing})
    picture = picture_of(sample_receipt("en"))

    picture.save(english)
    assert outdated() == ["ar"]
    picture.crop((0, 0, picture.width, picture.height - 100)).save(english)
    assert outdated() == ["en", "ar"]


def test_the_sample_adds_up() -> None:
    sale, _ = sample_sale()

    assert sale.total_minor == sum(line.total_minor for line in sale.lines)
    assert sale.total_minor + sale.change_minor == sum(one.amount_minor for one in sale.tenders)
    assert "Total" in "".join(text_of(sample_receipt("en"), 42, printable))


def test_both_are_pictures_of_black_and_white() -> None:
    for path in FILES.values():
        with Image.open(path) as picture:
            assert picture.mode == "1"
