"""Goal: over the worst of lines each entry reaches the parent once, in order, and so does the feed.

Method: two real sessions joined by a cable in memory. Hypothesis writes entries and feed items,
pumps frames into the cable, delivers some, cuts the cable anywhere (before a frame, after its
commit, before its answer), and slips frames of older links into newer ones. The model is two plain
lists: what the child wrote and what the parent published. What the child hears of the hub is never
more than the hub has. In the end an honest line carries all.
"""

from collections import deque

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from replication import wire
from replication.errors import PeerViolation
from replication.session import BATCHES_IN_FLIGHT_MAX, SILENCE_MS_MAX, Session, Side, State
from tests.session_sides import Child, Parent

OLD_FRAMES_MAX = 40
ROUNDS_MAX = 1_000
A_FEW = st.integers(1, 5)


class SessionPairMachine(RuleBasedStateMachine):
    """See the module's method."""

    def __init__(self) -> None:
        super().__init__()
        self.child, self.parent = Child(), Parent()
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.old_up: deque[bytes] = deque(maxlen=OLD_FRAMES_MAX)
        self.old_down: deque[bytes] = deque(maxlen=OLD_FRAMES_MAX)
        self.now_ms = 0
        self.borrows = 0
        self._open_link()

    # What the two do

    @rule(count=A_FEW)
    def write_entries(self, count: int) -> None:
        self.child.write(count)

    @rule(count=A_FEW, skipped=st.integers(0, 2))
    def publish_items(self, count: int, skipped: int) -> None:
        """Positions have holes where a newer change replaced an older one."""
        self.parent.publish(count, skipped)

    @precondition(lambda self: self.low.state is State.OPEN)
    @rule()
    def borrow(self) -> None:
        self.borrows += 1
        self.low.borrow(f"r-{self.borrows}", [("tea", 1)])

    @rule(count=A_FEW)
    def hub_hears(self, count: int) -> None:
        """The parent is a gateway, and its own parent has more of the child's journal."""
        self.parent.pass_on(count)
        if self.high.state is State.OPEN:
            self.high.at_hub(self.parent.at_hub)

    @rule(batch=A_FEW)
    def child_speaks(self, batch: int) -> None:
        self._offer_entries(batch)
        self.up += self._send(self.low, self.old_up)

    @rule(batch=A_FEW)
    def parent_speaks(self, batch: int) -> None:
        self._offer_items(batch)
        self.down += self._send(self.high, self.old_down)

    @rule(pass_ms=st.integers(0, SILENCE_MS_MAX))
    def time_passes(self, pass_ms: int) -> None:
        self.now_ms += pass_ms
        for side in (self.low, self.high):
            side.on_time(self.now_ms)

    @rule(rounds=st.integers(1, 4), batch=A_FEW)
    def they_talk(self, rounds: int, batch: int) -> None:
        """The line is good for a while."""
        for _ in range(rounds):
            self._pump_once(batch)

    # What the line does

    @precondition(lambda self: State.CLOSED in {self.low.state, self.high.state})
    @rule(write=A_FEW)
    def another_link_is_opened(self, write: int) -> None:
        self._open_link()
        self.write_entries(write)
        self._pump_once(write)

    @rule(count=A_FEW)
    def parent_hears(self, count: int) -> None:
        for _ in range(min(count, len(self.up))):
            self._hear(self.high, self.parent, self.up.popleft())

    @rule(count=A_FEW)
    def child_hears(self, count: int) -> None:
        for _ in range(min(count, len(self.down))):
            self._hear(self.low, self.child, self.down.popleft())

    @rule()
    def line_is_cut(self) -> None:
        """Whatever is in the cable or in an outbox is gone; what was committed is not."""
        self._open_link()

    @precondition(lambda self: self.old_up)
    @rule(which=st.integers(0), at=st.integers(0))
    def old_frame_goes_up(self, which: int, at: int) -> None:
        self.up.insert(at % (len(self.up) + 1), self.old_up[which % len(self.old_up)])

    @precondition(lambda self: self.old_down)
    @rule(which=st.integers(0), at=st.integers(0))
    def old_frame_goes_down(self, which: int, at: int) -> None:
        """Not a feed that skips items, nor an old welcome: TLS delivers no lies and no holes."""
        data = self.old_down[which % len(self.old_down)]
        frame = wire.decode_frame(data)
        skips = isinstance(frame, wire.Feed) and frame.items[0].position > self.child.cursor
        if not skips and not isinstance(frame, wire.Welcome):
            self.down.insert(at % (len(self.down) + 1), data)

    @precondition(lambda self: self.up)
    @rule(at=st.integers(0), mask=st.integers(1, 255))
    def entries_are_bent_on_the_way(self, at: int, mask: int) -> None:
        """The chain proves entries whoever carried them; other frames rely on TLS."""
        if isinstance(wire.decode_frame(self.up[0]), wire.Entries):
            bent = bytearray(self.up.popleft())
            bent[at % len(bent)] ^= mask
            self._hear(self.high, self.parent, bytes(bent))
            assert self.high.state is State.CLOSED

    @precondition(lambda self: self.down)
    @rule(at=st.integers(0))
    def frame_is_torn(self, at: int) -> None:
        data = self.down.popleft()
        self._hear(self.low, self.child, data[: at % len(data)])
        assert self.low.state is State.CLOSED

    # What holds after every step

    @invariant()
    def parent_holds_a_prefix_of_the_journal(self) -> None:
        held = self.parent.entries
        assert held == self.child.journal[: len(held)], "no entry lost, doubled or moved"
        assert self.child.acknowledged.seq <= self.parent.head.seq == len(held)

    @invariant()
    def child_believes_no_more_at_the_hub_than_is_there(self) -> None:
        assert self.child.at_hub.seq <= self.parent.at_hub.seq <= self.parent.head.seq

    @invariant()
    def child_has_the_feed_up_to_its_cursor(self) -> None:
        owed = [item for item in self.parent.feed if item.position <= self.child.cursor]
        assert self.child.items == owed, "no item lost or doubled"
        assert self.parent.cursor <= self.child.cursor

    @invariant()
    def backlog_stays_in_its_window(self) -> None:
        for side in (self.low, self.high):
            assert len(side._in_flight) <= BATCHES_IN_FLIGHT_MAX

    @invariant()
    def nothing_is_granted_unasked_or_unremembered(self) -> None:
        assert self.child.granted <= self.parent.lent
        assert len(self.parent.lent) <= self.borrows

    def teardown(self) -> None:
        """An honest line, for long enough."""
        self._open_link()
        rounds = 0
        while self._pump_once(3):
            rounds += 1
            assert rounds < ROUNDS_MAX, "an honest line comes to rest"

        assert self.parent.entries == self.child.journal
        assert self.child.acknowledged == self.parent.head == self.child.head
        assert self.child.at_hub == self.parent.at_hub
        assert self.child.items == self.parent.feed
        assert self.parent.cursor == self.child.cursor
        assert self.low.state is self.high.state is State.OPEN

    # The shells around the sessions

    def _open_link(self) -> None:
        self.up.clear()
        self.down.clear()
        self.low = Session(Side.CHILD, self.now_ms)
        self.high = Session(Side.PARENT, self.now_ms)
        self.low.greet(self.child.hello())

    def _send(self, session: Session, remembered: deque[bytes]) -> list[bytes]:
        frames = session.frames_to_send()
        remembered.extend(frames)
        return frames

    def _hear(self, session: Session, disk: Child | Parent, frame: bytes) -> None:
        for event in session.receive_bytes(frame, self.now_ms):
            if session.state is State.CLOSED:
                return
            try:
                disk.handle(event, session)
            except PeerViolation as violation:
                session.close("violation", str(violation))
                return

    def _offer_entries(self, batch: int) -> bool:
        after = self.low.backlog_after()
        return after is not None and self.child.offer(self.low, after, batch)

    def _offer_items(self, batch: int) -> bool:
        after = self.high.backlog_after()
        return after is not None and self.parent.offer(self.high, after, batch)

    def _pump_once(self, batch: int) -> bool:
        """One honest round of speaking and hearing; False when nothing is left to do."""
        offered = self._offer_entries(batch) | self._offer_items(batch)
        self.up += self._send(self.low, self.old_up)
        self.down += self._send(self.high, self.old_down)
        moved = bool(self.up or self.down)
        self.parent_hears(len(self.up))
        self.child_hears(len(self.down))
        return offered or moved


TestSessionPair = SessionPairMachine.TestCase
