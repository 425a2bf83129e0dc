"""A register's journal on its way into this gateway, on the writer thread.

A batch is verified against the last entry held (no gap, unbroken chain, own cells only), stored
verbatim, folded (cells by `max`), and wrapped into this gateway's own journal, which takes it on to
the hub. All of it is one commit; only then is it acknowledged.

A register that was replaced or written off still hands over what it did: no sale that a customer
has a receipt for is lost. What it sold beyond its rights by then is conceded, and stands in the
deficit.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from gateway.registers import reclaiming
from gateway.registers.images import check_recovered
from gateway.registers.lending import check_handed_back, known_row, stock_up, work_off
from gateway.registers.rows import RegisterRow
from gateway.shop import Shop
from gateway.stockroom.late_moves import hear_late
from replication import wire
from replication.errors import PeerViolation
from replication.escrow import Table
from replication.ids import WriterId, place_of
from replication.journal import Entry, EntryBody, Head, after_held, verify
from replication.relaying import RELAYABLE_BYTES_MAX, RELAYED, WITNESSED, relay
from web.lives import (
    RECOVERED_SALE,
    REGISTER_ENROLLED,
    REGISTER_LOST,
    REGISTER_REPORTED,
    SEALED,
    RegisterReported,
)

_GATEWAYS_ONLY: Final = frozenset(
    {
        RELAYED, WITNESSED, reclaiming.RECLAIMED, reclaiming.CONCEDED,
        REGISTER_ENROLLED, REGISTER_LOST, REGISTER_REPORTED,
    }
)  # fmt: skip
"""Kinds that speak for others: of a register they would be believed by the hub."""


ENDED: Final = "its journal has ended: it was replaced or written off"
"""Why a register that nobody here gave up is none any more."""


class Arrival(NamedTuple):
    """How far a register's journal is held, and whether what it says continues that.

    `state` says what it is by now. `has_reported`: this gateway knows all that it did before.
    """

    head: Head
    continues: bool
    state: str
    has_reported: bool


def arrive(shop: Shop, writer: WriterId, hello: wire.Hello) -> Arrival:
    """A register greets: say how far its journal is held.

    One that is gone is let in for as long as it has something to hand over, and told at the end how
    far the hub has it. An old copy of it hears that its journal is another one.

    Raises:
        PeerViolation: this gateway never enrolled it, or takes nothing any more.
    """
    row = known_row(shop, writer)
    continues = hello.seq > row.head.seq or row.head == Head(hello.seq, hello.hash)
    if continues:
        shop.registers.rows.arrived(writer, hello.software, shop.ledger.now_ms)
    return Arrival(row.head, continues, row.state, row.reported)


def fold(shop: Shop, writer: WriterId, entries: Sequence[Entry], *, acknowledged: int) -> Head:
    """Store, merge and pass on consecutive entries of one register; returns how far it is held.

    What is held already changes nothing. `acknowledged` is how far the hub has our journal.

    Raises:
        PeerViolation: they do not continue its journal, or break a rule; nothing of them is kept.
            This gateway's own journal may have ended, too.
    """
    row = known_row(shop, writer)
    known, news = after_held(row.head, entries, partial(shop.store.load_hash, writer))
    if not news:
        return known
    bodies, head = verify(row.head, writer, news)
    for body, entry in zip(bodies, news, strict=True):
        _check(shop, body, entry)
    touched = _merge(shop, writer, bodies)
    _check_rights(shop, row, touched)
    shop.store.store_entries(
        [
            (body.writer, body.seq, body.kind, entry.hash, entry.body)
            for body, entry in zip(bodies, news, strict=True)
        ]
    )
    shop.ledger.folded(len(bodies))
    shop.ledger.clock.observe(bodies[-1].stamp, shop.ledger.now_ms)
    rows = shop.registers.rows
    rows.keep_head(writer, head, shop.ledger.now_ms)
    rows.forget_carried(writer, acknowledged)
    _pass_on(shop, writer, news, head)
    hear_late(shop, bodies)
    if any(body.kind == SEALED for body in bodies):
        rows.seal(writer)
        if row.is_living:
            # A gateway before this one had given it up, and died with the word.
            rows.replace(writer, ENDED)
            shop.registers.changed()
    work_off(shop, touched)
    if writer in shop.registers.reachable:
        stock_up(shop, writer, sorted(touched))
    return head


def note_reported(shop: Shop, writer: WriterId) -> None:
    """A register that was taken over has told all that it had when it greeted: the hub hears so.

    What the earlier gateway held stays frozen until each of its registers has (or is written off).
    """
    row = known_row(shop, writer)
    if not row.reported:
        shop.registers.rows.report(writer)
        shop.registers.changed()
        record = RegisterReported(writer=writer, seq=row.head.seq)
        shop.ledger.append(REGISTER_REPORTED, msgspec.json.encode(record), reference=writer)


def _check(shop: Shop, body: EntryBody, entry: Entry) -> None:
    """What `verify` does not know: that it can be passed on, and is about this shop."""
    if len(entry.body) > RELAYABLE_BYTES_MAX:
        raise PeerViolation(
            f"entry {body.seq} of {body.writer} has {len(entry.body)} bytes: it cannot be passed on"
        )
    if body.kind in _GATEWAYS_ONLY:
        raise PeerViolation(f"{body.writer} is a register and wrote an entry of kind {body.kind}")
    if body.kind == RECOVERED_SALE:
        check_recovered(body)
    for change in body.cells:
        if change.table == Table.GRANTED:
            check_handed_back(shop, WriterId(body.writer), change)
        elif change.location != place_of(change.sku, shop.location):
            raise PeerViolation(f"{body.writer} wrote a cell of {change.location}")


def _merge(shop: Shop, writer: WriterId, bodies: Sequence[EntryBody]) -> set[str]:
    """Merge the cells; returns the keys of the counters that were touched."""
    ledger, told = shop.ledger, shop.registers.told_grants
    touched: set[str] = set()
    for body in bodies:
        for change in body.cells:
            ledger.counter(change.location, change.sku).merge_cell(change.key, change.value)
            ledger.journalled(change.location, change.sku)
            touched.add(change.sku)
            if change.table == Table.GRANTED and change.detail == ledger.writer:
                told[writer, change.sku] = change.value
    return touched


def _check_rights(shop: Shop, row: RegisterRow, touched: set[str]) -> None:
    """E1 of the register; of one that is gone, or was taken for gone, what lacks is conceded."""
    if not row.is_living:
        reclaiming.concede(shop, row.writer, sorted(touched))
        return
    # The word of a box before this one, which had given it up, may have come first.
    reclaiming.give_again(shop, row.writer, sorted(touched))
    for sku in sorted(touched):
        if _rights(shop, row, sku) < 0:
            raise PeerViolation(f"{row.writer} spent more of {sku} than it had (E1)")


def _rights(shop: Shop, row: RegisterRow, sku: str) -> int:
    """What the register has left by its journal.

    A grant travels ahead of its entry: what the journal has not told yet is not missing from what
    it has spent. After a restart all that it granted before counts as untold.
    """
    counter = shop.counter(sku)
    told = shop.registers.told_grants.get((row.writer, sku), 0)
    ahead = counter.value(Table.GRANTED, row.writer, shop.ledger.writer) - told
    return counter.quota(row.writer) + ahead


def _pass_on(shop: Shop, writer: WriterId, news: Sequence[Entry], head: Head) -> None:
    """Wrap the entries into our own journal, and note which of ours carries the last of theirs."""
    for record in relay(writer, news):
        shop.ledger.append(RELAYED, record, reference=writer)
    shop.registers.rows.carried(writer, shop.ledger.head.seq, head)
