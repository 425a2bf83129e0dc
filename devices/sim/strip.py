"""What comes out of a simulated printer: lines of text, and pictures dot by dot. Pure."""

from dataclasses import dataclass, field

LINE_DOTS = 24
"""A picture uses up paper as lines of this height do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Rows of dots, eight to a byte, the leftmost in the highest bit; 1 is ink."""

    width_bytes: int
    rows: bytes

    @property
    def height_dots(self) -> int:
        """How many rows."""
        return len(self.rows) // self.width_bytes if self.width_bytes else 0

    def pbm(self) -> bytes:
        """As a portable bitmap (P4), which every picture program opens."""
        return b"P4\n%d %d\n" % (self.width_bytes * 8, self.height_dots) + self.rows

    def above(self, lower: "Picture") -> "Picture":
        """Both on one strip of paper, the narrower one filled up with white at its right."""
        width = max(self.width_bytes, lower.width_bytes)
        return Picture(width_bytes=width, rows=_widened(self, width) + _widened(lower, width))


def _widened(picture: Picture, width_bytes: int) -> bytes:
    if width_bytes == picture.width_bytes or not picture.width_bytes:
        return picture.rows
    starts = range(0, len(picture.rows), picture.width_bytes)
    rows = (picture.rows[at : at + picture.width_bytes] for at in starts)
    return b"".join(row.ljust(width_bytes, b"\x00") for row in rows)


@dataclass(slots=True)
class Strip:
    """The paper that hangs from a printer, from one cut to the next."""

    parts: list[str | Picture] = field(default_factory=list)

    def add_line(self, text: str) -> None:
        """A line of text, printed."""
        self.parts.append(text)

    def add_picture(self, picture: Picture) -> None:
        """A picture; bands that follow each other without a gap are one."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Picture) and last.width_bytes == picture.width_bytes:
            self.parts[-1] = last.above(picture)
        else:
            self.parts.append(picture)

    @property
    def text(self) -> str:
        """Its lines; a picture is a line that says how large it is."""
        return "\n".join(
            f"[picture {part.width_bytes * 8}x{part.height_dots}]"
            if isinstance(part, Picture)
            else part
            for part in self.parts
        )

    @property
    def picture(self) -> Picture | None:
        """All its pictures below each other, or None."""
        whole: Picture | None = None
        for part in self.parts:
            if isinstance(part, Picture):
                whole = part if whole is None else whole.above(part)
        return whole
