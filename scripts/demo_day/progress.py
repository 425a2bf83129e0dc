"""Progress for the person who watches: sentences that stay, and lines that are kept up to date.

On a terminal the lines are rewritten in place; elsewhere they come as plain lines now and then.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TextIO

Tell = Callable[[str, str], None]
"""Takes where something happens, and what: one line of the day."""

REDRAW_S: Final = 0.2
"""On a terminal: as smooth as it needs to be."""

PLAIN_S: Final = 5.0
"""Elsewhere: a log should not fill up."""

CLEAR_LINE: Final = "\x1b[K"


@dataclass(slots=True)
class Progress:
    """One block of lines that is kept up to date, and sentences above it."""

    stream: TextIO
    _shown: int = 0
    _last_s: float = -math.inf
    _lines: list[str] = field(default_factory=list)

    @property
    def on_terminal(self) -> bool:
        """Whether lines can be rewritten."""
        return self.stream.isatty()

    def say(self, sentence: str) -> None:
        """Add a sentence that stays."""
        self._erase()
        self.stream.write(f"{sentence}\n")
        self._draw()

    def show(self, lines: Sequence[str]) -> None:
        """Show the stores' lines as they are now; most calls change nothing outside a terminal."""
        now_s = time.monotonic()
        if now_s - self._last_s < (REDRAW_S if self.on_terminal else PLAIN_S):
            return
        self._last_s = now_s
        self._erase()
        self._lines = list(lines)
        if self.on_terminal:
            self._draw()
        else:
            self.stream.writelines(f"{line}\n" for line in lines)
            self.stream.flush()

    def finish(self, lines: Sequence[str]) -> None:
        """Show the lines a last time; they stay."""
        self._last_s = -math.inf
        self.show(lines)
        self._shown = 0
        self._lines = []

    def _erase(self) -> None:
        if self._shown:
            self.stream.write(f"\x1b[{self._shown}A\r\x1b[J")
            self._shown = 0

    def _draw(self) -> None:
        if self.on_terminal:
            # A line that wraps would be two, and the next redraw would go wrong.
            columns = shutil.get_terminal_size().columns
            self.stream.writelines(f"{line[:columns]}{CLEAR_LINE}\n" for line in self._lines)
            self._shown = len(self._lines)
        self.stream.flush()
