"""Quota between this gateway and its registers, on the writer thread.

A grant to a register is told three times over: in the frame that answers it, in the register's feed
(a frame may be lost), and in the journal. What a register hands back comes ahead of its journal and
may be sold at once; so that the hub never hears of the sale before the grant, it is journalled here
as `witnessed`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from gateway.link.lending import COVER
from gateway.lives.behind import BELIEVED_AGAIN_MS, Presented, stop_behind
from gateway.lives.next_life import came_of
from gateway.registers.rows import RegisterRow
from gateway.shop import Shop
from gateway.status.report import PARTED
from gateway.stockroom.deficit import cover
from replication import feed
from replication.allowances import entry_of_returnable, is_store_credit
from replication.cell_rules import check_cell
from replication.errors import PeerFenced, PeerViolation
from replication.escrow import CellChange, EscrowCounter, QuotaShort, Table
from replication.ids import (
    WriterId,
    is_allowance,
    is_register,
    place_of,
    register_of,
    replica_of,
)
from replication.quota import (
    GRANT,
    GrantRecord,
    Lent,
    allowance_lent,
    fill_register,
    recall_register,
    remember_lent,
)
from replication.relaying import (
    WITNESSED,
    WITNESSED_CELLS_MAX,
    Witnessed,
    check_grants_witnessed,
)

TAKES_NOTHING: Final = "this gateway sells no more: look for the one that took its place"

STOCKED_AT_ONCE_MAX: Final = 200
"""SKUs in one grant of stock: some 30 KB of cells, decided in a few milliseconds."""


def living_row(shop: Shop, writer: WriterId) -> RegisterRow:
    """The row of a register that may sell.

    Raises:
        PeerFenced: it was replaced or written off.
        PeerViolation: this gateway never enrolled it.
    """
    row = known_row(shop, writer)
    if not row.is_living:
        raise PeerFenced(f"{writer} is {row.state}: it sells no more, and hands over what it has")
    return row


def known_row(shop: Shop, writer: WriterId) -> RegisterRow:
    """The row of a register, living or not.

    Raises:
        PeerViolation: this gateway never enrolled it, or nothing is added to its own journal.
    """
    if shop.stopped in PARTED:
        raise PeerViolation(TAKES_NOTHING)
    row = shop.registers.rows.find(writer)
    if row is None:
        raise PeerViolation(f"{writer} is not enrolled at {shop.ledger.writer}: enrol it again")
    return row


def lend(shop: Shop, writer: WriterId, request: str, wants: Sequence[tuple[str, int]]) -> Lent:
    """Grant a register the whole of its wants, or nothing.

    With them comes what fills it up to its part, or every customer would wait for a loan of his
    own. What a customer of this gateway waits for at this moment is not lent.

    Raises:
        PeerViolation: see `living_row`.
    """
    living_row(shop, writer)
    cells = shop.lent.get(request, [])
    may_lend = (
        request not in shop.lent
        and len({sku for sku, _ in wants}) == len(wants)
        and all(_may_lend(shop, *want) for want in wants)
    )
    if may_lend:
        lines = [(sku, units + _rest(shop, writer, sku, units)) for sku, units in wants]
        cells = _give(shop, writer, request, lines)
        remember_lent(shop.lent, request, cells)
    return Lent(cells, [(sku, max(0, shop.quota(sku))) for sku, _ in wants])


def _may_lend(shop: Shop, sku: str, units: int) -> bool:
    if shop.stopped is not None or sku in shop.wanted:
        return False
    # What may come back of a sale travels as a whole, to whoever takes it: never to a register.
    return entry_of_returnable(sku) is None and shop.quota(sku) >= units


def _rest(shop: Shop, writer: WriterId, sku: str, wanted: int) -> int:
    """Units that go with what is wanted."""
    counter = shop.counter(sku)
    if is_allowance(sku):
        return allowance_lent(sku, quota=shop.quota(sku), wanted=wanted) - wanted
    return min(_fill(shop, writer, counter, given=wanted), shop.quota(sku) - wanted)


def _fill(shop: Shop, writer: WriterId, counter: EscrowCounter, *, given: int = 0) -> int:
    """Units that fill a register up to its part; `given` are on their way from it to a customer."""
    registers = shop.registers
    if counter.deficit() > 0:
        return 0
    own = counter.quota(writer)
    return fill_register(
        quota_gateway=shop.quota(counter.sku) - given,
        quota_register=own,
        quota_others=registers.quota_of(counter) - own,
        registers=len(registers.living()),
    )


def lacking(shop: Shop, wants: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """What this gateway would have to get to be able to lend all of that."""
    return still_wanted(shop, dict(wants))


def lacking_online(shop: Shop, wants: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """What would have to come back from registers before the hub can be lent all of that.

    Nothing where it would not be lent even then: a customer here waits for it, they have too
    little, or the floor would be gone.
    """
    if shop.stopped is not None:
        return []
    for key, units in wants:
        counter, product = shop.counter(key), shop.catalogue.get(key)
        near = sum(max(0, counter.quota(writer)) for writer in shop.registers.near())
        floor = 0 if product is None else product.safety_stock
        standing = shop.quota(key) + shop.registers.quota_of(counter)
        if key in shop.wanted or shop.quota(key) + near < units or standing - units < floor:
            return []
    return lacking(shop, wants)


# Stock for the registers


def share_out(shop: Shop, cells: list[CellChange], sku: str) -> None:
    """Goods arrived: the registers that are heard get their part, in the entry of the arrival."""
    counter = shop.counter(sku)
    granted = [
        _granted(shop, counter, writer, units)
        for writer in shop.registers.near()
        if (units := _fill(shop, writer, counter)) > 0
    ]
    cells += granted
    _tell(shop, granted)


def stock_up(shop: Shop, writer: WriterId, skus: Iterable[str]) -> list[CellChange]:
    """Fill up what a register holds of these SKUs; nothing for one that may not sell."""
    if writer not in shop.registers.living() or shop.stopped is not None:
        return []
    lines = [
        (sku, units)
        for sku in skus
        if not is_allowance(sku)
        and sku not in shop.wanted
        and (units := _fill(shop, writer, shop.counter(sku))) > 0
    ]
    return _give(shop, writer, "", lines) if lines else []


class Stocked(NamedTuple):
    """How far a register has been stocked up; `after` is None when all goods have been seen."""

    after: str | None
    cells: list[CellChange]


def stock_up_after(shop: Shop, writer: WriterId, after: str) -> Stocked:
    """Fill up what a register holds of the next SKUs after one, in their order."""
    rows = shop.connection.execute(
        "SELECT sku FROM counter WHERE location = ? AND sku > ? ORDER BY sku LIMIT ?",
        (shop.location, after, STOCKED_AT_ONCE_MAX),
    )
    skus = [str(sku) for (sku,) in rows]
    # Of what was in deficit before this start nobody else takes note.
    shop.registers.owed |= {sku for sku in skus if shop.counter(sku).deficit() > 0}
    cells = stock_up(shop, writer, skus)
    return Stocked(skus[-1] if len(skus) == STOCKED_AT_ONCE_MAX else None, cells)


def _give(
    shop: Shop, writer: WriterId, request: str, lines: Sequence[tuple[str, int]]
) -> list[CellChange]:
    """Grant to a register; the caller has seen that the quota covers it."""
    cells = [_granted(shop, shop.counter(sku), writer, units) for sku, units in lines]
    record = GrantRecord(to=writer, request=request, lines=tuple(lines))
    shop.ledger.append(GRANT, msgspec.json.encode(record), reference=request, cells=cells)
    _tell(shop, cells)
    return cells


def _granted(shop: Shop, counter: EscrowCounter, writer: WriterId, units: int) -> CellChange:
    granted = counter.grant(shop.ledger.writer, writer, units)
    assert not isinstance(granted, QuotaShort), "the quota was checked before"
    return granted


def _tell(shop: Shop, grants: Iterable[CellChange]) -> None:
    """Put grants into the feed of the registers that they are for.

    With them goes what gateways before this one had granted of the SKU: a box may have died with
    the frame that told of it, and an item of the feed takes the place of the one before.
    """
    for grant in grants:
        cells = [
            CellChange(grant.location, grant.sku, *cell)
            for cell in shop.counter(grant.sku).cells()
            if _is_grant_to(shop, cell, grant.detail)
        ]
        shop.connection.execute(
            "INSERT OR REPLACE INTO register_feed (kind, key, audience, data) VALUES (?, ?, ?, ?)",
            (feed.STOCK, grant.sku, grant.detail, msgspec.json.encode(cells)),
        )


def tell_earlier_grants(shop: Shop, skus: Iterable[str]) -> None:
    """Tell registers what gateways before this one had granted to them, as far as it is known here.

    Also of one that this gateway does not know yet: it may enrol again.
    """
    for sku in skus:
        place = place_of(sku, shop.location)
        _tell(
            shop,
            {
                cell[2]: CellChange(place, sku, *cell)
                for cell in shop.counter(sku).cells()
                if cell[1] != shop.ledger.writer
                and is_register(cell[2])
                and _is_grant_to(shop, cell, cell[2])
            }.values(),
        )


def _is_grant_to(shop: Shop, cell: tuple[str, str, str, int], register: str) -> bool:
    """Whether a gateway of this shop, whichever box that was, granted this to the register."""
    table, holder, detail, _ = cell
    return table == Table.GRANTED and detail == register and replica_of(holder) == shop.location


# Back from the registers


class Recalled(NamedTuple):
    """What to ask back, per register; and what this gateway's quota has to become, per SKU."""

    asked: dict[WriterId, list[tuple[str, int]]]
    targets: dict[str, int]


def whom_to_ask(
    shop: Shop, wants: Sequence[tuple[str, int]], *, but: WriterId | None = None
) -> Recalled:
    """Which registers to ask back for what this gateway lacks; not the one that asks itself."""
    near = [writer for writer in shop.registers.near() if writer != but]
    asked: dict[WriterId, list[tuple[str, int]]] = {}
    for sku, units in wants:
        counter = shop.counter(sku)
        held = {str(writer): counter.quota(writer) for writer in near}
        if is_store_credit(sku):  # whole, so that whoever holds it can tell what is left of it
            recalled = {one: has for one, has in held.items() if has >= units}
        else:
            recalled = recall_register(
                quota_registers=held, wanted=units, quota_gateway=shop.quota(sku)
            )
        for writer, part in recalled.items():
            asked.setdefault(WriterId(writer), []).append((sku, part))
    return Recalled(asked, {sku: shop.quota(sku) + units for sku, units in wants})


def owed(shop: Shop, count_max: int) -> list[tuple[str, int]]:
    """Deficits that this gateway cannot work off by itself; those that ended are forgotten."""
    registers = shop.registers
    if shop.stopped is not None:
        return []
    registers.owed = {sku for sku in registers.owed if shop.counter(sku).deficit() > 0}
    near = registers.near()
    held = [
        (sku, shop.counter(sku).deficit() - shop.quota(sku))
        for sku in sorted(registers.owed)
        if any(shop.counter(sku).quota(writer) > 0 for writer in near)
    ]
    return [(sku, units) for sku, units in held if units > 0][:count_max]


def still_wanted(shop: Shop, targets: Mapping[str, int]) -> list[tuple[str, int]]:
    """What is lacking to those targets now."""
    return [
        (sku, target - shop.quota(sku))
        for sku, target in targets.items()
        if shop.quota(sku) < target
    ]


def take_grant(shop: Shop, writer: WriterId, cells: Sequence[CellChange]) -> None:
    """Merge what a register hands back, or what an earlier gateway had granted to it.

    A register that has more of this gateway than it ever gave knows a later state of it: this disk
    is an old image, and sells no more until the hub has been asked.

    Raises:
        PeerFenced: a register that was replaced or written off hands back ahead of its journal.
        PeerViolation: a cell that is neither, or more than the register has (E1). Nothing is kept.
    """
    row = known_row(shop, writer)
    handed_back = [cell for cell in cells if cell.holder == writer]
    if handed_back and not row.is_living:
        raise PeerFenced(f"{writer} is {row.state}: what it has comes with its journal")
    for cell in handed_back:
        check_handed_back(shop, writer, cell)
    own = [cell for cell in cells if cell.holder == shop.ledger.writer]
    if any(_was_given_later(shop, writer, cell) for cell in own):
        stop_behind(shop, _seen_by(shop, writer))
        return
    cells = [cell for cell in cells if cell.holder != shop.ledger.writer]
    earlier = [cell for cell in cells if cell.holder != writer]
    check_grants_witnessed(earlier, register=writer, by=shop.ledger.writer)
    news = shop.ledger.merge_cells(cells)
    for cell in handed_back:
        # It mints nothing, and what its journal has not told yet it has less: E1 by what is heard.
        if shop.counter(cell.sku).quota(writer) < 0:
            raise PeerViolation(f"{writer} hands back more of {cell.sku} than it has (E1)")
    if news and not row.is_living:
        shop.registers.rows.reclaim_again(writer)
    for start in range(0, len(news), WITNESSED_CELLS_MAX):
        witnessed = Witnessed(register=writer, cells=news[start : start + WITNESSED_CELLS_MAX])
        shop.ledger.append(WITNESSED, msgspec.json.encode(witnessed), reference=writer)
    work_off(shop, {cell.sku for cell in news})


def _was_given_later(shop: Shop, writer: WriterId, cell: CellChange) -> bool:
    """Whether a register has more of this gateway than that knows to have given.

    Its word is not believed twice in a day; it may talk on all the same.

    Raises:
        PeerViolation: it is no grant to this register.
    """
    check_cell(cell, shop.ledger.writer)
    place = place_of(cell.sku, shop.location)
    if cell.table != Table.GRANTED or (cell.location, cell.detail) != (place, writer):
        raise PeerViolation(f"{writer} sent {cell.table}[{cell.detail}] of {cell.location}")
    if cell.value <= shop.counter(cell.sku).value(cell.table, cell.holder, cell.detail):
        return False
    came = came_of(shop.store)
    if came is None or came.register != register_of(writer):
        return True
    return shop.ledger.now_ms - came.at_ms >= BELIEVED_AGAIN_MS


def _seen_by(shop: Shop, writer: WriterId) -> Presented:
    """The witness of a register that has what this gateway gave after the end of its journal."""
    head = shop.ledger.head
    return Presented(
        register=register_of(writer) or writer,
        witness=f"{shop.ledger.writer};{head.seq};{head.hash.hex()}",
        at_ms=shop.ledger.now_ms,
    )


def check_handed_back(shop: Shop, writer: WriterId, cell: CellChange) -> None:
    """Check a grant of a register: to a gateway of this location, of its own counter.

    Raises:
        PeerViolation: it is anything else.
    """
    check_cell(cell, writer)
    place = place_of(cell.sku, shop.location)
    is_to_us = cell.table == Table.GRANTED and replica_of(cell.detail) == shop.location
    if not is_to_us or cell.location != place:
        raise PeerViolation(f"{writer} sent {cell.table}[{cell.detail}] of {cell.location}")


def work_off(shop: Shop, skus: Iterable[str]) -> None:
    """Cover what was overdrawn, with what is here now."""
    covered: list[CellChange] = []
    for sku in sorted(skus):
        cover(shop, covered, sku)
    if covered:
        record = {"lines": [(change.sku, change.value) for change in covered]}
        shop.ledger.append(COVER, msgspec.json.encode(record), cells=covered)
