"""Goal: whatever head office writes, whoever is cut off, no offer is used more often than allowed.

Method: a hub and three stores, each with its own book of one allowance. Hypothesis picks who acts
on what it knows, and which cell reaches whom, when, and how often. The model is one number, the
baskets that were cheaper, beside the highest limit that head office ever wrote.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from replication.allowances import allowed, promotion_uses, set_limit, usage_of, use
from replication.cell_rules import check_cell
from replication.escrow import CellChange, EscrowCounter, Minted, QuotaShort, check_invariants
from replication.ids import EVERYWHERE, WriterId
from replication.quota import uses_handed_out, uses_recalled

HUB, *STORES = HOLDERS = tuple(map(WriterId, ("hub.1", "airport.1", "bazaar.1", "castle.1")))
KEY = promotion_uses("summer")

holders, stores = st.sampled_from(HOLDERS), st.sampled_from(STORES)


class AllowanceMachine(RuleBasedStateMachine):
    """See the module's method."""

    def __init__(self) -> None:
        super().__init__()
        self.books = {holder: EscrowCounter(EVERYWHERE, KEY) for holder in HOLDERS}
        self.sent: list[CellChange] = []
        self.limit = self.highest = 0
        self.had = self.unpaid = 0

    def _write(self, by: WriterId, *changes: CellChange | QuotaShort) -> list[CellChange]:
        """Put changes on the wire for everyone."""
        for change in changes:
            assert isinstance(change, CellChange), "no policy goes beyond the quota"
            check_cell(change, by)
            self.sent.append(change)
        return [change for change in changes if isinstance(change, CellChange)]

    def _merge(self, at: WriterId, changes: list[CellChange]) -> None:
        for change in changes:
            if change.holder != at:
                self.books[at].merge_cell(change.key, change.value)

    # Head office

    @initialize(limit=st.integers(1, 20))
    def begin(self, limit: int) -> None:
        self.write_limit(limit)

    @rule(limit=st.integers(1, 20))
    def write_limit(self, limit: int) -> None:
        """Written anew, raised, lowered, or after it was withdrawn."""
        self.limit, self.highest = limit, max(self.highest, limit)
        self._write(HUB, *set_limit(self.books[HUB], HUB, limit))

    @rule(store=stores, is_connected=st.booleans())
    def hand_out(self, store: WriterId, is_connected: bool) -> None:  # noqa: FBT001 - drawn
        book = self.books[HUB]
        units = uses_handed_out(
            quota_hub=book.quota(HUB), quota_store=book.quota(store), stores=len(STORES)
        )
        if units:
            granted = self._write(HUB, book.grant(HUB, store, units))
            if is_connected:
                self._merge(store, granted)

    @rule(store=stores)
    def lend(self, store: WriterId) -> None:
        """Connected: a till waits for one."""
        if self.books[HUB].quota(HUB):
            self._merge(store, self._write(HUB, self.books[HUB].grant(HUB, store, 1)))

    @rule(store=stores)
    def recall(self, store: WriterId) -> None:
        """Connected: the hub asks for what it last heard; the store gives all of it or nothing."""
        heard = self.books[HUB].quota(store)
        if heard <= 0:
            return
        granted = self.books[store].grant(store, HUB, uses_recalled(quota_store=heard))
        if isinstance(granted, CellChange):
            self._merge(HUB, self._write(store, granted))

    # Customers

    @rule(by=holders)
    def have(self, by: WriterId) -> None:
        """A basket takes a use where its seller holds one, and goes without where not."""
        if self.books[by].quota(by) > 0:
            self._write(by, use(self.books[by], by))
            self.had += 1

    @precondition(lambda self: self.books[HUB].quota(HUB) > 0)
    @rule()
    def order_unpaid(self) -> None:
        self.have(HUB)
        self.unpaid += 1

    @precondition(lambda self: self.unpaid)
    @rule(is_paid=st.booleans())
    def end_unpaid(self, is_paid: bool) -> None:  # noqa: FBT001 - drawn
        """It is paid, or expires: then its use did not come about."""
        self.unpaid -= 1
        if not is_paid:
            book = self.books[HUB]
            self._write(
                HUB, book.mint(HUB, Minted.USE_RELEASED, 1), *set_limit(book, HUB, self.limit)
            )
            self.had -= 1

    # The world

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), to=holders)
    def deliver(self, data: st.DataObject, to: WriterId) -> None:
        """Any cell, late or again."""
        self._merge(to, [data.draw(st.sampled_from(self.sent))])

    @invariant()
    def never_more_than_allowed(self) -> None:
        assert self.had <= self.highest

    @invariant()
    def nobody_owes_anything_in_its_own_eyes(self) -> None:
        for holder, book in self.books.items():
            assert book.quota(holder) >= 0

    @invariant()
    def the_union_agrees_with_the_customers(self) -> None:
        union = EscrowCounter(EVERYWHERE, KEY)
        for book in self.books.values():
            union.merge(book)
        assert check_invariants(union) == []
        told = usage_of(union)
        assert told.used == self.had
        assert allowed(union) == told.used + sum(told.held.values())
        assert allowed(union) <= self.highest


TestAllowances = AllowanceMachine.TestCase
