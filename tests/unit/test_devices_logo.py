"""Goal: no file that somebody names as a logo can break a gateway or fill its memory.

Method: real files, good ones and hostile ones; that a large picture is refused before it is decoded
shows in a file that has no pixels in it at all.
"""

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from devices.logo import (
    LOGO_BYTES_MAX,
    LOGO_HEIGHT_DOTS_MAX,
    LogoRefused,
    load_logo,
    logo_picture,
)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and stops there."""
    facts = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", facts)


@pytest.mark.parametrize("side", [2_001, 7_072, 10_000, 20_000, 100_000])
def test_a_picture_of_many_pixels_is_refused_by_what_its_header_says(
    tmp_path: Path, side: int
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side) + chunk(b"IDAT", b""))

    with pytest.raises(LogoRefused, match=r"4000000 pixels are allowed\.$"):
        load_logo(path)


def test_fifty_megapixels_that_are_really_there_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (10_000, 5_000), 255).save(path)
    assert path.stat().st_size < 20_000

    with pytest.raises(LogoRefused, match=r"has 10000 x 5000 pixels; 4000000 pixels are allowed"):
        load_logo(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cannot be read as PNG or JPEG"),
        (b"GIF89a" + bytes(100), "cannot be read as PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read as PNG or JPEG"),
        (png_header(10, 10), "cannot be read as PNG or JPEG"),
        (png_header(0, 0), "cannot be read as PNG or JPEG"),
        (png_header(10, 10) + chunk(b"IDAT", b"no zlib"), "cannot be read as PNG or JPEG"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "cannot be read as PNG or JPEG"),
        (bytes(LOGO_BYTES_MAX + 1), "has 2000001 bytes; 2000000 are allowed"),
    ],
)
def test_what_is_no_logo_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(content)

    with pytest.raises(LogoRefused, match=why) as refused:
        load_logo(path)
    assert str(path) in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("place", "why"),
    [("missing.png", "There is no logo"), (".", "is not a file"), ("pipe.png", "is not a file")],
)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, place: str, why: str) -> None:
    os.mkfifo(tmp_path / "pipe.png")

    with pytest.raises(LogoRefused, match=why):
        load_logo(tmp_path / place)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_any_kind_of_png_is_read_and_what_is_transparent_is_white(
    tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "logo.png"
    Image.new(mode, (40, 20), 0).save(path)

    logo = load_logo(path)

    assert (logo.mode, logo.size) == ("L", (40, 20))
    assert logo.getpixel((0, 0)) == (255 if mode in {"RGBA", "LA"} else 0)


def test_a_jpeg_is_read(tmp_path: Path) -> None:
    path = tmp_path / "logo.jpg"
    Image.new("RGB", (40, 20), "red").save(path)

    assert load_logo(path).size == (40, 20)


@pytest.mark.parametrize("size", [(40, 20), (2_000, 100), (100, 2_000), (2_000, 2_000), (1, 1)])
def test_a_logo_is_fitted_to_the_paper_in_the_middle(size: tuple[int, int]) -> None:
    picture = logo_picture(Image.new("L", size, 0), 384)

    assert (picture.mode, picture.width) == ("1", 384)
    assert picture.height <= LOGO_HEIGHT_DOTS_MAX
    columns = [picture.getpixel((x, picture.height // 2)) == 0 for x in range(384)]
    assert abs(columns.index(True) - columns[::-1].index(True)) <= 1


def test_grey_is_dithered() -> None:
    picture = logo_picture(Image.new("L", (200, 100), 128), 384)

    black = picture.convert("L").histogram()[0]
    assert 0.4 < black / 20_000 < 0.6
