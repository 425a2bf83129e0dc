"""The headline: what a shopkeeper needs to know, in sentences, most important first.

A headline is one sentence per situation that applies, in the order of `SITUATIONS`. The first says
whether the shop sells, the last whether the box may be unplugged; the page prints these two large.

    H1  the first sentence starts "Selling" or "Not selling"
    H2  the last starts "Safe to unplug: yes" exactly when every journal entry is acknowledged
    H3  `split_sentences` gives the sentences back: no free text can forge or hide one
    H4  a headline has at most `HEADLINE_CHARS_MAX` characters, whatever devices and disks report

Sentences are complete and stand alone, so that each can be tested, and translated, by itself; their
words are in the tables of `words`. The JSON's headline is in English, the page's in its reader's
language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

import msgspec

from gateway.status.device_words import slug_of
from gateway.status.report import (
    DeviceKind,
    DeviceState,
    LinkState,
    StatusReport,
    StopReason,
    to_ms,
)
from gateway.status.words import PLAIN, Reading

FREE_BYTES_MIN: Final = 200_000_000
"""Below this the disk counts as nearly full: about 12,000 sales at 16 KB written for each."""

DEVICES_NAMED_MAX: Final = 2
"""More devices than this in need are counted, not named: a headline is read at a glance."""

FREE_TEXT_CHARS_MAX: Final = 60
"""Names and errors come from outside; longer ones are cut, the cards show them whole."""

HEADLINE_CHARS_MAX: Final = 1_000

STOPPED_SENTENCES: Final[Mapping[StopReason, str]] = {
    reason: PLAIN.say(f"stopped.{reason.value}") for reason in StopReason
}
"""What a register is told while the gateway does not sell."""


PRINTER_NEEDS: Final = ("needs.paper_out", "needs.paper_low", "needs.cover_open")
"""What a printer's driver reports and there is a verb for; any other detail is quoted."""


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
    hub_refuses: bool
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


def headline(facts: Facts, now_ms: int, timezone: tzinfo) -> str:
    """Return the headline for `facts` as read at `now_ms` in the store's `timezone`, in English."""
    text = " ".join(sentences(facts, Reading(now_ms=now_ms, timezone=timezone)))
    assert len(text) <= HEADLINE_CHARS_MAX
    return text


def sentences(facts: Facts, reading: Reading) -> tuple[str, ...]:
    """The sentences that apply, most important first, in the reader's language."""
    said = (sentence(facts, reading) for sentence in SITUATIONS)
    return tuple(sentence for sentence in said if sentence is not None)


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
        hub_refuses=report.link.refused is not None,
        unacknowledged_sales=report.journal.unacknowledged_sales,
        unacknowledged_entries=(
            report.journal.last_seq - report.journal.acknowledged_seq + report.journal.to_end
        ),
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


def progress(taken: int, ahead: int, reading: Reading) -> str:
    """Return "12,400 of 100,000 items"."""
    speaker = reading.speaker
    return speaker.say("progress", taken + ahead, taken=speaker.number(taken))


def quoted(text: str, unknown: str, chars_max: int = FREE_TEXT_CHARS_MAX) -> str:
    """Return foreign text fit for the inside of one sentence: one line, no full stop, not long.

    Control and direction characters go too: they would reorder or hide the sentences after them.
    """
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    line = line.replace(". ", "; ").rstrip(". ")
    if len(line) > chars_max:
        line = line[: chars_max - 1].rstrip(". ") + "…"
    return line or unknown


def _selling(facts: Facts, reading: Reading) -> str | None:
    say = reading.speaker.say
    if facts.stopped is not None:
        return say(f"stopped.{facts.stopped.value}")
    if facts.storage_error is not None:
        return say("selling.failing", error=quoted(facts.storage_error, say("unknown")))
    return say("selling.normal")


def _link(facts: Facts, reading: Reading) -> str | None:
    say = reading.speaker.say
    if facts.stopped is StopReason.RESTORING and facts.link is LinkState.NEVER:
        return None  # the link comes late in it; what keeps it from the hub is on its card
    if facts.hub_refuses:
        return say("hub.refused")
    if facts.link is LinkState.CONNECTED:
        return say("hub.connected")
    if facts.link is LinkState.NEVER:
        return say("hub.never")
    if facts.link_since_ms is None:
        return say("hub.down")
    return say("hub.down_since", since=reading.time(facts.link_since_ms))


def _catching_up(facts: Facts, reading: Reading) -> str | None:
    if facts.items_ahead == 0:
        return None
    taken = progress(facts.items_taken, facts.items_ahead, reading)
    return reading.speaker.say("catching_up", progress=taken)


def _room(facts: Facts, reading: Reading) -> str | None:
    if facts.free_bytes >= FREE_BYTES_MIN:
        return None
    speaker = reading.speaker
    return speaker.say("room", room=speaker.number(facts.free_bytes // 1_000_000))


def _devices(facts: Facts, reading: Reading) -> str | None:
    if not facts.device_needs:
        return None
    say = reading.speaker.say
    named = [_device_need(need, reading) for need in facts.device_needs[:DEVICES_NAMED_MAX]]
    if unnamed := len(facts.device_needs) - len(named):
        named.append(say("needs.more", unnamed))
    text = say("needs.join").join(named)
    return f"{text[0].upper()}{text[1:]}."


def _device_need(need: DeviceNeed, reading: Reading) -> str:
    say = reading.speaker.say
    unknown = say("unknown")
    who = {"kind": say(f"kind.{need.kind.value}"), "name": quoted(need.name, unknown)}
    known = f"needs.{slug_of(need.detail)}"
    if need.state is DeviceState.GONE:
        text = say("needs.gone", **who)
    elif need.kind is DeviceKind.PRINTER and known in PRINTER_NEEDS:
        text = say(known, **who)
    else:
        text = say("needs.other", detail=quoted(need.detail, unknown), **who)
    return say("needs.waiting", need.waiting_jobs, need=text) if need.waiting_jobs else text


def _deficits(facts: Facts, reading: Reading) -> str | None:
    return reading.speaker.say("deficits", facts.deficit_skus) if facts.deficit_skus else None


def _clock(facts: Facts, reading: Reading) -> str | None:
    return None if facts.clock_synchronised else reading.speaker.say("clock_unset")


def _unplug(facts: Facts, reading: Reading) -> str | None:
    say = reading.speaker.say
    if safe_to_unplug(facts):
        return say("unplug.yes")
    if facts.unacknowledged_sales:
        return say("unplug.sales", facts.unacknowledged_sales)
    return say("unplug.entries", facts.unacknowledged_entries)


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
