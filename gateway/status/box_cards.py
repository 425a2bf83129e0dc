"""The cards about the box: storage, network, clock, machine, errors and versions. Pure."""

from typing import Final

from gateway.status.alerts import LIFE_PERCENT_MAX, TEMPERATURE_C_MAX
from gateway.status.amounts import hours_or_days, said_bytes
from gateway.status.card import Card, Item, Row, Tone, joined
from gateway.status.headline import FREE_BYTES_MIN, progress
from gateway.status.report import (
    ErrorReport,
    InterfaceReport,
    MachineReport,
    NetworkReport,
    StatusReport,
    StorageReport,
    Throttle,
    to_ms,
)
from gateway.status.words import Reading

ERRORS_SHOWN_MAX: Final = 8
"""On the page; the JSON and the diagnostics have all that are remembered."""


def storage_card(report: StatusReport, reading: Reading) -> Card:
    """Room, and how much is written: flash wears out."""
    say, storage = reading.speaker.say, report.storage
    rows = [
        Row(label=say("storage.file"), value=said_bytes(storage.file_bytes)),
        Row(label=say("storage.room"), value=said_bytes(storage.free_bytes)),
        *_wear(storage, reading),
    ]
    if storage.last_error is not None:
        tone, verdict = Tone.BAD, say("storage.failing")
        rows.append(Row(label=say("last_error"), value=storage.last_error, raw=True))
    elif storage.free_bytes < FREE_BYTES_MIN:
        tone, verdict = Tone.WARN, say("storage.low")
    else:
        worn = (storage.life_used_percent or 0) > LIFE_PERCENT_MAX
        tone = Tone.WARN if worn else Tone.GOOD
        verdict = say("storage.free", room=said_bytes(storage.free_bytes))
    return Card(
        key="storage", title=say("card.storage"), tone=tone, verdict=verdict, rows=tuple(rows)
    )


def _wear(storage: StorageReport, reading: Reading) -> list[Row]:
    say = reading.speaker.say
    unmeasured = say("unmeasured")
    if storage.written_per_day is not None:
        per_day = said_bytes(storage.written_per_day)
    else:
        per_day = unmeasured if storage.written_bytes is None else say("storage.too_early")
    rows = [
        Row(label=say("storage.written"), value=_measured(storage.written_bytes, unmeasured)),
        Row(label=say("storage.per_day"), value=per_day),
    ]
    if storage.device is None:
        return rows
    used = storage.life_used_percent
    life = say("storage.untold") if used is None else say("storage.up_to", percent=str(used))
    return [
        *rows,
        Row(label=say("storage.disk"), value=storage.device, raw=True),
        Row(
            label=say("storage.disk_written"),
            value=_measured(storage.device_written_bytes, unmeasured),
        ),
        Row(label=say("storage.life"), value=life),
    ]


def _measured(size_bytes: int | None, unmeasured: str) -> str:
    return unmeasured if size_bytes is None else said_bytes(size_bytes)


def network_card(network: NetworkReport | None, reading: Reading) -> Card:
    """How this box is found and reached."""
    say = reading.speaker.say
    title = say("card.network")
    if network is None:
        return Card(key="network", title=title, tone=Tone.IDLE, verdict=say("unmeasured"))
    if network.name_taken:
        tone, verdict = Tone.WARN, say("network.taken")
    elif network.announced is not None:
        tone, verdict = Tone.GOOD, say("network.announced", name=network.announced)
    elif network.announcing:
        tone, verdict = Tone.WARN, say("network.silent")
    else:
        tone, verdict = Tone.IDLE, say("network.unwanted")
    return Card(
        key="network",
        title=title,
        tone=tone,
        verdict=verdict if network.interfaces else say("network.none"),
        rows=(
            Row(label=say("network.host"), value=network.host_name, raw=True),
            Row(label=say("network.port"), value=str(network.port), raw=True),
            Row(label=say("network.name"), value=_service(network, say("none")), raw=True),
        ),
        items=tuple(_interface(one, reading) for one in network.interfaces),
    )


def _service(network: NetworkReport, none: str) -> str:
    return none if network.announced is None else f"{network.announced}._storegw._tcp.local"


def _interface(interface: InterfaceReport, reading: Reading) -> Item:
    speaker = reading.speaker
    facts = [speaker.isolated(address) for address in interface.addresses]
    if interface.signal_dbm is not None:
        facts.append(speaker.say("network.signal", dbm=f"{interface.signal_dbm} dBm"))
    return Item(
        name=interface.name,
        tone=Tone.GOOD if interface.up else Tone.IDLE,
        words=speaker.say("network.up" if interface.up else "network.down"),
        detail=joined(facts),
    )


def clock_card(report: StatusReport, reading: Reading) -> Card:
    """Whether the time can be believed."""
    say, synchronised = reading.speaker.say, report.clock.synchronised
    return Card(
        key="clock",
        title=say("card.clock"),
        tone=Tone.GOOD if synchronised else Tone.WARN,
        verdict=say("clock.synchronised" if synchronised else "clock.unset"),
        rows=(
            Row(label=say("clock.zone"), value=str(reading.timezone)),
            Row(label=say("clock.boot"), value=report.clock.boot, raw=True),
        ),
    )


def machine_card(machine: MachineReport | None, reading: Reading) -> Card:
    """The box's health; what it does not measure is said to be unmeasured."""
    say = reading.speaker.say
    title, unmeasured = say("card.machine"), say("unmeasured")
    if machine is None:
        return Card(key="machine", title=title, tone=Tone.IDLE, verdict=say("machine.unmeasured"))
    temperature = machine.temperature_c
    degrees = None if temperature is None else f"{temperature:.0f}"
    if degrees is not None and temperature is not None and temperature >= TEMPERATURE_C_MAX:
        tone, verdict = Tone.WARN, say("machine.hot", temperature=degrees)
    elif machine.throttled:
        tone, verdict = Tone.WARN, say("machine.slowed")
    elif degrees is not None:
        tone, verdict = Tone.GOOD, say("machine.good", temperature=degrees)
    elif machine.throttled is not None:
        tone, verdict = Tone.GOOD, say("machine.well")
    else:
        tone, verdict = Tone.IDLE, say("machine.unmeasured")
    shown = unmeasured if degrees is None else say("machine.good", temperature=degrees)
    return Card(
        key="machine",
        title=title,
        tone=tone,
        verdict=verdict,
        rows=(
            Row(label=say("machine.model"), value=machine.model or unmeasured),
            Row(label=say("machine.temperature"), value=shown),
            Row(label=say("machine.throttled"), value=_throttles(machine.throttled, reading)),
            Row(
                label=say("machine.since_boot"),
                value=_throttles(machine.throttled_since_boot, reading),
            ),
            Row(label=say("machine.uptime"), value=_uptime(machine.uptime_s, reading)),
        ),
    )


def _throttles(flags: tuple[Throttle, ...] | None, reading: Reading) -> str:
    say = reading.speaker.say
    if flags is None:
        return say("unmeasured")
    return joined([say(f"throttle.{flag.value}") for flag in flags]) or say("no")


def _uptime(uptime_s: int | None, reading: Reading) -> str:
    if uptime_s is None:
        return reading.speaker.say("unmeasured")
    unit, quantity = hours_or_days(uptime_s)
    return reading.speaker.say(f"machine.{unit}", quantity)


def errors_card(report: StatusReport, reading: Reading) -> Card:
    """What the log complained of, the latest first."""
    say, errors = reading.speaker.say, report.errors
    return Card(
        key="errors",
        title=say("card.errors"),
        tone=Tone.IDLE,
        verdict=say("errors.some", len(errors)) if errors else say("errors.none"),
        items=tuple(_error(error, reading) for error in errors[:ERRORS_SHOWN_MAX]),
    )


def _error(error: ErrorReport, reading: Reading) -> Item:
    at, since = reading.time(to_ms(error.at)), reading.time(to_ms(error.first_at))
    return Item(
        name=error.message,
        tone=Tone.IDLE,
        words="",
        detail=joined(
            [
                reading.speaker.say("errors.times", error.count, at=at, since=since),
                reading.speaker.isolated(error.logger),
            ]
        ),
    )


def gateway_card(report: StatusReport, reading: Reading) -> Card:
    """The program and what it holds."""
    say, number = reading.speaker.say, reading.speaker.number
    caught, aside = report.catch_up, report.set_aside
    rows = [
        Row(label=say("gateway.started"), value=reading.time(to_ms(report.started_at))),
        Row(label=say("gateway.products"), value=number(caught.products)),
        Row(label=say("gateway.orders"), value=number(caught.orders)),
        Row(
            label=say("gateway.catching_up"),
            value=progress(caught.taken, caught.ahead, reading)
            if caught.ahead
            else say("gateway.done"),
        ),
        Row(label=say("gateway.cursor"), value=number(caught.feed_cursor)),
    ]
    if aside.count:
        at = say("never") if aside.at is None else reading.time(to_ms(aside.at))
        rows += [
            Row(label=say("gateway.aside"), value=say("gateway.aside_count", aside.count, at=at)),
            Row(label=say("gateway.aside_last"), value=f"{aside.item}: {aside.reason}", raw=True),
        ]
    versions = report.versions
    if versions is not None:
        schema = ", ".join(f"{name} {version}" for name, version in sorted(versions.schema.items()))
        rows += [
            Row(label=say("gateway.schema"), value=schema, raw=True),
            Row(label=say("gateway.protocol"), value=str(versions.protocol), raw=True),
            Row(label=say("gateway.python"), value=versions.python, raw=True),
            Row(label=say("gateway.sqlite"), value=versions.sqlite, raw=True),
            Row(label=say("gateway.kernel"), value=versions.kernel, raw=True),
        ]
    return Card(
        key="gateway",
        title=say("card.gateway"),
        tone=Tone.IDLE,
        verdict=say("gateway.version", version=report.version),
        rows=tuple(rows),
    )
