"""Goal: what a register did reaches the hub once, in order, whatever becomes of its gateway.

Method: a register and a gateway with real sessions over a cable in memory that may be cut anywhere;
the gateway's own journal goes to the hub by hand, some entries at a time. Gateways die with all
that they hold, and a new one takes the register's head from the hub. The register forgets what it
is told to be at the hub, and nothing else: so whoever comes next can still be told the rest. The
model is the list of what the register wrote.
"""

from collections import deque
from dataclasses import dataclass, field

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from replication import wire
from replication.ids import LocationId, WriterId, register_writer, writer_id
from replication.journal import EMPTY, Entry, Head, append, verify
from replication.relaying import relay, unwrap
from replication.session import (
    Acknowledged,
    EntriesArrived,
    Event,
    Greeted,
    ReachedHub,
    Session,
    Side,
    State,
    Welcomed,
)
from tests.replication_samples import body_of

PLACE = LocationId("riverside")
TILL = register_writer(PLACE, "till-1", 1)
ROUNDS_MAX = 500
A_FEW = st.integers(1, 5)


@dataclass(slots=True)
class Register:
    """A register's disk: its journal, but for what it has forgotten."""

    kept: dict[int, Entry] = field(default_factory=dict)
    head: Head = EMPTY
    at_hub: Head = EMPTY

    def write(self) -> Entry:
        body = body_of(self.head.seq + 1, writer=TILL, cells=[], moves=[])
        entry, self.head = append(self.head, body)
        self.kept[self.head.seq] = entry
        return entry

    def check(self, head: Head) -> None:
        """What somebody else says of our journal is so."""
        assert head == (Head(head.seq, self.kept[head.seq].hash) if head.seq else EMPTY)

    def handle(self, event: Event) -> None:
        match event:
            case Welcomed():
                self.check(event.acknowledged)
            case Acknowledged():
                self.check(event.head)
            case ReachedHub():
                self.check(event.head)
                self.at_hub = max(self.at_hub, event.head)
            case other:
                raise AssertionError(f"{other} is not for a register")

    def forget(self) -> None:
        """All that is at the hub, but for its last entry: hashes are compared with that one."""
        for seq in [seq for seq in self.kept if seq < self.at_hub.seq]:
            del self.kept[seq]


@dataclass(slots=True)
class Gateway:
    """A gateway's disk: how far it has the register's journal, and its own with that inside."""

    writer: WriterId
    till: Head
    till_at_hub: Head
    journal: list[Entry] = field(default_factory=list)
    head: Head = EMPTY
    acknowledged: int = 0
    carried: deque[tuple[int, Head]] = field(default_factory=deque)
    """The register's head as of an entry of our own."""

    def append(self, kind: str, record: bytes) -> None:
        body = body_of(
            self.head.seq + 1, writer=self.writer, kind=kind, cells=[], moves=[],
            record=msgspec.Raw(record),
        )  # fmt: skip
        entry, self.head = append(self.head, body)
        self.journal.append(entry)

    def handle(self, event: Event, session: Session) -> None:
        match event:
            case Greeted():
                session.welcome(event.version, self.writer, self.till, 0)
                session.at_hub(self.till_at_hub)
            case EntriesArrived():
                _, self.till = verify(self.till, TILL, event.entries)
                for record in relay(TILL, event.entries):
                    self.append("relayed", record)
                self.carried.append((self.head.seq, self.till))
                session.acknowledge(self.till)
            case other:
                raise AssertionError(f"{other} is not for a gateway")

    def hub_has(self, seq: int) -> None:
        """The hub acknowledged our journal up to there."""
        self.acknowledged = seq
        while self.carried and self.carried[0][0] <= seq:
            self.till_at_hub = self.carried.popleft()[1]


class RelayMachine(RuleBasedStateMachine):
    """See the module's method."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Entry] = []
        self.till = Register()
        self.lives = 1
        self.gateway = Gateway(writer_id(PLACE, 1), EMPTY, EMPTY)
        self.hub: list[Entry] = []
        self.hub_till = EMPTY
        self.hub_gateway = EMPTY
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.line_is_cut()

    # What the three do

    @rule(count=A_FEW)
    def sell(self, count: int) -> None:
        self.written += [self.till.write() for _ in range(count)]

    @rule()
    def the_gateway_sells_too(self) -> None:
        self.gateway.append("sale", b"{}")

    @rule()
    def the_register_forgets(self) -> None:
        self.till.forget()

    @rule(count=A_FEW)
    def the_hub_hears(self, count: int) -> None:
        """Some entries of the gateway's journal, and what is inside; then the register is told."""
        gateway = self.gateway
        entries = gateway.journal[gateway.acknowledged :][:count]
        bodies, self.hub_gateway = verify(self.hub_gateway, gateway.writer, entries)
        for body in bodies:
            if body.kind == "relayed":
                writer, inside = unwrap(body)
                _, self.hub_till = verify(self.hub_till, writer, inside)
                self.hub += inside
        gateway.hub_has(gateway.acknowledged + len(entries))
        if self.high.state is State.OPEN:
            self.high.at_hub(gateway.till_at_hub)

    @rule()
    def the_gateway_is_replaced(self) -> None:
        """Its disk is gone with all that the hub has not heard."""
        self.lives += 1
        self.gateway = Gateway(writer_id(PLACE, self.lives), self.hub_till, self.hub_till)
        self.hub_gateway = EMPTY
        self.line_is_cut()

    # What the line does

    @rule()
    def line_is_cut(self) -> None:
        self.up.clear()
        self.down.clear()
        self.low, self.high = Session(Side.CHILD, 0), Session(Side.PARENT, 0)
        head = self.till.head
        self.low.greet(
            wire.Hello(
                versions=list(wire.VERSIONS), writer=TILL, seq=head.seq, hash=head.hash,
                cursor=0, boot="b", software="0", now_ms=0,
            )
        )  # fmt: skip

    @rule(batch=A_FEW)
    def the_register_speaks(self, batch: int) -> None:
        after = self.low.backlog_after()
        if after is not None and after < self.till.head.seq:
            last = min(after + batch, self.till.head.seq)
            entries = [self.till.kept[seq] for seq in range(after + 1, last + 1)]
            self.low.offer_entries(entries, last)
        self.up += self.low.frames_to_send()

    @rule(count=A_FEW)
    def the_gateway_hears(self, count: int) -> None:
        for _ in range(min(count, len(self.up))):
            for event in self.high.receive_bytes(self.up.popleft(), 0):
                self.gateway.handle(event, self.high)
        self.down += self.high.frames_to_send()

    @rule(count=A_FEW)
    def the_register_hears(self, count: int) -> None:
        for _ in range(min(count, len(self.down))):
            for event in self.low.receive_bytes(self.down.popleft(), 0):
                self.till.handle(event)

    @rule(rounds=st.integers(1, 4), batch=A_FEW)
    def they_talk(self, rounds: int, batch: int) -> None:
        """The line is good for a while."""
        for _ in range(rounds):
            self.the_register_speaks(batch)
            self.the_gateway_hears(len(self.up))
            self.the_register_hears(len(self.down))

    # What holds after every step

    @invariant()
    def the_hub_has_a_prefix_of_what_was_written(self) -> None:
        assert self.hub == self.written[: len(self.hub)], "nothing lost, doubled or moved"

    @invariant()
    def what_is_forgotten_is_at_the_hub(self) -> None:
        assert self.till.at_hub.seq <= len(self.hub)
        missing = range(len(self.hub) + 1, len(self.written) + 1)
        assert [self.till.kept.get(seq) for seq in missing] == self.written[len(self.hub) :]

    @invariant()
    def nobody_ended_the_session(self) -> None:
        assert State.CLOSED not in {self.low.state, self.high.state}

    def teardown(self) -> None:
        """An honest line, for long enough."""
        self.line_is_cut()
        rounds = 0
        while self.till.at_hub != self.till.head or len(self.hub) < len(self.written):
            self.they_talk(1, 3)
            self.the_hub_hears(3)
            rounds += 1
            assert rounds < ROUNDS_MAX, "an honest line comes to rest"

        assert self.hub == self.written


TestRelay = RelayMachine.TestCase
