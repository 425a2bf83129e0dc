"""A gateway greets the hub: who it is, and how far its journal is held."""

from typing import NamedTuple

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import tails, unheard
from cloud_hub.prices.allowances import hand_out
from cloud_hub.stores import fold
from replication import wire
from replication.errors import PeerFenced
from replication.ids import WriterId, location_of
from replication.journal import Head


class Arrival(NamedTuple):
    """How far a gateway's journal is held, and whether it ends just there by its own word.

    `is_living`: it speaks for its location; else it was replaced, and hands over its last entries.
    """

    head: Head
    is_known: bool
    is_living: bool


def arrive(office: HeadOffice, writer: WriterId, hello: wire.Hello) -> Arrival:
    """A gateway greets: say how far its journal is held.

    Raises:
        PeerFenced: it was replaced, and has nothing to tell and nothing to hear here.
    """
    head = office.head_of(writer)
    is_known = head == Head(hello.seq, hello.hash)
    if not office.is_living(writer):
        if is_known and tails.is_sealed(office, writer):
            return Arrival(head, is_known=True, is_living=False)  # it may not have heard so
        tails.check_open(office, writer)
        if hello.seq <= head.seq:
            raise PeerFenced(f"{writer} {tails.FENCED_SENTENCE}")
    elif is_known:
        let_in(office, writer, hello)
    return Arrival(head, is_known, office.is_living(writer))


def let_in(office: HeadOffice, writer: WriterId, hello: wire.Hello) -> None:
    """It is the location's gateway that greets, and no copy of it: what it says of itself counts.

    A copy's journal parts from what is held, which is seen when its entries come.
    """
    office.connection.execute(
        "UPDATE location SET software = ?, cursor = ? WHERE id = ?",
        (hello.software, hello.cursor, location_of(writer)),
    )
    hand_out(office, writer)
    # A program from before this entry has taken in what its journal does not say it has heard.
    if silent := unheard.silent_on(office, writer, hello.cursor):
        tails.tell_earlier(office, location_of(writer), silent)
    fold.heard(office, location_of(writer), office.ledger.now_ms)
