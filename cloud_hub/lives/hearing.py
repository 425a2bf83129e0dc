"""A box's journal as what it carries: its own entries, and those of its registers.

A gateway passes on what its registers did inside entries of its own (`replication.relaying`). Each
register's chain is verified here again, from where it is held; what is held already, from an
earlier gateway or by another way, is passed over.
"""

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple

from cloud_hub.head_office import HeadOffice
from replication.errors import PeerViolation
from replication.escrow import CellChange, EscrowCounter, Table
from replication.fencing import taken_from
from replication.ids import HUB, WriterId, is_register, location_of, place_of
from replication.journal import Entry, EntryBody, Head, after_held, decode_body, verify
from replication.relaying import RELAYED, WITNESSED, check_witnessed, unwrap

log: Final = logging.getLogger(__name__)


class RegisterForked(PeerViolation):
    """A gateway carries entries of a register that do not go on from those which are held."""


class Heard(NamedTuple):
    """Entries in the order in which they are to be folded, and the head of each of their journals.

    `witnessed` are grants that somebody tells of in the place of their giver.
    """

    bodies: list[EntryBody]
    entries: list[Entry]
    heads: dict[WriterId, Head]
    witnessed: list[CellChange]


def hear(office: HeadOffice, writer: WriterId, entries: Sequence[Entry]) -> Heard:
    """Verify consecutive entries of a gateway after what is held of it, and what they carry.

    Entries of a register that do not go on from what is held of it stay inside what carries them,
    and the audit names them: one register must not keep a whole store from being heard. That may be
    a copy of it which told the store's gateway before this one something else.

    Raises:
        PeerViolation: they do not continue its journal, or break a rule.
    """
    bodies, head = verify(office.head_of(writer), writer, entries)
    heard = Heard([], [], {writer: head}, [])
    for body, entry in zip(bodies, entries, strict=True):
        heard.bodies.append(body)
        heard.entries.append(entry)
        _check_places(body)
        if body.kind == RELAYED:
            try:
                _unwrap(office, heard, body)
            except RegisterForked:
                log.exception(
                    "entries of a register stay inside what carries them",
                    extra={"action": "register_fork", "entry": f"{body.writer}-{body.seq}"},
                )
        elif body.kind == WITNESSED:
            heard.witnessed.extend(check_witnessed(body).cells)
    return heard


def _unwrap(office: HeadOffice, heard: Heard, carrier: EntryBody) -> None:
    writer, entries = unwrap(carrier)
    head = heard.heads.get(writer) or office.head_of(writer)
    _, news = after_held(head, entries, partial(office.store.load_hash, writer))
    while news and decode_body(news[0].body).seq <= head.seq:
        if not _is_told(heard, writer, news[0]):
            raise RegisterForked(f"{writer} has another entry {decode_body(news[0].body).seq}")
        news = news[1:]
    if not news:
        return
    try:
        bodies, heard.heads[writer] = verify(head, writer, news)
    except PeerViolation as broken:
        raise RegisterForked(str(broken)) from None
    for body in bodies:
        _check_places(body)
        if body.kind in {RELAYED, WITNESSED}:
            raise PeerViolation(f"{writer} is a register and speaks for others")
    heard.bodies.extend(bodies)
    heard.entries.extend(news)


def _is_told(heard: Heard, writer: WriterId, entry: Entry) -> bool:
    """Whether an entry of a register is among those that this batch has brought already."""
    return any(
        one.hash == entry.hash and body.writer == writer
        for one, body in zip(heard.entries, heard.bodies, strict=True)
    )


def _check_places(body: EntryBody) -> None:
    """A box writes cells of its own location, and gives only up, down or to its registers."""
    location = location_of(body.writer)
    for change in body.cells:
        if change.location != place_of(change.sku, location):
            raise PeerViolation(f"{body.writer} wrote a cell of {change.location}")
        if change.table == Table.GRANTED and location_of(change.detail) not in {HUB, location}:
            raise PeerViolation(f"{body.writer} granted to {change.detail}")


def merge(office: HeadOffice, heard: Heard) -> dict[tuple[WriterId, str], int]:
    """Merge the cells; returns per writer and SKU or allowance the last seq that touched it."""
    touched: dict[tuple[WriterId, str], int] = {}
    for body in heard.bodies:
        for change in body.cells:
            counter = office.ledger.counter(change.location, change.sku)
            counter.merge_cell(change.key, change.value)
            office.ledger.journalled(change.location, change.sku)
            touched[WriterId(body.writer), change.sku] = body.seq
            if change.table == Table.GRANTED and _is_up(body.writer, change.detail):
                office.told_grants[body.writer, change.sku, change.detail] = change.value
    office.ledger.merge_cells(heard.witnessed)
    return touched


def check_rights(office: HeadOffice, touched: Iterable[tuple[WriterId, str]]) -> None:
    """E1 of each writer that used rights.

    A grant travels ahead of its entry: what the journal has not told yet is not missing from what
    it has spent. After a restart of the hub, all that it granted before counts as untold.

    Raises:
        PeerViolation: one of them used more than it had.
    """
    for writer, sku in touched:
        counter = office.ledger.counter(place_of(sku, location_of(writer)), sku)
        rights = counter.quota(writer) + _ahead(office, writer, counter)
        if rights < 0 and is_register(writer):
            # A box that is gone may have given it up: the gateway that has it now concedes that.
            rights += taken_from(counter, writer)
        if rights < 0:
            raise PeerViolation(f"{writer} spent more of {sku} than it had (E1)")


def _ahead(office: HeadOffice, writer: WriterId, counter: EscrowCounter) -> int:
    """Units that a writer gave up the tree and its journal has not told of yet."""
    if counter.quota(writer) >= 0:
        return 0
    return sum(
        value - office.told_grants.get((writer, counter.sku, taker), 0)
        for table, holder, taker, value in counter.cells()
        if table == Table.GRANTED and holder == writer and _is_up(writer, taker)
    )


def _is_up(writer: str, taker: str) -> bool:
    """Whether a grant goes up the tree: such a one may be known before its entry."""
    return location_of(taker) == HUB or (is_register(writer) and not is_register(taker))
