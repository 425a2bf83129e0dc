"""What a fenced box still held, on the writer thread (`docs/decisions/0028`, `0030`).

A box that was replaced may have sold what nobody here has heard of, so what it held is frozen: it
is nobody's to promise. Two things end that, each for sure:

    sealed    its last entry came: what its journal leaves is left
    attested  somebody says that it is gone for good, and the goods were counted since

Then the hub takes the rights back (`reclaimed`), ends the box's open holds, and gives both to the
box that lives now, where they first cover what is short. Until then, and after it, whatever the box
is heard to have used beyond what it had is conceded: a deficit, which the shortage queue shows.
Of uses of promotions and store credits there is nothing to count: the answer alone decides.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows, unheard
from cloud_hub.lives.records import (
    CONCEDED,
    HELD,
    RECLAIMED,
    RIGHTS,
    Conceded,
    ConcededLine,
    Reclaimed,
    ReclaimedLine,
)
from cloud_hub.prices.allowances import keep_limits
from cloud_hub.stores import lending
from replication.escrow import (
    CellChange,
    EscrowCounter,
    Minted,
    Spent,
    Table,
)
from replication.fencing import (
    concede_shortfall,
    cover_conceded,
    covered_twice,
    lacking,
    levels_below,
    reclaim_residual,
)
from replication.ids import (
    EVERYWHERE,
    LocationId,
    WriterId,
    is_allowance,
    location_of,
    parse_entry_id,
    place_of,
)
from replication.journal import decode_body
from web.uses_told import uses_unspent

ENTRY_LINES_MAX: Final = 250
"""Lines of one entry: some 100 KB with their cells."""


class Residual(msgspec.Struct, frozen=True, kw_only=True):
    """What a fenced box holds of a SKU: units that nobody may promise. `held`: for open baskets.

    `is_counted`: the box that lives now has counted it.
    """

    sku: str
    units: int
    held: int
    is_counted: bool


class _Holding(NamedTuple):
    """Rights of a fenced box, and units of its open baskets, in one counter.

    `used`: those of its rights that it is known to have used.
    """

    counter: EscrowCounter
    units: int
    held: int
    used: int


def _holdings(office: HeadOffice, writer: WriterId) -> Iterator[_Holding]:
    """What a fenced box has, goods first, in a stable order."""
    used_of = _used_untold(office, writer)
    for counter in counters_of(office, writer):
        used = used_of[counter.sku]
        units, held = counter.quota(writer) - used, held_open(office, counter, writer)
        if units or held:
            yield _Holding(counter, max(0, units), max(0, held), used)


def counters_of(office: HeadOffice, writer: WriterId) -> Iterator[EscrowCounter]:
    """The counters in which a writer may have something, goods first, in a stable order."""
    places = {(one.location, one.sku) for one in office.ledger.unsaved()}
    places |= set(office.ledger.pending.counters)
    places |= {
        (str(location), str(sku))
        for location, sku in office.connection.execute(
            "SELECT location, sku FROM counter WHERE location IN (?, ?) AND instr(cells, ?)",
            (location_of(writer), EVERYWHERE, f'"{writer}"'),
        )
    }
    here = {location_of(writer), EVERYWHERE}
    for location, sku in sorted((place for place in places if place[0] in here), reverse=True):
        yield office.ledger.counter(location, sku)


def held_open(office: HeadOffice, counter: EscrowCounter, writer: str) -> int:
    """Units that the writer's open baskets keep, less those that the hub has ended already."""
    held = counter.value(Table.SPENT, writer, Spent.HELD)
    if not held:
        return 0
    row = office.connection.execute(
        "SELECT units FROM hold_ended WHERE writer = ? AND sku = ?", (writer, counter.sku)
    ).fetchone()
    ended = int(str(row[0])) if row else 0
    return held - counter.value(Table.MINTED, writer, Minted.HOLD_RELEASED) - ended


def residual(office: HeadOffice, writer: WriterId, counted: frozenset[str]) -> list[Residual]:
    """What a fenced box still holds, goods and allowances, by SKU."""
    found = [
        Residual(
            sku=one.counter.sku,
            units=one.units,
            held=one.held,
            is_counted=one.counter.sku in counted,
        )
        for one in _holdings(office, writer)
    ]
    return sorted(found, key=lambda one: one.sku)


def concede(
    office: HeadOffice, writer: WriterId, skus: Iterable[str], *, levels_only: bool = False
) -> int:
    """Make good, as a deficit, what a fenced writer lacks after news of it; returns the units.

    With `levels_only` it is a living one, which did again what a fenced one had done.
    """
    made: list[tuple[ConcededLine, list[CellChange]]] = []
    hub = office.ledger.writer
    for sku in sorted(set(skus)):
        counter = office.ledger.counter(place_of(sku, location_of(writer)), sku)
        below = [] if is_allowance(sku) else _levels_below(office, counter, writer)
        for level, units in below:
            made.append((ConcededLine(sku, level, units), [counter.concede(hub, level, units)]))
        before = counter.quota(writer)
        short = [] if levels_only else concede_shortfall(counter, hub, writer)
        if short:
            covered = cover_conceded(counter, hub, lacking(counter)) if is_allowance(sku) else []
            made.append(
                (ConcededLine(sku, RIGHTS, counter.quota(writer) - before), short + covered)
            )
    for start in range(0, len(made), ENTRY_LINES_MAX):
        some = made[start : start + ENTRY_LINES_MAX]
        record = msgspec.json.encode(Conceded(writer=writer, lines=tuple(one for one, _ in some)))
        cells = [cell for _, more in some for cell in more]
        office.ledger.append(CONCEDED, record, reference=writer, cells=cells)
        office.tell_cells(cells)
    lines = [one for one, _ in made]
    _note_ended(office, writer, [(one.sku, -one.units) for one in lines if one.level == HELD])
    return sum(line.units for line in lines if line.level == RIGHTS)


def concede_ahead(office: HeadOffice, location: LocationId) -> None:
    """Make good what boxes of a location granted up that are fenced now, with news of it unheard.

    A grant travels ahead of the entries that had brought what it gives. Of a box that is gone those
    may never come, and a count then finds the goods: they are its successor's, not both's.
    """
    for life in rows.lives_of(office.connection, location):
        short = [one.sku for one in counters_of(office, life.writer) if one.quota(life.writer) < 0]
        if short:
            concede(office, life.writer, short)


def _levels_below(
    office: HeadOffice, counter: EscrowCounter, writer: WriterId
) -> list[tuple[str, int]]:
    """Levels that are below what they must be at least, because two boxes did the same.

    What is kept for orders and by the writer's baskets is known one by one: it shows here also
    where others hide it in the sum.
    """
    row = office.connection.execute(
        "SELECT coalesce(sum(quantity), 0) FROM allocation "
        "WHERE location = ? AND sku = ? AND state = 'committed'",
        (counter.location, counter.sku),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    held_by_others = counter.levels().held - held_open(office, counter, writer)
    return levels_below(counter, {"committed": int(str(row[0])), HELD: held_by_others})


def _note_ended(office: HeadOffice, writer: str, units: Sequence[tuple[str, int]]) -> None:
    """The hub has ended so many units of the writer's holds more."""
    office.connection.executemany(
        "INSERT INTO hold_ended VALUES (?1, ?2, ?3) "
        "ON CONFLICT (writer, sku) DO UPDATE SET units = units + ?3",
        [(writer, sku, more) for sku, more in units],
    )


def take_back(office: HeadOffice, writer: WriterId) -> list[str]:
    """Take back what a fenced writer held, end its holds; returns the SKUs and allowances.

    The rights go to the box that lives now, which covers with them what is short. But not those of
    goods that are to be taken off there, or that it has not heard of: it may have counted them.
    """
    location = location_of(writer)
    waits = rows.to_be_taken_off(office.connection, location) | unheard.came(office, location)
    holdings = [
        one
        for one in _holdings(office, writer)
        if one.counter.sku not in waits and (one.units or one.held)
    ]
    taken: list[str] = []
    for start in range(0, len(holdings), ENTRY_LINES_MAX):
        some = holdings[start : start + ENTRY_LINES_MAX]
        lines = _reclaim(office, writer, some)
        back = [
            (
                line.sku,
                min(line.units + line.held, office.quota(location, line.sku)),
            )
            for line in lines
            if not is_allowance(line.sku)
        ]
        living = office.living_writer(location)
        lending.give(office, living, "", [one for one in back if one[1] > 0])
        keep_limits(office, {line.sku for line in lines})
        taken += [line.sku for line in lines]
    return taken


def _reclaim(
    office: HeadOffice, writer: WriterId, holdings: Sequence[_Holding]
) -> list[ReclaimedLine]:
    hub = office.ledger.writer
    lines: list[ReclaimedLine] = []
    cells: list[CellChange] = []
    for counter, units, held, used in holdings:
        if held:
            cells.append(counter.mint(hub, Minted.HOLD_RELEASED, held))
        cells += reclaim_residual(counter, hub, writer, but=used)
        if is_allowance(counter.sku):
            cells += cover_conceded(counter, hub, lacking(counter))
        lines.append(ReclaimedLine(counter.sku, units, held))
    record = msgspec.json.encode(Reclaimed(writer=writer, lines=tuple(lines)))
    office.ledger.append(RECLAIMED, record, reference=writer, cells=cells)
    office.tell_cells(cells)
    _note_ended(office, writer, [(one.sku, one.held) for one in lines if one.held])
    return lines


def _used_untold(office: HeadOffice, writer: WriterId) -> Counter[str]:
    """What a box used of allowances that only recovered sales tell of: its own entries burnt."""
    used: Counter[str] = Counter()
    for sale, entry in office.connection.execute(
        "SELECT id, entry FROM recovered_sale WHERE id GLOB ?", (f"{writer}-*",)
    ):
        own, told = parse_entry_id(str(sale)), parse_entry_id(str(entry))
        if own is None or told is None or own == told or office.head_of(writer).seq >= own[1]:
            continue
        data = office.ledger.body_of(*told)
        if data is not None:
            used += uses_unspent(decode_body(data))
    return used


def settle_allowances(office: HeadOffice, writer: WriterId, keys: Iterable[str]) -> None:
    """After news of a living box: cover what it conceded and could not, as far as the hub can.

    What two have covered is given back to it, where no box was there before it: else the one before
    is conceded it (`concede`).
    """
    hub = office.ledger.writer
    for key in sorted(set(keys)):
        counter = office.ledger.counter(EVERYWHERE, key)
        cells = cover_conceded(counter, hub, lacking(counter))
        lines: tuple[ConcededLine, ...] = ()
        twice = covered_twice(counter)
        if twice and not office.has_fenced(location_of(writer)):
            cells.append(counter.concede(hub, writer, twice))
            lines = (ConcededLine(key, RIGHTS, twice),)
        if cells:
            record = msgspec.json.encode(Conceded(writer=writer, lines=lines))
            office.ledger.append(CONCEDED, record, reference=writer, cells=cells)


def settle(office: HeadOffice, writer: WriterId, skus: Iterable[str]) -> set[str]:
    """After news of a fenced writer: concede what it lacks, take back what may be; what changed.

    Called in the commit of whatever told of it.
    """
    touched = set(skus)
    life = rows.life_of(office.connection, writer)
    assert life is not None, f"{writer} is no life that is over"
    concede(office, writer, touched)
    if life.state != "open":
        touched.update(take_back(office, writer))
    return touched
