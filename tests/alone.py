"""A register that sells alone in a test's own process, and what its tests ask of it.

Waiting is for what the register itself announces.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.client.answers import Refusal, SaleDone, SaleRefused
from gateway.client.basket import SaleLine, Tender
from gateway.client.finding import Place
from gateway.client.register import World
from gateway.client.register_status import RegisterStatus
from gateway.client.replica import ReplicaRegister
from gateway.counter.discovery_record import Found
from gateway.status.report import LinkState
from tests.memory_parent import TOKEN, ServedParent

TEA: Final = SaleLine(sku="TEA")
CASH: Final = [Tender(type="cash", amount_minor=10_000)]
WAIT_S: Final = 20.0
LOOK_S: Final = 0.05


async def find_nobody(_location: str) -> list[Found]:
    """A network without gateways."""
    return []


STATUS: Final = RegisterStatus(
    headline="", register="till-1", writer="riverside.till-1.1", location="riverside",
    name="Riverside", gateway=None, link=LinkState.CONNECTED, since=None, last_heard=None,
    last_seq=9, at_gateway_seq=9, at_hub_seq=9, sales_waiting=0, sales_not_at_hub=0, products=3,
    goods=1, units=2, items_ahead=0, stopped=None, problem=None, last_error=None, refused=False,
    old_copy=None,
)  # fmt: skip
"""One that is connected, and has handed over all that it did."""

WORLD: Final = World(find=find_nobody)


def register_at(served: ServedParent | None, data: Path, name: str = "till-1") -> ReplicaRegister:
    """A register, the first time it has a gateway, or a later time."""
    place = None if served is None else Place(address=served.url)
    return ReplicaRegister(data, place, token=TOKEN, register=name, world=WORLD)


async def so(register: ReplicaRegister, is_so: Callable[[ReplicaRegister], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not is_so(register):
            await register.until(is_so, LOOK_S)


async def stocked(register: ReplicaRegister, units: int = 5) -> None:
    """Wait until the register has units of tea."""
    async with asyncio.timeout(WAIT_S):
        while (await register.status()).units != units:
            await register.until_quiet(0.05, 1.0)


async def done(register: ReplicaRegister, units: int = 1, key: str | None = None) -> SaleDone:
    """Sell tea."""
    sold = await register.sell([SaleLine(sku="TEA", quantity=units)], CASH, key=key)
    assert isinstance(sold, SaleDone), sold
    return sold


async def refused(register: ReplicaRegister, units: int = 1, key: str | None = None) -> Refusal:
    """Sell tea in vain."""
    sold = await register.sell([SaleLine(sku="TEA", quantity=units)], CASH, key=key)
    assert isinstance(sold, SaleRefused), sold
    return sold.refusal
