"""Sizes and spans as they are read: "48.2 MB", "26 hours". Pure."""

from typing import Final

KILO: Final = 1_000
HOUR_S: Final = 3_600
HOURS_SHOWN_MAX: Final = 48
"""A longer span is said in days."""


def said_bytes(size_bytes: int) -> str:
    """Return "512 B", "48.2 MB" or "1.2 GB": decimal units, as on the card's label."""
    if size_bytes < KILO:
        return f"{size_bytes} B"
    size = size_bytes / KILO
    for unit in ("kB", "MB"):
        if size < KILO:
            return f"{size:.1f} {unit}"
        size /= KILO
    return f"{size:,.1f} GB"


def hours_or_days(span_s: int) -> tuple[str, int]:
    """Return the unit ("hours" or "days") and how many of it, rounded down."""
    hours = span_s // HOUR_S
    return ("hours", hours) if hours <= HOURS_SHOWN_MAX else ("days", hours // 24)
