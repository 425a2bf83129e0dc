"""The cards about the shop: its link, journal, quota, registers and devices. Pure."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from gateway.registers.identity import RegisterState
from gateway.status.card import Button, Card, Item, Row, Tone, WriteOff, joined
from gateway.status.device_words import said_detail
from gateway.status.report import (
    DeviceReport,
    DeviceState,
    DoubtfulJob,
    LinkState,
    RegisterReport,
    StatusReport,
    to_ms,
)
from gateway.status.words import Reading
from replication.ids import register_of

LINK_TONES: Final[Mapping[LinkState, Tone]] = {
    LinkState.CONNECTED: Tone.GOOD,
    LinkState.DOWN: Tone.WARN,
    LinkState.NEVER: Tone.IDLE,
}

ALONE: Final[Mapping[RegisterState, tuple[Tone, str]]] = {
    RegisterState.CONNECTED: (Tone.GOOD, "register.connected"),
    RegisterState.AWAY: (Tone.IDLE, "register.away"),
    RegisterState.REPLACED: (Tone.WARN, "register.replaced"),
    RegisterState.LOST: (Tone.WARN, "register.lost"),
}
"""Tones and words of registers that sell alone; those that are away may be switched off."""

DEVICE_TONES: Final[Mapping[DeviceState, Tone]] = {
    DeviceState.READY: Tone.GOOD,
    DeviceState.GONE: Tone.BAD,
    DeviceState.ATTENTION: Tone.WARN,
}

MAY_BE_LOST: Final = frozenset({RegisterState.AWAY, RegisterState.REPLACED})
"""What a manager may write off: one that is connected is not lost."""

TEST_BODY: Final = '{{"what":"{what}","language":"{language}"}}'


def link_card(report: StatusReport, reading: Reading) -> Card:
    """Whether the hub is heard."""
    say, link = reading.speaker.say, report.link
    heard = say("never") if link.last_heard is None else reading.time(to_ms(link.last_heard))
    rows = [
        Row(label=say("link.heard"), value=heard),
        Row(label=say("link.hub"), value=link.hub or say("none"), raw=True),
    ]
    if report.network is not None and report.network.round_trip_ms is not None:
        trip = say("link.ms", ms=f"{report.network.round_trip_ms:.0f}")
        rows.append(Row(label=say("link.round_trip"), value=trip))
    line = None if report.network is None else report.network.line
    if line is not None:
        in_touch = say("link.percent", percent=str(line.in_touch_percent))
        rows.append(Row(label=say("link.in_touch", line.minutes), value=in_touch))
        if line.resent_percent is not None:
            resent = say("link.percent", percent=f"{line.resent_percent:g}")
            rows.append(Row(label=say("link.resent"), value=resent))
    if link.last_error is not None:
        rows.append(Row(label=say("last_error"), value=link.last_error, raw=True))
    verdict = say(f"link.{link.state.value}" if link.refused is None else "link.refused")
    if link.since is not None and link.refused is None:
        verdict = say("link.since", state=verdict, since=reading.time(to_ms(link.since)))
    return Card(
        key="link",
        title=say("card.link"),
        tone=LINK_TONES[link.state] if link.refused is None else Tone.BAD,
        verdict=verdict,
        rows=tuple(rows),
    )


def journal_card(report: StatusReport, reading: Reading) -> Card:
    """How much of what was done here is at the hub."""
    say, number, journal = reading.speaker.say, reading.speaker.number, report.journal
    waiting = journal.last_seq - journal.acknowledged_seq
    if waiting == 0:
        tone, verdict = Tone.GOOD, say("journal.even")
    else:
        # A connected gateway always has a few on the way: that is work, not trouble.
        tone = Tone.GOOD if report.link.state is LinkState.CONNECTED else Tone.WARN
        if journal.unacknowledged_sales:
            verdict = say("journal.sales", journal.unacknowledged_sales)
        else:
            verdict = say("journal.entries", waiting)
    rows = [
        Row(label=say("journal.last"), value=number(journal.last_seq)),
        Row(label=say("journal.acknowledged"), value=number(journal.acknowledged_seq)),
        Row(label=say("journal.waiting"), value=number(waiting)),
    ]
    if journal.oldest_waiting_sale is not None:
        oldest = reading.time(to_ms(journal.oldest_waiting_sale))
        rows.append(Row(label=say("journal.oldest"), value=oldest))
    rows.append(Row(label=say("journal.writer"), value=report.writer or say("none"), raw=True))
    return Card(
        key="journal", title=say("card.journal"), tone=tone, verdict=verdict, rows=tuple(rows)
    )


def quota_card(report: StatusReport, reading: Reading) -> Card:
    """What can be sold."""
    say, number, quota = reading.speaker.say, reading.speaker.number, report.quota
    if quota.deficits:
        tone, verdict = Tone.WARN, say("quota.short", quota.deficits)
    elif quota.skus == 0:
        tone, verdict = Tone.IDLE, say("quota.none")
    else:
        sellable, every = number(quota.skus - quota.empty), number(quota.skus)
        tone, verdict = Tone.GOOD, say("quota.sellable", sellable=sellable, all=every)
    return Card(
        key="quota",
        title=say("card.quota"),
        tone=tone,
        verdict=verdict,
        rows=(
            Row(label=say("quota.skus"), value=number(quota.skus)),
            Row(label=say("quota.empty"), value=number(quota.empty)),
            Row(label=say("quota.deficits"), value=number(quota.deficits)),
        ),
    )


def registers_card(report: StatusReport, reading: Reading) -> Card:
    """Who sells."""
    say, registers = reading.speaker.say, report.registers
    live = sum(register.live for register in registers)
    refused = {one.register for one in report.refused_registers}
    verdict = say("registers.live", live=str(live), all=str(len(registers)))
    return Card(
        key="registers",
        title=say("card.registers"),
        tone=Tone.GOOD if live else Tone.IDLE,
        verdict=verdict if registers else say("registers.none"),
        items=tuple(
            _register(register, reading, is_refused=register.register in refused)
            for register in registers
        ),
    )


def _register(register: RegisterReport, reading: Reading, *, is_refused: bool) -> Item:
    say, seen, alone = reading.speaker.say, register.last_seen, register.alone
    if alone is RegisterState.AWAY and is_refused:
        tone, words = Tone.BAD, "register.refused"
    elif alone is not None:
        tone, words = ALONE[alone]
    elif register.live:
        tone, words = Tone.GOOD, "register.live"
    else:
        tone, words = Tone.IDLE, "register.silent"
    facts = [
        say("register.never")
        if seen is None
        else say("register.seen", since=reading.time(to_ms(seen)))
    ]
    if register.to_hub:
        facts.append(say("register.to_hub", register.to_hub))
    return Item(
        name=register.register,
        tone=tone,
        words=say(words),
        detail=joined(facts),
        write_off=_write_off(register),
    )


def _write_off(register: RegisterReport) -> WriteOff | None:
    name = None if register.writer is None else register_of(register.writer)
    if register.writer is None or name is None or register.alone not in MAY_BE_LOST:
        return None
    return WriteOff(path=f"/v1/registers/{quote(name, safe='')}/lost", writer=register.writer)


def devices_card(report: StatusReport, reading: Reading) -> Card:
    """Scanners and printers, what a technician can try, and what somebody has to settle."""
    say, devices = reading.speaker.say, report.devices
    tones = {DEVICE_TONES[device.state] for device in devices}
    troubled = sum(device.state is not DeviceState.READY for device in devices)
    if not devices:
        tone, verdict = Tone.IDLE, say("devices.none")
    elif troubled:
        tone = Tone.BAD if Tone.BAD in tones else Tone.WARN
        verdict = say("devices.look", troubled, all=str(len(devices)))
    else:
        tone, verdict = Tone.GOOD, say("devices.ready")
    return Card(
        key="devices",
        title=say("card.devices"),
        tone=tone,
        verdict=verdict,
        items=(
            *(_job(job, reading) for job in report.doubtful_jobs),
            *(_device(device, reading) for device in devices),
        ),
    )


def _device(device: DeviceReport, reading: Reading) -> Item:
    say = reading.speaker.say
    return Item(
        name=device.name,
        tone=DEVICE_TONES[device.state],
        words=_device_words(device, reading),
        detail=joined(_device_facts(device, reading)),
        buttons=tuple(
            Button(
                label=say(f"test.{test.value}"),
                path=f"/v1/devices/{quote(device.name, safe='')}/test",
                body=TEST_BODY.format(what=test.value, language=reading.speaker.language.tag),
                told=test.value,
                about=device.name,
            )
            for test in device.tests
        ),
    )


def _device_words(device: DeviceReport, reading: Reading) -> str:
    """What a driver says, translated where it is known, else as it says it."""
    speaker = reading.speaker
    if not device.detail or device.state is DeviceState.READY:
        return speaker.say(f"device.{device.state.value}")
    return said_detail(device.detail, speaker)


def _device_facts(device: DeviceReport, reading: Reading) -> list[str]:
    say = reading.speaker.say
    facts = [say(f"device.{device.kind.value}")]
    if device.register is not None:
        facts.append(say("device.register", register=device.register))
    facts.append(say("device.since", since=reading.time(to_ms(device.since))))
    if device.waiting_jobs:
        facts.append(say("device.waiting", device.waiting_jobs))
    if device.in_doubt:
        facts.append(say("device.in_doubt", device.in_doubt))
    if device.paper_near_end:
        facts.append(say("device.paper_near_end"))
    if device.drawer_open is not None:
        facts.append(say("device.drawer_open" if device.drawer_open else "device.drawer_closed"))
    if device.last_scan is not None:
        facts.append(say("device.last_scan", since=reading.time(to_ms(device.last_scan))))
    if device.last_drop is not None:
        facts.append(say("device.last_drop", since=reading.time(to_ms(device.last_drop))))
    return facts


def _job(job: DoubtfulJob, reading: Reading) -> Item:
    say = reading.speaker.say
    return Item(
        name=job.title,
        tone=Tone.WARN,
        words=say("job.doubt"),
        detail=reading.speaker.isolated(job.printer),
        buttons=tuple(
            Button(
                label=say(f"job.{answer}"),
                path=f"/v1/print-jobs/{job.id}/resolve",
                body=f'{{"printed":{printed}}}',
                told=answer,
                about=job.printer,
            )
            for answer, printed in (("yes", "true"), ("no", "false"))
        ),
    )
