"""The agenda played out: who does what when, in which store, while tills and website sell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from scripts.demo_day.after_sales import ReturnsDesk, check_worth
from scripts.demo_day.agenda import (
    Agenda,
    PlannedBreakage,
    PlannedCount,
    PlannedDamage,
    PlannedDelivery,
    PlannedHold,
    PlannedOverdraw,
    PlannedPrices,
    PlannedTransfer,
    Until,
)
from scripts.demo_day.api import Unexpected, in_path
from scripts.demo_day.baskets import Basket, Line, Product
from scripts.demo_day.chain import WAIT_S_MAX, WATCH_S, Chain, NeverReady
from scripts.demo_day.desk import Desk
from scripts.demo_day.head_office import HeadOffice
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook, ToldOrder
from scripts.demo_day.plan import Fulfilment, PlannedOrder
from scripts.demo_day.progress import Tell
from scripts.demo_day.second_thoughts import (
    MISSED_UNITS,
    ORDERED_UNITS,
    SOLD_UNITS,
    PlannedCalledOff,
    PlannedElsewhere,
    PlannedWayBack,
)
from scripts.demo_day.stockroom import Stockroom
from scripts.demo_day.storefront import BackRoom, Storefront

FRAGILE_BASKET, CALLED_OFF_BASKETS, WAY_BACK_BASKET, AFAR_BASKET = 0, (-1, -2), -3, -4
"""Numbers of the baskets that scenes order: the data set's are above."""

WRONG_CODE: Final = "NOT-THE-CODE"


@dataclass(slots=True, kw_only=True)
class Scenes:
    """One day's agenda. `open_shelves` before the doors open, `play` while they are open."""

    chain: Chain
    agenda: Agenda
    products: Mapping[str, Product]
    notebook: Notebook
    website: Storefront
    until: Until
    tell: Tell
    lone: dict[str, Sequence[LoneRegister]] = field(default_factory=dict)
    """Registers that sell alone, by location; once the doors are open."""

    async def open_shelves(self) -> None:
        """The morning's deliveries, to all stores at once."""
        async with asyncio.TaskGroup() as tasks:
            for delivery in self.agenda.morning:
                tasks.create_task(self._room(delivery.location).receive(delivery))

    async def play(self) -> None:
        """Everything at its time. What a program refuses is odd, and the day goes on."""
        agenda = self.agenda
        at_desks = [*agenda.baskets, agenda.overdraw, agenda.prices, agenda.way_back]
        far = agenda.elsewhere
        desks = {
            location: await self._desk(location)
            for location in {one.location for one in at_desks if one is not None}
        }
        scenes: list[Coroutine[object, object, None]] = [
            *(self._late_delivery(each) for each in agenda.late),
            *(self._basket(desks[each.location], each) for each in agenda.baskets),
            *(self._checkout(each) for each in agenda.checkouts),
        ]
        if agenda.breakage is not None:
            scenes.append(self._breakage(agenda.breakage))
        if agenda.damage is not None:
            scenes.append(self._damage(agenda.damage))
        if agenda.transfer is not None:
            scenes.append(self._transfer(agenda.transfer))
        if agenda.count is not None:
            scenes.append(self._count(agenda.count))
        if agenda.overdraw is not None:
            scenes.append(self._overdraw(desks[agenda.overdraw.location], agenda.overdraw))
        if agenda.prices is not None:
            scenes.append(self._prices(desks[agenda.prices.location], agenda.prices))
        if agenda.called_off is not None:
            scenes.append(self._called_off(agenda.called_off))
        if agenda.way_back is not None:
            scenes.append(self._way_back(desks[agenda.way_back.location], agenda.way_back))
        if far is not None:
            scenes.append(self._elsewhere(await self._desk(far.sold_at), far))
        async with asyncio.TaskGroup() as tasks:
            for scene in scenes:
                tasks.create_task(self._tolerant(scene))

    async def _tolerant(self, scene: Coroutine[object, object, None]) -> None:
        try:
            await scene
        except (Unexpected, NeverReady) as odd:
            self.notebook.oddities.append(str(odd))

    async def _late_delivery(self, delivery: PlannedDelivery) -> None:
        await self.until(delivery.at_s)
        await self._room(delivery.location).receive(delivery)
        units = sum(line.quantity for line in delivery.lines)
        self.tell(delivery.location, f"receives {units:,} units from {delivery.supplier}")

    async def _basket(self, desk: Desk, planned: PlannedHold) -> None:
        await self.until(planned.at_s)
        await desk.hold(planned, self.until)

    async def _checkout(self, planned: PlannedHold) -> None:
        await self.until(planned.at_s)
        units = self._room(planned.location).named([planned.line])
        self.tell("website", f"reserves {units} for a checkout")
        await self.website.check_out(planned, self.until)
        if planned.used_at_s is None:
            self.tell("website", f"nobody paid for {units}: back on sale")
        else:
            self.tell("website", f"sells {units}, reserved before")

    async def _breakage(self, planned: PlannedBreakage) -> None:
        """The order waits on its shelf while its goods break, and goes out from elsewhere."""
        self.notebook.set_aside.add(planned.sku)
        await self.until(planned.ordered_at_s)
        line = Line(sku=planned.sku, quantity=planned.ordered)
        told = await self.website.place(
            _order(planned.ordered_at_s, FRAGILE_BASKET, planned.location, line)
        )
        if told is None or told.lines != (line,):
            raise Unexpected(f"the website did not sell {line}")
        room = self._room(planned.location)
        self.tell("website", f"sells {room.named([line])}, to be sent from {planned.location}")
        await self.until(planned.at_s)
        await self._until_offered(planned)
        await room.break_goods(planned)
        await self._until_sent_from(told.id, planned.elsewhere)
        self.notebook.set_aside.discard(planned.sku)

    async def _until_offered(self, planned: PlannedBreakage) -> None:
        """Wait until the hub has heard of as many at another store."""
        for _ in _looks():
            stock = await self.chain.auditor.get(f"/v1/stock/{in_path(planned.sku)}")
            offered = {place["location"]: place["quota_online"] for place in stock["locations"]}
            if offered.get(planned.elsewhere, 0) >= planned.ordered:
                return
            await asyncio.sleep(WATCH_S)
        raise NeverReady(f"the hub waits for {planned.sku} at {planned.elsewhere} in vain")

    async def _until_sent_from(self, order_id: str, location: str) -> None:
        """Wait until another store keeps the goods of an order."""
        for _ in _looks():
            order = await self.chain.auditor.get(f"/v1/orders/{order_id}")
            if any(
                one["location"] == location and one["state"] == "committed"
                for one in order["allocations"]
            ):
                return
            await asyncio.sleep(WATCH_S)
        raise NeverReady(f"order {order_id} waits for {location} in vain")

    async def _damage(self, planned: PlannedDamage) -> None:
        room = self._room(planned.location)
        await self.until(planned.at_s)
        await room.set_damaged_aside(planned)
        await self.until(planned.written_off_at_s)
        await room.write_off(planned)

    async def _transfer(self, planned: PlannedTransfer) -> None:
        await self.until(planned.shipped_at_s)
        number = await self._room(planned.source).ship(planned)
        await self.until(planned.arrives_at_s)
        await self._room(planned.destination).take_in(number, planned)

    async def _count(self, planned: PlannedCount) -> None:
        room = self._room(planned.location)
        await self.until(planned.at_s)
        stolen = room.steal(planned)
        count = await room.start_count(planned)
        await self.until(planned.closed_at_s)
        await room.close_count(count, stolen)

    async def _overdraw(self, desk: Desk, planned: PlannedOverdraw) -> None:
        await self.until(planned.at_s)
        await desk.overdraw(planned)

    async def _prices(self, desk: Desk, planned: PlannedPrices) -> None:
        """One store is cut off, and sells at the old prices until it hears of the new ones."""
        office = HeadOffice(
            hub=self.chain.admin,
            currency=self.chain.currency,
            stores={name: store.manager for name, store in self.chain.stores.items()},
            lone=self.lone,
            products=self.products,
            notebook=self.notebook,
            tell=self.tell,
        )
        await self.until(planned.at_s)
        await office.change_prices(planned)
        async with asyncio.TaskGroup() as tasks:
            for location in self.chain.stores:
                tasks.create_task(self._until_seen(office, planned, location))
            await self.until(planned.sold_at_s)
            await self._sell_changed(desk, planned, "cut off")
        await self._sell_changed(desk, planned, "in touch")
        self.tell(desk.location, "has heard of the new prices, and sells at them")

    async def _until_seen(self, office: HeadOffice, planned: PlannedPrices, location: str) -> None:
        await self._tolerant(office.until_seen(planned, location))

    async def _sell_changed(self, desk: Desk, planned: PlannedPrices, when: str) -> None:
        for place, sku in enumerate(planned.terms):
            await desk.sell_at_price_of_now(Line(sku=sku, quantity=1), f"{when}-{place}")

    async def _called_off(self, planned: PlannedCalledOff) -> None:
        """Two customers cancel what a cut-off store keeps; one of them takes it all the same."""
        self.notebook.set_aside.add(planned.line.sku)
        room = self._back_room(planned.location)
        await self.until(planned.placed_at_s)
        orders = [
            await self._ordered(
                _order(planned.placed_at_s, basket, planned.location, planned.line, pick_up=True)
            )
            for basket in CALLED_OFF_BASKETS
        ]
        for told in orders:
            await _until(room.knows, told.id, f"{planned.location} to hear of {told.id}")
        units = self._room(planned.location).named([planned.line])
        self.tell("website", f"sells {units} twice, to be collected at {planned.location}")
        await self.until(planned.cancelled_at_s)
        for told in orders:
            await self.website.cancel(told)
            self.notebook.after.cancelled_behind += 1
        self.tell("website", f"both customers cancel; {planned.location} is cut off")
        await self.until(planned.collected_at_s)
        await self._collect(room, orders[0], planned)
        for told, end in zip(orders, ("collected", "cancelled"), strict=True):
            await _until(self._is(end), told.id, f"order {told.id} to be {end}")
        self.notebook.set_aside.discard(planned.line.sku)
        self.tell(
            "website", "one of the two orders is collected, the other one cancelled and paid back"
        )

    async def _collect(self, room: BackRoom, told: ToldOrder, planned: PlannedCalledOff) -> None:
        """The first of them stands in the shop, with a code that can be checked there."""
        if await room.collect(told, WRONG_CODE):
            self.notebook.oddities.append(f"{told.id} was handed over against a wrong code")
        code = str(told.order["pickup_code"])
        if await room.collect(told, code):
            self.notebook.after.collected_all_the_same += 1
            units = self._room(planned.location).named([planned.line])
            self.tell(planned.location, f"hands {units} over against {code}, cut off as it is")

    def _is(self, end: str) -> Callable[[str], Awaitable[bool]]:
        async def is_so(order_id: str) -> bool:
            order = await self.chain.auditor.get(f"/v1/orders/{order_id}")
            return bool(order["status"] == end)

        return is_so

    async def _ordered(self, planned: PlannedOrder) -> ToldOrder:
        told = await self.website.place(planned)
        if told is None or told.lines != planned.basket.lines:
            raise Unexpected(f"the website did not sell {planned.basket.lines}")
        return told

    async def _way_back(self, desk: Desk, planned: PlannedWayBack) -> None:
        """What one store and the website sold comes back, to that store and to another one."""
        piece = Line(sku=planned.sku, quantity=1)
        room, name = self._room(planned.location), self.products[planned.sku].spoken
        here = self._returns_desk(desk)
        there = self._returns_desk(await self._desk(planned.elsewhere))
        await self.until(planned.bought_at_s)
        sale = await desk.sell(Line(sku=planned.sku, quantity=SOLD_UNITS), "way-back")
        order = await self._ordered(
            _order(
                planned.bought_at_s, WAY_BACK_BASKET, planned.location,
                Line(sku=planned.sku, quantity=ORDERED_UNITS),
            )
        )  # fmt: skip
        await self.until(planned.returned_at_s)
        note = await here.take_back(sale, piece, "return", restock=True)
        check_worth(note, piece, self.products[planned.sku])
        self.tell(desk.location, f"takes {room.named([piece])} back, credit note {note['number']}")
        await self.until(planned.exchanged_at_s)
        instead = Line(sku=planned.instead, quantity=1)
        await here.exchange(sale, piece, instead, "exchange")
        self.tell(desk.location, f"exchanges 1 x {name} for {room.named([instead])}")
        await self.until(planned.elsewhere_at_s)
        await there.take_back(sale, piece, "return-elsewhere", restock=False)
        self.notebook.after.elsewhere += 1
        self.tell(there.location, f"takes 1 x {name} back that {desk.location} sold")
        await self.until(planned.ordered_back_at_s)
        await _until(self._is("shipped"), order.id, f"order {order.id} to be shipped")
        await there.take_back(order.order, piece, "return-online", restock=True)
        self.notebook.after.elsewhere += 1
        self.tell(there.location, f"takes 1 x {name} back that the website sold")

    async def _elsewhere(self, desk: Desk, planned: PlannedElsewhere) -> None:
        """A till sells what another store has; and that store does not find all of an order."""
        piece = Line(sku=planned.sku, quantity=MISSED_UNITS)
        self.notebook.set_aside.add(planned.sku)
        room, name = self._room(planned.location), self.products[planned.sku].spoken
        await self.until(planned.sold_at_s)
        order, shown = await desk.sell_from_afar(piece, "from-afar")
        self.website.write_down_sold(order, piece, shown.total_minor, shown.asked_s)
        self.notebook.after.sold_from_afar += 1
        self.tell(desk.location, f"sells 1 x {name}, to be sent from {planned.location}")
        online = await self._ordered(
            _order(
                planned.sold_at_s, AFAR_BASKET, planned.location,
                Line(sku=planned.sku, quantity=planned.ordered),
            )
        )  # fmt: skip
        back_room = self._back_room(planned.location)
        await _until(back_room.knows, online.id, f"{planned.location} to hear of {online.id}")
        await self.until(planned.missed_at_s)
        await back_room.miss(online, piece)
        self.notebook.set_aside.discard(planned.sku)
        self.tell(
            planned.location, f"finds {room.named([piece])} too few for an order: it is paid back"
        )

    def _returns_desk(self, desk: Desk) -> ReturnsDesk:
        return ReturnsDesk(desk=desk, manager=self.chain.stores[desk.location].manager)

    def _back_room(self, location: str) -> BackRoom:
        return BackRoom(
            location=location,
            gateway=self.chain.stores[location].manager,
            notebook=self.notebook,
            seed=0,
        )

    def _room(self, location: str) -> Stockroom:
        return Stockroom(
            location=location,
            gateway=self.chain.stores[location].manager,
            products=self.products,
            notebook=self.notebook,
            tell=self.tell,
            lone=self.lone.get(location, ()),
        )

    async def _desk(self, location: str) -> Desk:
        token = await self.chain.programs.gateway_token(location, "supervisor")
        return Desk(
            location=location,
            gateway=replace(self.chain.stores[location].manager, token=token),
            products=self.products,
            notebook=self.notebook,
            tell=self.tell,
        )


def _looks() -> Iterable[None]:
    """One look after the other, for `WAIT_S_MAX`."""
    give_up_s = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < give_up_s:
        yield


async def _until(is_so: Callable[[str], Awaitable[bool]], order_id: str, what: str) -> None:
    """Look until it is so.

    Raises:
        NeverReady: it never was, within `WAIT_S_MAX`.
    """
    for _ in _looks():
        if await is_so(order_id):
            return
        await asyncio.sleep(WATCH_S)
    raise NeverReady(f"the demo waits for {what} in vain")


def _order(
    at_s: float, basket: int, location: str, line: Line, *, pick_up: bool = False
) -> PlannedOrder:
    return PlannedOrder(
        at_s=at_s,
        basket=Basket(
            basket=basket,
            location=location,
            at=datetime.min,  # noqa: DTZ901 - the data set's times have no zone either
            lines=(line,),
        ),
        fulfilment=Fulfilment.PICKUP if pick_up else Fulfilment.SHIP,
        cancelled_after_s=None,
    )
