"""Sales that a box before this one acknowledged and the hub never heard of, on the writer thread.

A thin register keeps every sale until the hub has it. Where its gateway died before that, it hands
the sale to the box that took the place: goods and money changed hands, so it is booked, once per
sale, in the journal of the box that lives (`recovered_sale`). The record is the sale as it was
answered, with its id and number, for a customer has them on paper. The rights are those of the
living box: its own quota first, and the rest is a deficit, for what the dead box held is frozen.
Uses of promotions and of store credits are not spent again: those rights are frozen with it too.

A sale is told from another by what it says, not by its id alone: two branches of one journal may
have given one id to two sales. Whether it is believed `gateway.lives.plausible` says; what is
doubtful takes a supervisor, and the entry has the doubt as its reason.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from gateway.lives.plausible import doubts, why_unsound
from gateway.selling.sales import OVERRIDES, take
from gateway.shop import Shop
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import CellChange, Moved, Spent
from replication.ids import (
    WriterId,
    entry_id,
    incarnation_of,
    parse_entry_id,
)
from replication.journal import EntryBody, decode_body
from retail.products.catalogue import QUANTITY_MAX, demand
from retail.selling.sales import Sale
from web.journal_pages import SALE_KINDS, contents_of
from web.lives import RECOVERED_SALE
from web.once import Command, Done, Outcome, earlier
from web.problems import Problem, Slug


class RecoveredSaleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sale that a box before this one has answered, as it was answered."""

    sale: Sale


class RecoveredSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale that is in safe hands: `entry` is where it is journalled, `is_new` whether just now.

    `writer` and `seq` say the same, for whoever waits until the hub has that.
    """

    sale: str
    entry: str
    writer: str
    seq: int
    is_new: bool


def recover(  # noqa: PLR0911 - one return per way to refuse
    shop: Shop, command: Command, sale: Sale
) -> Outcome:
    """Book a sale of a box before this one, unless it is known; safe to repeat."""
    if (known := earlier(shop.ledger, shop.store, command)) is not None:
        return known if isinstance(known, Problem) else _answered(shop, command, sale)
    if (stopped := shop.why_stopped()) is not None:
        return Problem.unavailable(stopped, retry_after_s=5)
    if (refused := why_unsound(shop, sale)) is not None:
        return refused
    told = _known(shop, sale)
    if told is not None:
        place = entry_id(WriterId(told.writer), told.seq)
        shop.ledger.remember(command.key, command.digest, HTTPStatus.OK, place)
        return _done(sale, told.writer, told.seq, is_new=False)
    if incarnation_of(sale.writer) == incarnation_of(shop.ledger.writer):
        return Problem(
            Slug.CONFLICT, f"{sale.id} was never a sale of this box, which is {sale.writer} itself."
        )
    odd = next(doubts(shop, command, sale), "")
    if odd and command.principal.role not in OVERRIDES:
        return Problem(
            Slug.CONFLICT,
            f"{odd} A sale like that is not taken on the word of a till: keep the receipt, and let "
            "a supervisor hand it in.",
        )
    wanted = _units_of(shop, sale)
    if isinstance(wanted, Problem):
        return wanted
    cells: list[CellChange] = []
    for sku, units in wanted.items():
        take(shop, cells, sku, units, Spent.SOLD, Moved.SOLD)
    shop.ledger.append(
        RECOVERED_SALE,
        msgspec.json.encode(sale),
        actor=command.actor,
        reason=odd,
        reference=sale.id,
        moves=[(sku, -units) for sku, units in wanted.items()],
        cells=cells,
        request=command.mark(),
    )
    return _done(sale, shop.ledger.writer, shop.ledger.head.seq, is_new=True)


def _answered(shop: Shop, command: Command, sale: Sale) -> Done:
    """What this very request came to before."""
    first = shop.store.find_request(command.key)
    assert first is not None, "it was found just now"
    place = parse_entry_id(first.entry)
    assert place is not None, f"a request was answered by {first.entry}"
    return _done(sale, *place, is_new=first.status == HTTPStatus.CREATED)


class ToldMore(NamedTuple):
    """Entries of recovered sales that are told here by another entry too, or whose id another has.

    The id of an entry that is `otherwise` stands for that sale in lists: there each id is one's.
    """

    again: frozenset[str]
    otherwise: frozenset[str]


def told_more(store: ReplicaStore) -> ToldMore:
    """Which recovered sales lists leave out, and which they tell under the entry's own id.

    There are few: boxes that died, and disks that were old copies.
    """
    again: set[str] = set()
    otherwise: set[str] = set()
    by_id: dict[str, set[bytes]] = {}
    rows = store.connection.execute(
        "SELECT body FROM entry WHERE kind = 'recovered_sale' ORDER BY arrival"  # by its own index
    ).fetchall()
    for body in (decode_body(data) for (data,) in msgspec.convert(rows, list[tuple[bytes]])):
        known = by_id.get(body.reference)
        if known is None:
            place = parse_entry_id(body.reference)
            own = None if place is None else store.load_body(*place)
            held = None if own is None else decode_body(own)
            is_sale = held is not None and held.kind in SALE_KINDS
            known = by_id[body.reference] = (
                {contents_of(held.record)} if held and is_sale else set()
            )
        told_by, plain = entry_id(WriterId(body.writer), body.seq), contents_of(body.record)
        if plain in known:
            again.add(told_by)
        elif known:
            otherwise.add(told_by)
        known.add(plain)
    return ToldMore(frozenset(again), frozenset(otherwise))


def _done(sale: Sale, writer: str, seq: int, *, is_new: bool) -> Done:
    told = RecoveredSale(
        sale=sale.id, entry=entry_id(WriterId(writer), seq), writer=writer, seq=seq, is_new=is_new
    )
    return Done(HTTPStatus.CREATED if is_new else HTTPStatus.OK, msgspec.json.encode(told))


def _units_of(shop: Shop, sale: Sale) -> dict[str, int] | Problem:
    """Units that left the shelf: bundles as what is in them, as the shop knows them now.

    What nobody here knows (a draft of the box that died) has no stock here: the sale says it all.
    """
    picked = [
        (product, line.quantity)
        for line in sale.lines
        if (product := shop.catalogue.get(line.sku)) is not None
    ]
    wanted = demand(picked, shop.catalogue)
    for sku, units in wanted.items():
        if units > QUANTITY_MAX:
            return Problem.invalid(f"{units} of {sku} are too many.", field="$.sale.lines")
    return wanted


def _known(shop: Shop, sale: Sale) -> EntryBody | None:
    """The entry that tells of this very sale, here or of a box before."""
    plain = msgspec.json.encode(sale, order="sorted")
    for body in _told(shop, sale):
        if contents_of(body.record) == plain:
            return body
    return None


def _told(shop: Shop, sale: Sale) -> Iterator[EntryBody]:
    """Entries that tell of a sale of this id, those of the open batch too."""
    own = shop.ledger.body_of(sale.writer, sale.seq)
    if own is not None and (body := decode_body(own)).kind in SALE_KINDS:
        yield body
    yield from shop.named.find(RECOVERED_SALE, sale.id)
