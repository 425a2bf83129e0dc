"""Defects to plant: what the judge must see, or it is no judge.

Each is a context manager that patches the real code for as long as it is open, in the way in which
a well-meaning programmer might have written it. The *arms* are other designs that are known to
oversell; the others break one rule of ours each. `test_judge` says which seed catches each, and
`scripts/simulate --plant NAME` looks for another one when plans have changed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Final
from unittest import mock

import msgspec

from cloud_hub.head_office import HUB_WRITER, HeadOffice
from cloud_hub.ordering import custody, order_events, reallocation
from cloud_hub.prices import price_rules
from cloud_hub.stores import fold
from gateway.prices import priced
from gateway.selling import sales
from gateway.shop import Shop
from replication.adapters import sqlite
from replication.escrow import CellChange, CellKey, EscrowCounter, Minted, QuotaShort, Spent, Table
from replication.ids import EVERYWHERE
from replication.ledger import Ledger
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order
from tests.simulation.box_defects import BOX_DEFECTS
from tests.simulation.image_defects import IMAGE_DEFECTS
from tests.simulation.order_defects import ORDER_DEFECTS
from tests.simulation.return_defects import RETURN_DEFECTS
from web.hold_watch import HoldWatch, _Deadline

Plant = Callable[[], AbstractContextManager[None]]

SNAPSHOT_MS: Final = 30_000
"""How old a storefront's cached stock may be."""


@contextmanager
def _patched(*patches: Any) -> Iterator[None]:  # noqa: ANN401 - whatever mock makes
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield


# Arms: designs that must oversell


def pn_counter() -> AbstractContextManager[None]:
    """Stock is one number, and everybody sells while his copy of it is above zero."""

    def quota(self: EscrowCounter, _holder: str) -> int:
        return max(0, self.available())

    def spend(self: EscrowCounter, by: str, reason: Spent, units: int) -> CellChange | QuotaShort:
        if units > self.available():
            return QuotaShort(wanted_units=units, quota_units=self.available())
        change = self._grow("spent", by, reason.value, units)
        self._quota[by] = self._quota.get(by, 0) - units
        return change

    return _patched(
        mock.patch.object(EscrowCounter, "quota", quota),
        mock.patch.object(EscrowCounter, "spend", spend),
    )


def cached_snapshot() -> AbstractContextManager[None]:
    """The website sells what the stock was some time ago, whoever holds it."""
    snapshots: dict[tuple[int, str, str], list[int]] = {}

    def offered(
        office: HeadOffice, counter: EscrowCounter, _product: object, *, connected: bool
    ) -> int:
        del connected
        key = (id(office), counter.location, counter.sku)
        known = snapshots.get(key)
        if known is None or office.ledger.now_ms - known[0] > SNAPSHOT_MS:
            known = snapshots[key] = [office.ledger.now_ms, max(0, counter.available())]
        return known[1]

    real = EscrowCounter.spend

    def spend(self: EscrowCounter, by: Any, reason: Spent, units: int) -> CellChange | QuotaShort:  # noqa: ANN401
        spent = real(self, by, reason, units)
        if by != HUB_WRITER or not isinstance(spent, QuotaShort):
            return spent
        change = self._grow("spent", by, reason.value, units)
        self._quota[by] = self._quota.get(by, 0) - units
        return change

    return _patched(
        mock.patch.object(HeadOffice, "offered_online", offered),
        mock.patch.object(EscrowCounter, "spend", spend),
    )


def release_without_custody() -> AbstractContextManager[None]:
    """A cancel at the hub frees the units there, though the store may hand them over (E9)."""
    return _patched(
        *(
            mock.patch.object(module, "was_offered", return_value=False)
            for module in (order_events, reallocation)
        )
    )


# Defects: one rule broken each


def quota_from_global_value() -> AbstractContextManager[None]:
    """A till asks whether the location has units, not whether this gateway may sell them (E1)."""

    def quota(self: Shop, sku: str) -> int:
        return self.counter(sku).available()

    return _patched(mock.patch.object(Shop, "quota", quota))


def self_mint() -> AbstractContextManager[None]:
    """What a sale lacks is brought into being by whoever sells."""
    real = sales.lacks_of

    def lacks_of(shop: Shop, wanted: Mapping[str, int], held: Mapping[str, int]) -> list[Any]:
        for lack in real(shop, wanted, held):
            missing = lack.wanted - lack.sellable
            shop.counter(lack.sku).mint(shop.ledger.writer, Minted.COUNTED_UP, missing)
        return []

    return _patched(mock.patch.object(sales, "lacks_of", lacks_of))


def negative_grant() -> AbstractContextManager[None]:
    """The giver of a grant takes: the sign is wrong (E4)."""

    def grant(self: EscrowCounter, giver: str, taker: str, units: int) -> CellChange:
        key = CellKey("granted", giver, taker)
        value = self._cells[key] = self._cells.get(key, 0) - units
        self._quota[giver] = self._quota.get(giver, 0) + units
        self._quota[taker] = self._quota.get(taker, 0) - units
        return CellChange(self.location, self.sku, "granted", giver, taker, value)

    return _patched(mock.patch.object(EscrowCounter, "grant", grant))


def overwrite_instead_of_max() -> AbstractContextManager[None]:
    """The cell that comes last is believed, however old it is (E3)."""

    def merge_cell(self: EscrowCounter, key: CellKey, value: int) -> int:
        growth = value - self._cells.get(key, 0)
        self._cells[key] = value
        signs = {Table.MINTED: 1, Table.SPENT: -1, Table.GRANTED: -1}
        sign = signs.get(Table(key.table), 0)
        self._quota[key.holder] = self._quota.get(key.holder, 0) + sign * growth
        if key.table == Table.GRANTED:
            self._quota[key.detail] = self._quota.get(key.detail, 0) + growth
        return growth

    return _patched(mock.patch.object(EscrowCounter, "merge_cell", merge_cell))


def acknowledge_before_fsync() -> AbstractContextManager[None]:
    """The file is opened so that a commit returns before the disk has it (E5)."""
    real = sqlite.connect

    def connect(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - as the real one
        connection = real(*args, **named)
        connection.pragma("synchronous", "normal")
        return connection

    return _patched(mock.patch.object(sqlite, "connect", connect))


def double_grant() -> AbstractContextManager[None]:
    """The giver of a grant goes on counting the units as its own."""
    real = EscrowCounter.grant

    def grant(self: EscrowCounter, giver: Any, taker: Any, units: int) -> CellChange | QuotaShort:  # noqa: ANN401
        given = real(self, giver, taker, units)
        if not isinstance(given, QuotaShort):
            self._quota[giver] += units
        return given

    return _patched(mock.patch.object(EscrowCounter, "grant", grant))


def apply_before_check() -> AbstractContextManager[None]:
    """The lines of a basket are taken one by one, and the sale is refused in the middle."""
    real = sales.lacks_of

    def lacks_of(shop: Shop, wanted: Mapping[str, int], held: Mapping[str, int]) -> list[Any]:
        lacks = real(shop, wanted, held)
        short = {lack.sku for lack in lacks}
        for sku, units in wanted.items():
            if lacks and sku not in short:
                shop.counter(sku).spend(shop.ledger.writer, Spent.SOLD, units)
        return lacks

    return _patched(mock.patch.object(sales, "lacks_of", lacks_of))


def release_counted_twice() -> AbstractContextManager[None]:
    """The store frees what it gave back, and the hub, hearing of it, frees it once more."""
    real = order_events.hear_from_store

    def hear(office: HeadOffice, body: Any) -> None:  # noqa: ANN401 - as the real one
        before = _released(office, body)
        real(office, body)
        cells = [
            custody.mint_for(office, one, Minted.ORDER_RELEASED)
            for one in _allocations(office, body)
            if one.state == "released" and one.id not in before and one.location in body.writer
        ]
        if cells:
            office.ledger.append("order_event", b"{}", cells=cells)

    table = {kind: hear if hearer is real else hearer for kind, hearer in fold._BY_KIND.items()}
    return _patched(mock.patch.object(fold, "_BY_KIND", table))


class _Named(msgspec.Struct):
    id: str


def _allocations(office: HeadOffice, body: Any) -> list[Any]:  # noqa: ANN401 - an entry's body
    row = office.connection.execute(
        "SELECT data FROM online_order WHERE id = ?",
        (msgspec.json.decode(body.record, type=_Named).id,),
    ).fetchone()
    if row is None:
        return []
    return list(msgspec.json.decode(str(row[0]), type=Order).allocations)


def _released(office: HeadOffice, body: Any) -> set[str]:  # noqa: ANN401 - an entry's body
    return {one.id for one in _allocations(office, body) if one.state == "released"}


def transfer_received_twice() -> AbstractContextManager[None]:
    """A truck is counted in without looking whether it was counted in before (E7)."""
    return _patched(mock.patch("retail.stock.trucks._received_skus", return_value=frozenset()))


def hold_expiry_on_wall_clock() -> AbstractContextManager[None]:
    """Holds expire when the wall clock says so, and the wall clock jumps."""

    def now_s(self: HoldWatch) -> float:
        state: Any = self._writer._state
        return float(state._now_ms()) / 1000

    def add(self: HoldWatch, hold: str, seconds: float, expire: Callable[[], object]) -> None:
        at_s = now_s(self) + seconds
        self._deadlines.append(_Deadline(at_s, next(self._numbers), hold, expire))

    def take_due(self: HoldWatch) -> list[_Deadline]:
        due = [one for one in self._deadlines if one.at_s <= now_s(self)]
        self._deadlines = [one for one in self._deadlines if one not in due]
        return due

    return _patched(
        mock.patch.object(HoldWatch, "add", add),
        mock.patch.object(HoldWatch, "_take_due", take_due),
    )


def forgotten_request() -> AbstractContextManager[None]:
    """The key of a request is not kept, so a retry does it again (E5)."""
    return _patched(mock.patch.object(Ledger, "remember", return_value=None))


def limit_allowed_again() -> AbstractContextManager[None]:
    """Who writes an offer again allows all of its uses again (A1)."""

    def limit_cells(office: HeadOffice, key: str, limit: int) -> list[CellChange]:
        counter = office.ledger.counter(EVERYWHERE, key)
        return [counter.mint(HUB_WRITER, Minted.ALLOWED, limit)]

    return _patched(mock.patch.object(price_rules, "limit_cells", limit_cells))


def offered_without_a_right() -> AbstractContextManager[None]:
    """A till that cannot ask goes by what the offer says, and books the use all the same (A1)."""

    def use(counter: EscrowCounter, by: Any) -> CellChange:  # noqa: ANN401 - as the real one
        return counter._grow("spent", by, Spent.USED.value, 1)

    return _patched(
        mock.patch.object(priced, "lacking", return_value=None),
        mock.patch.object(priced, "not_offered", return_value={}),
        mock.patch.object(sales, "use", use),
    )


def use_returned_after_payment() -> AbstractContextManager[None]:
    """An order that is cancelled gives its use back, also when the customer has had it (A1)."""
    real = order_events._change_uses

    def change(office: HeadOffice, event_type: EventType, order: Order) -> list[CellChange]:
        with mock.patch.object(order_events, "is_unpaid", return_value=True):
            return real(office, event_type, order)

    return _patched(mock.patch.object(order_events, "_change_uses", change))


ARMS: Final[Mapping[str, Plant]] = {
    "pn_counter": pn_counter,
    "cached_snapshot": cached_snapshot,
    "release_without_custody": release_without_custody,
}
"""Designs that must oversell."""

DEFECTS: Final[Mapping[str, Plant]] = {
    "quota_from_global_value": quota_from_global_value,
    "self_mint": self_mint,
    "negative_grant": negative_grant,
    "overwrite_instead_of_max": overwrite_instead_of_max,
    "acknowledge_before_fsync": acknowledge_before_fsync,
    "double_grant": double_grant,
    "apply_before_check": apply_before_check,
    "release_counted_twice": release_counted_twice,
    "transfer_received_twice": transfer_received_twice,
    "hold_expiry_on_wall_clock": hold_expiry_on_wall_clock,
    "forgotten_request": forgotten_request,
    "limit_allowed_again": limit_allowed_again,
    "offered_without_a_right": offered_without_a_right,
    "use_returned_after_payment": use_returned_after_payment,
    **RETURN_DEFECTS,
    **ORDER_DEFECTS,
    **BOX_DEFECTS,
    **IMAGE_DEFECTS,
}
"""One rule of ours broken each."""

NOTHING: Final = "nothing"

PLANTS: Final[Mapping[str, Plant]] = {**ARMS, **DEFECTS, NOTHING: nullcontext}
"""All that can be planted, by name."""
