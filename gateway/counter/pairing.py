"""What a register has to know to find its gateway again, as a text: on the ticket, and on its disk.

The text is the address of the till page with what else there is to say behind a ``#``, which a
browser keeps to itself:

    http://192.168.1.20:8460/register#location=riverside&chain=5f1c...&also=10.0.0.7:8460

so that the one QR code opens the till on a phone and tells a register, whose scanner reads it,
where its gateway is. `pairing_text` writes it and `pairing_of` reads it; nothing else does.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

PATH: Final = "/register"

TEXT_CHARS_MAX: Final = 512
"""Eight addresses and a fingerprint are 330; a QR code of 512 is still read from thermal paper."""

ADDRESSES_MAX: Final = 8
"""Networks that a shop's box stands in. What is written or read beyond them is left out."""

LOCATION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CHAIN: Final = re.compile(r"[0-9a-f]{16}")
FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")

PORT_MAX: Final = 65_535

_HOST: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-fA-F:.]{2,45})\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252})(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_SCHEMES: Final = frozenset({"http", "https"})
_KEYS: Final = frozenset({"location", "chain", "also", "fp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Where a gateway is, and whose it is."""

    location: str
    addresses: tuple[str, ...]
    """Base addresses such as ``http://192.168.1.20:8460``, one at least, all with one scheme."""
    chain: str | None = None
    """What all gateways of one hub have in common; None where the gateway knows none."""
    fingerprint: str | None = None
    """SHA-256 of its certificate, 64 hexadecimal digits; None where none is pinned."""


def pairing_text(pairing: Pairing) -> str:
    """The text of a pairing; `pairing_of` reads the same pairing from it, up to the limits."""
    assert pairing.addresses, "a gateway without an address is nowhere"
    first, *others = pairing.addresses[:ADDRESSES_MAX]
    rest = [("location", pairing.location)]
    if pairing.chain is not None:
        rest.append(("chain", pairing.chain))
    rest += [("also", urlsplit(one).netloc) for one in others]
    if pairing.fingerprint is not None:
        rest.append(("fp", pairing.fingerprint))
    return f"{first}{PATH}#{urlencode(rest, safe=':[]')}"


def pairing_of(text: str) -> Pairing | None:
    """Read a pairing; None for any other text, such as that of a product's QR code."""
    if len(text) > TEXT_CHARS_MAX or not text.isascii():
        return None
    try:
        parts = urlsplit(text.strip())
        said = parse_qsl(parts.fragment, strict_parsing=True, max_num_fields=2 * ADDRESSES_MAX)
    except ValueError:
        return None
    only = {key: value for key, value in said if key != "also"}
    hosts = [parts.netloc, *(value for key, value in said if key == "also")]
    sound = (
        parts.scheme in _SCHEMES
        and parts.path == PATH
        and not parts.query
        and set(only) <= _KEYS
        and LOCATION.fullmatch(only.get("location", "")) is not None
        and (only.get("chain") is None or CHAIN.fullmatch(only["chain"]) is not None)
        and (only.get("fp") is None or FINGERPRINT.fullmatch(only["fp"]) is not None)
        and (parts.scheme == "https" or "fp" not in only)
        and all(map(_is_host, hosts))
    )
    if not sound:
        return None
    return Pairing(
        location=only["location"],
        addresses=tuple(f"{parts.scheme}://{host}" for host in hosts[:ADDRESSES_MAX]),
        chain=only.get("chain"),
        fingerprint=only.get("fp"),
    )


def _is_host(text: str) -> bool:
    """Whether a text is a name or an address, with or without a port, and nothing else."""
    shape = _HOST.fullmatch(text)
    if shape is None or int(shape["port"] or "1") > PORT_MAX:
        return False
    try:
        return shape["ipv6"] is None or ipaddress.IPv6Address(shape["ipv6"]) is not None
    except ValueError:
        return False
