"""What may still come back of what was sold, and who may take it, on the writer thread.

While nobody else asks, the shop that sold decides on its own rows. When another shop wants goods
back, what is left of all lines becomes rights (`replication.allowances`) and travels as a whole,
through the hub, to whoever asks. So who holds the rights of a sale has heard of every return before
(the hub says it with them), and whoever does not hold them asks the hub:

    own sale, never asked for      decided on the rows here, connected or not
    of an earlier box, not held    the hub says what is left of it, and that becomes rights here
    rights here, nothing since     decided on what the hub told and the rows since
    an online order                the same, and only on what the hub has told just now: an order is
                                   paid, refused at the door or sent in parts after it was claimed
    anything else                  `Elsewhere`: ask the hub, or take the goods in unverified
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import structs

from gateway.returning.return_rows import last_number, returns_of
from gateway.shop import Shop
from replication.allowances import all_returnable, entry_of_returnable, returnable, use
from replication.escrow import CellChange, EscrowCounter, Minted, QuotaShort
from replication.ids import (
    EVERYWHERE,
    HUB,
    location_of,
    location_of_entry,
    parse_entry_id,
)
from replication.quota import GRANT, GrantRecord
from retail.ordering.ordered_goods import refused_lines
from retail.ordering.orders import Order
from retail.returning.returns import (
    CameBack,
    ReturnClaim,
    ReturnedLine,
    SoldGoods,
    came_back,
    left_of,
    sold_goods,
    together,
)
from retail.selling.sales import Sale
from web.journal_pages import sale_record
from web.problems import Problem, Slug
from web.sale_numbers import location_on_receipt, writer_on_receipt


class Known(NamedTuple):
    """What is known of a sale here, where it may be decided here.

    `left` are units per line that may come back now; `are_rights` where each of them is a right
    that this gateway holds, and spends.
    """

    sold: SoldGoods
    came: CameBack
    left: tuple[int, ...]
    are_rights: bool


class Elsewhere(NamedTuple):
    """Not to be decided here alone: the hub knows who may. `sale` is its id or number."""

    sale: str


def known_here(shop: Shop, told: str, *, has_asked: bool = False) -> Known | Elsewhere | Problem:
    """What is known of the sale or order of that id, or printed number.

    `has_asked`: the hub was asked about it, just now.
    """
    kept = _claimed(shop, told)
    if kept is not None:
        is_order = location_of_entry(kept.claim.sold.id) == HUB
        return Elsewhere(kept.claim.sold.id) if is_order and not has_asked else _since(shop, kept)
    if (location_of_entry(told) or location_on_receipt(told)) != shop.location:
        return Elsewhere(told)
    place = parse_entry_id(told)
    record = sale_record(shop.store, told)
    if record is None:
        is_held = place is not None and shop.store.load_body(*place) is not None
        sold_by = writer_on_receipt(told) if place is None else place[0]
        if sold_by != shop.ledger.writer and not is_held:
            return Elsewhere(told)  # of an earlier box or a register: told late, or long ago
        return Problem(Slug.NOT_FOUND, f"There is no sale {told} here.")
    sold = sold_goods(msgspec.json.decode(record, type=Sale))
    if any(one.cells() for one in _counters(shop, sold)):  # a grant may come ahead of its rights
        return Elsewhere(sold.id)
    came = came_back(returns_of(shop, sold.id), len(sold.lines))
    return Known(sold, came, left_of(sold, came), are_rights=False)


class KeptClaim(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's answer as it is kept, and the number of this shop's last return before it."""

    claim: ReturnClaim
    upto: int


def take_claim(shop: Shop, claim: ReturnClaim) -> None:
    """Keep what the hub says of a sale, and the rights that come with it (checked before)."""
    shop.ledger.merge_cells(claim.cells)
    kept = KeptClaim(claim=structs.replace(claim, cells=()), upto=last_number(shop))
    shop.connection.execute(
        "INSERT INTO claimed_sale VALUES (?1, ?2, ?3) "
        "ON CONFLICT (id) DO UPDATE SET number = ?2, data = ?3",
        (claim.sold.id, claim.sold.number, msgspec.json.encode(kept).decode()),
    )


def spend_rights(shop: Shop, known: Known, lines: Sequence[ReturnedLine]) -> list[CellChange]:
    """Use up the rights of the units that came back, where they are rights."""
    if not known.are_rights:
        return []
    return [
        use(_counter(shop, known.sold.id, line.line), shop.ledger.writer, line.quantity)
        for line in lines
    ]


def lend(shop: Shop, request: str, wants: Sequence[tuple[str, int]]) -> list[CellChange]:
    """Give the hub every right to what may still come back of a sale; nothing where there is none.

    Of a sale of this shop that nobody has asked for before, the rights come into being now: to what
    is left by the rows here. Where the sale is not held, the hub heard of it after this box had
    taken over, or it is from long before: then to what the hub `wants`, line by line.
    """
    sale = entry_of_returnable(wants[0][0])
    assert sale is not None, "what is wanted is returnable"
    known, writer = known_here(shop, sale), shop.ledger.writer
    lines = [(key, units) for key, units in wants if key.startswith(all_returnable(sale) + "/")]
    left: Sequence[tuple[str, int]] = ()
    if isinstance(known, Known):
        keys = [returnable(sale, number) for number in range(1, len(known.left) + 1)]
        left = () if known.are_rights else list(zip(keys, known.left, strict=True))
    else:
        keys = [key for key, _ in lines]
        left = lines if _is_unheld(shop, sale, keys) else ()
    cells = [shop.counter(key).mint(writer, Minted.ALLOWED, units) for key, units in left if units]
    granted: list[CellChange] = []
    given_lines: list[tuple[str, int]] = []
    for counter in _held(shop, sale, keys):
        units = counter.quota(writer)
        given = counter.grant(writer, shop.identity.parent_id, units)
        assert not isinstance(given, QuotaShort), "no more than the quota is given"
        granted.append(given)
        given_lines.append((counter.sku, units))
    if granted:
        record = GrantRecord(to=shop.identity.parent, request=request, lines=tuple(given_lines))
        shop.ledger.append(
            GRANT, msgspec.json.encode(record), reference=request, cells=[*cells, *granted]
        )
    return granted


def _is_unheld(shop: Shop, sale: str, keys: Sequence[str]) -> bool:
    """Whether a box before this one sold it, or a register, and nobody has made rights of it."""
    place = parse_entry_id(sale)
    assert place is not None, "a sale is an entry"
    is_earlier = location_of(place[0]) == shop.location and place[0] != shop.ledger.writer
    is_held = shop.store.load_body(*place) is not None or sale_record(shop.store, sale) is not None
    return is_earlier and not is_held and not any(shop.counter(key).cells() for key in keys)


def _held(shop: Shop, sale: str, keys: Iterable[str]) -> list[EscrowCounter]:
    """The counters of a sale's lines of which rights are held here; `keys` are those known of.

    Others are found by their rows: the rights may have come, and the hub's answer with them not.
    """
    line = all_returnable(sale) + "/"
    rows = shop.connection.execute(
        "SELECT sku FROM counter WHERE location = ? AND sku >= ? AND sku < ?",
        (EVERYWHERE, line, line + ":"),  # the character after 9
    ).fetchall()
    named = {str(key) for (key,) in rows}.union(keys)
    counters = [shop.counter(key) for key in sorted(named)]
    return [one for one in counters if one.quota(shop.ledger.writer) > 0]


def _since(shop: Shop, kept: KeptClaim) -> Known | Elsewhere:
    """What a claim says, brought up to date; `Elsewhere` where others have had the rights since."""
    claim = kept.claim
    since = came_back(returns_of(shop, claim.sold.id, after=kept.upto), len(claim.left))
    due = tuple(units - back for units, back in zip(claim.rights, since.units, strict=True))
    held = tuple(one.quota(shop.ledger.writer) for one in _counters(shop, claim.sold))
    if held != due:
        return Elsewhere(claim.sold.id)
    came = together(claim.came, since)
    left = tuple(
        max(0, min(units - back, line.quantity - door - all_back))
        for units, back, line, door, all_back in zip(
            claim.left, since.units, claim.sold.lines, _refused_here(shop, claim.sold), came.units,
            strict=True,
        )
    )  # fmt: skip
    return Known(claim.sold, came, left, are_rights=True)


def _refused_here(shop: Shop, sold: SoldGoods) -> tuple[int, ...]:
    """Units per line that are back from a refused delivery, as this gateway knows it itself."""
    row = shop.connection.execute("SELECT data FROM shop_order WHERE id = ?", (sold.id,)).fetchone()
    if row is None:
        return (0,) * len(sold.lines)
    return refused_lines(msgspec.json.decode(str(row[0]), type=Order))


def _claimed(shop: Shop, told: str) -> KeptClaim | None:
    row = shop.connection.execute(
        "SELECT data FROM claimed_sale WHERE id = ?1 OR number = ?1", (told,)
    ).fetchone()
    return None if row is None else msgspec.json.decode(str(row[0]), type=KeptClaim)


def _counters(shop: Shop, sold: SoldGoods) -> list[EscrowCounter]:
    return [_counter(shop, sold.id, number) for number in range(1, len(sold.lines) + 1)]


def _counter(shop: Shop, sale: str, line: int) -> EscrowCounter:
    return shop.counter(returnable(sale, line))
