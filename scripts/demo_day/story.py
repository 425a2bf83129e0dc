"""A scenario as it is told: what happens on the clock of one shop day, and its figures.

A scenario is a day on which one thing goes wrong in one store, and nothing else is staged: tills,
website and back rooms work as on any day, and the books are closed in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from scripts.demo_day.agenda import Agenda, plan_agenda
from scripts.demo_day.baskets import Market, Product
from scripts.demo_day.chain import Chain, Store
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook, ToldSale
from scripts.demo_day.plan import Plan
from scripts.demo_day.progress import Tell
from scripts.demo_day.registers import Till

OPENS_H: Final = 9
CLOSES_H: Final = 21

LAST_MINUTE: Final = 24 * 60 - 1

SELLING_S: Final = 60.0
"""From opening to closing: an hour of the shop's clock is five seconds."""

PATIENCE_S: Final = 0.5
"""How long a customer of the store waits at a till that is not answered."""

LONE_TILLS: Final = ("till-2", "till-3")
"""The registers of the store that sell alone; its first till is a thin one."""


class Happened(NamedTuple):
    """One thing that happened, at a time of the shop's clock."""

    at: str
    what: str


@dataclass(slots=True, kw_only=True)
class Chronicle:
    """What happened in a scenario, and its figures in order; times are of the shop's clock."""

    name: str
    location: str
    events: list[Happened] = field(default_factory=list)
    figures: dict[str, int | float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    """What it comes to, in sentences."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a scenario plays with: the store that it befalls, its people, and the clock."""

    chain: Chain
    store: Store
    tills: Sequence[Till]
    products: Mapping[str, Product]
    notebook: Notebook
    chronicle: Chronicle
    until_s: Callable[[float], Awaitable[None]]
    clock: Callable[[], str]
    tell: Tell
    catch_up: Callable[[], Awaitable[float]]
    """Waits until the hub has all of the store, and answers how many seconds that took."""
    unwatched: set[str]
    """Stores whose gateway nobody may ask anything now."""

    @property
    def location(self) -> str:
        """The store's."""
        return self.store.location

    @property
    def lone(self) -> list[LoneRegister]:
        """The store's registers that sell alone."""
        return [till.alone for till in self.tills if till.alone is not None]

    @property
    def thin(self) -> list[Till]:
        """The store's tills that need their gateway."""
        return [till for till in self.tills if till.alone is None]

    @property
    def doubted(self) -> int:
        """Sales of the thin tills that their gateway may have heard and did not answer in time."""
        return sum(till.thin.doubted for till in self.thin if till.thin is not None)

    @property
    def lone_names(self) -> str:
        """The registers that sell alone, in words."""
        return named([one.setting.register for one in self.lone])

    @property
    def thin_names(self) -> str:
        """The others, in words."""
        return named([till.setting.register for till in self.thin])

    async def until_hour(self, hour: float) -> None:
        """Wait until it is so late on the shop's clock."""
        await self.until_s((hour - OPENS_H) / (CLOSES_H - OPENS_H) * SELLING_S)

    def happens(self, what: str) -> None:
        """Tell what happens in the store, now."""
        self.chronicle.events.append(Happened(self.clock(), what))
        self.tell(self.location, what)

    def tell_why_thin_tills_wait(self, doubted: int) -> None:
        """Tell what a thin till says to who came to it; so many sales were in doubt before."""
        if any(till.closed_to for till in self.thin):
            self.happens(
                f"{self.thin_names} says that it cannot sell: no gateway answers; its customers go"
                f" to {self.lone_names}"
            )
        elif self.doubted > doubted:
            self.happens(
                f"{self.thin_names} cannot say what came of the sale that was on its way, and asks"
                f" until a gateway answers; its customers go to {self.lone_names}"
            )

    def weather(self, words: str) -> None:
        """What is said beside the store in the lines that are kept up to date."""
        self.notebook.tallies[self.location].weather = words

    def sold(self, since_s: float, until_s: float, *, alone: bool) -> list[ToldSale]:
        """What the store's registers of one kind were told of between two times."""
        names = {till.setting.register for till in self.tills if (till.alone is not None) == alone}
        return [
            told
            for told in self.notebook.sales
            if told.location == self.location
            and told.register in names
            and since_s <= told.told_s < until_s
        ]


class Scenario(Protocol):
    """One story; `play` while the doors are open, `after_hours` when all is quiet again."""

    name: str
    summary: str

    async def play(self, stage: Stage) -> None:
        """What happens while the store sells."""

    async def after_hours(self, stage: Stage) -> None:
        """What its people do when the doors are closed and before the books are."""


def plan_quietly(market: Market, plan: Plan) -> tuple[Plan, Agenda]:
    """The plan of a day on which nothing but a scenario happens, in the second store."""
    agenda = plan_agenda(replace(market, others=()), plan)
    location = location_of(market)
    stretch = SELLING_S / plan.selling_s
    return (
        replace(
            plan,
            selling_s=SELLING_S,
            sales=tuple(replace(one, at_s=one.at_s * stretch) for one in plan.sales),
            orders=tuple(replace(one, at_s=one.at_s * stretch) for one in plan.orders),
            troubles=(),
            lone=plan.lone | {(location, register) for register in LONE_TILLS},
        ),
        replace(agenda, prices=None),
    )


def location_of(market: Market) -> str:
    """The store that a scenario befalls: not the one with the devices."""
    return market.locations[1]


def clock_of(opened_s: float) -> str:
    """The shop's clock now, such as ``17:30``; it stops before midnight."""
    passed = (time.monotonic() - opened_s) / SELLING_S
    minutes = min(LAST_MINUTE, round((OPENS_H + passed * (CLOSES_H - OPENS_H)) * 60))
    return f"{minutes // 60:02}:{minutes % 60:02}"


async def not_at_hub(stage: Stage, sales: Collection[ToldSale]) -> list[ToldSale]:
    """Those of these sales that the hub does not show."""
    shown = stage.chain.auditor.every("/v1/sales", location=stage.location)
    ids = {str(sale["id"]) async for sale in shown}
    return [told for told in sales if str(told.sale["id"]) not in ids]


def units_of(sales: Sequence[ToldSale]) -> int:
    """Pieces on all of these sales."""
    return sum(line.quantity for told in sales for line in told.lines)


def many(number: float, one: str, more: str = "") -> str:
    """A number with its noun, such as ``1 sale`` and ``1,204 sales``."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def named(things: Sequence[str]) -> str:
    """Names in a row, such as ``till-2 and till-3``."""
    *most, last = things
    return f"{', '.join(most)} and {last}" if most else last
