"""The gateway's settings; `docs/operating.md` explains each, and a test compares the two."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta


class ScannerSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A serial scanner and the register that owns what it reads."""

    device: Annotated[str, Meta(min_length=1, max_length=255)]
    register: Annotated[str, Meta(min_length=1, max_length=64)]


class PrinterSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receipt printer: `tcp://HOST:PORT` or a device file, and the registers that print on it."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    address: Annotated[str, Meta(min_length=1, max_length=255)]
    registers: tuple[str, ...] = ()
    columns: Annotated[int, Meta(ge=24, le=96)] = 42


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings of `store-gateway serve`.

    `data` is the data directory, `listen` HOST:PORT (port 0: any free one), `hub` the base URL of
    the cloud hub, `enrol` a one-time code (ignored once enrolled), `mdns` whether to announce.
    `basket_s` is how long an open basket keeps its units.
    """

    data: Path
    listen: str = "0.0.0.0:8460"
    hub: str
    enrol: str | None = None
    mdns: bool = True
    scanners: tuple[ScannerSetting, ...] = ()
    printers: tuple[PrinterSetting, ...] = ()
    basket_s: Annotated[int, Meta(ge=10, le=86_400)] = 900


PREFIX = "STORE_GATEWAY"
"""Environment variables of this program start with this."""
