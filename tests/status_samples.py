"""Status reports for tests and for the pictures in docs/: a good day and a bad one."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.registers.identity import RegisterState
from gateway.status.alerts import with_words
from gateway.status.report import (
    CatchUpReport,
    ClockReport,
    DeviceKind,
    DeviceReport,
    DeviceState,
    DeviceTest,
    DoubtfulJob,
    EarlierBox,
    ErrorReport,
    InterfaceReport,
    JournalReport,
    LineReport,
    LinkReport,
    LinkState,
    Location,
    MachineReport,
    NetworkReport,
    NewBoxReport,
    QuotaReport,
    RegisterReport,
    SellingReport,
    SellingState,
    SetAsideReport,
    StatusReport,
    StopReason,
    StorageReport,
    Throttle,
    VersionsReport,
    moment,
)

CAIRO: Final = ZoneInfo("Africa/Cairo")

NOON_MS: Final = 1_795_255_200_000
"""2026-11-21 10:00 UTC, 12:00 in Cairo."""


def good_day(now_ms: int = NOON_MS) -> StatusReport:
    """Everything works: connected, everything acknowledged, all devices ready."""
    now = moment(now_ms)
    return with_words(
        StatusReport(
            location=Location(id="riverside", name="Riverside Market"),
            writer="riverside.1",
            link=LinkReport(
                state=LinkState.CONNECTED,
                since=now - timedelta(hours=5, minutes=12),
                last_heard=now - timedelta(seconds=4),
                hub="https://hub.example.com",
                last_error=None,
            ),
            journal=JournalReport(last_seq=18_204, acknowledged_seq=18_204, unacknowledged_sales=0),
            quota=QuotaReport(skus=4_312, empty=86, deficits=0),
            registers=(
                RegisterReport(register="till-1", last_seen=now, live=True),
                RegisterReport(register="till-2", last_seen=now, live=True),
                RegisterReport(register="till-3", last_seen=now - timedelta(hours=14), live=False),
            ),
            devices=(
                DeviceReport(
                    name="counter",
                    kind=DeviceKind.PRINTER,
                    state=DeviceState.READY,
                    detail="",
                    since=now - timedelta(hours=4),
                    register="till-1",
                    waiting_jobs=0,
                    paper_near_end=False,
                    drawer_open=False,
                    tests=(DeviceTest.PRINT, DeviceTest.TICKET, DeviceTest.KICK),
                ),
                DeviceReport(
                    name="/dev/ttyACM0",
                    kind=DeviceKind.SCANNER,
                    state=DeviceState.READY,
                    detail="",
                    since=now - timedelta(hours=4),
                    register="till-1",
                    waiting_jobs=0,
                    last_scan=now - timedelta(minutes=2),
                    tests=(DeviceTest.SCAN,),
                ),
            ),
            storage=StorageReport(
                file_bytes=48_234_496,
                free_bytes=21_700_000_000,
                last_error=None,
                written_bytes=1_940_000_000,
                written_per_day=317_000_000,
                device="mmcblk0",
                device_written_bytes=2_610_000_000,
            ),
            clock=ClockReport(
                synchronised=True, now=now, boot="7c1f5a0e-2f0b-4d0e-9a53-5d1f0c6b8e21"
            ),
            selling=SellingReport(state=SellingState.NORMAL, reason=None),
            catch_up=CatchUpReport(products=4_312, orders=18, feed_cursor=9_377, taken=0, ahead=0),
            set_aside=SetAsideReport(count=0, item=None, reason=None, at=None),
            version="0.1.0",
            started_at=now - timedelta(days=6, hours=3),
            network=NetworkReport(
                host_name="countertop",
                port=8460,
                interfaces=(
                    InterfaceReport(name="eth0", up=True, addresses=("192.168.1.20", "fd00::14")),
                    InterfaceReport(
                        name="wlan0", up=True, addresses=("192.168.7.3",), signal_dbm=-61
                    ),
                ),
                announcing=True,
                announced="riverside",
                name_taken=False,
                round_trip_ms=38.2,
                line=LineReport(minutes=5, in_touch_percent=100, resent_percent=0.4),
            ),
            machine=MachineReport(
                model="Raspberry Pi 5 Model B Rev 1.0",
                uptime_s=530_000,
                temperature_c=51.3,
                throttled=(),
                throttled_since_boot=(),
            ),
            versions=VersionsReport(
                gateway="0.1.0",
                protocol=2,
                schema={"gateway": 7, "replica": 2},
                python="3.11.7",
                sqlite="3.50.4",
                kernel="6.12.47+rpt-rpi-2712",
            ),
        ),
        CAIRO,
    )


def cut_off(now_ms: int = NOON_MS) -> StatusReport:
    """An ordinary outage: the internet is down, the shop sells, 212 sales wait."""
    good = good_day(now_ms)
    now = good.clock.now
    counter, scanner = good.devices
    return with_words(
        msgspec.structs.replace(
            good,
            link=msgspec.structs.replace(
                good.link,
                state=LinkState.DOWN,
                since=now - timedelta(minutes=47),
                last_heard=now - timedelta(minutes=47),
                last_error="Cannot connect to host hub.example.com:443: Network is unreachable",
            ),
            journal=JournalReport(
                last_seq=18_431, acknowledged_seq=18_204, unacknowledged_sales=212
            ),
            devices=(
                msgspec.structs.replace(
                    counter,
                    state=DeviceState.ATTENTION,
                    detail="paper out",
                    since=now - timedelta(minutes=3),
                    waiting_jobs=2,
                ),
                scanner,
            ),
            network=msgspec.structs.replace(
                _network(good),
                round_trip_ms=None,
                line=LineReport(minutes=5, in_touch_percent=0, resent_percent=None),
            ),
            errors=(
                ErrorReport(
                    at=now - timedelta(minutes=47),
                    first_at=now - timedelta(days=1, hours=2),
                    count=3,
                    level="warning",
                    logger="gateway.link.uplink",
                    message="hub link down: the hub did not answer within 5 s",
                ),
            ),
        ),
        CAIRO,
    )


def in_doubt(now_ms: int = NOON_MS) -> StatusReport:
    """A good day but for one receipt: nobody knows whether it is on paper."""
    good = good_day(now_ms)
    counter, scanner = good.devices
    return with_words(
        msgspec.structs.replace(
            good,
            devices=(
                msgspec.structs.replace(
                    counter,
                    state=DeviceState.ATTENTION,
                    detail="look whether it was printed: Receipt riverside.1-18204",
                    in_doubt=1,
                ),
                scanner,
            ),
            doubtful_jobs=(
                DoubtfulJob(id=412, printer="counter", title="Receipt riverside.1-18204"),
            ),
        ),
        CAIRO,
    )


def register_gone(now_ms: int = NOON_MS) -> StatusReport:
    """A good day, but a register that sells alone is away, and one was replaced unheard."""
    now = moment(now_ms)

    def alone(register: str, state: RegisterState, box: int, hours: int = 0) -> RegisterReport:
        writer = f"riverside.{register}.{box}"
        return RegisterReport(
            register=writer if state is RegisterState.REPLACED else register,
            last_seen=now - timedelta(hours=hours),
            live=state is RegisterState.CONNECTED,
            alone=state,
            to_hub=0,
            writer=writer,
        )

    return with_words(
        msgspec.structs.replace(
            good_day(now_ms),
            registers=(
                alone("till-1", RegisterState.CONNECTED, 2),
                alone("till-1", RegisterState.REPLACED, 1, hours=30),
                alone("till-2", RegisterState.LOST, 1, hours=50),
                alone("till-3", RegisterState.AWAY, 1, hours=14),
            ),
        ),
        CAIRO,
    )


def new_box(now_ms: int = NOON_MS, *, step: str = "journals") -> StatusReport:
    """Another box has taken the place of one that burnt: it takes over, or has (`done`)."""
    good, now = good_day(now_ms), moment(now_ms)
    is_done = step == "done"
    report = NewBoxReport(
        step=step,
        began=now - timedelta(minutes=3),
        ended=now - timedelta(minutes=1) if is_done else None,
        error=None if is_done else "the hub is not heard: Cannot connect to host",
        tokens=9,
        counters=4_312,
        entries=18_204 if is_done else 6_500,
        requests=17_020 if is_done else 6_231,
        earlier=(
            EarlierBox(
                writer="riverside.1", last_seq=18_204, last_heard=now - timedelta(minutes=31),
                is_open=True,
            ),
        ),
        silent=("riverside.till-2.1",) if is_done else (),
    )  # fmt: skip
    selling, link = good.selling, good.link
    if not is_done:
        selling = SellingReport(state=SellingState.STOPPED, reason=StopReason.RESTORING)
        link = msgspec.structs.replace(link, state=LinkState.NEVER, since=None, last_heard=None)
    changed = msgspec.structs.replace(
        good, writer="riverside.2", selling=selling, link=link, new_box=report
    )
    return with_words(changed, CAIRO)


def bad_day(now_ms: int = NOON_MS) -> StatusReport:
    """Everything is wrong at once, in long words and in two scripts."""
    cut = cut_off(now_ms)
    now = cut.clock.now
    return with_words(
        msgspec.structs.replace(
            cut,
            location=Location(
                id="riverside-" + "very-long-" * 5 + "end",
                name="سوق النهر — Riverside Market and Garden Centre, Upper Floor",
            ),
            link=msgspec.structs.replace(
                cut.link,
                since=now - timedelta(days=3),
                last_heard=now - timedelta(days=3),
                hub="https://countertop-hub." + "subdomain." * 8 + "example.com:8443/base",
                last_error="TLS handshake failed: " + "x" * 200,
            ),
            journal=JournalReport(
                last_seq=1_918_431,
                acknowledged_seq=1_204,
                unacknowledged_sales=1_912_212,
                oldest_waiting_sale=now - timedelta(days=3),
            ),
            quota=QuotaReport(skus=92_331, empty=41_086, deficits=17),
            registers=tuple(
                RegisterReport(
                    register=f"till-{number}-at-the-far-end-of-the-hall",
                    last_seen=(now, None, now - timedelta(days=2))[(number - 1) % 3],
                    live=number % 3 == 1,
                )
                for number in range(1, 9)
            ),
            devices=(
                *cut.devices,
                msgspec.structs.replace(
                    cut.devices[1],
                    name="/dev/serial/by-id/usb-" + "Honeywell_" * 6 + "if00",
                    state=DeviceState.GONE,
                    detail="unplugged",
                ),
                msgspec.structs.replace(
                    cut.devices[0], name="المطبخ", detail="the cutter is jammed", waiting_jobs=114
                ),
            ),
            storage=StorageReport(
                file_bytes=9_812_000_000,
                free_bytes=41_000_000,
                last_error="database or disk is full (SQLITE_FULL) on /var/lib/countertop/data",
            ),
            clock=msgspec.structs.replace(cut.clock, synchronised=False),
            doubtful_jobs=tuple(
                DoubtfulJob(id=number, printer="المطبخ", title=f"Receipt riverside.1-{number}")
                for number in (1_918_200, 1_918_204)
            ),
            network=msgspec.structs.replace(
                _network(cut),
                host_name="countertop-" + "of-the-upper-floor-" * 3,
                interfaces=(
                    InterfaceReport(
                        name="enx" + "0123456789ab",
                        up=False,
                        addresses=("2001:db8:1234:5678:9abc:def0:1234:5678",) * 4,
                    ),
                ),
                announced=None,
                name_taken=True,
            ),
            machine=MachineReport(
                model="Raspberry Pi 3 Model B Plus Rev 1.3",
                uptime_s=400_000,
                temperature_c=84.4,
                throttled=(Throttle.UNDER_VOLTAGE, Throttle.THROTTLED, Throttle.HOT),
                throttled_since_boot=tuple(Throttle),
            ),
            set_aside=SetAsideReport(
                count=3, item="product " + "TEA-" * 12, reason="half JSON " * 12, at=now
            ),
            errors=tuple(
                ErrorReport(
                    at=now - timedelta(minutes=number),
                    first_at=now - timedelta(days=number),
                    count=10**number,
                    level="error",
                    logger="replication.adapters.group_commit",
                    message="commit failed (FullError at group_commit.py:14) " + "x" * 60 * number,
                )
                for number in range(1, 5)
            ),
            selling=SellingReport(state=SellingState.STOPPED, reason=StopReason.STORAGE_FAILED),
        ),
        CAIRO,
    )


def _network(report: StatusReport) -> NetworkReport:
    assert report.network is not None, "the good day has one"
    return report.network
