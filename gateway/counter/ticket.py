"""The technician's ticket: what this box is, where it is found, and how good its line is, on paper.

It is printed at the counter, hangs beside the box, and sets up a register: its QR code is the text
of `gateway.counter.pairing`, which a phone opens as the till and a register reads with its scanner.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devices.paper import Block, Document, Gap, Language, Pair, Qr, Rule, Text
from gateway.counter.pairing import ADDRESSES_MAX, Pairing, pairing_text
from gateway.link.line_quality import Quality
from gateway.status.report import LinkState, StatusReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFacts:
    """What a ticket says, gathered at one instant."""

    location: str
    name: str
    writer: str
    chain: str | None
    addresses: tuple[str, ...]
    """Base addresses, one at least."""
    announced: str | None
    """The name on the store's network; None while there is none."""
    link: LinkState
    round_trip_ms: float | None
    quality: Quality | None
    version: str
    at: datetime.datetime
    """By the clock on the store's wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    title: str
    location: str
    writer: str
    address: str
    announced: str
    nothing: str
    hub: str
    link: Mapping[LinkState, str]
    round_trip: str
    in_touch: str
    resent: str
    version: str
    printed: str
    how: str


WORDS: Final[Mapping[Language, _Words]] = {
    "en": _Words(
        title="Status ticket",
        location="Location",
        writer="Box",
        address="Address",
        announced="Name on the network",
        nothing="none",
        hub="Hub",
        link={
            LinkState.CONNECTED: "connected",
            LinkState.DOWN: "not connected",
            LinkState.NEVER: "never connected yet",
        },
        round_trip="Round trip",
        in_touch="In touch, last {minutes} min",
        resent="Packets sent again",
        version="Version",
        printed="Printed",
        how="Scan with a phone to open the till, or with a register's scanner to set it up.",
    ),
    "ar": _Words(
        title="بطاقة حالة الجهاز",
        location="الموقع",
        writer="الجهاز",
        address="العنوان",
        announced="الاسم على الشبكة",
        nothing="لا يوجد",
        hub="الخادم المركزي",
        link={
            LinkState.CONNECTED: "متصل",
            LinkState.DOWN: "غير متصل",
            LinkState.NEVER: "لم يتصل بعد",
        },
        round_trip="زمن الذهاب والإياب",
        in_touch="مدة الاتصال، آخر {minutes} د",
        resent="حزم أعيد إرسالها",
        version="الإصدار",
        printed="طُبعت",
        how="امسح الرمز بالهاتف لفتح نقطة البيع، أو بقارئ الصندوق لإعداده.",
    ),
}


def facts_of(
    report: StatusReport,
    *,
    chain: str | None,
    addresses: Sequence[str],
    quality: Quality | None,
    zone: datetime.tzinfo,
) -> TicketFacts:
    """What a report of this instant has for a ticket; `addresses` are base addresses."""
    network = report.network
    return TicketFacts(
        location=report.location.id,
        name=report.location.name,
        writer=report.writer,
        chain=chain,
        addresses=tuple(addresses[:ADDRESSES_MAX]),
        announced=None if network is None else network.announced,
        link=report.link.state,
        round_trip_ms=None if network is None else network.round_trip_ms,
        quality=quality,
        version=report.version,
        at=report.clock.now.astimezone(zone),
    )


def ticket_of(facts: TicketFacts, language: Language) -> Document:
    """The ticket as paper."""
    return Document(language=language, blocks=tuple(_blocks(facts, WORDS[language])))


def _blocks(facts: TicketFacts, words: _Words) -> Iterator[Block]:
    yield Text(words.title, align="center", strong=True)
    yield Text(facts.name or facts.location, align="center", strong=True, big=True)
    yield Rule()
    yield Pair(words.location, facts.location)
    yield Pair(words.writer, facts.writer)
    for address in facts.addresses:
        yield Pair(words.address, address, strong=True)
    name = words.nothing if facts.announced is None else f"{facts.announced}._storegw._tcp"
    yield Pair(words.announced, name)
    yield Rule()
    yield from _line(facts, words)
    yield Rule()
    yield Pair(words.version, facts.version)
    yield Pair(words.printed, f"{facts.at:%Y-%m-%d %H:%M}")
    yield Gap()
    yield Qr(
        pairing_text(Pairing(location=facts.location, addresses=facts.addresses, chain=facts.chain))
    )
    yield Text(words.how, align="center")


def _line(facts: TicketFacts, words: _Words) -> Iterator[Block]:
    yield Pair(words.hub, words.link[facts.link])
    if facts.round_trip_ms is not None:
        yield Pair(words.round_trip, f"{facts.round_trip_ms:.0f} ms")
    quality = facts.quality
    if quality is None:
        return
    in_touch = words.in_touch.format(minutes=quality.minutes)
    yield Pair(in_touch, f"{quality.in_touch_percent} %")
    if quality.resent_percent is not None:
        yield Pair(words.resent, f"{quality.resent_percent} %")
