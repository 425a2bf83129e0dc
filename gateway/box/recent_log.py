"""The end of this program's log, in memory: the last errors for the page, the last lines to send.

It hangs on the root logger beside the handler that writes to stderr. Everything is redacted when it
comes in, and only named fields are kept: an exception's own text may quote what a customer typed,
so of an exception the type and the place are kept. Both memories are bounded.
"""

import logging
import traceback
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from gateway.status.report import ErrorReport, moment
from replication.clock import rfc3339

ERRORS_MAX: Final = 50
"""Different warnings and errors; the one that was silent for longest gives way."""

LINES_MAX: Final = 1_000
"""Lines from INFO up: a shop's day has some hundreds."""

MESSAGE_CHARS_MAX: Final = 300

MESSAGE_CHARS_READ: Final = 2_000
"""Of a message, before secrets are taken out: a library may log all that it was sent."""

FIELDS: Final = ("action", "incident", "slug", "reason", "printer")
"""What is kept of a record's extra fields."""


class _Seen(NamedTuple):
    first_ms: int
    last_ms: int
    times: int
    message: str


class RecentLog(logging.Handler):
    """Remembers the last errors and lines. `redact` takes secrets out; any thread may log."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(logging.INFO)
        self._redact = redact
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._errors: dict[tuple[str, str, str], _Seen] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record in; a record that cannot be put into words is told by logging itself."""
        try:
            at_ms = int(record.created * 1_000)
            message = self._message(record)
            self._lines.append(_line(record, at_ms, message, self._redact))
            if record.levelno >= logging.WARNING:
                self._count(record, at_ms, message)
        except Exception:  # noqa: BLE001 - a log must never break what it tells of
            self.handleError(record)

    def errors(self) -> tuple[ErrorReport, ...]:
        """Warnings and errors, the latest first."""
        self.acquire()
        try:
            seen = list(self._errors.items())
        finally:
            self.release()
        return tuple(
            ErrorReport(
                at=moment(one.last_ms),
                first_at=moment(one.first_ms),
                count=one.times,
                level=level,
                logger=logger,
                message=one.message,
            )
            for (logger, level, _), one in reversed(seen)
        )

    def lines(self) -> list[str]:
        """The last lines, each a JSON object, the oldest first."""
        self.acquire()
        try:
            return list(self._lines)
        finally:
            self.release()

    def _message(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            message += f" ({record.exc_info[0].__name__}{_place(record)})"
        message = " ".join(message[:MESSAGE_CHARS_READ].split())
        return self._redact(message)[:MESSAGE_CHARS_MAX]

    def _count(self, record: logging.LogRecord, at_ms: int, message: str) -> None:
        key = record.name, record.levelname.lower(), str(record.msg)[:MESSAGE_CHARS_MAX]
        before = self._errors.pop(key, None)
        if before is None and len(self._errors) >= ERRORS_MAX:
            del self._errors[next(iter(self._errors))]
        self._errors[key] = _Seen(
            first_ms=at_ms if before is None else before.first_ms,
            last_ms=at_ms,
            times=1 if before is None else before.times + 1,
            message=message,
        )


def _line(record: logging.LogRecord, at_ms: int, message: str, redact: Callable[[str], str]) -> str:
    extra = record.__dict__
    kept = {name: redact(str(extra[name])[:MESSAGE_CHARS_READ]) for name in FIELDS if name in extra}
    fields: dict[str, str] = {
        "at": rfc3339(at_ms),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message,
        **{name: text[:MESSAGE_CHARS_MAX] for name, text in kept.items()},
    }
    return msgspec.json.encode(fields).decode()


def _place(record: logging.LogRecord) -> str:
    """Where an exception was raised: the file's name and the line."""
    assert record.exc_info is not None, "asked for exceptions only"
    frames = traceback.extract_tb(record.exc_info[2])
    if not frames:
        return ""
    name = frames[-1].filename.rpartition("/")[2]
    return f" at {name}:{frames[-1].lineno}"
