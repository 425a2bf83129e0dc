"""What wants a person: a closed list of kinds, each with its sentence and with what to do.

The words of a kind stand in the tables of `words` under ``alert.<kind>`` and ``do.<kind>``;
`docs/operating.md` has the same table, drawn from them. An alert is a function of the report and
nothing else: it is there while its cause is, and nobody has to put it away.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum
from types import MappingProxyType
from typing import Final

import msgspec

from gateway.status.amounts import said_bytes
from gateway.status.device_words import said_detail, slug_of
from gateway.status.headline import FREE_BYTES_MIN, quoted, with_headline
from gateway.status.report import (
    PARTED,
    AlertReport,
    DeviceKind,
    DeviceReport,
    DeviceState,
    LinkState,
    StatusReport,
    StopReason,
    Throttle,
    to_ms,
)
from gateway.status.words import DAY_MS, Reading

SALES_WAIT_MS_MAX: Final = DAY_MS
"""Sales that are on one disk alone for longer than this are an alert of their own."""

TEMPERATURE_C_MAX: Final = 80.0
"""Where a Raspberry Pi begins to slow down; other boxes of this kind do it later."""

LIFE_PERCENT_MAX: Final = 80
"""An eMMC chip that has used more than this is to be replaced at leisure."""

DETAIL_CHARS_MAX: Final = 200
"""Of what a driver or the disk says: an alert is read, not glanced at."""

IMAGE_SHOWN_MS: Final = 7 * DAY_MS
"""A box that became a new incarnation by itself says so for a week: somebody has put back an image,
or a disk fails."""

ANNOUNCED_MS_MAX: Final = 30_000
"""After a start: taking a name takes 3 s, a network that is slow to come up some more."""


class Severity(Enum):
    """How much an alert presses; the value is its tone on the page."""

    BAD = "bad"
    """The shop does not sell, or may lose something."""
    WARN = "warn"


class AlertKind(Enum):
    """All kinds there are, in the order in which those of one severity are shown."""

    STORAGE_FAILING = "storage-failing"
    BEHIND_WITNESS = "behind-witness"
    COPIED = "copied"
    FENCED = "fenced"
    NOT_MENDED = "not-mended"
    RESTORING = "restoring"
    IMAGE = "image"
    LOST_ENTRIES = "lost-entries"
    WITNESS_REFUSED = "witness-refused"
    EARLIER_BOX = "earlier-box"
    REGISTER_SILENT = "register-silent"
    REGISTER_REFUSED = "register-refused"
    REGISTER_COPIED = "register-copied"
    REGISTER_IMAGE = "register-image"
    STORAGE_LOW = "storage-low"
    STORAGE_WORN = "storage-worn"
    SALES_WAITING = "sales-waiting"
    HUB_REFUSED = "hub-refused"
    HUB_NEVER = "hub-never"
    HUB_DOWN = "hub-down"
    PRINT_DOUBT = "print-doubt"
    PAPER_OUT = "paper-out"
    COVER_OPEN = "cover-open"
    PRINTER_GONE = "printer-gone"
    PRINTER_ATTENTION = "printer-attention"
    PAPER_LOW = "paper-low"
    RECEIPTS = "receipts"
    SCANNER_GONE = "scanner-gone"
    SCANNER_ATTENTION = "scanner-attention"
    UNDER_VOLTAGE = "under-voltage"
    HOT = "hot"
    SLOWED = "slowed"
    NAME_TAKEN = "name-taken"
    NOT_ANNOUNCED = "not-announced"
    DEFICIT = "deficit"
    SET_ASIDE = "set-aside"
    CLOCK_UNSET = "clock-unset"


SEVERITY: Final[Mapping[AlertKind, Severity]] = {
    kind: Severity.BAD
    if kind
    in {
        AlertKind.STORAGE_FAILING,
        AlertKind.BEHIND_WITNESS,
        AlertKind.COPIED,
        AlertKind.FENCED,
        AlertKind.SALES_WAITING,
        AlertKind.HUB_REFUSED,
        AlertKind.REGISTER_REFUSED,
        AlertKind.PAPER_OUT,
        AlertKind.PRINTER_GONE,
        AlertKind.SCANNER_GONE,
        AlertKind.UNDER_VOLTAGE,
    }
    else Severity.WARN
    for kind in AlertKind
}

STOPPED: Final[Mapping[StopReason, AlertKind]] = {
    StopReason.STORAGE_FAILED: AlertKind.STORAGE_FAILING,
    StopReason.BEHIND_WITNESS: AlertKind.BEHIND_WITNESS,
    StopReason.FENCED: AlertKind.FENCED,
    StopReason.COPIED: AlertKind.COPIED,
    StopReason.RESTORING: AlertKind.RESTORING,
}

PRINTER_DETAILS: Final[Mapping[str, AlertKind]] = {
    "paper_out": AlertKind.PAPER_OUT,
    "paper_low": AlertKind.PAPER_LOW,
    "cover_open": AlertKind.COVER_OPEN,
}
"""What a printer's driver reports and there is an alert of its own for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert in the reader's language; `subject` is the device or the like, or empty."""

    kind: AlertKind
    subject: str
    sentence: str
    action: str

    @property
    def severity(self) -> Severity:
        """How much it presses."""
        return SEVERITY[self.kind]


def alerts_of(report: StatusReport, reading: Reading) -> tuple[Alert, ...]:
    """All alerts of a report: what presses first, then in the order of `AlertKind`."""
    found = [alert for find in FINDERS for alert in find(report, reading)]
    order = list(AlertKind)
    return tuple(
        sorted(found, key=lambda one: (one.severity is Severity.WARN, order.index(one.kind)))
    )


def with_words(report: StatusReport, timezone: tzinfo) -> StatusReport:
    """Return `report` with its headline and its alerts, in English."""
    reading = Reading(now_ms=to_ms(report.clock.now), timezone=timezone)
    return msgspec.structs.replace(
        with_headline(report, timezone),
        alerts=tuple(
            AlertReport(
                kind=alert.kind.value,
                severity=alert.severity.value,
                subject=alert.subject,
                sentence=alert.sentence,
                action=alert.action,
            )
            for alert in alerts_of(report, reading)
        ),
    )


def _alert(
    kind: AlertKind,
    reading: Reading,
    values: Mapping[str, str] = MappingProxyType({}),
    *,
    count: int | None = None,
    subject: str = "",
) -> Alert:
    say = reading.speaker.say
    return Alert(
        kind=kind,
        subject=subject,
        sentence=say(f"alert.{kind.value}", count, **values),
        action=say(f"do.{kind.value}", **values),
    )


def _stopped(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    error, reason = report.storage.last_error, report.selling.reason
    unknown = reading.speaker.say("unknown")
    if error is not None or reason is StopReason.STORAGE_FAILED:
        detail = quoted(error or "", unknown, DETAIL_CHARS_MAX)
        yield _alert(AlertKind.STORAGE_FAILING, reading, {"detail": detail})
    if reason is not None and reason is not StopReason.STORAGE_FAILED:
        yield _alert(STOPPED[reason], reading, _whose(report, reading))


def _whose(report: StatusReport, reading: Reading) -> dict[str, str]:
    """Who knows what of this box's journal: values of the sentences about that."""
    say, image = reading.speaker.say, report.image
    said = {"who": say("who.hub"), "writer": report.writer, "units": reading.speaker.number(0)}
    if image is not None:
        if image.seen_by is not None:
            said["who"] = say("who.register", register=quoted(image.seen_by, say("unknown")))
        said["units"] = reading.speaker.number(image.exposed_units)
    return said


def _images(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    """A box that went on as a new incarnation by itself, and registers that are not believed."""
    image, say = report.image, reading.speaker.say
    if image is None:
        return
    if image.problem is not None:
        detail = quoted(image.problem, say("unknown"), DETAIL_CHARS_MAX)
        yield _alert(AlertKind.NOT_MENDED, reading, {"detail": detail})
    if image.earlier is not None and image.since is not None:
        said = {
            "writer": report.writer,
            "earlier": image.earlier,
            "branch": image.branch or "",
            "units": reading.speaker.number(image.exposed_units),
            "register": quoted(image.seen_by or "", say("unknown")),
        }
        is_image = image.branch is not None
        if reading.now_ms - to_ms(image.since) < IMAGE_SHOWN_MS:
            yield _alert(AlertKind.IMAGE if is_image else AlertKind.LOST_ENTRIES, reading, said)
    for one in image.refused:
        said = {
            "register": quoted(one.register, say("unknown")),
            "why": quoted(one.why, say("unknown"), DETAIL_CHARS_MAX),
        }
        yield _alert(AlertKind.WITNESS_REFUSED, reading, said, subject=one.register)


def _register_images(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    """Registers whose disks were old copies: what became of them, and of what they had sold."""
    number = reading.speaker.number
    for one in report.register_images:
        kind = AlertKind.REGISTER_COPIED if one.stays_off else AlertKind.REGISTER_IMAGE
        said = {
            "register": one.register,
            "writer": one.writer,
            "earlier": one.image_of,
            "sales": number(one.sales),
            "units": number(one.units),
        }
        yield _alert(kind, reading, said, subject=one.writer)


def _refused_registers(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    """Registers that are heard and not taken in: what they sell is on their disks alone."""
    unknown = reading.speaker.say("unknown")
    for one in report.refused_registers:
        said = {
            "register": quoted(one.register, unknown),
            "why": quoted(one.why, unknown, DETAIL_CHARS_MAX),
        }
        yield _alert(AlertKind.REGISTER_REFUSED, reading, said, subject=one.register)


def _storage(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    storage = report.storage
    if storage.free_bytes < FREE_BYTES_MIN:
        yield _alert(AlertKind.STORAGE_LOW, reading, {"room": said_bytes(storage.free_bytes)})
    used = storage.life_used_percent
    if used is not None and used > LIFE_PERCENT_MAX:
        yield _alert(AlertKind.STORAGE_WORN, reading, {"percent": str(used)})


def _hub(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    link, oldest = report.link, report.journal.oldest_waiting_sale
    if oldest is not None and reading.now_ms - to_ms(oldest) > SALES_WAIT_MS_MAX:
        yield _alert(AlertKind.SALES_WAITING, reading, {"since": reading.time(to_ms(oldest))})
    if report.selling.reason is StopReason.RESTORING and link.state is LinkState.NEVER:
        return  # the link comes late in it
    if link.refused is not None:
        if report.selling.reason not in PARTED:  # else that is why, and says more
            detail = quoted(link.refused, reading.speaker.say("unknown"), DETAIL_CHARS_MAX)
            yield _alert(AlertKind.HUB_REFUSED, reading, {"detail": detail})
    elif link.state is LinkState.NEVER:
        yield _alert(AlertKind.HUB_NEVER, reading)
    elif link.state is LinkState.DOWN:
        heard = link.last_heard or link.since
        since = reading.speaker.say("never") if heard is None else reading.time(to_ms(heard))
        yield _alert(AlertKind.HUB_DOWN, reading, {"since": since})


def _devices(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    for device in report.devices:
        unknown = reading.speaker.say("unknown")
        name, who = device.name, {"device": quoted(device.name, unknown)}
        if device.in_doubt:
            yield _alert(AlertKind.PRINT_DOUBT, reading, who, count=device.in_doubt, subject=name)
        if device.paper_near_end:
            yield _alert(AlertKind.PAPER_LOW, reading, who, subject=name)
        kind = _device_kind(device)
        if kind is not None:
            yield _alert(kind, reading, who | _detail(kind, device, reading), subject=name)


def _receipts(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    unknown = reading.speaker.say("unknown")
    for trouble in report.receipt_troubles:
        detail = quoted(trouble, unknown, DETAIL_CHARS_MAX)
        yield _alert(AlertKind.RECEIPTS, reading, {"detail": detail})


def _device_kind(device: DeviceReport) -> AlertKind | None:
    """What is wrong with the device, beside doubts and paper that is near its end."""
    is_printer = device.kind is DeviceKind.PRINTER
    match device.state:
        case DeviceState.READY:
            return None
        case DeviceState.GONE:
            return AlertKind.PRINTER_GONE if is_printer else AlertKind.SCANNER_GONE
        case DeviceState.ATTENTION if not is_printer:
            return AlertKind.SCANNER_ATTENTION
        case DeviceState.ATTENTION:
            known = PRINTER_DETAILS.get(slug_of(device.detail))
            if known is AlertKind.PAPER_LOW and device.paper_near_end:
                return None
            if known is None and device.in_doubt:
                return None  # it waits for the same person
            return known or AlertKind.PRINTER_ATTENTION


WITH_DETAIL: Final = frozenset(
    {
        AlertKind.PRINTER_GONE,
        AlertKind.PRINTER_ATTENTION,
        AlertKind.SCANNER_GONE,
        AlertKind.SCANNER_ATTENTION,
    }
)
"""The kinds whose sentence quotes what the driver says."""


def _detail(kind: AlertKind, device: DeviceReport, reading: Reading) -> dict[str, str]:
    if kind not in WITH_DETAIL:
        return {}
    speaker = reading.speaker
    detail = said_detail(device.detail, speaker)
    return {"detail": quoted(detail, speaker.say("unknown"), DETAIL_CHARS_MAX)}


def _machine(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    machine = report.machine
    if machine is None:
        return
    now = machine.throttled or ()
    if Throttle.UNDER_VOLTAGE in (*now, *(machine.throttled_since_boot or ())):
        yield _alert(AlertKind.UNDER_VOLTAGE, reading)
    temperature = machine.temperature_c
    if temperature is not None and temperature >= TEMPERATURE_C_MAX:
        yield _alert(AlertKind.HOT, reading, {"temperature": f"{temperature:.0f}"})
    slowing = [one for one in now if one is not Throttle.UNDER_VOLTAGE]
    if slowing:
        say = reading.speaker.say
        reasons = ", ".join(say(f"throttle.{one.value}") for one in slowing)
        yield _alert(AlertKind.SLOWED, reading, {"reasons": reasons})


def _network(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    network = report.network
    if network is None:
        return
    if network.name_taken:
        yield _alert(AlertKind.NAME_TAKEN, reading)
    running_ms = reading.now_ms - to_ms(report.started_at)
    if network.announcing and network.announced is None and running_ms > ANNOUNCED_MS_MAX:
        yield _alert(AlertKind.NOT_ANNOUNCED, reading)


def _stock(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    if report.quota.deficits:
        yield _alert(AlertKind.DEFICIT, reading, count=report.quota.deficits)
    aside = report.set_aside
    if aside.count:
        item = quoted(aside.item or "", reading.speaker.say("unknown"))
        yield _alert(AlertKind.SET_ASIDE, reading, {"item": item}, count=aside.count)


def _lives(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    """What may be missing of the boxes that were here before."""
    if report.new_box is None:
        return
    for box in report.new_box.earlier:
        if box.is_open:
            said = {"writer": box.writer, "entry": reading.speaker.number(box.last_seq)}
            yield _alert(AlertKind.EARLIER_BOX, reading, said, subject=box.writer)
    for register in report.new_box.silent:
        yield _alert(AlertKind.REGISTER_SILENT, reading, {"register": register}, subject=register)


def _clock(report: StatusReport, reading: Reading) -> Iterator[Alert]:
    if not report.clock.synchronised:
        yield _alert(AlertKind.CLOCK_UNSET, reading)


FINDERS: Final[tuple[Callable[[StatusReport, Reading], Iterator[Alert]], ...]] = (
    _stopped,
    _storage,
    _hub,
    _devices,
    _receipts,
    _machine,
    _network,
    _stock,
    _lives,
    _images,
    _register_images,
    _refused_registers,
    _clock,
)
"""Each looks at one part of the report."""
