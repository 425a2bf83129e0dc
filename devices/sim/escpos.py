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


def command_bytes(buffer: bytes | bytearray, at: int = 0) -> int | None:
    """The length of the command that begins at `at`; None while it is not whole."""
    held = len(buffer) - at
    if not held:
        return None
    first = buffer[at]
    if first not in PREFIXES:
        return (3 if held > 2 else None) if first == REAL_TIME else 1  # noqa: PLR2004 - DLE EOT n
    needed = 2
    head = bytes(buffer[at : at + 2])
    if head in ARGUMENT_BYTES:
        needed += ARGUMENT_BYTES[head]
    elif head == b"\x1dV":
        needed = 4 if held > 2 and buffer[at + 2] in _CUT_AND_FEED else 3  # noqa: PLR2004
    elif head == b"\x1d(":
        needed = 5 + int.from_bytes(buffer[at + 3 : at + 5], "little")
    elif head == b"\x1dv":  # a picture: width in bytes, height in dots
        width = int.from_bytes(buffer[at + 4 : at + 6], "little")
        needed = 8 + width * int.from_bytes(buffer[at + 6 : at + 8], "little")
    elif head == b"\x1dk":
        needed = _barcode_bytes(buffer, at)
    return needed if held >= needed else None


def ends_within_a_command(buffer: bytes | bytearray) -> bool:
    """Whether the last command in the buffer is not whole: what comes next belongs to it."""
    at = 0
    while at < len(buffer):
        length = command_bytes(buffer, at)
        if length is None:
            return True
        at += length
    return False


def _barcode_bytes(buffer: bytes | bytearray, at: int) -> int:
    """Bars: counted by a length where the symbology says so, else up to a NUL."""
    if len(buffer) - at < 4:  # noqa: PLR2004 - GS k m n
        return 4
    if buffer[at + 2] >= BARCODE_COUNTED:
        return 4 + buffer[at + 3]
    end = buffer.find(_NUL, at + 3)
    return end - at + 1 if end >= 0 else len(buffer) + 1
