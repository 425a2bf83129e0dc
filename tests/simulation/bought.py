"""What customers bought and brought back, by their own papers: receipts and credit notes.

Customers count for themselves, whatever the programs wrote down. Of each line of a receipt they
know how many units they still have, what it cost, and what they were paid for what went back:

    W1  never more units of a line come back than were sold
    W2  never more is paid back than was paid: so many units of a line are worth their part of it
    W3  nobody gets more by card than was paid by card, nor more in cash than was paid otherwise
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from tests.simulation.judge import Union
    from tests.simulation.world import World

ONLINE: Final = "online"
"""Where an order was bought, and how it was paid."""

GOODS: Final = "exchange"
"""A tender that is no money: the worth of goods that came back."""


@dataclass(slots=True)
class Line:
    """A line of a receipt: units sold and their price, units that went back and what came of it."""

    sku: str
    units: int
    total_minor: int
    back: int = 0
    paid_back_minor: int = 0

    def worth(self, units: int) -> int:
        """What so many more units should come to, to the nearest cent."""
        until = (self.total_minor * (self.back + units) * 2 + self.units) // (2 * self.units)
        return until - self.paid_back_minor


@dataclass(slots=True)
class Bought:
    """A receipt. `in_hands` are units that somebody is bringing back at this moment."""

    id: str
    number: str
    location: str
    """The store that sold it; `ONLINE` for what was ordered there, and came as a whole."""

    lines: list[Line]
    paid: Counter[str]
    paid_back: Counter[str] = field(default_factory=Counter)
    in_hands: Counter[str] = field(default_factory=Counter)
    is_forgotten: bool = False
    """Whether the customer has lost it: nothing comes back then."""

    pledged: Counter[str] = field(default_factory=Counter)
    """Units that a store took in and could not verify; they are paid for when that is possible."""

    advance_minor: int = 0
    """Cash that supervisors gave for such units."""

    is_known_elsewhere: bool = False
    """Whether another store, or the hub, was ever asked what may come back of it: from then on the
    store that sold it may have to ask as well."""

    def left(self) -> dict[str, int]:
        """Units per SKU that the customer still has, and nobody brings at this moment."""
        units: Counter[str] = Counter()
        for line in self.lines:
            units[line.sku] += line.units - line.back
        units.subtract(self.in_hands)
        units.subtract(self.pledged)
        if self.is_forgotten:
            return {}
        return {sku: many for sku, many in units.items() if many > 0}

    def lines_with(self, units: Mapping[str, int]) -> list[dict[str, object]]:
        """Lines of a body that say on which line of the receipt each of these SKUs is."""
        numbers = {line.sku: number for number, line in enumerate(self.lines, 1)}
        return [{"sku": sku, "quantity": many, "line": numbers[sku]} for sku, many in units.items()]

    def worth(self, units: Mapping[str, int]) -> int:
        """What these units should be paid back with; each SKU stands on one line of a receipt."""
        return sum(line.worth(units[line.sku]) for line in self.lines if line.sku in units)

    @contextmanager
    def bringing(self, units: Mapping[str, int]) -> Iterator[None]:
        """Somebody stands at a till with these units."""
        self.in_hands.update(units)
        try:
            yield
        finally:
            self.in_hands.subtract(units)


@dataclass(slots=True)
class Back:
    """A credit note, and what became of its goods as far as somebody has looked at them."""

    id: str
    number: str
    location: str
    waiting: dict[str, int]
    inspected: list[tuple[str, int, str]] = field(default_factory=list)
    is_looked_at: bool = False
    """Whether somebody looks at its goods at this moment."""


@dataclass(slots=True)
class Pledge:
    """Units that a store took in unverified, by a paper that pays for nothing yet.

    `is_true`: they were the customer's to bring, when they were brought.
    """

    note: str
    bought: Bought
    location: str
    units: dict[str, int]
    advance_minor: int
    is_true: bool
    is_decided: bool = False
    """Whether somebody decides about it at this moment, or has."""


class Paper(NamedTuple):
    """What a credit note says: of what it is, what that is worth, and what was paid at the till.

    What goes back online, or is owed later, is an item of the hub's queue.
    """

    bought: str
    worth_minor: int
    paid_minor: int


class Customers:
    """All receipts and credit notes of a world."""

    def __init__(self) -> None:
        self.receipts: list[Bought] = []
        self.notes: list[Back] = []
        self.pledges: list[Pledge] = []
        self.papers: dict[str, Paper] = {}
        """Credit notes by id."""

    def bought(self, at: str, sale: Mapping[str, Any]) -> None:
        """A customer was given a receipt."""
        paid: Counter[str] = Counter(cash=-sale["change_minor"])
        for tender in sale["tenders"]:
            # What was paid with goods goes back in cash.
            paid["cash" if tender["type"] == GOODS else tender["type"]] += tender["amount_minor"]
        lines = [Line(line["sku"], line["quantity"], line["total_minor"]) for line in sale["lines"]]
        self.receipts.append(Bought(sale["id"], sale["number"], at, lines, paid))

    def forget(self, sale: str) -> None:
        """A receipt is lost, and the goods stay where they are."""
        for one in self.receipts:
            if one.id == sale:
                one.is_forgotten = True

    def ordered(self, order: Mapping[str, Any], tender: str) -> None:
        """A customer has all that was ordered, and paid for."""
        if any(one.id == order["id"] for one in self.receipts):
            return
        lines = [
            Line(line["sku"], line["quantity"], line["total_minor"]) for line in order["lines"]
        ]
        paid = Counter({tender: int(order["total_minor"])})
        bought = Bought(order["id"], order["number"], ONLINE, lines, paid)
        bought.is_known_elsewhere = True
        self.receipts.append(bought)

    def look(self, world: "World", key: str, union: "Union", place: tuple[str, str]) -> None:
        """Hold the rights to bring something back against what was sold."""
        _, entry, number = key.split("/")
        line = next((one.lines[int(number) - 1] for one in self.receipts if one.id == entry), None)
        allowed = union.total(place, "minted", "allowed")
        used = union.total(place, "spent", "used")
        if line is not None and (allowed > line.units or used > allowed):
            world.accuse(
                f"W1: {allowed} of {key} may come back and {used} came, {line.units} were sold"
            )

    def brought_back(
        self,
        world: "World",
        bought: Bought,
        at: str,
        note: Mapping[str, Any],
        units: Mapping[str, int],
        goods: Mapping[str, int],
    ) -> None:
        """A customer was given a credit note for `units`, which are `goods` on a shelf."""
        came: Counter[str] = Counter()
        for told in note["lines"]:
            line = bought.lines[told["line"] - 1]
            came[line.sku] += told["quantity"]
            line.back += told["quantity"]
            line.paid_back_minor += told["total_minor"]
            if line.back > line.units:
                world.accuse(f"W1: {line.back} of {line.units} {line.sku} of {bought.id} came back")
            is_last = bought.in_hands[line.sku] == units.get(line.sku)  # else papers may cross
            if is_last and line.worth(0):
                world.accuse(
                    f"W2: {line.paid_back_minor} were paid for {line.back} of {line.units} "
                    f"{line.sku} of {bought.id}, which had cost {line.total_minor}"
                )
        if came != Counter(units) or note["goods"] != goods or note["sale"] != bought.id:
            world.accuse(f"return: {units} of {bought.id} came back, the paper says {note}")
        self._refunded(world, bought, note)
        self.notes.append(Back(note["id"], note["number"], at, dict(goods)))

    def papers_of(self, order: str) -> list[Paper]:
        """All credit notes of an order."""
        return [paper for paper in self.papers.values() if paper.bought == order]

    def _refunded(self, world: "World", bought: Bought, note: Mapping[str, Any]) -> None:
        for refund in note["refunds"]:
            bought.paid_back[refund["type"]] += refund["amount_minor"]
        in_all = sum(refund["amount_minor"] for refund in note["refunds"])
        at_the_till = sum(
            refund["amount_minor"] for refund in note["refunds"] if refund["type"] != ONLINE
        )
        self.papers[note["id"]] = Paper(bought.id, note["total_minor"], at_the_till)
        # Money that a till took for an order may be news to another store: it goes back later (M3).
        is_late = bought.location == ONLINE and ONLINE not in bought.paid
        if in_all != note["total_minor"] and not (is_late and in_all < note["total_minor"]):
            world.accuse(f"W2: {note['id']} is worth {note['total_minor']}, {in_all} were paid")
        for tender, minor in bought.paid_back.items():
            most = bought.paid[tender] + (bought.advance_minor if tender == "cash" else 0)
            if tender != GOODS and minor > most:
                world.accuse(
                    f"W3: {bought.paid[tender]} of {bought.id} were paid by {tender}, "
                    f"{minor} are paid back"
                )
