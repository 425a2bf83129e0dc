"""The cards of the status page: a report in words, figures and tones. Pure.

A tone is never said by colour alone: each has its icon shape in the template and its word in the
card's `verdict`. Times are said in the store's zone, as in the headline.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from gateway.status.headline import (
    FREE_BYTES_MIN,
    counted,
    progress,
    split_sentences,
    spoken_time,
)
from gateway.status.report import (
    DeviceReport,
    DeviceState,
    LinkState,
    RegisterReport,
    SellingState,
    StatusReport,
    to_ms,
)


class Tone(enum.Enum):
    """How much a card wants to be looked at; the value names its icon and its colours."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a card. `raw` values (addresses, ids, errors) are set in a monospaced face."""

    label: str
    value: str
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing of a list: a register or a device, its state in `words`, and what to know."""

    name: str
    tone: Tone
    words: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card. `key` is unique and stable: live updates find the card by it."""

    key: str
    title: str
    tone: Tone
    verdict: str
    rows: tuple[Row, ...] = ()
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """All that the template prints."""

    title: str
    tone: Tone
    first: str
    """The headline's first sentence: does the shop sell?"""
    middle: tuple[str, ...]
    last: str
    """The headline's last sentence: may the box be unplugged?"""
    safe_to_unplug: bool
    location_name: str
    location_id: str
    timezone: str
    now: datetime
    now_words: str
    cards: tuple[Card, ...]


LINK_WORDS: Final[Mapping[LinkState, tuple[Tone, str]]] = {
    LinkState.CONNECTED: (Tone.GOOD, "Connected"),
    LinkState.DOWN: (Tone.WARN, "Down"),
    LinkState.NEVER: (Tone.IDLE, "Never connected"),
}

DEVICE_WORDS: Final[Mapping[DeviceState, tuple[Tone, str]]] = {
    DeviceState.READY: (Tone.GOOD, "Ready"),
    DeviceState.GONE: (Tone.BAD, "Not answering"),
    DeviceState.ATTENTION: (Tone.WARN, "Needs attention"),
}

NONE_WORDS: Final = "none"
"""Stands where there is nothing to say."""

KILO: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """Says instants as seen from the report's own."""

    now_ms: int
    timezone: tzinfo

    def say(self, at: datetime | None) -> str:
        if at is None:
            return "never"
        return spoken_time(to_ms(at), self.now_ms, self.timezone)


def page_view(report: StatusReport, timezone: tzinfo) -> PageView:
    """Return what the page shows for `report`, with times in the store's `timezone`.

    The report must have its headline (`headline.with_headline`).
    """
    sentences = split_sentences(report.headline)
    times = _Times(now_ms=to_ms(report.clock.now), timezone=timezone)
    cards = _cards(report, times)
    return PageView(
        title=report.location.name or report.location.id or "Not enrolled",
        tone=_page_tone(report, cards),
        first=sentences[0],
        middle=sentences[1:-1],
        last=sentences[-1],
        safe_to_unplug=report.safe_to_unplug,
        location_name=report.location.name,
        location_id=report.location.id,
        timezone=str(timezone),
        now=report.clock.now,
        now_words=f"{report.clock.now.astimezone(timezone):%H:%M:%S}",
        cards=cards,
    )


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


def _page_tone(report: StatusReport, cards: tuple[Card, ...]) -> Tone:
    if report.selling.state is SellingState.STOPPED:
        return Tone.BAD
    troubled = any(card.tone in {Tone.WARN, Tone.BAD} for card in cards)
    return Tone.WARN if troubled else Tone.GOOD


def _cards(report: StatusReport, times: _Times) -> tuple[Card, ...]:
    return (
        _link(report, times),
        _journal(report),
        _quota(report),
        _registers(report.registers, times),
        _devices(report.devices, times),
        _storage(report),
        _clock(report, times),
        _software(report, times),
    )


def _link(report: StatusReport, times: _Times) -> Card:
    link = report.link
    tone, words = LINK_WORDS[link.state]
    rows = [
        Row(label="Last heard", value=times.say(link.last_heard)),
        Row(label="Hub", value=link.hub or NONE_WORDS, raw=True),
    ]
    if link.last_error is not None:
        rows.append(Row(label="Last error", value=link.last_error, raw=True))
    verdict = words if link.since is None else f"{words} since {times.say(link.since)}"
    return Card(key="link", title="Link to the hub", tone=tone, verdict=verdict, rows=tuple(rows))


def _journal(report: StatusReport) -> Card:
    journal = report.journal
    waiting = journal.last_seq - journal.acknowledged_seq
    if waiting == 0:
        tone, verdict = Tone.GOOD, "All at the hub"
    else:
        # A connected gateway always has a few on the way: that is work, not trouble.
        tone = Tone.GOOD if report.link.state is LinkState.CONNECTED else Tone.WARN
        if journal.unacknowledged_sales:
            verdict = f"{counted(journal.unacknowledged_sales, 'sale', 'sales')} waiting"
        else:
            verdict = f"{counted(waiting, 'entry', 'entries')} waiting"
    return Card(
        key="journal",
        title="Journal",
        tone=tone,
        verdict=verdict,
        rows=(
            Row(label="Last entry", value=f"{journal.last_seq:,}"),
            Row(label="Acknowledged", value=f"{journal.acknowledged_seq:,}"),
            Row(label="Entries waiting", value=f"{waiting:,}"),
            Row(label="Writer", value=report.writer or NONE_WORDS, raw=True),
        ),
    )


def _quota(report: StatusReport) -> Card:
    quota = report.quota
    if quota.deficits:
        tone, verdict = Tone.WARN, counted(quota.deficits, "product short", "products short")
    elif quota.skus == 0:
        tone, verdict = Tone.IDLE, "No products yet"
    else:
        tone, verdict = Tone.GOOD, f"{quota.skus - quota.empty:,} of {quota.skus:,} sellable"
    return Card(
        key="quota",
        title="Quota",
        tone=tone,
        verdict=verdict,
        rows=(
            Row(label="Products", value=f"{quota.skus:,}"),
            Row(label="Without quota", value=f"{quota.empty:,}"),
            Row(label="With a deficit", value=f"{quota.deficits:,}"),
        ),
    )


def _registers(registers: tuple[RegisterReport, ...], times: _Times) -> Card:
    live = sum(register.live for register in registers)
    items = tuple(
        Item(
            name=register.register,
            tone=Tone.GOOD if register.live else Tone.IDLE,
            words="Live" if register.live else "Silent",
            detail=_seen(register, times),
        )
        for register in registers
    )
    return Card(
        key="registers",
        title="Registers",
        tone=Tone.GOOD if live else Tone.IDLE,
        verdict=f"{live} of {len(registers)} live" if registers else "None seen yet",
        items=items,
    )


def _seen(register: RegisterReport, times: _Times) -> str:
    seen = register.last_seen
    return "Never seen" if seen is None else f"Last seen {times.say(seen)}"


def _devices(devices: tuple[DeviceReport, ...], times: _Times) -> Card:
    tones = {DEVICE_WORDS[device.state][0] for device in devices}
    troubled = sum(device.state is not DeviceState.READY for device in devices)
    if not devices:
        tone, verdict = Tone.IDLE, "None set up"
    elif troubled:
        tone = Tone.BAD if Tone.BAD in tones else Tone.WARN
        needs = "needs" if troubled == 1 else "need"
        verdict = f"{troubled} of {len(devices)} {needs} a look"
    else:
        tone, verdict = Tone.GOOD, "All ready"
    return Card(
        key="devices",
        title="Devices",
        tone=tone,
        verdict=verdict,
        items=tuple(_device(device, times) for device in devices),
    )


def _device(device: DeviceReport, times: _Times) -> Item:
    tone, words = DEVICE_WORDS[device.state]
    parts = [device.kind.value.capitalize()]
    if device.register is not None:
        parts.append(f"for {device.register}")
    parts.append(f"since {times.say(device.since)}")
    if device.waiting_jobs:
        parts.append(counted(device.waiting_jobs, "receipt waits", "receipts wait"))
    if device.detail and device.state is not DeviceState.READY:
        words = device.detail[0].upper() + device.detail[1:]
    return Item(name=device.name, tone=tone, words=words, detail=" · ".join(parts))


def _storage(report: StatusReport) -> Card:
    storage = report.storage
    rows = [
        Row(label="Data file", value=said_bytes(storage.file_bytes)),
        Row(label="Room left", value=said_bytes(storage.free_bytes)),
    ]
    if storage.last_error is not None:
        tone, verdict = Tone.BAD, "Failing"
        rows.append(Row(label="Last error", value=storage.last_error, raw=True))
    elif storage.free_bytes < FREE_BYTES_MIN:
        tone, verdict = Tone.WARN, "Nearly full"
    else:
        tone, verdict = Tone.GOOD, f"{said_bytes(storage.free_bytes)} free"
    return Card(key="storage", title="Storage", tone=tone, verdict=verdict, rows=tuple(rows))


def _clock(report: StatusReport, times: _Times) -> Card:
    synchronised = report.clock.synchronised
    return Card(
        key="clock",
        title="Clock",
        tone=Tone.GOOD if synchronised else Tone.WARN,
        verdict="Synchronised" if synchronised else "Not set",
        rows=(
            Row(label="Time zone", value=str(times.timezone)),
            Row(label="Boot", value=report.clock.boot, raw=True),
        ),
    )


def _software(report: StatusReport, times: _Times) -> Card:
    caught, aside = report.catch_up, report.set_aside
    told_aside = (
        Row(label="Set aside", value=f"{aside.count:,}, last {times.say(aside.at)}"),
        Row(label="Last set aside", value=f"{aside.item}: {aside.reason}", raw=True),
    )
    return Card(
        key="gateway",
        title="Gateway",
        tone=Tone.IDLE,
        verdict=f"Version {report.version}",
        rows=(
            Row(label="Running since", value=times.say(report.started_at)),
            Row(label="Products here", value=f"{caught.products:,}"),
            Row(label="Orders here", value=f"{caught.orders:,}"),
            Row(
                label="Catching up",
                value=progress(caught.taken, caught.ahead) if caught.ahead else "Done",
            ),
            Row(label="Feed cursor", value=f"{caught.feed_cursor:,}"),
            *(told_aside if aside.count else ()),
        ),
    )
