"""The day: doors open, everything happens at once, doors close, and the hub hears of all of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from devices.sim.wan import WanMode
from scripts.demo_day.agenda import MORNING_SUPPLIER, Agenda
from scripts.demo_day.api import Json, NoAnswer, Unexpected
from scripts.demo_day.back_office import BackOffice
from scripts.demo_day.baskets import Market, Product
from scripts.demo_day.chain import (
    Chain,
    Store,
    kill_and_restart,
    put_catalogue,
    until,
    until_equipped,
    until_heard,
)
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.plan import Plan, PlannedOrder, PlannedTrouble, Trouble
from scripts.demo_day.progress import Progress
from scripts.demo_day.registers import Baskets, Till, serve_last
from scripts.demo_day.scenes import Scenes
from scripts.demo_day.storefront import LOOK_S, BackRoom, Storefront
from scripts.demo_day.story import PATIENCE_S, Chronicle, Scenario, Stage, clock_of, location_of
from scripts.demo_day.verdict import SETTLED

SETTLE_S_MAX: Final = 60.0
"""After the last sale: what has not reached the hub by then is a difference."""

PRINT_S_MAX: Final = 30.0
"""After the last sale: a receipt takes some 10 ms on the simulated printer."""

REDRAW_S: Final = 0.2
WATCH_S: Final = 0.5
"""Between two looks at a store's journal while the day runs, for the person who watches."""


@dataclass(slots=True, kw_only=True)
class Day:
    """One day in the life of the chain. `open_doors`, `sell` and `close_doors`, in this order."""

    chain: Chain
    plan: Plan
    agenda: Agenda
    market: Market
    notebook: Notebook
    progress: Progress
    stack: AsyncExitStack
    """Closes the tills: they stay open for the person who looks around when the day is over."""
    scenario: Scenario | None = None
    chronicle: Chronicle | None = field(init=False, default=None)
    """Of the scenario, if there is one."""
    _tills: dict[str, list[Till]] = field(default_factory=dict)
    _scenes: Scenes = field(init=False)
    _opened_s: float = 0.0
    _behind: dict[str, int] = field(default_factory=dict)
    _unwatched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.scenario is not None:
            self.chronicle = Chronicle(name=self.scenario.name, location=location_of(self.market))
        self._scenes = Scenes(
            chain=self.chain,
            agenda=self.agenda,
            products=self.market.products,
            notebook=self.notebook,
            website=self._website(),
            until=self._until,
            tell=self._tell,
        )

    @property
    def goods(self) -> Mapping[str, Product]:
        """All that is sold, by SKU, as it is in the morning."""
        return {sku: self.market.products[sku] for sku in sorted(self.plan.skus | self.agenda.skus)}

    async def open_doors(self) -> None:
        """Catalogue to the hub and down to every store, the first deliveries onto the shelves."""
        stores = self.chain.stores.values()
        began_s = time.monotonic()
        if not self.market.imported:
            self.progress.say(f"putting {len(self.goods):,} products at the hub")
            await put_catalogue(self.chain, self.goods.values())
        products = self.market.imported or len(self.goods)
        await _all(until_heard(store, products) for store in stores)
        await self._scenes.open_shelves()
        units = sum(line.quantity for each in self.agenda.morning for line in each.lines)
        self.progress.say(
            f"{len(stores)} stores have them, and"
            f" {units:,} units from {MORNING_SUPPLIER} on their shelves,"
            f" after {time.monotonic() - began_s:.0f} s"
        )

    async def sell(self) -> None:
        """The whole day: tills, website, back rooms, and what befalls the links."""
        for store in self.chain.stores.values():
            self._tills[store.location] = [
                await self.stack.enter_async_context(
                    Till(
                        setting,
                        store.discovery,
                        self.market.products,
                        self.notebook,
                        patience_s=PATIENCE_S if self._befalls(store.location) else None,
                    )
                )
                for setting in store.tills
            ]
            self._scenes.lone[store.location] = self._lone(store)
        await _all(till.greet() for each in self._tills.values() for till in each)
        await until_equipped(self.chain.stores[self.plan.equipped_location])
        self._say_how_found()
        background = [asyncio.create_task(self._draw())]
        background += [
            asyncio.create_task(self._watch(store)) for store in self.chain.stores.values()
        ]
        try:
            await self._sell()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            self.progress.finish(self._lines())

    async def _sell(self) -> None:
        website, office = self._website(), self._back_office()
        rooms = [
            BackRoom(
                location=store.location,
                gateway=store.manager,
                notebook=self.notebook,
                seed=self.plan.seed,
            )
            for store in self.chain.stores.values()
        ]
        self._opened_s = time.monotonic()
        closed, decided = asyncio.Event(), asyncio.Event()
        deciding = asyncio.create_task(office.work(closed))
        handing_over = [asyncio.create_task(room.work(decided)) for room in rooms]
        try:
            await _all(
                [
                    *(self._serve(location, each) for location, each in self._tills.items()),
                    *(self._order(website, planned) for planned in self.plan.orders),
                    *(self._trouble(planned) for planned in self.plan.troubles),
                    self._scenes.play(),
                    self._play_scenario(),
                ]
            )
            self.progress.say("doors closed; waiting for the hub to hear of everything")
            await _all(self._catch_up(store) for store in self.chain.stores.values())
            if self.scenario is not None:
                await self.scenario.after_hours(self._stage())
            await self._settle_orders()
            closed.set()
            await asyncio.wait({deciding}, timeout=SETTLE_S_MAX)
            decided.set()
            await asyncio.wait(handing_over, timeout=SETTLE_S_MAX)
        finally:
            for task in (deciding, *handing_over):
                task.cancel()
            ended = await asyncio.gather(deciding, *handing_over, return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception):
                raise end
        await _all(self._until_heard_out(store) for store in self.chain.stores.values())
        await self._finish_printing()

    async def _serve(self, location: str, tills: list[Till]) -> None:
        """One store's customers, in order of time, to the tills that are free."""
        scanned: Baskets = asyncio.Queue()
        others: Baskets = asyncio.Queue()
        queues = [scanned if till.setting.scanner else others for till in tills]
        async with asyncio.TaskGroup() as tasks:
            for till, queue in zip(tills, queues, strict=True):
                tasks.create_task(till.serve(queue))
            for planned in self.plan.sales:
                if planned.basket.location == location:
                    await self._until(planned.at_s)
                    to_scanner = planned.scanned and scanned in queues
                    (scanned if to_scanner else others).put_nowait(planned)
            for queue in queues:
                queue.put_nowait(None)
        for till, queue in zip(tills, queues, strict=True):
            await serve_last(till, queue)

    async def _order(self, website: Storefront, planned: PlannedOrder) -> None:
        await self._until(planned.at_s)
        told = await website.place(planned)
        if told is not None and planned.cancelled_after_s is not None:
            await asyncio.sleep(planned.cancelled_after_s)
            await website.cancel(told)

    def _befalls(self, location: str) -> bool:
        """Whether a scenario is about this store."""
        return self.chronicle is not None and self.chronicle.location == location

    async def _play_scenario(self) -> None:
        if self.scenario is not None:
            await self.scenario.play(self._stage())

    def _stage(self) -> Stage:
        assert self.chronicle is not None, "a scenario has one"
        store = self.chain.stores[self.chronicle.location]
        return Stage(
            chain=self.chain,
            store=store,
            tills=self._tills[store.location],
            products=self.market.products,
            notebook=self.notebook,
            chronicle=self.chronicle,
            until_s=self._until,
            clock=lambda: clock_of(self._opened_s),
            tell=self._tell,
            catch_up=lambda: self._catch_up(store),
            unwatched=self._unwatched,
        )

    async def _trouble(self, planned: PlannedTrouble) -> None:
        """Let it befall the store, mend it, and time how long the hub takes to catch up."""
        store = self.chain.stores[planned.location]
        tally = self.notebook.tallies[planned.location]
        await self._until(planned.at_s)
        self._tell(planned.location, planned.trouble.value)
        tally.weather = planned.trouble.value
        match planned.trouble:
            case Trouble.KILL:
                await kill_and_restart(self.chain, store)
            case Trouble.CUT:
                await store.wan.set_mode(WanMode.CUT)
            case Trouble.BLACK_HOLE:
                await store.wan.set_mode(WanMode.BLACK_HOLE)
        if planned.trouble is not Trouble.KILL:
            self.notebook.prices.cut(planned.location, time.monotonic())
        await self._until(planned.until_s)
        if planned.trouble is not Trouble.KILL:
            self.notebook.prices.mend(planned.location, time.monotonic())
            await store.wan.set_mode(WanMode.PASS)
        elif (other := self._other_trouble(planned)) is not None:
            # Whoever mends the line waits until the hub has caught up.
            tally.weather = other.trouble.value
            return
        tally.weather = "catching up"
        seconds = await self._catch_up(store)
        tally.weather = ""
        self._tell(planned.location, f"back, all its sales are at the hub after {seconds:.1f} s")

    def _other_trouble(self, planned: PlannedTrouble) -> PlannedTrouble | None:
        """What else has befallen the same store and is not over: a small chain has few stores."""
        now_s = time.monotonic() - self._opened_s
        for other in self.plan.troubles:
            if other.location == planned.location and other.at_s <= now_s < other.until_s:
                return other
        return None

    async def _catch_up(self, store: Store) -> float:
        """Wait until the hub has what was acknowledged so far; the longest wait is the tally's."""
        began_s = time.monotonic()
        last: Counter[str] = Counter()
        for told in self.notebook.sales:
            last[told.sale["writer"]] = max(last[told.sale["writer"]], told.sale["seq"])
        await _all(register.until_at_hub() for register in self._lone(store))
        await until(
            store,
            "the hub to acknowledge its journal",
            lambda now: bool(now["journal"]["acknowledged_seq"] >= last[now["writer"]]),
        )
        seconds = time.monotonic() - began_s
        tally = self.notebook.tallies[store.location]
        tally.catch_up_s = max(seconds, tally.catch_up_s or 0.0)
        return seconds

    async def _settle_orders(self) -> None:
        """Wait until every order has ended at the hub; what does not end is the verdict's."""
        give_up_s = time.monotonic() + SETTLE_S_MAX
        while time.monotonic() < give_up_s:
            orders = [order async for order in self.chain.auditor.every("/v1/orders")]
            if all(self._has_ended(order) for order in orders):
                return
            await asyncio.sleep(LOOK_S)

    def _has_ended(self, order: Json) -> bool:
        """Whether the hub has heard the last word of the stores about this order."""
        return order["status"] in SETTLED and all(
            one["state"] == "fulfilled"
            for one in order["allocations"]
            if one["id"] in self.notebook.handed_over
        )

    async def _until_heard_out(self, store: Store) -> None:
        """Wait until the hub has the store's whole journals: nobody writes to them any more."""
        await _all(register.until_at_hub() for register in self._lone(store))
        await until(
            store,
            "the hub to acknowledge all of its journal",
            lambda now: bool(now["journal"]["acknowledged_seq"] >= now["journal"]["last_seq"]),
        )

    async def _finish_printing(self) -> None:
        """Wait until the printer has as many receipts as its tills have sales."""
        store = self.chain.stores[self.plan.equipped_location]
        assert store.printer is not None
        sales = self.notebook.tallies[store.location].acknowledged
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PRINT_S_MAX):
                await store.printer.until(lambda printer: len(printer.receipts) >= sales)

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, self._opened_s + at_s - time.monotonic()))

    async def _watch(self, store: Store) -> None:
        """Keep an eye on how far the hub is behind; a gateway that is away is asked again."""
        while True:
            await asyncio.sleep(WATCH_S)
            if store.location in self._unwatched:
                continue
            try:
                journal = (await store.manager.get("/v1/status"))["journal"]
            except NoAnswer as silence:
                self.progress.say(f"{store.location}: {silence}")
            except Unexpected as refusal:
                self.notebook.oddities.append(f"{store.location}: {refusal}")
            else:
                self._behind[store.location] = journal["last_seq"] - journal["acknowledged_seq"]

    async def _draw(self) -> None:
        while True:
            self.progress.show(self._lines())
            await asyncio.sleep(REDRAW_S)

    def _lines(self) -> list[str]:
        """One line per store and one for the website, as they stand now."""
        lines = [self._now() + (f" of {self.market.days}" if self.scenario is None else "")]
        for location in self.chain.stores:
            tally = self.notebook.tallies[location]
            baskets = sum(each.basket.location == location for each in self.plan.sales)
            baskets += self.agenda.sales_at(location)
            behind = 0 if location in self._unwatched else self._behind.get(location, 0)
            lines.append(
                f"  {location:<12} {tally.baskets:>4} of {baskets} baskets"
                f" {tally.lines:>6,} lines {tally.refused:>4} refused"
                + (f"  {behind:>4} not yet at the hub" if behind else "")
                + (f"  [{tally.weather}]" if tally.weather else "")
            )
        online = self.notebook.online
        lines.append(
            f"  {'website':<12} {online.baskets:>4} of {self._online_baskets()} baskets"
            f" {sum(len(each.lines) for each in self.notebook.orders):>6,} lines"
            f" {online.refused:>4} refused"
        )
        return lines

    def _online_baskets(self) -> int:
        return len(self.plan.orders) + self.agenda.orders

    def _today(self) -> int:
        """The day of the data that is sold now, from 1."""
        passed = min(1.0, (time.monotonic() - self._opened_s) / self.plan.selling_s)
        return min(self.market.days, 1 + int(passed * self.market.days))

    def _tell(self, where: str, what: str) -> None:
        self.progress.say(f"{self._now()}  {where:<12} {what}")

    def _now(self) -> str:
        """The day of the data, or of a scenario the time of the shop's clock."""
        return f"day {self._today():>3}" if self.scenario is None else clock_of(self._opened_s)

    def _lone(self, store: Store) -> list[LoneRegister]:
        """The registers of a store that sell alone."""
        return [till.alone for till in self._tills[store.location] if till.alone is not None]

    def _website(self) -> Storefront:
        return Storefront(
            hub=self.chain.website, products=self.market.products, notebook=self.notebook
        )

    def _back_office(self) -> BackOffice:
        return BackOffice(
            hub=self.chain.admin,
            products=self.market.products,
            notebook=self.notebook,
            tell=self._tell if self.scenario is None else _keep_quiet,
        )

    def _say_how_found(self) -> None:
        found = [store.discovery for store in self.chain.stores.values()]
        over_mdns = sum(each.over_mdns for each in found)
        tills = sum(len(store.tills) for store in self.chain.stores.values())
        by_address = sum(each.by_address for each in found)
        self.progress.say(
            f"{tills} tills open, {len(self.plan.lone)} of them sell alone: gateway found over"
            f" mDNS {over_mdns} times, by address {by_address} times"
        )


def _keep_quiet(_where: str, _what: str) -> None:
    """In a scenario only the story is told."""


async def _all(works: Iterable[Coroutine[object, object, object]]) -> None:
    """Do all of it at once; the first failure ends the rest."""
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)
