"""Goal: after any lives of a shop's boxes, the hub's books say what stands on the shelf.

Method: a chain in one process on real files, and a shelf of the test's own. The box sells, receives
and counts, mostly unheard; it is replaced again and again, the old ones go on selling, their sales
are handed in by registers, somebody counts, their last entries come in pieces, early or late. In
the end everything is heard. Each sale counts once, no unit is there twice, and the audit is clean.
Whoever counts is on the line at that moment (what that excludes is in `docs/decisions/0030`).
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import sold
from web.once import Done

SKU: Final = "tea"
BOXES_MAX: Final = 4

DEEDS: Final = ("sell", "sell", "receive", "recover", "hold", "sell at an old one")
EVENTS: Final = ("hear", "replace", "count", "count", "hand over", "seal", "restart the hub")

STEPS = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.sampled_from(EVENTS), st.integers(1, 5)),
    min_size=4,
    max_size=14,
)
"""A deed, what happens after it, and how many units or which of the boxes."""


class Walk:
    """A shop, its boxes, and what is true of its shelf."""

    def __init__(self, directory: Path) -> None:
        self.chain = LifeChain(directory, skus=(SKU,), shops=("riverside",))
        self.boxes = [self.chain.shops["riverside"]]
        self.sealed: set[int] = set()
        self.there = 20
        self.sales: dict[str, bytes] = {}
        self.recovered: set[str] = set()
        self.boxes[0].receive(tea=20)
        self.chain.sync()

    @property
    def living(self) -> ShopSide:
        """The box that speaks for the shop."""
        return self.boxes[-1]

    def step(self, what: str, units: int) -> None:
        """One thing happens."""
        match what:
            case "sell":
                self.sell(self.living, units)
            case "sell at an old one":
                old = units % len(self.boxes)
                if old not in self.sealed:
                    self.sell(self.boxes[old], 1)
            case "receive":
                assert isinstance(self.living.receive(tea=units), Done)
                self.there += units
            case "hold":
                self.living.hold({SKU: units})
            case "recover":
                self.recover()
            case "hear":
                self.chain.sync(self.living)
            case "replace":
                self.replace()
            case "count":
                self.chain.sync(self.living)
                self.chain.count_all(self.living, tea=self.there)
                self.chain.sync(self.living)
            case "hand over":
                self.hand_over(units % len(self.boxes), sealed=False)
            case "seal":
                self.hand_over(units % len(self.boxes), sealed=True)
            case _:
                self.chain.hub.restart()

    def sell(self, box: ShopSide, units: int) -> None:
        """Somebody takes units from the shelf, if the box lets them and they are there."""
        if units > self.there:
            return
        done = box.sell(SKU, units)
        if isinstance(done, Done):
            self.sales[sold(done)] = done.record
            self.there -= units

    def recover(self) -> None:
        """A register hands in a sale that the hub does not list."""
        listed = set(self.chain.sales()) | self.recovered
        own = f"{self.living.state.ledger.writer}-"
        lost = [one for one in sorted(self.sales) if one not in listed and not one.startswith(own)]
        if lost:
            self.recovered.add(lost[0])
            self.chain.recover(self.living, self.sales[lost[0]])

    def replace(self) -> None:
        """Another box takes the place of the one that lives."""
        if len(self.boxes) < BOXES_MAX:
            self.boxes.append(self.chain.replace("riverside"))

    def hand_over(self, number: int, *, sealed: bool) -> None:
        """An old box is heard."""
        if number < len(self.boxes) - 1 and number not in self.sealed:
            if sealed:
                self.sealed.add(number)
            self.chain.hand_over(self.boxes[number], sealed=sealed, entries_max=3)

    def end(self) -> None:
        """Everything is heard."""
        for number in range(len(self.boxes) - 1):
            self.hand_over(number, sealed=True)
        for _ in range(3):
            self.chain.sync(self.living)

    def check(self) -> None:
        """The books are right."""
        counter = self.chain.hub.counter("riverside", SKU)
        assert counter.physical() == self.there
        assert self.living.state.counter(SKU).physical() == self.there
        assert counter.deficit() == 0 or counter.available() == 0 or counter.levels().held
        assert self.chain.hub.state.frozen(counter) == 0
        assert sorted(self.chain.sales()) == sorted(self.sales)
        self.chain.check(SKU)


@settings(max_examples=40)
@given(steps=STEPS)
@example([("sell", "count", 1), ("sell", "replace", 1), ("receive", "replace", 1)])
def test_when_everything_was_heard_the_books_say_what_stands_there(
    steps: list[tuple[str, str, int]],
) -> None:
    with TemporaryDirectory() as directory:
        walk = Walk(Path(directory))
        try:
            for deed, event, units in steps:
                walk.step(deed, units)
                walk.step(event, units)
            walk.end()
            walk.check()
        finally:
            for box in walk.boxes[:-1]:
                box.close()
            walk.chain.close()
