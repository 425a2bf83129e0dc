"""What a gateway says of itself over mDNS, and how that is read: the pure half of `discovery`.

TXT record: ``id`` (location), ``v`` (protocol), ``chain`` (whose gateway it is, where that is
known), ``tls`` (0 or 1), ``fp`` (SHA-256 of the certificate, hexadecimal, when TLS). Names are DNS
labels. Whatever the network says is bounded and checked here, and everything that is not exactly as
we announce it reads as nothing.
"""

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.counter.pairing import ADDRESSES_MAX, CHAIN, FINGERPRINT, LOCATION

LABEL_BYTES_MAX: Final = 63
"""RFC 1035, section 2.3.4."""

TXT_VALUE_BYTES_MAX: Final = 64
"""The longest value that we announce ourselves: a fingerprint."""

PROTOCOL: Final = re.compile(r"[1-9][0-9]{0,3}")
LOOPBACK: Final = "127.0.0.1"
IPV4: Final = 4

SUFFIX_MAX: Final = 16
"""Instances of one location on one LAN. Two are a mistake already, sixteen a broken network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a gateway says about itself."""

    location: str
    port: int
    protocol: int
    listen_host: str
    """The address it is bound to; ``0.0.0.0`` or ``::`` for all of them."""
    fingerprint: str | None = None
    """SHA-256 of its certificate, 64 hexadecimal digits; None without TLS."""
    chain: str | None = None
    """What all gateways of one hub have in common; None where the gateway knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A gateway as the network describes it: a hint, not yet an identity."""

    location: str
    hosts: tuple[str, ...]
    """IPv4 addresses, one at least: a box in two networks has one in each."""
    port: int
    protocol: int
    tls: bool
    fingerprint: str | None
    chain: str | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Base addresses, such as ``http://192.168.1.20:8460``."""
        scheme = "https" if self.tls else "http"
        return tuple(f"{scheme}://{host}:{self.port}" for host in self.hosts)


def txt_record(announcement: Announcement) -> dict[str, str]:
    """The TXT record of an announcement."""
    record = {
        "id": announcement.location,
        "v": str(announcement.protocol),
        "tls": "0" if announcement.fingerprint is None else "1",
    }
    if announcement.fingerprint is not None:
        record["fp"] = announcement.fingerprint
    if announcement.chain is not None:
        record["chain"] = announcement.chain
    return record


def label(prefix: str, location: str, attempt: int) -> str:
    """A DNS label for a location; `attempt` from 1, its suffix is shown from 2.

    A label that would be too long is cut and gets a digest of the whole, so that two long ids with
    the same beginning stay two names.
    """
    suffix = "" if attempt == 1 else f"-{attempt}"
    whole = f"{prefix}{location}{suffix}"
    if len(whole) <= LABEL_BYTES_MAX:
        return whole
    digest = hashlib.sha256(location.encode()).hexdigest()[:8]
    tail = f"-{digest}{suffix}"
    return f"{prefix}{location}"[: LABEL_BYTES_MAX - len(tail)] + tail


def labels_of(location: str) -> frozenset[str]:
    """All instance labels that gateways of a location may have on one LAN."""
    return frozenset(label("", location, attempt) for attempt in range(1, SUFFIX_MAX + 1))


def found_from(
    properties: Mapping[bytes, bytes | None], addresses: Sequence[str], port: int | None
) -> Found | None:
    """Read an instance from the network; None when anything about it is not as we announce it.

    Unknown TXT keys are ignored: a newer gateway may say more.
    """
    text = {key: _ascii(properties.get(key.encode())) for key in ("id", "v", "tls", "fp", "chain")}
    fingerprint, chain = text["fp"] or None, text["chain"] or None
    tls = text["tls"] == "1"
    sound = (
        LOCATION.fullmatch(text["id"]) is not None
        and PROTOCOL.fullmatch(text["v"]) is not None
        and text["tls"] in {"0", "1"}
        and tls == (fingerprint is not None)
        and (fingerprint is None or FINGERPRINT.fullmatch(fingerprint) is not None)
        and (chain is None or CHAIN.fullmatch(chain) is not None)
        and port is not None
        and 0 < port < 2**16
    )
    hosts = tuple(address for address in addresses if _is_ipv4(address))[:ADDRESSES_MAX]
    if not sound or not hosts or port is None:
        return None
    return Found(
        location=text["id"],
        hosts=hosts,
        port=port,
        protocol=int(text["v"]),
        tls=tls,
        fingerprint=fingerprint,
        chain=chain,
    )


def announced_addresses(listen_host: str, present: Sequence[str]) -> list[str]:
    """The IPv4 addresses under which a gateway bound to `listen_host` is reached.

    `present` are those of the machine. Loopback is announced only where there is nothing else, or
    where the gateway listens on nothing else. Empty when it listens on one IPv6 address only.
    """
    try:
        host = ipaddress.ip_address(LOOPBACK if listen_host == "localhost" else listen_host)
    except ValueError:
        host = ipaddress.ip_address("0.0.0.0")  # noqa: S104  a host name may mean any of them
    if host.is_unspecified:
        return [address for address in present if not _is_loopback(address)] or [LOOPBACK]
    return [str(host)] if host.version == IPV4 else []


def _ascii(value: bytes | None) -> str:
    """A TXT value as text; empty for what is missing, too long or not ASCII."""
    if value is None or len(value) > TXT_VALUE_BYTES_MAX:
        return ""
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        return ""


def _is_ipv4(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == IPV4
    except ValueError:
        return False


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback
