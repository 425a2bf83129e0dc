"""Goal: a shop is counted while it sells, and whatever happens in between, the book ends up true.

Method: a shop on a real file (`tests.chain`). Hypothesis receives, sells, breaks, damages, steals
unseen, counts (now, or noted and reported later), counts wrongly, counts again, closes, cancels,
restarts and fails commits. The model is what a clerk would see: `true` is what stands there. The
book may differ from it only by what nobody told it, which is kept as `error` and is mended by
closing a count. E1 and E2 hold after every step, at the shop and at the hub.
"""

import datetime
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_hub.auditing.audit import audit
from replication import ledger
from replication.escrow import check_invariants
from retail.stock.counts import CountClosed, CountStarted, ScannedLine
from tests.chain import Chain
from tests.chain_sides import CommitFailed
from web.once import Done

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

SKUS: Final = ("tea", "jam")
SHOP: Final = "airport"

T = TypeVar("T")

skus = st.sampled_from(SKUS)
units = st.integers(1, 6)


class Scan(NamedTuple):
    """A counted line, by the model: what was counted, and how much that was above the book."""

    counted: int
    difference: int


class Look(NamedTuple):
    """A clerk has looked at a shelf and has not told yet."""

    sku: str
    at_ms: int
    seen: int
    in_book: int


class CountMachine(RuleBasedStateMachine):
    """One shop, its hub, and the clerks who know what stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.caches = pytest.MonkeyPatch()
        self.caches.setattr(ledger, "COUNTERS_CACHED_MAX", 1)
        self.caches.setattr(ledger, "SAVE_ENTRIES", 5)
        self.directory = tempfile.TemporaryDirectory()
        self.chain = Chain(Path(self.directory.name), skus=SKUS, shops=[SHOP])
        self.shop = self.chain.shops[SHOP]
        self.true: Counter[str] = Counter()
        self.error: Counter[str] = Counter()
        self.open: dict[str, dict[str, Scan]] = {}
        self.looks: list[Look] = []
        for sku in SKUS:
            self.receive(sku, 12)

    @staticmethod
    def _try(act: Callable[[], T]) -> T | None:
        try:
            return act()
        except CommitFailed:
            return None

    def _book(self, sku: str) -> int:
        """What the book has, by the model."""
        return self.true[sku] - self.error[sku]

    # What people do

    @rule(sku=skus, many=st.integers(1, 12))
    def receive(self, sku: str, many: int) -> None:
        if self._try(lambda: self.shop.receive(**{sku: many})) is not None:
            self.true[sku] += many

    @rule(sku=skus, many=units)
    def sell(self, sku: str, many: int) -> None:
        if many <= self.true[sku] and isinstance(
            self._try(lambda: self.shop.sell(sku, many)), Done
        ):
            self.true[sku] -= many

    @rule(sku=skus)
    def sell_out(self, sku: str) -> None:
        many = min(self.true[sku], self.shop.state.quota(sku))
        if many:
            self.sell(sku, many)

    @rule(sku=skus, many=units, reason=st.sampled_from(["breakage", "damaged"]))
    def break_or_damage(self, sku: str, many: int, reason: str) -> None:
        if many <= self.true[sku] and isinstance(
            self._try(lambda: self.shop.adjust(sku, -many, reason)), Done
        ):
            self.true[sku] -= many if reason == "breakage" else 0

    @rule(sku=skus, many=units)
    def write_off_the_damaged(self, sku: str, many: int) -> None:
        if many <= self.true[sku] and isinstance(
            self._try(lambda: self.shop.adjust(sku, -many, "damaged_written_off")), Done
        ):
            self.true[sku] -= many

    @rule(sku=skus, many=units)
    def steal(self, sku: str, many: int) -> None:
        """Nobody tells the book."""
        gone = min(many, self.true[sku])
        self.true[sku] -= gone
        self.error[sku] -= gone

    # Counting

    @rule(named=st.sets(skus), blind=st.booleans())
    def start(self, named: set[str], *, blind: bool) -> None:
        outcome = self._try(lambda: self.shop.start_count(*sorted(named), blind=blind))
        if isinstance(outcome, Done):
            started = msgspec.json.decode(outcome.record, type=CountStarted)
            self.open[started.id] = {}

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), sku=skus, wrong=st.sampled_from([0, 0, -9, 2]))
    def count_now(self, which: int, sku: str, wrong: int) -> None:
        counted = max(0, self.true[sku] + wrong)
        self._count(which, ScannedLine(sku=sku, counted=counted, recount=True), self._book(sku))

    @precondition(lambda self: self.open)
    @rule(sku=skus)
    def look(self, sku: str) -> None:
        at_ms = self.chain._now_ms  # the last commit: whatever comes next is later
        self.looks.append(Look(sku, at_ms, self.true[sku], self._book(sku)))

    @precondition(lambda self: self.open and self.looks)
    @rule(which=st.integers(0), of=st.integers(0))
    def tell_later(self, which: int, of: int) -> None:
        self._tell(which, self.looks[of % len(self.looks)])

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), sku=skus, sold=units, came=units)
    def tell_after_a_sale_and_a_delivery(self, which: int, sku: str, sold: int, came: int) -> None:
        self.look(sku)
        self.sell(sku, sold)
        self.receive(sku, came)
        self._tell(which, self.looks[-1])

    def _tell(self, which: int, look: Look) -> None:
        at = datetime.datetime.fromtimestamp(look.at_ms / 1000, datetime.UTC)
        line = ScannedLine(sku=look.sku, counted=look.seen, at=at, recount=True)
        self._count(which, line, look.in_book)

    def _count(self, which: int, line: ScannedLine, in_book: int) -> None:
        count = list(self.open)[which % len(self.open)]
        if isinstance(self._try(lambda: self.shop.count(count, line)), Done):
            self.open[count][line.sku] = Scan(line.counted, line.counted - in_book)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0))
    def close(self, which: int) -> None:
        count = list(self.open)[which % len(self.open)]
        outcome = self._try(lambda: self.shop.close_count(count))
        if not isinstance(outcome, Done):
            return
        closed = msgspec.json.decode(outcome.record, type=CountClosed)
        scans = self.open.pop(count)
        assert {line.sku: line.difference for line in closed.differences} == {
            sku: scan.difference for sku, scan in scans.items() if scan.difference
        }
        for line in closed.differences:
            assert line.difference is not None
            assert line.booked == max(line.difference, -max(0, self._book(line.sku)))
            assert line.on_hand == self._book(line.sku) + line.booked
            self.error[line.sku] -= line.booked

    @rule()
    def count_everything(self) -> None:
        """Right counts of all that stands there, closed at once: the book is true again."""
        outcome = self._try(self.shop.start_count)
        if not isinstance(outcome, Done):
            return
        count = msgspec.json.decode(outcome.record, type=CountStarted).id
        self.open[count] = {}
        for sku in SKUS:
            self._count(
                len(self.open) - 1, ScannedLine(sku=sku, counted=self.true[sku]), self._book(sku)
            )
        counted = set(self.open[count])
        self.close(len(self.open) - 1)
        if count not in self.open:
            for sku in counted:
                assert self.shop.state.counter(sku).physical() == self.true[sku]

    # What the world does

    @rule()
    def a_commit_will_fail(self) -> None:
        self.shop.refuse_next_commit()

    @rule()
    def the_shop_starts_again(self) -> None:
        known = {sku: self.shop.state.counter(sku).cells() for sku in SKUS}
        self.shop.restart()
        assert {sku: self.shop.state.counter(sku).cells() for sku in SKUS} == known

    @rule()
    def the_hub_hears(self) -> None:
        self._try(self.chain.sync)

    # What holds after every step

    @invariant()
    def the_book_is_what_it_was_told(self) -> None:
        for sku in SKUS:
            counter = self.shop.state.counter(sku)
            assert counter.physical() == self._book(sku)
            assert check_invariants(counter) == []
            assert counter.levels().damaged <= counter.physical(), "what is gone is not damaged"

    @invariant()
    def a_sku_is_in_one_open_count(self) -> None:
        rows = self.shop.state.connection.execute(
            "SELECT count_id, sku FROM count_line WHERE is_open = 1 AND data IS NOT NULL"
        ).fetchall()
        assert sorted(rows) == sorted(
            (count, sku) for count, scans in self.open.items() for sku in scans
        )

    def teardown(self) -> None:
        try:
            self.shop.restart()
            self.chain.sync(entries_max=1)
            for sku in SKUS:
                counter = self.chain.hub.counter(SHOP, sku)
                assert counter.cells() == self.shop.state.counter(sku).cells()
                assert check_invariants(counter) == []
            assert audit(self.chain.hub.state.store, None).differences == []
        finally:
            self.caches.undo()
            self.chain.close()
            self.directory.cleanup()


TestCountMachine = CountMachine.TestCase
TestCountMachine.settings = settings(stateful_step_count=60)
