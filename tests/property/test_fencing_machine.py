"""Goal: boxes die, go on unnoticed and are found again, and no unit is promised twice or stranded.

Method: a hub, one gateway after the other, and one register after the other, each with its own book
and a journal that is heard by and by, to its end, or never. The model is the shelf that a clerk
would count, with the promises made to customers beside it. What nobody can know (a manager attests
that a box is destroyed which still runs, a count finds what such a box had booked in) is `exposed`:
promises may exceed the shelf by that and by nothing else. In the end all is heard, counted and
reclaimed: then each unit on the shelf is a right or a promise again.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
from replication.fencing import concede_shortfall, levels_below, reclaim_residual
from replication.ids import LocationId, WriterId, is_register, register_writer, writer_id

HUB = WriterId("hub.1")
PLACE = LocationId("riverside")
units = st.integers(1, 9)
some = st.integers(0)


def empty() -> EscrowCounter:
    return EscrowCounter(PLACE, "tea")


@dataclass(slots=True)
class Box:
    """A writer with its own book and its journal, of which the others have heard a part."""

    writer: WriterId
    book: EscrowCounter
    journal: list[list[CellChange]] = field(default_factory=list)
    heard: int = 0
    is_fenced: bool = False
    is_running: bool = True
    promised: int = 0
    news_at: int = 0
    """When the others last heard something new of it."""
    is_thawed: bool = False
    """Its open holds were released in its place."""


class FencingMachine(RuleBasedStateMachine):
    """See the module's method. Time is a counter of deeds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.on_shelf = 0
        self.exposed = 0
        self.counted_at = 0
        self.hub = Box(HUB, empty())
        self.gateway = Box(writer_id(PLACE, 1), empty())
        self.till = Box(register_writer(PLACE, "till-1", 1), empty())
        self.fenced: list[Box] = []

    # How they write, and how they hear

    def write(self, box: Box, *changes: CellChange | QuotaShort) -> bool:
        """One entry of a box's journal; False when what it wanted was refused."""
        cells = [one for one in changes if isinstance(one, CellChange)]
        if len(cells) < len(changes) or not cells:
            return False
        for one in cells:
            check_cell(one, box.writer)
        box.journal.append(cells)
        self.now += 1
        return True

    def listeners(self, box: Box) -> list[Box]:
        return [one for one in (self.hub, self.gateway) if one is not box]

    def hear(self, box: Box, count: int) -> None:
        """The next entries of a journal reach the hub and the living gateway."""
        entries = box.journal[box.heard : box.heard + count]
        box.heard += len(entries)
        for listener in self.listeners(box):
            for one in entries:
                merge(listener.book, one)
        if entries:
            box.news_at = self.now
            if box.is_fenced:
                self.concede(box)

    def concede(self, fenced: Box) -> None:
        """Whoever is above the fenced writer makes good what it lacks; then all that is covered."""
        above = self.gateway if is_register(fenced.writer) else self.hub
        for level, units in levels_below(self.hub.book):
            self.write_and_tell(self.hub, self.hub.book.concede(HUB, level, units))
        self.write_and_tell(above, *concede_shortfall(above.book, above.writer, fenced.writer))
        self.cover()

    def write_and_tell(self, box: Box, *changes: CellChange | QuotaShort) -> bool:
        written = self.write(box, *changes)
        self.hear(box, len(box.journal))
        return written

    def cover(self) -> None:
        gateway = self.gateway
        owed = min(gateway.book.deficit(), gateway.book.quota(gateway.writer))
        if owed > 0:
            self.write(gateway, gateway.book.spend(gateway.writer, Spent.COVERED, owed))

    def give(self, giver: Box, taker: Box, given: int, *, told: bool) -> None:
        """The taker hears of a grant at once; the others with the giver's journal."""
        granted = giver.book.grant(giver.writer, taker.writer, given)
        if self.write(giver, granted) and isinstance(granted, CellChange):
            merge(taker.book, [granted])
            if told:
                self.hear(giver, len(giver.journal))

    # What boxes do

    def running(self) -> list[Box]:
        return [self.hub, self.gateway, self.till, *(one for one in self.fenced if one.is_running)]

    @initialize(first=units, share=units)
    def open_the_shop(self, first: int, share: int) -> None:
        self.receive(first + share)
        self.give(self.gateway, self.till, share, told=True)

    @rule(arrived=units)
    def receive(self, arrived: int) -> None:
        box = self.gateway
        self.write(
            box,
            box.book.mint(box.writer, Minted.RECEIVED, arrived),
            box.book.move(box.writer, Moved.RECEIVED, arrived),
        )
        self.on_shelf += arrived
        self.cover()

    @rule(which=some, wanted=units)
    def sell(self, which: int, wanted: int) -> None:
        """A customer stands there with the goods in hand, at whatever box still runs."""
        box = self.running()[which % len(self.running())]
        if box is self.hub or wanted > self.on_shelf or box.book.quota(box.writer) < wanted:
            return
        self.write(
            box,
            box.book.spend(box.writer, Spent.SOLD, wanted),
            box.book.move(box.writer, Moved.SOLD, wanted),
        )
        self.on_shelf -= wanted

    @rule(which=some, wanted=units)
    def promise(self, which: int, wanted: int) -> None:
        box = self.running()[which % len(self.running())]
        if self.write(box, box.book.spend(box.writer, Spent.HELD, wanted)):
            box.promised += wanted

    @rule(which=some)
    def release(self, which: int) -> None:
        box = self.running()[which % len(self.running())]
        if box.promised:
            self.write(box, box.book.mint(box.writer, Minted.HOLD_RELEASED, box.promised))
            box.promised = 0
            if box is self.gateway:
                self.cover()

    @rule(given=units)
    def lend_to_the_till(self, given: int) -> None:
        """The till hears of it at once; the hub with the gateway's journal, if ever."""
        self.give(self.gateway, self.till, given, told=False)

    @rule(given=units)
    def lend_to_the_gateway(self, given: int) -> None:
        self.give(self.till, self.gateway, given, told=False)

    @rule(given=units, is_up=st.booleans())
    def lend_online(self, given: int, is_up: bool) -> None:  # noqa: FBT001 - Hypothesis
        giver, taker = (self.gateway, self.hub) if is_up else (self.hub, self.gateway)
        self.give(giver, taker, given, told=not is_up)

    @rule(which=some, count=st.integers(1, 4))
    def a_journal_is_heard(self, which: int, count: int) -> None:
        boxes = [self.gateway, self.till, *self.fenced]
        self.hear(boxes[which % len(boxes)], count)

    # What becomes of boxes

    @rule(is_destroyed=st.booleans())
    def the_gateway_is_replaced(self, is_destroyed: bool) -> None:  # noqa: FBT001 - Hypothesis
        """The new box takes what the hub has, and what the till proves."""
        old, number = self.gateway, 1 + sum(not is_register(one.writer) for one in self.fenced)
        self.fence(old, is_destroyed=is_destroyed)
        self.gateway = Box(writer_id(PLACE, number + 1), empty())
        self.gateway.book.merge(self.hub.book)
        self.till_proves_its_grants()
        self.cover()

    @rule(is_destroyed=st.booleans())
    def the_till_is_lost(self, is_destroyed: bool) -> None:  # noqa: FBT001 - Hypothesis
        """A manager writes it off, and there is another till of that name."""
        number = 1 + sum(is_register(one.writer) for one in self.fenced)
        self.till_proves_its_grants()
        self.fence(self.till, is_destroyed=is_destroyed)
        self.till = Box(register_writer(PLACE, "till-1", number + 1), empty())

    def fence(self, box: Box, *, is_destroyed: bool) -> None:
        box.is_fenced, box.is_running = True, not is_destroyed
        box.news_at = self.now
        if is_destroyed:
            del box.journal[box.heard :]
            box.promised = 0
        self.fenced.append(box)

    def till_proves_its_grants(self) -> None:
        proofs = [
            CellChange(PLACE, "tea", *cell)
            for cell in self.till.book.cells()
            if cell[0] == Table.GRANTED and cell[2] == self.till.writer
        ]
        for box in (self.hub, self.gateway):
            merge(box.book, proofs)
        for one in self.fenced:
            self.concede(one)

    @precondition(lambda self: any(one.is_running for one in self.fenced))
    @rule(which=some)
    def a_fenced_box_hears_that_it_is(self, which: int) -> None:
        """It releases its baskets and seals its journal."""
        boxes = [one for one in self.fenced if one.is_running]
        self.seal(boxes[which % len(boxes)])

    def seal(self, box: Box) -> None:
        if box.promised:
            # What was released in its place already is conceded when this is heard.
            self.write(box, box.book.mint(box.writer, Minted.HOLD_RELEASED, box.promised))
            box.promised = 0
        box.is_running = False

    # How its rights come back

    @rule()
    def count(self) -> None:
        """The shelf is counted, with all heard that the living can tell."""
        self.hear(self.till, len(self.till.journal))
        box, book = self.gateway, self.gateway.book
        difference = self.on_shelf - book.physical()
        if difference > 0:
            if any(one.is_running for one in self.fenced):
                self.exposed += difference
            self.write(
                box,
                book.mint(box.writer, Minted.COUNTED_UP, difference),
                book.move(box.writer, Moved.COUNTED_UP, difference),
            )
        elif difference < 0:
            covered = min(-difference, book.quota(box.writer))
            cells: list[CellChange | QuotaShort] = [
                book.move(box.writer, Moved.COUNTED_DOWN, -difference)
            ]
            if covered:
                cells.append(book.spend(box.writer, Spent.COUNTED_DOWN, covered))
            if -difference > covered:
                cells.append(book.overdraw(box.writer, Spent.COUNTED_DOWN, -difference - covered))
            self.write(box, *cells)
        self.now += 1
        self.counted_at = self.now
        self.cover()
        self.hear(box, len(box.journal))

    @precondition(lambda self: self.fenced)
    @rule(which=some, errs=st.booleans())
    def rights_come_back(self, which: int, errs: bool) -> None:  # noqa: FBT001 - Hypothesis
        """R1 to R3; a manager who errs attests that a box is destroyed which still runs."""
        box = self.fenced[which % len(self.fenced)]
        self.till_proves_its_grants()
        is_whole = not box.is_running and box.heard == len(box.journal)
        if self.counted_at <= box.news_at or not (is_whole or errs):
            return
        if not is_whole:
            self.exposed += max(0, self.hub.book.quota(box.writer)) + open_holds(
                self.hub.book, box.writer
            )
        self.reclaim(box)

    def reclaim(self, box: Box) -> None:
        """The replica above takes over what is left, and what is in baskets that nobody has."""
        above = self.gateway if is_register(box.writer) else self.hub
        self.hear(self.gateway, len(self.gateway.journal))
        before = above.book.quota(above.writer)
        held = open_holds(above.book, box.writer)
        if held > 0 and not box.is_thawed:
            box.is_thawed = True
            self.write_and_tell(above, above.book.mint(above.writer, Minted.HOLD_RELEASED, held))
        self.write_and_tell(above, *reclaim_residual(above.book, above.writer, box.writer))
        taken = above.book.quota(above.writer) - before
        if above is self.hub and taken:
            self.give(self.hub, self.gateway, taken, told=True)
        self.cover()

    # What holds after every step

    @invariant()
    def nobody_alive_owes_rights(self) -> None:
        for box in self.running():
            assert box.book.quota(box.writer) >= 0, "E1 in the holder's own eyes"

    @invariant()
    def whoever_fenced_it_has_conceded(self) -> None:
        for box in self.fenced:
            above = self.gateway if is_register(box.writer) else self.hub
            assert above.book.quota(box.writer) >= 0, "E1 in the eyes of the replica above"

    @invariant()
    def both_lines_agree_in_every_book(self) -> None:
        for box in (*self.running(), self.hub):
            assert box.book.levels().on_hand == box.book.physical(), "E2"

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        promised = sum(box.promised for box in self.running())
        assert promised <= self.on_shelf + self.exposed

    def teardown(self) -> None:
        """All that still runs is silenced, heard, counted and reclaimed."""
        for box in self.fenced:
            if box.is_running:
                self.seal(box)
        for box in (self.gateway, self.till, *self.fenced):
            self.hear(box, len(box.journal))
        self.till_proves_its_grants()
        self.count()
        for box in self.fenced:
            self.reclaim(box)
            self.hear(self.gateway, len(self.gateway.journal))

        union = empty()
        for box in (self.hub, self.gateway, self.till):
            union.merge(box.book)
        assert check_invariants(union) == []
        levels = union.levels()
        assert union.physical() == self.on_shelf
        assert union.available() - levels.deficit + levels.held == self.on_shelf
        if not self.exposed:
            promised = self.hub.promised + self.gateway.promised + self.till.promised
            assert (levels.deficit, levels.held) == (0, promised)


def merge(book: EscrowCounter, cells: list[CellChange]) -> None:
    for one in cells:
        book.merge_cell(one.key, one.value)


def open_holds(book: EscrowCounter, writer: WriterId) -> int:
    """What a writer set aside and did not release, as far as it is heard."""
    return book.value("spent", writer, "held") - book.value("minted", writer, "hold_released")


TestFencing = FencingMachine.TestCase
