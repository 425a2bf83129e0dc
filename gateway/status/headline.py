"""The headline: what a shopkeeper needs to know, in sentences, most important first.

A headline is one sentence per situation that applies, in the order of `SITUATIONS`. The first says
whether the shop sells, the last whether the box may be unplugged; the page prints these two large.

    H1  the first sentence starts "Selling" or "Not selling"
    H2  the last starts "Safe to unplug: yes" exactly when every journal entry is acknowledged
    H3  `split_sentences` gives the sentences back: no free text can forge or hide one
    H4  a headline has at most `HEADLINE_CHARS_MAX` characters, whatever devices and disks report

Sentences are complete and stand alone, so that each can be tested, and translated, by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import msgspec

from gateway.status.report import (
    DeviceKind,
    DeviceState,
    LinkState,
    StatusReport,
    StopReason,
    to_ms,
)

DAY_MS: Final = 24 * 60 * 60 * 1000
"""Within this a time of day is unambiguous; before it, or after now, the date is said."""

FREE_BYTES_MIN: Final = 200_000_000
"""Below this the disk counts as nearly full: about 12,000 sales at 16 KB written for each."""

DEVICES_NAMED_MAX: Final = 2
"""More devices than this in need are counted, not named: a headline is read at a glance."""

FREE_TEXT_CHARS_MAX: Final = 60
"""Names and errors come from outside; longer ones are cut, the cards show them whole."""

HEADLINE_CHARS_MAX: Final = 1_000

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not `strftime`: its names follow whatever locale the process has been given."""

STOPPED_SENTENCES: Final[Mapping[StopReason, str]] = {
    StopReason.STORAGE_FAILED: "Not selling: the storage is failing.",
    StopReason.BEHIND_WITNESS: "Not selling: others know newer sales than this gateway's disk.",
    StopReason.FENCED: "Not selling: another gateway has taken over this location.",
}

PRINTER_NEEDS: Final[Mapping[str, str]] = {
    "paper out": "needs paper",
    "paper low": "is low on paper",
    "cover open": "has its cover open",
}
"""Details that a printer's driver reports, as verbs; any other detail is quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNeed:
    """A device that does not do its work: `state` is gone or attention."""

    kind: DeviceKind
    name: str
    state: DeviceState
    detail: str
    waiting_jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the headline depends on; made by `facts_of`, or by a test."""

    stopped: StopReason | None
    link: LinkState
    link_since_ms: int | None
    unacknowledged_sales: int
    unacknowledged_entries: int
    storage_error: str | None
    free_bytes: int
    clock_synchronised: bool
    deficit_skus: int
    items_taken: int
    items_ahead: int
    """Of the hub's feed, while this gateway catches up with it; else both 0."""
    device_needs: tuple[DeviceNeed, ...]

    def __post_init__(self) -> None:
        assert 0 <= self.unacknowledged_sales <= self.unacknowledged_entries
        assert all(need.state is not DeviceState.READY for need in self.device_needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """When and where the headline is read: times are said in the store's zone."""

    now_ms: int
    timezone: tzinfo


def headline(facts: Facts, now_ms: int, timezone: tzinfo) -> str:
    """Return the headline for `facts` as read at `now_ms` in the store's `timezone`."""
    reading = Reading(now_ms=now_ms, timezone=timezone)
    said = (sentence(facts, reading) for sentence in SITUATIONS)
    text = " ".join(sentence for sentence in said if sentence is not None)
    assert len(text) <= HEADLINE_CHARS_MAX
    return text


def safe_to_unplug(facts: Facts) -> bool:
    """Say whether the box may be taken away: only if the hub has acknowledged everything."""
    return facts.unacknowledged_entries == 0


def with_headline(report: StatusReport, timezone: tzinfo) -> StatusReport:
    """Return `report` with `headline` and `safe_to_unplug` filled in from its own figures."""
    facts = facts_of(report)
    return msgspec.structs.replace(
        report,
        headline=headline(facts, to_ms(report.clock.now), timezone),
        safe_to_unplug=safe_to_unplug(facts),
    )


def facts_of(report: StatusReport) -> Facts:
    """Return what the headline depends on, out of a report."""
    since = report.link.since
    return Facts(
        stopped=report.selling.reason,
        link=report.link.state,
        link_since_ms=None if since is None else to_ms(since),
        unacknowledged_sales=report.journal.unacknowledged_sales,
        unacknowledged_entries=report.journal.last_seq - report.journal.acknowledged_seq,
        storage_error=report.storage.last_error,
        free_bytes=report.storage.free_bytes,
        clock_synchronised=report.clock.synchronised,
        deficit_skus=report.quota.deficits,
        items_taken=report.catch_up.taken,
        items_ahead=report.catch_up.ahead,
        device_needs=tuple(
            DeviceNeed(
                kind=device.kind,
                name=device.name,
                state=device.state,
                detail=device.detail,
                waiting_jobs=device.waiting_jobs,
            )
            for device in report.devices
            if device.state is not DeviceState.READY
        ),
    )


def split_sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a headline, in order (H3)."""
    parts = text.split(". ")
    return tuple(f"{part}." for part in parts[:-1]) + tuple(part for part in parts[-1:] if part)


def spoken_time(at_ms: int, now_ms: int, timezone: tzinfo) -> str:
    """Say when `at_ms` was: "14:02", "20 Nov 14:02" beyond a day, with the year in another year."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(timezone)
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(timezone)
    clock = f"{at:%H:%M}"
    if 0 <= now_ms - at_ms < DAY_MS:
        return clock
    date = f"{at.day} {MONTHS[at.month - 1]}"
    return f"{date} {clock}" if at.year == now.year else f"{date} {at.year} {clock}"


def counted(quantity: int, one: str, many: str) -> str:
    """Return "1 sale" or "1,204 sales"."""
    return f"{quantity:,} {one if quantity == 1 else many}"


def progress(taken: int, ahead: int) -> str:
    """Return "12,400 of 100,000 items"."""
    return f"{taken:,} of {counted(taken + ahead, 'item', 'items')}"


def _selling(facts: Facts, _reading: Reading) -> str | None:
    if facts.stopped is not None:
        return STOPPED_SENTENCES[facts.stopped]
    if facts.storage_error is not None:
        return f"Selling, but the storage is failing: {_quoted(facts.storage_error)}."
    return "Selling normally."


def _link(facts: Facts, reading: Reading) -> str | None:
    if facts.link is LinkState.CONNECTED:
        return "Connected to the hub."
    if facts.link is LinkState.NEVER:
        return "Not yet connected to the hub."
    if facts.link_since_ms is None:
        return "Internet down."
    since = spoken_time(facts.link_since_ms, reading.now_ms, reading.timezone)
    return f"Internet down since {since}."


def _catching_up(facts: Facts, _reading: Reading) -> str | None:
    if facts.items_ahead == 0:
        return None
    return f"Catching up with the hub: {progress(facts.items_taken, facts.items_ahead)}."


def _room(facts: Facts, _reading: Reading) -> str | None:
    if facts.free_bytes >= FREE_BYTES_MIN:
        return None
    return f"Storage is nearly full: {facts.free_bytes // 1_000_000:,} MB left."


def _devices(facts: Facts, _reading: Reading) -> str | None:
    if not facts.device_needs:
        return None
    named = [_device_need(need) for need in facts.device_needs[:DEVICES_NAMED_MAX]]
    if unnamed := len(facts.device_needs) - len(named):
        named.append(counted(unnamed, "more device needs a look", "more devices need a look"))
    text = "; ".join(named)
    return f"{text[0].upper()}{text[1:]}."


def _device_need(need: DeviceNeed) -> str:
    who = f"{need.kind.value} {_quoted(need.name)}"
    if need.state is DeviceState.GONE:
        text = f"{who} is not answering"
    elif need.detail in PRINTER_NEEDS:
        text = f"{who} {PRINTER_NEEDS[need.detail]}"
    else:
        text = f"{who} needs attention: {_quoted(need.detail)}"
    if need.waiting_jobs:
        text += f", {counted(need.waiting_jobs, 'receipt waits', 'receipts wait')}"
    return text


def _deficits(facts: Facts, _reading: Reading) -> str | None:
    if facts.deficit_skus == 0:
        return None
    products = counted(facts.deficit_skus, "product has", "products have")
    return f"{products} a deficit: more promised than there is."


def _clock(facts: Facts, _reading: Reading) -> str | None:
    return None if facts.clock_synchronised else "Clock not set: times may be wrong."


def _unplug(facts: Facts, _reading: Reading) -> str | None:
    if safe_to_unplug(facts):
        return "Safe to unplug: yes, everything is at the hub."
    if facts.unacknowledged_sales:
        waiting = counted(facts.unacknowledged_sales, "sale is", "sales are")
    else:
        waiting = counted(facts.unacknowledged_entries, "journal entry is", "journal entries are")
    return f"Safe to unplug: no, {waiting} not yet at the hub."


def _quoted(text: str) -> str:
    """Return foreign text fit for the inside of one sentence: one line, no full stop, not long.

    Control and direction characters go too: they would reorder or hide the sentences after them.
    """
    line = " ".join(text.split()).replace(". ", "; ").rstrip(". ")
    line = "".join(char for char in line if char.isprintable())
    if len(line) > FREE_TEXT_CHARS_MAX:
        line = line[: FREE_TEXT_CHARS_MAX - 1].rstrip(". ") + "…"
    return line or "unknown"


SITUATIONS: Final[tuple[Callable[[Facts, Reading], str | None], ...]] = (
    _selling,
    _link,
    _catching_up,
    _room,
    _devices,
    _deficits,
    _clock,
    _unplug,
)
"""Each says its sentence or, where it does not apply, None."""
