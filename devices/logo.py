"""The store's picture: a file that a person names, checked before it is decoded, then fitted."""

from pathlib import Path
from typing import Final

from PIL import Image

LOGO_BYTES_MAX: Final = 2_000_000
"""Of the file. A logo as a printer can show it has some 10 KB."""

LOGO_PIXELS_MAX: Final = 4_000_000
"""Of the picture, from its header, before a pixel is decoded: 2,000 x 2,000, or 16 MB while it is
read. A file of a few KB can say that it has 50 megapixels."""

LOGO_HEIGHT_DOTS_MAX: Final = 200
"""25 mm of paper on each receipt."""

FORMATS: Final = ("PNG", "JPEG")
WHITE: Final = 255
"""Of a picture in mode 1, where a 1 is white as well, but inverted it is not black."""

_BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises for files that are cut off or lie about themselves."""


class LogoRefused(Exception):
    """The file is no logo; its text is a sentence for the person who named it."""


def load_logo(path: Path) -> Image.Image:
    """The picture in the file, in shades of grey on white, as large as it is.

    Raises:
        LogoRefused: the file is missing, too large, or not a PNG or JPEG picture.
    """
    try:
        if path.exists() and not path.is_file():  # to open a pipe would wait for its other end
            raise LogoRefused(f"The logo {path} is not a file.")
        if (size := path.stat().st_size) > LOGO_BYTES_MAX:
            raise LogoRefused(f"The logo {path} has {size} bytes; {LOGO_BYTES_MAX} are allowed.")
        with Image.open(path, formats=FORMATS) as picture:
            _check_size(path, picture.width, picture.height)
            return _grey(picture)
    except FileNotFoundError:
        raise LogoRefused(f"There is no logo {path}.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise LogoRefused(_too_large(path, "far too many pixels;")) from None
    except _BROKEN as broken:
        raise LogoRefused(f"The logo {path} cannot be read as PNG or JPEG: {broken}.") from None


def logo_picture(logo: Image.Image, dots: int) -> Image.Image:
    """The logo in black and white, in the middle of a picture that is `dots` wide.

    Made smaller where it is wider than the paper or higher than `LOGO_HEIGHT_DOTS_MAX`; greys are
    dithered.
    """
    fitted = logo.copy()
    fitted.thumbnail((dots, LOGO_HEIGHT_DOTS_MAX), Image.Resampling.LANCZOS)
    picture = Image.new("1", (dots, fitted.height), WHITE)
    picture.paste(fitted.convert("1"), ((dots - fitted.width) // 2, 0))
    return picture


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > LOGO_PIXELS_MAX:
        raise LogoRefused(_too_large(path, f"{width} x {height} pixels;"))


def _too_large(path: Path, has: str) -> str:
    return f"The logo {path} has {has} {LOGO_PIXELS_MAX} pixels are allowed."


def _grey(picture: Image.Image) -> Image.Image:
    """On white, since what is transparent has any colour behind it."""
    coloured = picture.convert("RGBA")
    paper = Image.new("RGBA", coloured.size, "white")
    return Image.alpha_composite(paper, coloured).convert("L")
