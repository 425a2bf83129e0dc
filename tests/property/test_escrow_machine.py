"""Goal: no order of acts, losses of touch and deliveries oversells a SKU, and all agree in the end.

Method: a hub and three stores' holders of one counter, each with its own book. Hypothesis picks who
acts on what it knows and which cell reaches whom, when, and how often. The model is one plain
integer, the goods that a clerk would count on the shelf, with the promises made to customers beside
it. Every step checks E1, E4 and that nothing was promised twice; `talk_until_quiet` checks E2.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from replication.cell_rules import check_cell
from replication.escrow import (
    CellChange,
    EscrowCounter,
    Minted,
    Moved,
    QuotaShort,
    Spent,
    Table,
    check_invariants,
)
from replication.ids import WriterId

HUB, STORE, *TILLS = HOLDERS = tuple(
    map(WriterId, ("hub.1", "riverside.1", "riverside.2", "riverside.3"))
)
"""The store's gateway is custodian of the goods; the others sell rights that it or the hub gave."""

holders = st.sampled_from(HOLDERS)
units = st.integers(1, 12)


@dataclass(slots=True)
class Promise:
    """Units kept for one customer: `held` for a basket, `committed` for an order."""

    holder: WriterId
    units: int
    kind: Spent


@dataclass(slots=True)
class Shelf:
    """What a clerk would count, and what customers were told. Knows nothing of rights."""

    on_hand: int = 0
    sold_by_right: int = 0
    received: int = 0
    overdrawn: int = 0
    promises: list[Promise] = field(default_factory=list)

    def promised(self) -> int:
        return sum(promise.units for promise in self.promises)


class EscrowMachine(RuleBasedStateMachine):
    """See the module's method."""

    def __init__(self) -> None:
        super().__init__()
        self.books = {holder: EscrowCounter("riverside", "tea") for holder in HOLDERS}
        self.shelf = Shelf()
        self.sent: list[CellChange] = []

    # What holders do, each on nothing but its own book

    def _write(self, by: WriterId, change: CellChange | QuotaShort) -> bool:
        """Put a change on the wire for everyone; False when it was refused."""
        if isinstance(change, QuotaShort):
            return False
        check_cell(change, by)
        self.sent.append(change)
        return True

    @initialize(first=units, share=units)
    def open_the_shop(self, first: int, share: int) -> None:
        self.receive(first + share)
        self.grant(STORE, HUB, share)

    @rule(arrived=units)
    def receive(self, arrived: int) -> None:
        book = self.books[STORE]
        self._write(STORE, book.mint(STORE, Minted.RECEIVED, arrived))
        self._write(STORE, book.move(STORE, Moved.RECEIVED, arrived))
        self.shelf.on_hand += arrived
        self.shelf.received += arrived

    @rule(by=st.sampled_from([STORE, *TILLS]), wanted=units)
    def sell(self, by: WriterId, wanted: int) -> None:
        """A customer stands there with the goods in hand, so they are on the shelf."""
        if wanted <= self.shelf.on_hand:
            book = self.books[by]
            if self._write(by, book.spend(by, Spent.SOLD, wanted)):
                self._write(by, book.move(by, Moved.SOLD, wanted))
                self.shelf.on_hand -= wanted
                self.shelf.sold_by_right += wanted

    @rule(giver=holders, taker=holders, given=units)
    def grant(self, giver: WriterId, taker: WriterId, given: int) -> None:
        if giver != taker:
            self._write(giver, self.books[giver].grant(giver, taker, given))

    @rule(asker=holders, lender=holders, wanted=units)
    def borrow(self, asker: WriterId, lender: WriterId, wanted: int) -> None:
        """Connected: the lender grants the whole need or nothing; the asker hears it at once."""
        lack = wanted - self.books[asker].quota(asker)
        if asker == lender or lack <= 0:
            return
        granted = self.books[lender].grant(lender, asker, lack)
        if self._write(lender, granted) and isinstance(granted, CellChange):
            self.books[asker].merge_cell(granted.key, granted.value)

    @rule(by=holders, wanted=units, kind=st.sampled_from([Spent.HELD, Spent.COMMITTED]))
    def promise(self, by: WriterId, wanted: int, kind: Spent) -> None:
        if self._write(by, self.books[by].spend(by, kind, wanted)):
            self.shelf.promises.append(Promise(by, wanted, kind))

    @precondition(lambda self: self.shelf.promises)
    @rule(which=st.integers(0))
    def release(self, which: int) -> None:
        promise = self.shelf.promises.pop(which % len(self.shelf.promises))
        released = Minted.HOLD_RELEASED if promise.kind is Spent.HELD else Minted.ORDER_RELEASED
        by = promise.holder
        self._write(by, self.books[by].mint(by, released, promise.units))

    @precondition(lambda self: self.shelf.promises)
    @rule(which=st.integers(0))
    def fulfil(self, which: int) -> None:
        """The custodian hands over what anyone committed, once, if it is physically there."""
        place = which % len(self.shelf.promises)
        promise = self.shelf.promises[place]
        if promise.kind is Spent.COMMITTED and promise.units <= self.shelf.on_hand:
            del self.shelf.promises[place]
            self._write(STORE, self.books[STORE].move(STORE, Moved.FULFILLED, promise.units))
            self.shelf.on_hand -= promise.units
            self.shelf.sold_by_right += promise.units

    @rule(gone=units)
    def lose(self, gone: int) -> None:
        """Breakage is never refused for quota: own quota first, the rest is deficit."""
        gone = min(gone, self.shelf.on_hand)
        book = self.books[STORE]
        covered = min(gone, book.quota(STORE))
        if covered:
            assert self._write(STORE, book.spend(STORE, Spent.WRITTEN_OFF, covered))
        if gone > covered:
            self._write(STORE, book.overdraw(STORE, Spent.WRITTEN_OFF, gone - covered))
            self.shelf.overdrawn += gone - covered
        if gone:
            self._write(STORE, book.move(STORE, Moved.WRITTEN_OFF, gone))
            self.shelf.on_hand -= gone

    @rule()
    def cover(self) -> None:
        """Only the custodian overdraws and covers, so that it knows the deficit exactly."""
        book = self.books[STORE]
        owed = min(book.deficit(), book.quota(STORE))
        if owed > 0:
            assert self._write(STORE, book.spend(STORE, Spent.COVERED, owed))

    # What the world does to messages

    @precondition(lambda self: self.sent)
    @rule(to=holders, which=st.integers(0))
    def deliver(self, to: WriterId, which: int) -> None:
        """Any cell ever sent arrives anywhere: late, out of order, or once more."""
        change = self.sent[which % len(self.sent)]
        self.books[to].merge_cell(change.key, change.value)

    @precondition(lambda self: self.sent)
    @rule(to=holders, newest=st.integers(1, 8))
    def deliver_lately(self, to: WriterId, newest: int) -> None:
        for change in reversed(self.sent[-newest:]):
            self.books[to].merge_cell(change.key, change.value)

    @rule(a=holders, b=holders)
    def exchange_books(self, a: WriterId, b: WriterId) -> None:
        self.books[a].merge(self.books[b])

    @rule()
    def talk_until_quiet(self) -> None:
        union = self._union()
        for book in self.books.values():
            book.merge(union)
        for book in self.books.values():
            assert book.cells() == union.cells()
            assert book.holders() == union.holders()
            assert check_invariants(book) == [], "E1 and E2 on the union"
        levels = union.levels()
        assert levels.on_hand == union.physical() == self.shelf.on_hand
        assert levels.held + levels.committed == self.shelf.promised()

    # What holds after every step

    def _union(self) -> EscrowCounter:
        union = EscrowCounter("riverside", "tea")
        for book in self.books.values():
            union.merge(book)
        return union

    @invariant()
    def nobody_owes_rights(self) -> None:
        for holder, book in self.books.items():
            assert book.quota(holder) >= 0, "E1 in the holder's own eyes"
        assert all(units >= 0 for units in self._union().holders().values()), "E1 on the union"

    @invariant()
    def each_cell_is_its_writers_own(self) -> None:
        """E4: no book is ahead of the writer's own, and nobody granted to itself."""
        for book in self.books.values():
            for table, holder, detail, value in book.cells():
                assert value <= self.books[WriterId(holder)].value(table, holder, detail)
                assert not (table == Table.GRANTED and holder == detail)

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        """Oversold, by the shelf alone: goods given and promised never exceed goods received."""
        shelf = self.shelf
        assert shelf.sold_by_right + shelf.promised() <= shelf.received
        assert shelf.on_hand + shelf.overdrawn >= shelf.promised()

    def teardown(self) -> None:
        self.talk_until_quiet()


TestEscrowMachine = EscrowMachine.TestCase
