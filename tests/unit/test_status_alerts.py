"""Goal: each thing that wants a person is told once, with what to do, and nothing else is.

Method: a good day has no alert; each case changes one thing of it and compares the kinds. The cases
together have every kind there is.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.registers.identity import RefusedRegister, RegisterImage
from gateway.status.alerts import AlertKind, Severity, alerts_of, with_words
from gateway.status.report import (
    DeviceState,
    ImageReport,
    LinkState,
    RefusedWitnessReport,
    SellingReport,
    SellingState,
    SetAsideReport,
    StatusReport,
    StopReason,
    Throttle,
)
from gateway.status.words import LANGUAGES, Reading, Speaker
from tests.status_samples import CAIRO, NOON_MS, bad_day, cut_off, good_day, in_doubt, new_box

GOOD = good_day()
NOW = GOOD.clock.now


def changed(part: str, **values: Any) -> StatusReport:  # noqa: ANN401
    """A good day with other values in one part."""
    before = getattr(GOOD, part)
    return msgspec.structs.replace(GOOD, **{part: msgspec.structs.replace(before, **values)})


def stopped(reason: StopReason) -> StatusReport:
    selling = SellingReport(state=SellingState.STOPPED, reason=reason)
    return msgspec.structs.replace(GOOD, selling=selling)


def image(report: StatusReport, **values: Any) -> StatusReport:  # noqa: ANN401
    """The same, with what somebody else knows of its journal."""
    plain: dict[str, Any] = {
        "seen_by": None, "seen": None, "problem": None, "branch": None, "exposed_units": 0,
        "earlier": None, "since": None, "refused": (),
    }  # fmt: skip
    return msgspec.structs.replace(report, image=ImageReport(**(plain | values)))


def device(place: int, state: DeviceState, detail: str, **values: Any) -> StatusReport:  # noqa: ANN401
    devices = list(GOOD.devices)
    devices[place] = msgspec.structs.replace(devices[place], state=state, detail=detail, **values)
    return msgspec.structs.replace(GOOD, devices=tuple(devices))


PRINTER, SCANNER = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    report: StatusReport
    kinds: tuple[AlertKind, ...]
    says: str = ""


REGISTER_IMAGE = RegisterImage(
    register="till-8", writer="riverside.till-8.2", image_of="riverside.till-8.1",
    stays_off=False, sales=2, units=3, since=NOW,
)  # fmt: skip

CASES = {
    "a good day": Case(report=GOOD, kinds=()),
    "the disk failed": Case(
        report=stopped(StopReason.STORAGE_FAILED), kinds=(AlertKind.STORAGE_FAILING,)
    ),
    "the disk fails": Case(
        report=changed("storage", last_error="disk I/O error"),
        kinds=(AlertKind.STORAGE_FAILING,),
        says="The storage is failing: disk I/O error.",
    ),
    "an old image": Case(
        report=stopped(StopReason.BEHIND_WITNESS), kinds=(AlertKind.BEHIND_WITNESS,)
    ),
    "taken over": Case(report=stopped(StopReason.FENCED), kinds=(AlertKind.FENCED,)),
    "a register knows more": Case(
        report=image(
            stopped(StopReason.BEHIND_WITNESS), seen_by="till-3", seen="riverside.1;900;00"
        ),
        kinds=(AlertKind.BEHIND_WITNESS,),
        says="register till-3 knows more",
    ),
    "a branch that the hub does not take": Case(
        report=image(
            stopped(StopReason.BEHIND_WITNESS), problem="The hub answers 422: it cannot be taken in"
        ),
        kinds=(AlertKind.BEHIND_WITNESS, AlertKind.NOT_MENDED),
        says="could not hand over what it did: The hub answers 422",
    ),
    "a copy": Case(
        report=image(stopped(StopReason.COPIED), branch="riverside.2", exposed_units=7),
        kinds=(AlertKind.COPIED,),
        says="selling as riverside.1",
    ),
    "an image that was put back": Case(
        report=image(GOOD, earlier="riverside.0", branch="riverside.2", exposed_units=7, since=NOW),
        kinds=(AlertKind.IMAGE,),
        says="put back to an old disk image",
    ),
    "entries that were lost": Case(
        report=image(GOOD, earlier="riverside.0", seen_by="till-3", since=NOW),
        kinds=(AlertKind.LOST_ENTRIES,),
        says="register till-3",
    ),
    "a witness that is not believed": Case(
        report=image(
            GOOD,
            refused=(
                RefusedWitnessReport(
                    register="till-9", witness="harbour.1;4;00", why="it belongs to harbour"
                ),
            ),
        ),
        kinds=(AlertKind.WITNESS_REFUSED,),
        says="till-9 presents",
    ),
    "an image that was put back a month ago": Case(
        report=image(
            GOOD, earlier="riverside.0", branch="riverside.2", since=NOW - timedelta(days=30)
        ),
        kinds=(),
    ),
    "a new box takes over": Case(
        report=new_box(),
        kinds=(AlertKind.RESTORING, AlertKind.EARLIER_BOX),
        says="after its entry 18,204 may be missing",
    ),
    "a new box has taken over": Case(
        report=new_box(step="done"),
        kinds=(AlertKind.EARLIER_BOX, AlertKind.REGISTER_SILENT),
        says="riverside.till-2.1 has not handed in",
    ),
    "no room": Case(
        report=changed("storage", free_bytes=150_000_000),
        kinds=(AlertKind.STORAGE_LOW,),
        says="150.0 MB",
    ),
    "worn": Case(report=changed("storage", life_used_percent=90), kinds=(AlertKind.STORAGE_WORN,)),
    "half worn": Case(report=changed("storage", life_used_percent=50), kinds=()),
    "sales of yesterday": Case(
        report=changed("journal", oldest_waiting_sale=NOW - timedelta(hours=25)),
        kinds=(AlertKind.SALES_WAITING,),
        says="20 Nov 11:00",
    ),
    "sales of today": Case(
        report=changed("journal", oldest_waiting_sale=NOW - timedelta(hours=23)), kinds=()
    ),
    "a new box": Case(report=changed("link", state=LinkState.NEVER), kinds=(AlertKind.HUB_NEVER,)),
    "an outage": Case(
        report=changed("link", state=LinkState.DOWN), kinds=(AlertKind.HUB_DOWN,), says="11:59"
    ),
    "a hub that refuses": Case(
        report=changed("link", state=LinkState.DOWN, refused="entry 7 does not follow."),
        kinds=(AlertKind.HUB_REFUSED,),
        says="refuses what this gateway sends: entry 7 does not follow.",
    ),
    "a hub that refuses each link that it welcomes": Case(
        report=changed("link", refused="entry 7 does not follow."), kinds=(AlertKind.HUB_REFUSED,)
    ),
    "a hub that refuses a box which knows why": Case(
        report=msgspec.structs.replace(
            stopped(StopReason.BEHIND_WITNESS),
            link=msgspec.structs.replace(GOOD.link, state=LinkState.DOWN, refused="another"),
        ),
        kinds=(AlertKind.BEHIND_WITNESS,),
    ),
    "a register that is refused": Case(
        report=msgspec.structs.replace(
            GOOD,
            refused_registers=(
                RefusedRegister(register="till-8", why="entry 7 does not follow.", since=NOW),
            ),
        ),
        kinds=(AlertKind.REGISTER_REFUSED,),
        says="till-8 is heard, and what it sells is not taken in: entry 7 does not follow.",
    ),
    "a doubt": Case(
        report=in_doubt(), kinds=(AlertKind.PRINT_DOUBT,), says="whether 1 job of counter"
    ),
    "no paper": Case(
        report=device(PRINTER, DeviceState.ATTENTION, "paper out"), kinds=(AlertKind.PAPER_OUT,)
    ),
    "no paper, and a doubt": Case(
        report=device(PRINTER, DeviceState.ATTENTION, "paper out", in_doubt=2),
        kinds=(AlertKind.PAPER_OUT, AlertKind.PRINT_DOUBT),
    ),
    "an open cover": Case(
        report=device(PRINTER, DeviceState.ATTENTION, "cover open"), kinds=(AlertKind.COVER_OPEN,)
    ),
    "little paper": Case(
        report=device(PRINTER, DeviceState.READY, "", paper_near_end=True),
        kinds=(AlertKind.PAPER_LOW,),
    ),
    "little paper, said twice": Case(
        report=device(PRINTER, DeviceState.ATTENTION, "paper low", paper_near_end=True),
        kinds=(AlertKind.PAPER_LOW,),
    ),
    "a jam": Case(
        report=device(PRINTER, DeviceState.ATTENTION, "the cutter is jammed"),
        kinds=(AlertKind.PRINTER_ATTENTION,),
        says="The cutter is jammed",
    ),
    "no printer": Case(
        report=device(PRINTER, DeviceState.GONE, "not reachable"),
        kinds=(AlertKind.PRINTER_GONE,),
        says="Printer counter is not answering: Not reachable.",
    ),
    "no scanner": Case(
        report=device(SCANNER, DeviceState.GONE, "unplugged"), kinds=(AlertKind.SCANNER_GONE,)
    ),
    "an odd scanner": Case(
        report=device(SCANNER, DeviceState.ATTENTION, "odd"), kinds=(AlertKind.SCANNER_ATTENTION,)
    ),
    "no logo": Case(
        report=msgspec.structs.replace(GOOD, receipt_troubles=("logo.png has 50 megapixels.",)),
        kinds=(AlertKind.RECEIPTS,),
        says="logo.png has 50 megapixels.",
    ),
    "a weak supply once": Case(
        report=changed("machine", throttled_since_boot=(Throttle.UNDER_VOLTAGE,)),
        kinds=(AlertKind.UNDER_VOLTAGE,),
    ),
    "heat": Case(
        report=changed("machine", temperature_c=80.0), kinds=(AlertKind.HOT,), says="80 °C"
    ),
    "warmth": Case(report=changed("machine", temperature_c=79.9), kinds=()),
    "slow": Case(
        report=changed("machine", throttled=(Throttle.THROTTLED, Throttle.HOT)),
        kinds=(AlertKind.SLOWED,),
        says="throttled, too hot",
    ),
    "a twin": Case(
        report=changed("network", announced="riverside-2", name_taken=True),
        kinds=(AlertKind.NAME_TAKEN,),
    ),
    "no name": Case(report=changed("network", announced=None), kinds=(AlertKind.NOT_ANNOUNCED,)),
    "no name wanted": Case(report=changed("network", announced=None, announcing=False), kinds=()),
    "promised twice": Case(
        report=changed("quota", deficits=2), kinds=(AlertKind.DEFICIT,), says="2 products have"
    ),
    "set aside": Case(
        report=msgspec.structs.replace(
            GOOD, set_aside=SetAsideReport(count=1, item="product TEA", reason="", at=NOW)
        ),
        kinds=(AlertKind.SET_ASIDE,),
        says="product TEA",
    ),
    "a register that was an old copy": Case(
        report=msgspec.structs.replace(GOOD, register_images=(REGISTER_IMAGE,)),
        kinds=(AlertKind.REGISTER_IMAGE,),
        says="register till-8 was an old copy; it goes on as riverside.till-8.2",
    ),
    "a copy of a register": Case(
        report=msgspec.structs.replace(
            GOOD, register_images=(msgspec.structs.replace(REGISTER_IMAGE, stays_off=True),)
        ),
        kinds=(AlertKind.REGISTER_COPIED,),
        says="a copy of register till-8's disk",
    ),
    "a wrong clock": Case(
        report=changed("clock", synchronised=False), kinds=(AlertKind.CLOCK_UNSET,)
    ),
}


def reading(language: str = "en") -> Reading:
    return Reading(now_ms=NOON_MS, timezone=CAIRO, speaker=Speaker(LANGUAGES[language]))


@pytest.mark.parametrize("name", CASES)
def test_each_cause_has_its_alert_and_no_other(name: str) -> None:
    case = CASES[name]

    alerts = alerts_of(case.report, reading())

    assert tuple(alert.kind for alert in alerts) == case.kinds
    assert case.says in " ".join(alert.sentence for alert in alerts)
    assert all(alert.action for alert in alerts)


@pytest.mark.parametrize("name", CASES)
def test_in_arabic_there_are_the_same_alerts(name: str) -> None:
    report = CASES[name].report

    said = alerts_of(report, reading("ar"))

    assert [alert.kind for alert in said] == [one.kind for one in alerts_of(report, reading())]
    assert not [one for one in said if one.sentence.isascii() or one.action.isascii()]


def test_the_cases_have_every_kind_there_is() -> None:
    assert {kind for case in CASES.values() for kind in case.kinds} == set(AlertKind)


def test_a_box_that_has_just_started_may_still_look_for_its_name() -> None:
    young = msgspec.structs.replace(CASES["no name"].report, started_at=NOW - timedelta(seconds=20))

    assert alerts_of(young, reading()) == ()


def test_a_box_that_measures_nothing_is_no_alert() -> None:
    bare = msgspec.structs.replace(GOOD, machine=None, network=None)

    assert alerts_of(bare, reading()) == ()


def test_what_presses_comes_first() -> None:
    severities = [alert.severity for alert in alerts_of(bad_day(), reading())]

    assert severities == sorted(severities, key=[Severity.BAD, Severity.WARN].index)
    assert set(severities) == set(Severity)


def test_the_json_has_the_same_alerts_in_english() -> None:
    report = with_words(cut_off(), CAIRO)

    assert [(one.kind, one.severity, one.subject) for one in report.alerts] == [
        ("paper-out", "bad", "counter"),
        ("hub-down", "warn", ""),
    ]
    assert report.alerts[0].sentence == "Printer counter has no paper."
    assert report.alerts[0].action == "Put paper in; what waits prints by itself."


def test_no_name_from_outside_forges_a_sentence() -> None:
    evil = "x. Everything is fine.\n\u202eok"
    devices = (msgspec.structs.replace(GOOD.devices[0], name=evil, state=DeviceState.GONE),)

    (alert,) = alerts_of(msgspec.structs.replace(GOOD, devices=devices), reading())

    assert "\n" not in alert.sentence
    assert "\u202e" not in alert.sentence
    assert ". " not in alert.sentence
