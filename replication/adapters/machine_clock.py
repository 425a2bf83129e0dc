"""Whether the wall clock can be believed, and which boot this is: both asked of the kernel.

A Raspberry Pi has no battery behind its clock. After a power cut it starts in the past and is right
only once a time daemon (systemd-timesyncd, chrony, ntpd) has heard a server. All of them tell the
kernel through ``adjtimex(2)``, so the kernel is asked, not the daemon: no D-Bus, no subprocess.

The criterion is the one of ``timedatectl`` (systemd, ``ntp_synced``): the clock is synchronised
when the kernel's maximum error is below 16 s. The kernel lets that error grow by 500 us every
second from the last correction and stops at 16 s, about nine hours later; it also boots with 16 s.
``STA_UNSYNC`` is not looked at: some daemons keep it set so that the kernel leaves the RTC alone.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

ERROR_US_MAX: Final = 16_000_000
"""``NTP_PHASE_LIMIT`` of the kernel: an error of 16 s means that nobody corrects this clock."""

CLOCK_WATCH_MS: Final = 1_000
"""The kernel's estimate grows by 500 us a second: nothing is missed by asking this often."""

BOOT_ID_PATH: Final = Path("/proc/sys/kernel/random/boot_id")
"""A random UUID that the kernel draws at each boot (random(4))."""


class _Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _Timex(ctypes.Structure):
    """``struct timex`` of <sys/timex.h>; the same on 32 and 64 bits because it is made of longs."""

    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: read, change nothing, needs no privilege
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # microseconds
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),  # the kernel may write these in a later version
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """What the kernel knows of its clock; `error_us` is None where it would not say."""

    error_us: int | None

    @property
    def synchronised(self) -> bool:
        """True when a time daemon keeps this clock right. An unknown clock is not synchronised."""
        return self.error_us is not None and self.error_us < ERROR_US_MAX


def wall_ms() -> int:
    """Wall time in milliseconds since 1970: for people; it may jump."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """A clock that never jumps, in milliseconds: for what happens outside of an event loop."""
    return time.monotonic_ns() // 1_000_000


def loop_ms() -> int:
    """The running loop's clock in milliseconds: for silences, deadlines and sessions.

    The same as `monotonic_ms` under an ordinary loop; under one with a time of its own, its time.
    """
    return int(asyncio.get_running_loop().time() * 1000)


def read_clock_status() -> ClockStatus:
    """Ask the kernel for the state of its clock: a system call of about a microsecond.

    Never raises: a sandbox that forbids the call, or a C library without it, is an unknown clock.
    """
    adjtimex = _adjtimex()
    if adjtimex is None:
        return ClockStatus(error_us=None)
    timex = _Timex(modes=0)
    if adjtimex(ctypes.byref(timex)) < 0:
        return ClockStatus(error_us=None)
    return ClockStatus(error_us=int(timex.maxerror))


class ClockWatch:
    """Whether the wall clock can be believed, asked of the kernel at most once a second."""

    def __init__(self) -> None:
        self._asked_ms = -CLOCK_WATCH_MS
        self._synchronised = False

    def __call__(self) -> bool:
        """The answer of the last second."""
        now_ms = monotonic_ms()
        if now_ms - self._asked_ms >= CLOCK_WATCH_MS:
            self._asked_ms = now_ms
            self._synchronised = read_clock_status().synchronised
        return self._synchronised


def read_boot_id(path: Path = BOOT_ID_PATH) -> str:
    """Return the id of this boot, a lower-case UUID: two readings differ only over a reboot.

    Raises:
        OSError: the kernel does not show it (not Linux, or /proc is not mounted).
        ValueError: the file holds something else.
    """
    return str(UUID(path.read_text(encoding="ascii").strip()))


@cache
def _adjtimex() -> ctypes._NamedFuncPointer | None:
    library = ctypes.CDLL(None, use_errno=True)
    try:
        function = library.adjtimex
    except AttributeError:
        return None
    function.argtypes = (ctypes.POINTER(_Timex),)
    function.restype = ctypes.c_int
    return function
