"""Status reports for tests and for the pictures in docs/: a good day and a bad one."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.status.headline import with_headline
from gateway.status.report import (
    CatchUpReport,
    ClockReport,
    DeviceKind,
    DeviceReport,
    DeviceState,
    JournalReport,
    LinkReport,
    LinkState,
    Location,
    QuotaReport,
    RegisterReport,
    SellingReport,
    SellingState,
    SetAsideReport,
    StatusReport,
    StopReason,
    StorageReport,
    moment,
)

CAIRO: Final = ZoneInfo("Africa/Cairo")

NOON_MS: Final = 1_795_255_200_000
"""2026-11-21 10:00 UTC, 12:00 in Cairo."""


def good_day(now_ms: int = NOON_MS) -> StatusReport:
    """Everything works: connected, everything acknowledged, all devices ready."""
    now = moment(now_ms)
    return with_headline(
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
                ),
                DeviceReport(
                    name="/dev/ttyACM0",
                    kind=DeviceKind.SCANNER,
                    state=DeviceState.READY,
                    detail="",
                    since=now - timedelta(hours=4),
                    register="till-1",
                    waiting_jobs=0,
                ),
            ),
            storage=StorageReport(
                file_bytes=48_234_496, free_bytes=21_700_000_000, last_error=None
            ),
            clock=ClockReport(
                synchronised=True, now=now, boot="7c1f5a0e-2f0b-4d0e-9a53-5d1f0c6b8e21"
            ),
            selling=SellingReport(state=SellingState.NORMAL, reason=None),
            catch_up=CatchUpReport(products=4_312, orders=18, feed_cursor=9_377, taken=0, ahead=0),
            set_aside=SetAsideReport(count=0, item=None, reason=None, at=None),
            version="0.1.0",
            started_at=now - timedelta(days=6, hours=3),
        ),
        CAIRO,
    )


def cut_off(now_ms: int = NOON_MS) -> StatusReport:
    """An ordinary outage: the internet is down, the shop sells, 212 sales wait."""
    good = good_day(now_ms)
    now = good.clock.now
    counter, scanner = good.devices
    return with_headline(
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
        ),
        CAIRO,
    )


def bad_day(now_ms: int = NOON_MS) -> StatusReport:
    """Everything is wrong at once, in long words and in two scripts."""
    cut = cut_off(now_ms)
    now = cut.clock.now
    return with_headline(
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
                last_seq=1_918_431, acknowledged_seq=1_204, unacknowledged_sales=1_912_212
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
            selling=SellingReport(state=SellingState.STOPPED, reason=StopReason.STORAGE_FAILED),
        ),
        CAIRO,
    )
