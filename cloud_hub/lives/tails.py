"""The last entries of a fenced box, on the writer thread.

A box that was replaced still hands over what it did: no sale that a customer has a receipt for is
lost. Its entries are verified and kept like any others. It gets nothing for them, no feed and no
rights; what it used beyond what is left to it is conceded; and with its `sealed` entry nothing of
it is missing, unless that says so, so that what it held may be taken back.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import frozen, registers_heard, rows, twice, unheard
from cloud_hub.lives.hearing import Heard
from cloud_hub.ordering import resolving, shortages
from cloud_hub.returning import returns_heard
from cloud_hub.stores import lending
from replication import feed
from replication.errors import PeerFenced
from replication.escrow import CellChange, Table
from replication.ids import (
    EVERYWHERE,
    HUB,
    EntryId,
    WriterId,
    entry_id,
    is_allowance,
    is_register,
    location_of,
    place_of,
)
from replication.journal import EntryBody, decode_body
from web.lives import SEALED, vouches

FENCED_SENTENCE: Final = "was replaced by another box and is not let in"


def check_open(office: HeadOffice, writer: WriterId) -> rows.LifeRow:
    """A fenced box whose last entries may still come.

    Raises:
        PeerFenced: nothing more is taken of it: it was sealed, or never lived.
    """
    life = rows.life_of(office.connection, writer)
    if life is None or life.state == "sealed":
        raise PeerFenced(f"{writer} {FENCED_SENTENCE}")
    return life


def is_sealed(office: HeadOffice, writer: WriterId) -> bool:
    """Whether a fenced box's journal is here to its last entry."""
    body = office.store.load_body(writer, office.head_of(writer).seq)
    return office.is_fenced(writer) and body is not None and decode_body(body).kind == SEALED


def hear_sealed(office: HeadOffice, body: EntryBody) -> None:
    """A journal has ended: a fenced gateway's or a register's. A living box cannot seal itself.

    Of a box that a register's word stopped the image cannot vouch for what it lacks, nor can a copy
    that ends the journal of one that went on: that life stays open.
    """
    writer = WriterId(body.writer)
    if is_register(writer):
        registers_heard.sealed(office, writer)
        return
    has_gone_on = office.store.meta(rows.RENEWED + writer) is not None
    if office.is_fenced(writer) and not has_gone_on and vouches(body):
        rows.end(office.connection, writer, SEALED)


def settle(office: HeadOffice, writer: WriterId, told: Heard, unsure: set[str]) -> None:
    """What follows from last entries: for whoever is short by them, and for the box that lives.

    Before them there were `unsure` SKUs, of which something had come that a box had not heard of.
    """
    location = location_of(writer)
    rows.heard(office.connection, writer, office.ledger.now_ms)
    rows.open_again(office.connection, writer)
    twice.look(office, writer, told.bodies)
    touched = {change.sku for body in told.bodies for change in body.cells}
    touched |= {change.sku for change in told.witnessed}
    changed = frozen.settle(office, writer, touched)
    changed |= settle_others(office, told, but=writer)
    changed |= heal(office, location, unsure - unheard.came(office, location))
    tell_earlier(office, location, changed)
    unheard.told(office, location)
    returns_heard.tell_earlier(office, location, told.bodies)
    after(office, location, changed, entry_id(writer, told.heads[writer].seq))


def settle_others(office: HeadOffice, told: Heard, *, but: WriterId | None = None) -> set[str]:
    """What follows from news of grants by fenced boxes, and to them; what changed.

    A register's journal may come by any box: what it had given back to one that is gone may be
    heard long after the last entry of that one.
    """
    grants = [(box, one.sku) for one in told.witnessed for box in (one.holder, one.detail)]
    grants += [
        (change.detail, change.sku)
        for body in told.bodies
        for change in body.cells
        if change.table == Table.GRANTED
    ]
    skus: dict[WriterId, set[str]] = {}
    for box, sku in grants:
        if box != but and office.is_fenced(box):
            skus.setdefault(WriterId(box), set()).add(sku)
    changed: set[str] = set()
    for box in sorted(skus):
        changed |= frozen.settle(office, box, skus[box])
    return changed


def after(office: HeadOffice, location: str, skus: set[str], by: EntryId) -> None:
    """Stock of a location is known better: floors and shortages are looked at again."""
    stock = sorted(sku for sku in skus if not is_allowance(sku))
    lending.keep_floors(office, office.living_writer(location), stock)
    for sku in stock:
        shortages.stock_changed(office, location, sku, by)
        shortages.look_again(office, sku)
    resolving.settle_by_rule(office)


def heal(office: HeadOffice, location: str, skus: Iterable[str]) -> set[str]:
    """After news of a living box: what can be settled now of those before it; what changed.

    It has taken off what was told twice, so that the rest is not frozen any more; or it has covered
    a deficit that a box before it had covered as well.
    """
    changed: set[str] = set()
    touched = set(skus)
    for life in rows.lives_of(office.connection, location):
        changed |= frozen.settle(office, life.writer, touched) - touched
    return changed | touched


def tell_earlier(office: HeadOffice, location: str, skus: set[str]) -> None:
    """Tell the box that lives what cells the others of its location have, as they are now."""
    living = office.living_writer(location)
    for sku in sorted(skus):
        counter = office.ledger.counter(place_of(sku, location), sku)
        cells = [CellChange(counter.location, sku, *cell) for cell in counter.cells()]
        theirs = [one for one in cells if one.holder != living and _is_for(one, location)]
        if any(location_of(one.holder) == location for one in theirs):
            office.tell(feed.EARLIER_STOCK, sku, location, msgspec.json.encode(theirs))
            # What the hub conceded is in it; what is told of the hub's cells comes after it.
            office.tell_cells(one for one in cells if one.holder == office.ledger.writer)


def _is_for(cell: CellChange, location: str) -> bool:
    """Whether a location has to know a cell, of its own boxes or the hub's."""
    if location_of(cell.holder) != HUB:
        return location_of(cell.holder) == location
    is_of_another = cell.table == Table.GRANTED and location_of(cell.detail) != location
    return cell.location != EVERYWHERE or not is_of_another
