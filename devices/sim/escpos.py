"""How long each ESC/POS command is: all that a simulated printer must know to skip one. Pure.

Lengths are those of Epson's command reference. A command that is not here is two bytes long, which
is what real printers make of what they do not know: its arguments are printed as rubbish.
"""

from typing import Final

PREFIXES: Final = b"\x1b\x1c\x1d"
REAL_TIME: Final = 0x10

ARGUMENT_BYTES: Final = {
    **dict.fromkeys((b"\x1b@", b"\x1b2", b"\x1c.", b"\x1c&"), 0),
    **dict.fromkeys((b"\x1bt", b"\x1bE", b"\x1bG", b"\x1ba", b"\x1bM", b"\x1bd", b"\x1b!"), 1),
    **dict.fromkeys((b"\x1b-", b"\x1b3", b"\x1b{", b"\x1bJ", b"\x1bR", b"\x1d!", b"\x1dB"), 1),
    **dict.fromkeys((b"\x1da", b"\x1dr", b"\x1dh", b"\x1dw", b"\x1dH", b"\x1df", b"\x1db"), 1),
    **dict.fromkeys((b"\x1dL", b"\x1dW", b"\x1b$", b"\x1b\\"), 2),
    b"\x1bp": 3,
    b"\x1dg": 4,
}
"""Commands of a fixed length; the others are in `command_bytes`."""

_CUT_AND_FEED: Final = (65, 66, 97, 98)
BARCODE_COUNTED: Final = 65
_NUL: Final = 0x00


def command_bytes(buffer: bytes | bytearray) -> int | None:
    """The length of the command at the head of the buffer; None while it is not whole."""
    if not buffer:
        return None
    if buffer[0] == REAL_TIME:
        return 3 if len(buffer) > 2 else None  # noqa: PLR2004 - DLE EOT n
    if buffer[0] not in PREFIXES:
        return 1
    needed = 2
    head = bytes(buffer[:2])
    if head in ARGUMENT_BYTES:
        needed += ARGUMENT_BYTES[head]
    elif head == b"\x1dV":
        needed = 4 if len(buffer) > 2 and buffer[2] in _CUT_AND_FEED else 3  # noqa: PLR2004
    elif head == b"\x1d(":
        needed = 5 + int.from_bytes(buffer[3:5], "little")
    elif head == b"\x1dv":  # a picture: width in bytes, height in dots
        width = int.from_bytes(buffer[4:6], "little")
        needed = 8 + width * int.from_bytes(buffer[6:8], "little")
    elif head == b"\x1dk":
        needed = _barcode_bytes(buffer)
    return needed if len(buffer) >= needed else None


def _barcode_bytes(buffer: bytes | bytearray) -> int:
    """Bars: counted by a length where the symbology says so, else up to a NUL."""
    if len(buffer) < 4:  # noqa: PLR2004 - GS k m n
        return 4
    if buffer[2] >= BARCODE_COUNTED:
        return 4 + buffer[3]
    end = buffer.find(_NUL, 3)
    return end + 1 if end >= 0 else len(buffer) + 1
