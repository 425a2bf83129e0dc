"""Goal: a setting works wherever it stands, and one that nobody knows stops the program at once.

Method: the commands with wrong settings, each ending with one sentence; inside this process where
they end before anything is started, and as processes otherwise.
"""

import sys
from pathlib import Path

import aiohttp
import pytest

from cloud_hub.config import PREFIX as HUB
from gateway.config import PREFIX as GATEWAY
from scripts.processes import start
from tests.programs import COMMANDS, Caller, run, told

REFUSED = 2
PRINTER = '[[printers]]\nname = "{}"\naddress = "tcp://h:1"\nregisters = ["{}"]\n'


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """Run a command that refuses; its complaint."""
    monkeypatch.setattr(sys, "argv", list(arguments))
    with pytest.raises(SystemExit) as ended:
        COMMANDS[arguments[0]]()
    assert ended.value.code == REFUSED
    return capsys.readouterr().err


def serve(program: str, data: Path, *more: str) -> list[str]:
    hub = ["--hub", "http://127.0.0.1:9", "--no-mdns"] if program == "gateway" else []
    return [program, "serve", "--data", str(data), *hub, *more]


@pytest.mark.parametrize(
    ("program", "toml", "why"),
    [
        ("gateway", "colour = 1", "colour"),
        ("cloud_hub", "colour = 1", "colour"),
        ("gateway", "enrol = 7", "enrol"),
        ("gateway", '[[printers]]\nname = "a"\naddress = "tcp://h:1"\npaper = 1', "paper"),
        ("gateway", '[[scanners]]\nregister = "a"', "device"),
        ("gateway", '[[scanners]]\nregister = "a"\ndevice = "usb:0c2e"', "usb:VENDOR:PRODUCT"),
        (
            "gateway",
            (
                '[[scanners]]\nregister = "a"\ndevice = "/dev/ttyACM0"\n'
                '[[scanners]]\nregister = "b"\ndevice = "/dev/ttyACM0"'
            ),
            "has one register",
        ),
        ("gateway", PRINTER.format("a", "t") + PRINTER.format("a", "u"), "name of its own"),
        ("gateway", PRINTER.format("a", "t") + PRINTER.format("b", "t"), "prints on one printer"),
        ("gateway", "[receipt]\nlogo = 5", "the path of a file or folder - at `$.receipt.logo`"),
        ("gateway", '[receipt]\nvat_number = "1"', "Expected a VAT number: 4 to 30 letters"),
        ("gateway", '[receipt]\nlanguage = "fr"', "(known: ar, en)"),
        ("cloud_hub", 'tax_rounding = "basket"', "(known: line, total)"),
        ("cloud_hub", 'fulfilment_rule = "cheapest"', "(known: fewest_parcels, nearest"),
        ("cloud_hub", "pending_s = 1", "pending_s"),
        ("cloud_hub", "reservation_s = 9", "reservation_s"),
        ("gateway", "basket_s = 86401", "basket_s"),
        ("cloud_hub", 'currency = "dollars"', "currency"),
        ("cloud_hub", 'standard_tax_rate = "a lot"', "standard_tax_rate"),
        ("cloud_hub", 'embedded_barcodes = ["21IIIIIIIIIIC"]', "not one weight or one price"),
        ("cloud_hub", 'embedded_barcodes = "21IIIIIWWWWWC"', "embedded_barcodes"),
        ("cloud_hub", "not toml", "toml"),
        ("gateway", None, "none.toml"),
    ],
)
def test_a_setting_in_the_file_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    program: str,
    toml: str | None,
    why: str,
) -> None:
    config = tmp_path / ("none.toml" if toml is None else "config.toml")
    if toml is not None:
        config.write_text(toml)

    data = tmp_path / "data"
    complaint = refused(monkeypatch, capsys, *serve(program, data, "--config", str(config)))

    assert why in complaint
    assert len(complaint.splitlines()) == 1
    assert not data.exists()


def test_a_file_that_is_not_utf8(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_bytes('hub = "http://bücher"'.encode("latin-1"))

    complaint = refused(
        monkeypatch, capsys, *serve("gateway", tmp_path / "data", "--config", str(config))
    )

    assert complaint.endswith("config.toml: the file is not UTF-8\n")


@pytest.mark.parametrize(
    ("program", "name", "value"),
    [
        ("gateway", f"{GATEWAY}_COLOUR", "red"),
        ("cloud_hub", f"{HUB}_COLOUR", "red"),
        ("cloud_hub", f"{HUB}_PENDING_S", "soon"),
        ("gateway", f"{GATEWAY}_SCANNERS", "[1]"),
    ],
)
def test_a_setting_in_the_environment_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    program: str,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)

    complaint = refused(monkeypatch, capsys, *serve(program, tmp_path / "data"))

    assert name.rpartition("_")[2].lower() in complaint
    assert len(complaint.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["cloud_hub", "serve"], "data"),
        (["gateway", "serve", "--data", "{}"], "hub"),
        (["cloud_hub", "serve", "--data", "{}", "--database", "oracle://x"], "sqlite://"),
        (["gateway", "token", "--data", "{}", "--role", "king"], "king"),
        (["gateway", "dance"], "dance"),
    ],
)
def test_a_command_line_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    why: str,
) -> None:
    filled = [one.format(tmp_path / "data") for one in arguments]

    assert why in refused(monkeypatch, capsys, *filled)


@pytest.mark.parametrize("program", ["gateway", "cloud_hub"])
async def test_a_refused_setting_ends_the_process_with_one_sentence(
    tmp_path: Path, program: str
) -> None:
    listen = await run(*serve(program, tmp_path / "data", "--listen", "here"))
    unknown = await run(
        *serve(program, tmp_path / "data"),
        environment={f"{GATEWAY if program == 'gateway' else HUB}_COLOUR": "red"},
    )

    for status, complaint in (listen, unknown):
        assert status == REFUSED
        assert len(complaint.splitlines()) == 1, complaint
    assert "HOST:PORT" in listen[1]
    assert "colour" in unknown[1]


async def test_the_environment_beats_the_file_and_the_command_line_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('currency = "GBP"\ntax_inclusive = true\nlisten = "127.0.0.1:1"\n')
    monkeypatch.setenv(f"{HUB}_CURRENCY", "KWD")
    monkeypatch.setenv(f"{HUB}_TAX_INCLUSIVE", "false")
    monkeypatch.setenv(f"{HUB}_LISTEN", "127.0.0.1:2")
    data = tmp_path / "hub"
    arguments = serve("cloud_hub", data, "--config", str(config), "--listen", "127.0.0.1:0")
    hub = await start("hub", arguments, log=tmp_path / "hub.log")
    try:
        async with aiohttp.ClientSession() as client:
            token = told("cloud_hub", "token", "--data", str(data), "--role", "admin")
            admin = Caller(client=client, url=hub.url, token=token)
            body = {"name": "N", "price_minor": 1_000, "currency": "KWD"}
            dinars = await admin.ask("PUT", "/v1/products/A", body=body)
            pounds = await admin.ask("PUT", "/v1/products/B", body=body | {"currency": "GBP"})
    finally:
        status = await hub.stop()

    assert dinars.status == 201
    assert pounds.refusal == (422, "invalid-request")
    assert status == 0
