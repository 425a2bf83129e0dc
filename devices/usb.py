"""USB devices by what they are, not by the number that the system gave them.

A serial device that is plugged in again may come back as another `/dev/ttyACM*`. Its links under
`/dev/serial/by-id` keep their names, and so does

    usb:VVVV:PPPP            vendor and product in four hexadecimal digits each, as `lsusb` shows
    usb:VVVV:PPPP:SERIAL     with the device's serial number, where two of a kind are plugged in

which is looked for anew whenever it is opened (`devices.ports.open_port`). Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, Self

USB_SCHEME: Final = "usb:"
_ADDRESS: Final = re.compile(r"usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::([^\s:]{1,126}))?")
"""A USB string descriptor holds at most 126 characters."""


class ListedPort(Protocol):
    """What of pyserial's list is looked at; None where the device does not say."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbAddress:
    """A device by its vendor, its product and, where given, its serial number."""

    vendor: int
    product: int
    serial: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `usb:VVVV:PPPP[:SERIAL]`.

        Raises:
            ValueError: it is none, with a sentence for whoever wrote it.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not usb:VENDOR:PRODUCT or usb:VENDOR:PRODUCT:SERIAL")
        return cls(vendor=int(found[1], 16), product=int(found[2], 16), serial=found[3])


def matching(address: UsbAddress, ports: Iterable[ListedPort]) -> list[str]:
    """The device files of all ports that are what the address says, by name."""
    return sorted(
        port.device
        for port in ports
        if (port.vid, port.pid) == (address.vendor, address.product)
        and address.serial in {None, port.serial_number}
    )
