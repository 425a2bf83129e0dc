"""What the tests of running programs share: one loop, and one shop with its devices."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from devices.sim.printer import SimPrinter
from devices.sim.scanner import SimScanner
from devices.sim.wan import WanMode
from tests.programs import Shop, open_shop, until

HERE = Path(__file__).parent

PRINTING_REGISTER = "till-paper"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Programs live longer than a test: all tests here share one event loop."""
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(slots=True)
class Devices:
    """What stands in the shop."""

    printer: SimPrinter
    scanners: dict[str, SimScanner]


@pytest.fixture(scope="session")
def scanners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SimScanner]]:
    """A scanner for each of two registers."""
    folder = tmp_path_factory.mktemp("scanners")
    with SimScanner(link=folder / "one") as one, SimScanner(link=folder / "two") as two:
        yield {"till-1": one, "till-2": two}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devices(scanners: dict[str, SimScanner]) -> AsyncIterator[Devices]:
    """A printer and two scanners."""
    async with SimPrinter.listening() as printer:
        yield Devices(printer, scanners)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_shop(
    tmp_path_factory: pytest.TempPathFactory, devices: Devices
) -> AsyncIterator[Shop]:
    """The shop that most tests share."""
    root = tmp_path_factory.mktemp("shop")
    hub_config = root / "hub.toml"
    hub_config.write_text("pending_s = 10\n")
    config = root / "gateway.toml"
    config.write_text(
        "".join(
            f'[[scanners]]\ndevice = "{scanner._link}"\nregister = "{register}"\n'
            for register, scanner in devices.scanners.items()
        )
        + f'[[printers]]\nname = "counter"\naddress = "{devices.printer.address}"\n'
        + f'registers = ["{PRINTING_REGISTER}"]\n'
    )
    async with open_shop(root, options=("--config", str(config)), hub_config=hub_config) as shop:

        async def heard() -> bool:
            scanners = [row for row in (await shop.status())["devices"] if row["kind"] == "scanner"]
            return all(row["state"] == "ready" for row in scanners)

        await until(heard)  # what is typed before anyone listens is lost
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def shop(whole_shop: Shop) -> AsyncIterator[Shop]:
    """The shared shop, connected before and after each test."""
    assert asyncio.get_running_loop() is not None
    await whole_shop.connected()
    yield whole_shop
    await whole_shop.wan.set_mode(WanMode.PASS)
