"""Goal: a configuration that can never work is refused when it is read, with a sentence.

Method: addresses, good and bad. What open ports do is in tests/contract/test_ports.py.
"""

import pytest

from devices.ports import DeviceGone, GoneReason, check_address


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:9100", "tcp://printer.local:9100", "tcp://[::1]:9100", "/dev/ttyACM0"],
)
def test_an_address_or_a_device_path_is_taken(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "printer:9100",
        "tcp://printer",
        "tcp://:9100",
        "tcp://printer:0",
        "tcp://printer:99999",
        "tcp://printer:9100/queue",
        "tcp://me@printer:9100",
        "tcp://[::1",
        "http://printer:9100",
        "dev/ttyACM0",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="neither tcp://HOST:PORT nor the path"):
        check_address(address)


def test_the_error_says_what_a_person_can_act_on() -> None:
    gone = DeviceGone(GoneReason.DENIED, "[Errno 13] /dev/ttyACM0")

    assert str(gone) == "permission denied: [Errno 13] /dev/ttyACM0"
