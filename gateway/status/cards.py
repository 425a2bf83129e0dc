"""The status page as a value: a report in words, figures and tones, in the reader's language. Pure.

Times are said in the store's zone, as in the headline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from gateway.status.alerts import Alert, alerts_of
from gateway.status.box_cards import (
    clock_card,
    errors_card,
    gateway_card,
    machine_card,
    network_card,
    storage_card,
)
from gateway.status.card import Card, Tone
from gateway.status.headline import facts_of, sentences
from gateway.status.life_cards import life_cards
from gateway.status.report import SellingState, StatusReport, to_ms
from gateway.status.shop_cards import (
    devices_card,
    journal_card,
    link_card,
    quota_card,
    registers_card,
)
from gateway.status.words import FIRST, LANGUAGES, Language, Reading, Speaker

SPEAKERS: Final[Mapping[str, Speaker]] = {
    tag: Speaker(language) for tag, language in LANGUAGES.items()
}
"""One for each language of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """All that the template prints."""

    speaker: Speaker
    title: str
    tone: Tone
    first: str
    """The headline's first sentence: does the shop sell?"""
    middle: tuple[str, ...]
    last: str
    """The headline's last sentence: may the box be unplugged?"""
    safe_to_unplug: bool
    alerts: tuple[Alert, ...]
    location_name: str
    location_id: str
    timezone: str
    now: datetime
    now_words: str
    cards: tuple[Card, ...]

    @property
    def language(self) -> Language:
        """What it is written in."""
        return self.speaker.language


def page_view(report: StatusReport, timezone: tzinfo, language: str = FIRST) -> PageView:
    """Return what the page shows for `report`, with times in the store's `timezone`."""
    speaker = SPEAKERS[language]
    reading = Reading(now_ms=to_ms(report.clock.now), timezone=timezone, speaker=speaker)
    said = sentences(facts_of(report), reading)
    alerts = alerts_of(report, reading)
    cards = _cards(report, reading)
    location = report.location
    return PageView(
        speaker=speaker,
        title=location.name or location.id or speaker.say("page.not_enrolled"),
        tone=_page_tone(report, cards, alerts),
        first=said[0],
        middle=said[1:-1],
        last=said[-1],
        safe_to_unplug=report.safe_to_unplug,
        alerts=alerts,
        location_name=location.name,
        location_id=location.id,
        timezone=str(timezone),
        now=report.clock.now,
        now_words=f"{report.clock.now.astimezone(timezone):%H:%M:%S}",
        cards=cards,
    )


def _page_tone(report: StatusReport, cards: tuple[Card, ...], alerts: tuple[Alert, ...]) -> Tone:
    if report.selling.state is SellingState.STOPPED:
        return Tone.BAD
    troubled = any(card.tone in {Tone.WARN, Tone.BAD} for card in cards)
    return Tone.WARN if troubled or alerts else Tone.GOOD


def _cards(report: StatusReport, reading: Reading) -> tuple[Card, ...]:
    return (
        *life_cards(report, reading),
        link_card(report, reading),
        journal_card(report, reading),
        quota_card(report, reading),
        registers_card(report, reading),
        devices_card(report, reading),
        storage_card(report, reading),
        network_card(report.network, reading),
        machine_card(report.machine, reading),
        clock_card(report, reading),
        gateway_card(report, reading),
        errors_card(report, reading),
    )
