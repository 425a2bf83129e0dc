"""The file of a register that sells alone, `register.db`: what it holds beside journal and stock.

It has the tables of a gateway's file, for the same code decides on it. What is known of the gateway
is a row each of `meta`; nothing that is true of a moment only, such as a link, is ever in it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
import msgspec

from gateway.client.finding import Known
from gateway.client.witness import Witness
from gateway.counter.pairing import Pairing, pairing_of, pairing_text
from gateway.identity import Identity, load_identity, store_identity, stored_writer
from gateway.link.cursor import CURSOR
from gateway.lives.next_life import Carry, begin_next_life
from gateway.storage import SERIES
from replication.adapters.sqlite import ReplicaStore, connect, only_program, open_file
from replication.ids import register_of
from web.command_line import CommandRefused
from web.file_check import check_file

FILE: Final = "register.db"

FOREIGN: Final = ("gateway.db", "hub.db", "outbox.db")
"""Files of other programs, whose directories are not to be taken for a register's."""

_GATEWAY: Final = "gateway"
"""The meta row with where the gateway was met last."""

_WITNESS: Final = "witness"
"""The meta row with the highest witness of a gateway's journal that was seen."""

_PERSON: Final = "person"
"""The meta row with whose token the register has."""


ONLY_FILE: Final = (
    "If there is no other: leave it as it is, call head office, and set the register up anew with "
    "an empty data directory (store-register enrol). What only this file has is not lost with that."
)
"""What to do where the file is damaged and no other is there."""


class RegisterRefused(CommandRefused):
    """The register cannot be used as asked; the sentence says why and what to do."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who the register's token stands for: the journal's "who", and what may be done."""

    id: str
    role: str
    name: str


@contextmanager
def held_file(
    data: Path, before: Callable[[Path], None] = lambda _data: None
) -> Iterator[apsw.Connection]:
    """Hold a register's directory and open its file for writing, making it where there is none.

    `before` is done while the directory is held and before the file is opened.

    Raises:
        RegisterRefused: it is another program's directory.
        StorageFailed: a running program has the directory, or the file is no database.
        SchemaTooNew: a newer program wrote it.
    """
    for other in FOREIGN:
        if (data / other).exists() and not (data / FILE).exists():
            raise RegisterRefused(f"{data} is the data directory of another program ({other})")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_program(data):
        before(data)
        connection = open_file(data / FILE, SERIES)
        try:
            yield connection
        finally:
            connection.close()


def begin_life(data: Path, carry: Carry) -> None:
    """Before the file of a directory that is held is opened: look at it, and at what is to follow.

    Raises:
        FileDamaged: it is not what the register left.
    """
    check_file(data / FILE, stored_writer, ONLY_FILE)
    begin_next_life(data, FILE, carry)


@contextmanager
def read_file(data: Path) -> Iterator[ReplicaStore]:
    """Read a register's file, also beside the program that has it.

    Raises:
        RegisterRefused: there is none.
    """
    if not (data / FILE).exists():
        raise RegisterRefused(f"{data} has no register: enrol it with `store-register enrol`")
    connection = connect(data / FILE, read_only=True)
    try:
        yield ReplicaStore(connection)
    finally:
        connection.close()


def enrolled_identity(store: ReplicaStore) -> Identity:
    """Who this register is.

    Raises:
        RegisterRefused: it was not enrolled yet.
    """
    identity = load_identity(store)
    if identity is None:
        raise RegisterRefused("this register is not enrolled yet: run `store-register enrol`")
    return identity


def name_of(identity: Identity) -> str:
    """The register's name, such as `till-1`."""
    name = register_of(identity.writer)
    assert name is not None, "only a register's identity is in a register's file"
    return name


def load_person(store: ReplicaStore) -> Person:
    """Whose token the register has; of a file that was enrolled."""
    text = store.meta(_PERSON)
    assert text is not None, "who it is comes with the enrolment"
    return msgspec.json.decode(text, type=Person)


def store_enrolment(store: ReplicaStore, identity: Identity, person: Person) -> None:
    """Keep what enrolment gave; the caller's transaction is open."""
    store_identity(store, identity)
    store.set_meta(_PERSON, msgspec.json.encode(person).decode())


def store_parent(store: ReplicaStore, identity: Identity) -> None:
    """Another gateway stands in the shop now: its feed is heard from the beginning.

    Positions of a feed are one gateway's own. The caller's transaction is open.
    """
    store_identity(store, identity)
    store.set_meta(CURSOR, "0")


def known_gateway(store: ReplicaStore, identity: Identity | None) -> Known:
    """What is known of the gateway, to find it again."""
    last, witness = store.meta(_GATEWAY), store.meta(_WITNESS)
    return Known(
        location=None if identity is None else identity.location,
        chain=None if identity is None else identity.chain or None,
        last=None if last is None else pairing_of(last),
        witness=None if witness is None else Witness.parse(witness),
    )


def keep_known(old: ReplicaStore, new: ReplicaStore) -> None:
    """Keep in a new file what the old one knew of gateway and person; the transaction is open."""
    for name in (_GATEWAY, _WITNESS, _PERSON):
        if (known := old.meta(name)) is not None:
            new.set_meta(name, known)


def store_gateway(store: ReplicaStore, last: Pairing, witness: Witness | None) -> None:
    """Keep where the gateway was met and how far its journal was; the transaction is open."""
    store.set_meta(_GATEWAY, pairing_text(last))
    if witness is not None:
        store.set_meta(_WITNESS, str(witness))


def store_doubt(store: ReplicaStore, known: Known) -> None:
    """Keep what a gateway shows that did not believe what was seen; its feed is heard anew.

    In one transaction, which is open: with the one and without the other items would be missing.
    """
    store.set_meta(_WITNESS, str(known.witness))
    store.set_meta(CURSOR, "0")
