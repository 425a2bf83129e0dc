"""Goal: a device is found by what it is, whatever number the system gave it, and never guessed.

Method: addresses and lists of ports by hand; pyserial's own list is asked once, for its shape.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.ports import DeviceGone, GoneReason, check_address, open_port, plugged_in
from devices.sim.scanner import SimScanner
from devices.usb import UsbAddress, matching


@dataclass
class Listed:
    """A port as pyserial lists it."""

    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None


BOARD = Listed("/dev/ttyS0")
ONE = Listed("/dev/ttyACM1", 0x0C2E, 0x0B61, "17350B1234")
OTHER = Listed("/dev/ttyACM0", 0x0C2E, 0x0B61, "17350B9999")


def test_an_address_is_vendor_product_and_maybe_a_serial_number() -> None:
    assert UsbAddress.parse("usb:0c2e:0B61") == UsbAddress(
        vendor=0x0C2E, product=0x0B61, serial=None
    )
    assert UsbAddress.parse("usb:0c2e:0b61:A-1/2").serial == "A-1/2"


@pytest.mark.parametrize(
    "text",
    ["usb:", "usb:0c2e", "usb:0c2e:0b6", "usb:0c2e:0b61:", "usb:wxyz:0b61", "usb:0c2e:0b61:a b",
     "usb:0c2e:0b61\n", "usb:0c2e:0b61:" + "9" * 127],
)  # fmt: skip
def test_what_is_no_address_is_refused_when_settings_are_read(text: str) -> None:
    with pytest.raises(ValueError, match="usb:VENDOR:PRODUCT"):
        check_address(text)


def test_a_device_is_found_by_what_it_is() -> None:
    ports = [BOARD, ONE, OTHER]

    assert matching(UsbAddress.parse("usb:0c2e:0b61:17350B1234"), ports) == ["/dev/ttyACM1"]
    assert matching(UsbAddress.parse("usb:0c2e:0b61"), ports) == ["/dev/ttyACM0", "/dev/ttyACM1"]
    assert matching(UsbAddress.parse("usb:05e0:1701"), ports) == []


async def test_a_device_that_is_not_plugged_in_is_not_found() -> None:
    with pytest.raises(DeviceGone, match=r"nothing that is plugged in is usb:0c2e:0b61") as gone:
        await open_port("usb:0c2e:0b61", listed=lambda: [BOARD])

    assert gone.value.reason is GoneReason.NOT_FOUND


async def test_which_of_two_is_meant_is_asked_and_not_guessed() -> None:
    with pytest.raises(DeviceGone, match=r"/dev/ttyACM0 and /dev/ttyACM1 .* serial number") as gone:
        await open_port("usb:0c2e:0b61", listed=lambda: [ONE, OTHER])

    assert gone.value.reason is GoneReason.AMBIGUOUS


async def test_the_one_that_fits_is_opened_wherever_it_is(tmp_path: Path) -> None:
    with SimScanner(link=tmp_path / "ttyACM7") as scanner:
        here = Listed(str(tmp_path / "ttyACM7"), 0x0C2E, 0x0B61)
        port = await open_port("usb:0c2e:0b61", listed=lambda: [BOARD, here])
        scanner.scan(b"123")

        assert await port.read() == b"123\r"
        await port.close()


def test_the_systems_list_has_what_is_asked_of_it() -> None:
    for port in plugged_in():
        assert isinstance(port.device, str)
        assert port.vid is None or isinstance(port.vid, int)
        assert port.serial_number is None or isinstance(port.serial_number, str)
