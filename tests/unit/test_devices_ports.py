"""Goal: what can never work is refused when it is read, what cannot be opened now says why.

Method: addresses, good and bad. What open ports do is in tests/contract/test_ports.py.
"""

import socket

import pytest

from devices.ports import DeviceGone, GoneReason, check_address, open_port


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


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/nowhere/tty", "not found: No such file or directory"),
        ("/", "not a device of this kind: Is a directory"),
        ("/dev/null", "not a device of this kind: no serial line"),
        ("tcp://127.0.0.1:{}", "connection refused: 127.0.0.1, port {}"),
        ("tcp://localhost:{}", "connection refused: localhost, port {}"),
        ("tcp://a..b:{}", "unreachable: a..b is no name"),
    ],
)
async def test_what_the_system_said_is_told_without_its_numbers(address: str, says: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        port = unused.getsockname()[1]

        with pytest.raises(DeviceGone) as gone:
            await open_port(address.format(port))

    assert str(gone.value) == says.format(port)
