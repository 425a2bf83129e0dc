"""One world: a hub, stores, people, lines between them, and what everybody knows of what happened.

Everything that is decided by chance is decided by dice that are named for what they decide
(`World.dice`), so that leaving one operation out of a plan does not change what the others do.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import msgspec

from cloud_hub.stores import enrolment
from gateway.client.witness import Witness
from gateway.identity import Identity
from gateway.lives.next_life import CameOf
from replication.adapters.sqlite import transaction
from replication.ids import EVERYWHERE
from tests.simulation import deeds, held
from tests.simulation.alone import RegisterBox
from tests.simulation.bought import Customers
from tests.simulation.client import Client
from tests.simulation.deeds import Deeds
from tests.simulation.hearsay import Hearsay
from tests.simulation.items import ITEMS
from tests.simulation.judge import Judge, overridden
from tests.simulation.link_ends import LinkEnds
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Line
from tests.simulation.notes import Journal
from tests.simulation.offers import Offers
from tests.simulation.programs import Box, HubBox
from tests.simulation.shelf import Flow, Place, Shelves
from tests.simulation.shop_box import ShopBox
from tests.simulation.strands import Image
from tests.simulation.withdrawn import is_withdrawn
from tests.simulation.witnessing import TillKind
from web.tokens import Principal

HOLD_S: Final = 20
"""How long unpaid orders, checkouts and baskets keep their units here: many expire in a run."""

STORES: Final = ("airport", "bazaar", "castle", "docks")

STARTING_S_MAX: Final = 60
"""Nothing fails while a world begins, so it begins within this."""


def kind_of(sentence: str) -> str:
    """What kind of thing is wrong: the word before the colon."""
    return sentence.partition(":")[0]


class World:
    """See the module's theory."""

    def __init__(self, seed: int, loop: VirtualLoop, *, only: str | None) -> None:
        """The world of a seed. The first accusation halts it: any, or `only` those of one kind."""
        self.seed = seed
        self.loop = loop
        self.notes = Journal()
        self.deeds = Deeds()
        self.shelves = Shelves()
        self.offers = Offers()
        self.customers = Customers()
        self.items = {item.sku: item for item in ITEMS}
        self.violations: list[str] = []
        self.trace: list[str] = []
        self.is_calm = True
        """Whether no fault is on: in the beginning, and after the healing."""
        self.are_clocks_right = True
        """Whether no clock ever jumped where counts are put right by clocks."""
        self.is_settled = False
        """Whether everybody has talked to everybody since the last fault."""
        self.under_way: set[str] = set()
        """What somebody has begun, so that nobody else begins it."""

        self.hearsay = Hearsay(self)
        self.judge = Judge(
            self.accuse,
            # Of what is nowhere there is nothing to count: that a register is lost decides alone.
            lambda place: place[0] == EVERYWHERE or self.shelves[place].is_counted,
            self.hearsay.place_at_hub,
            lambda: self.hearsay.grants(self.judge),
        )
        self.link_ends = LinkEnds(self)
        self.hub = HubBox(
            loop,
            self.dice("hub"),
            hold_s=HOLD_S,
            settles=self.dice("settles").random() < 0.5,
            on_commit=self.committed,
            on_end=self.link_ends.of_store,
        )
        self.shops: dict[str, ShopBox] = {}
        self.copies: dict[str, ShopBox] = {}
        """A second box that runs from an image of a store's, by the store."""

        self.at_copy: set[tuple[str, int]] = set()
        """Tills whose people found the copy."""

        self.off: list[ShopBox] = []
        """Boxes that stopped because another one is the store's."""

        self.found: dict[str, ShopBox] = {}
        """Boxes that were replaced while they were off, and run again, by their writers."""

        self.images: dict[str, list[Image]] = {}
        """Images of the disks of stores' boxes, by store, the newest last."""

        self.witnesses: dict[str, Witness] = {}
        """How far registers have seen their gateways' journals, by the registers' names."""

        self.registers: dict[str, RegisterBox] = {}
        """All boxes that were ever registers that sell alone, by their writers."""

        dice = self.dice("world")
        self._names = STORES[: dice.choice((1, 2, 2, 3, 4))]
        self.tills = {name: dice.randint(1, 3) for name in self._names}
        self._keys = 0
        self._only = only

    def dice(self, name: str) -> random.Random:
        """The dice that decide what is called `name`, and nothing else."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 - no secret

    # What is seen

    def tell(self, who: str, what: str) -> None:
        """Write a line into the trace."""
        self.trace.append(f"{self.loop.now_s:9.3f}  {who:<16} {what}")

    def accuse(self, sentence: str) -> None:
        """Something that must hold does not: nothing that follows is of interest."""
        if not self.loop.is_halted and (self._only is None or kind_of(sentence) == self._only):
            self.violations.append(sentence)
            self.tell("JUDGE", sentence)
            self.loop.halt()

    def committed(self, box: Box) -> None:
        """A commit of a box is durable."""
        if box is self.hub and self.hearsay.has_news(self.judge.strands):
            self.judge.add_up()
        if box is self.hub:
            held.hear_found(self)
        if isinstance(box, ShopBox):
            held.hear_more(self, box.name)
        for place in self.judge.committed(box):
            self.look_at(place)

    def look_at(self, place: Place) -> None:
        """See whether more was promised at a place than ever came there."""
        if place[0] == EVERYWHERE:
            self._look_at_allowance(place)
            return
        shelf = self.shelves[place]
        union = self.judge.union
        accounted_for = (
            shelf.weighed_ever
            + min(shelf.overridden, shelf.burnt_overrides + overridden(union, place))
            + min(
                shelf.flows[Flow.LOST] + shelf.flows[Flow.SENT_BACK_DAMAGED] + shelf.damaged,
                held.overdrawn_by_losses_at_most(self, place),
            )
            + min(shelf.flows[Flow.LOST], max(0, self.taken_by_losses(place)))
            + self.judge.strands.used_beyond(place)
            + shelf.exposed
            + shelf.burnt_releases
        )
        restocked = union.total(place, "minted", "restocked")
        if restocked > shelf.restocked:
            self.accuse(
                f"inspection: {restocked} of {place[1]} at {place[0]} can be sold again, "
                f"{shelf.restocked} were looked at"
            )
        before = shelf.oversold
        for promise in self.shelves.at(place, self.loop.now_s, more_than=accounted_for):
            promise.is_over = is_withdrawn(self.hub, promise)
        units = self.shelves.look(place, self.loop.now_s, accounted_for=accounted_for)
        if units > before:
            self.accuse(f"oversold: {units} of {place[1]} at {place[0]}")

    def _look_at_allowance(self, place: Place) -> None:
        kind = place[1].partition("/")[0]
        if kind == "promotion":
            self.offers.look(self, place[1], self.judge.union, place)
        elif kind == "returnable":
            self.customers.look(self, place[1], self.judge.union, place)

    def taken_by_losses(self, place: Place) -> int:
        """Units that a loss took from quality control, as the book had no others, not made good.

        What a thief took from the shelf may be booked before the paper of what lay there.
        """
        shelf = self.shelves[place]
        written_off = self.judge.union.total(place, "disposed", "inspected_written_off")
        return written_off - shelf.flows[Flow.THROWN_AWAY] - shelf.swapped

    # People

    def client(
        self,
        name: str,
        box: Box,
        role: str,
        *,
        register: str | None = None,
        kind: TillKind = TillKind.NOTHING,
    ) -> Client:
        """Somebody with a token for one program."""
        token = f"{name}/{role}"
        if token not in box.people:
            box.people[token] = Principal(id=token, role=role, register=register, name=name)
        return Client(self, name, box, token, kind=kind)

    def fresh_key(self) -> str:
        """An Idempotency-Key that nobody used."""
        self._keys += 1
        return f"key-{self._keys}"

    @property
    def storefront(self) -> Client:
        """The website."""
        return self.client("storefront", self.hub, "storefront")

    @property
    def office(self) -> Client:
        """Head office."""
        return self.client("office", self.hub, "admin")

    def clerk(self, location: str) -> Client:
        """Whoever works in the stockroom."""
        return self.client(f"clerk@{location}", self.shops[location], "manager")

    def till(self, location: str, number: int, *, role: str = "cashier") -> Client:
        """A thin register; a supervisor's token may speak for any."""
        name = f"till-{number}"
        is_at_copy = location in self.copies and (location, number) in self.at_copy
        return self.client(
            f"{name}@{location}",
            (self.copies if is_at_copy else self.shops)[location],
            role,
            register=name if role == "cashier" else None,
            kind=self.kind_of_till(location, name),
        )

    def kind_of_till(self, location: str, register: str) -> TillKind:
        """What a thin register does with witnesses."""
        kinds = (TillKind.LOOKS, TillKind.LOOKS, TillKind.SHOWS, TillKind.NOTHING)
        return self.dice(f"kind of {register}@{location}").choice(kinds)

    # The beginning

    async def begin(self) -> None:
        """All programs run, all products are known everywhere, nothing has arrived yet."""
        self.hub.start()
        await self.until(lambda: self.hub.is_up)
        for item in ITEMS:
            body = item.body(safety_stock=item.safety_stock, price_minor=100)
            reply = await self.office.insist("PUT", f"/v1/products/{item.sku}", body, key=False)
            assert reply.is_done, reply
        for name in self._names:
            await self._open_shop(name)
        await self.until(lambda: all(shop.is_connected for shop in self.shops.values()))
        await self.until(lambda: all(self.is_fed(shop) for shop in self.shops.values()))

    async def _open_shop(self, name: str) -> None:
        place = enrolment.Place(
            location=name, name=name, kind="store", jurisdiction="home", timezone="UTC"
        )
        with transaction(self.hub.disk.connection):  # as `cloud-hub enrol` does, beside the hub
            enrolment.add_code(
                self.hub.disk.connection, place,
                replace=False, code=f"CODE-{name}", now_ms=self.hub.clock.wall_ms(),
            )  # fmt: skip
        reply = await self.office.insist("POST", "/v1/enrolments", {"code": f"CODE-{name}"})
        assert reply.is_done, reply
        dice = self.dice(f"line/{name}")
        line = Line(self.loop, dice, dice.choice((0.005, 0.03, 0.12)))
        self.shops[name] = shop = ShopBox(
            msgspec.convert(reply.body, Identity),
            self.loop,
            self.dice(f"shop/{name}"),
            line=line,
            hub=self.hub,
            hold_s=HOLD_S,
            on_commit=self.committed,
        )
        shop.on_reborn = self._reborn
        shop.start()

    def _reborn(self, box: ShopBox, came: CameOf) -> None:
        how = f"its branch is {came.branch}" if came.branch else f"by the word of {came.register}"
        self.tell(box.name, f"{came.earlier} becomes another: {how}, {came.exposed_units} exposed")
        self.deeds.note(deeds.BRANCH_HANDED_OVER if came.branch else deeds.RENEWED)
        if left := self.judge.strands.put_aside(box.strand):
            self.accuse(f"image: {came.earlier} became another, and left {left} behind")
        self.judge.add_up()

    def is_fed(self, shop: ShopBox) -> bool:
        """Whether a store has the whole feed, by the hub's own books."""
        row = self.hub.disk.connection.execute(
            "SELECT (SELECT max(position) FROM feed WHERE audience IN ('', ?1)) <= cursor "
            "FROM location WHERE id = ?1",
            (shop.name,),
        ).fetchone()
        return bool(row and row[0])

    def is_heard(self, shop: ShopBox) -> bool:
        """Whether the hub has a store's whole journal."""
        return self.hub.head_of(shop.identity.writer) == shop.ledger.head

    async def until(
        self, is_so: Callable[[], bool], within_s: float = STARTING_S_MAX, every_s: float = 0.05
    ) -> bool:
        """Wait until something is so; False when it does not become so in time."""
        end_s = self.loop.now_s + within_s
        while not is_so():
            if self.loop.now_s >= end_s:
                return False
            await asyncio.sleep(every_s)
        return True

    @property
    def boxes(self) -> list[Box]:
        """All machines."""
        return [self.hub, *self.sellers]

    @property
    def sellers(self) -> list[ShopBox | RegisterBox]:
        """The machines in the stores, and those that were lost there."""
        gateways = [*self.shops.values(), *self.copies.values(), *self.found.values()]
        return [*gateways, *self.registers.values()]

    @property
    def ended(self) -> list[str]:
        """Writers of boxes that are gone, and of branches."""
        return self.hearsay.ended()

    @property
    def present(self) -> list[ShopBox | RegisterBox]:
        """The machines that stand in the stores."""
        here = [one for one in self.registers.values() if not one.is_lost]
        return [*self.shops.values(), *here, *self.found.values()]

    @property
    def writers(self) -> list[str]:
        """Whoever writes a journal or has ever written one that was heard."""
        return ["hub.1", *self.ended, *(box.identity.writer for box in self.sellers)]

    @property
    def lines(self) -> dict[str, Line]:
        """All lines, by who is at the lower end."""
        lines = {one.name: one.line for one in self.present if one not in self.found.values()}
        lines |= {f"{writer}, which was found": one.line for writer, one in self.found.items()}
        return lines | {f"{at}'s copy": one.line for at, one in self.copies.items()}

    def close(self) -> None:
        """The end of the world."""
        for box in [*self.boxes, *self.off]:
            box.disk.close()
