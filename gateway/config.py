"""The gateway's settings; `docs/operating.md` explains each, and a test compares the two."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devices.paper import Dots, Language, Mode

Baud = Literal[1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200]
"""Speeds that RS-232 devices are set to."""


class ScannerSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A serial scanner and the register that owns what it reads.

    `device` is a device file or `usb:VENDOR:PRODUCT[:SERIAL]` (`devices.usb`); `baud` is for
    RS-232.
    """

    device: Annotated[str, Meta(min_length=1, max_length=255)]
    register: Annotated[str, Meta(min_length=1, max_length=64)]
    baud: Baud = 9_600


class PrinterSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receipt printer: `tcp://HOST:PORT` or a device file, and the registers that print on it.

    `drawer` says which level of the drawer's switch means open; with "none" nothing is kicked.
    `exclusive` says that nobody else prints on it, `proof` what it can say of a job
    (`docs/printing.md`).
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    address: Annotated[str, Meta(min_length=1, max_length=255)]
    registers: tuple[str, ...] = ()
    columns: Annotated[int, Meta(ge=24, le=96)] = 42
    dots: Dots = 576
    mode: Mode = "text"
    baud: Baud = 38_400
    drawer: Literal["none", "open_is_low", "open_is_high"] = "none"
    exclusive: bool = False
    proof: Literal["finished", "taken"] = "finished"
    slips: bool = False


HeadingLine = Annotated[str, Meta(min_length=1, max_length=120)]
VatNumber = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9-]{4,30}(?![\s\S])",
        description="a VAT number: 4 to 30 letters, digits and -",
    ),
]


class ReceiptSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is on this store's receipts beside the sale.

    `logo` is a PNG or JPEG file (limits in `devices.logo`). `seller` is the name in a tax invoice's
    QR code, where it is another than the store's. Without a footer a receipt says thank you.
    """

    language: Language = "en"
    digits: Literal["western", "arabic"] = "western"
    logo: Path | None = None
    header: Annotated[tuple[HeadingLine, ...], Meta(max_length=8)] = ()
    footer: Annotated[tuple[HeadingLine, ...], Meta(max_length=8)] = ()
    vat_number: VatNumber | None = None
    seller: Annotated[str, Meta(min_length=1, max_length=120)] | None = None
    barcode: bool = True


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
    receipt: ReceiptSetting = ReceiptSetting()
    basket_s: Annotated[int, Meta(ge=10, le=86_400)] = 900


PREFIX = "STORE_GATEWAY"
"""Environment variables of this program start with this."""
