"""What a technician gives a new register: who it is, its token, and where its gateway is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.counter.discovery import find_gateways
from gateway.counter.discovery_record import Found

FIND_S_MAX: Final = 2.0
"""mDNS answers within 0.1 s where it answers at all."""

Scanner = Callable[[bytes], bool]
"""Types one code; false when it could not be typed."""


@dataclass(slots=True, kw_only=True)
class Discovery:
    """Finds one store's gateway over mDNS, else under the address that a technician typed in."""

    address: str
    say: Callable[[str], None]
    over_mdns: int = 0
    by_address: int = 0

    async def find(self, location: str) -> list[Found]:
        """For `gateway.client.World`: called at each first contact and after each lost one."""
        typed = urlsplit(self.address)
        assert typed.hostname is not None
        assert typed.port is not None
        # Another demo on this machine has gateways of the same names.
        found = [one for one in await find_gateways(FIND_S_MAX, location) if one.port == typed.port]
        if found:
            self.over_mdns += 1
            return found
        if not self.by_address:
            self.say(f"{location}: nobody answers over mDNS, a till asks at {self.address}")
        self.by_address += 1
        place = Found(
            location=location,
            hosts=(typed.hostname,),
            port=typed.port,
            protocol=1,
            tls=False,
            fingerprint=None,
        )
        return [place]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillSetting:
    """What a technician gives a new register."""

    location: str
    register: str
    token: str
    outbox: Path
    """Its directory: a thin register's outbox, or the data of one that sells alone."""
    scanner: Scanner | None = None
    sells_alone: bool = False
    """Whether it has a journal and a quota of its own, and goes on without its gateway."""
