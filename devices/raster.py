"""A picture as `GS v 0` commands, in bands that a slow printer's buffer can hold.

Printers listen for real-time commands in the middle of a picture as well: dots that happen to spell
`DLE EOT` are answered, those that spell `DLE DC4` may open the drawer (Epson's reference says so at
each of them). No picture leaves here with one: where it would begin, one dot more is black.
"""

import re
from typing import Final

from PIL import Image

BAND_BYTES_MAX: Final = 4_096
"""Of one command: the receive buffer that ESC/POS printers have at least, as a rule. A printer that
must take in more before it prints stops in between, and a stop is a white line."""

BITS: Final = 8

_REAL_TIME: Final = re.compile(rb"\x10(?=[\x04\x05\x14])")
"""DLE before EOT, ENQ or DC4."""

_INVERTED: Final = bytes(255 - eight for eight in range(256))
_ONE_DOT_MORE: Final = b"\x18"


def raster_commands(picture: Image.Image) -> bytes:
    """The picture, mode 1 with white as 1, as commands from its top to its bottom.

    Its width is a multiple of 8 dots. Written here, as `image` of python-escpos writes to stdout
    where it does not know a printer's width.
    """
    assert picture.mode == "1", picture.mode
    assert picture.width % BITS == 0, picture.width
    row_bytes = picture.width // BITS
    black = picture.tobytes().translate(_INVERTED)  # a printer's 1 is black
    black = _REAL_TIME.sub(_ONE_DOT_MORE, black)
    commands = bytearray()
    for top in range(0, picture.height, rows := BAND_BYTES_MAX // row_bytes):
        height = min(rows, picture.height - top)
        commands += b"\x1dv0\x00" + row_bytes.to_bytes(2, "little") + height.to_bytes(2, "little")
        commands += black[top * row_bytes : (top + height) * row_bytes]
    return bytes(commands)
