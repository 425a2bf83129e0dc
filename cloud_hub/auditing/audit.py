"""The audit: everything that the hub has heard, checked against itself.

    chain    each journal: no gap, every hash recomputed, every entry its own writer's
    moves    goods that entries say moved, against the growth of their cells
    rows     counters, orders and allocations, against the journals and documents that made them
    E1 - E9  as in the design, on the union of all cells that were heard
    W1       what came back of a sale, against what was sold and paid
    A1       uses of limited promotions, against the discounts of what was sold for them; store
             credits, against the returns that were paid with them and what they paid for
    M1       money that tills took for orders, against what the orders say and what goes back

It reads one snapshot on a connection of its own, in a thread of its own, entry after entry, while
the hub goes on. What is kept in memory is bounded by the counters of one group of locations; a
large chain is read once per group.

What it cannot see: a journal's end that is missing here and in every row, since that is how a
journal looks whose end was not heard yet; and what happened in a shop and was never journalled.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from cloud_hub.auditing.audit_chains import ChainAudit, WriterPosition
from cloud_hub.auditing.audit_credits import CreditAudit
from cloud_hub.auditing.audit_deeds import DeedAudit
from cloud_hub.auditing.audit_findings import Ahead, Difference, Findings, HeardEntry
from cloud_hub.auditing.audit_payments import PaymentAudit
from cloud_hub.auditing.audit_returns import ReturnAudit
from cloud_hub.auditing.audit_rows import check_orders, check_requests, check_transfers, promised
from cloud_hub.auditing.audit_sale_ids import SaleIdAudit
from cloud_hub.auditing.audit_stock import StockAudit
from cloud_hub.lives.rows import parted_writers, told_again
from replication.adapters.sqlite import ReplicaStore, snapshot
from replication.errors import PeerViolation
from replication.ids import EVERYWHERE, HUB, incarnation_of, location_of, parse_entry_id, replica_of
from replication.journal import EntryBody, decode_body
from retail.selling.sales import LocationId
from web.problems import Problem, Slug

log: Final = logging.getLogger(__name__)

COUNTERS_AT_ONCE_MAX: Final = 100_000
"""Counters in memory at a time, some 2 KB each with the entries that last wrote them."""

PROGRESS_ENTRIES: Final = 100_000
"""Entries between two lines in the log."""

LOOK_ENTRIES: Final = 1_000
"""Entries between two looks at whether the program ends: some 30 ms."""

AGAIN_ENTRIES: Final = 1_000
"""Entries of each writer that are merged again, last one first (E3)."""


class AuditStopped(Exception):
    """The program ends; nobody waits for the answer any more."""


class AuditRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to audit: everything, or one location with the hub's part in it."""

    location: LocationId | None = None


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, and what does not agree. `ahead` is no difference (`Ahead`).

    `truncated` says that there are more differences than are listed; `verdict` counts all.
    """

    location: str | None
    entries: int
    writers: list[WriterPosition]
    counters: int
    orders: int
    sales: int
    differences: list[Difference]
    ahead: list[Ahead]
    truncated: bool
    verdict: str


def audit(
    store: ReplicaStore, location: str | None, is_stopped: Callable[[], bool] = lambda: False
) -> AuditReport:
    """Check everything that is committed now. Takes minutes for millions of entries.

    Raises:
        Problem: not-found, when there is no such location.
        AuditStopped: `is_stopped` said so.
    """
    with snapshot(store.connection):
        return _Audit(store, location, is_stopped).run()


class _Audit:
    """One audit over one snapshot."""

    def __init__(
        self, store: ReplicaStore, location: str | None, is_stopped: Callable[[], bool]
    ) -> None:
        self._store = store
        self._location = location
        self._is_stopped = is_stopped
        self._findings = Findings()
        self._incarnations = _incarnations(store)
        self._read = 0
        if location is not None and location not in self._incarnations:
            raise Problem(Slug.NOT_FOUND, f"There is no location {location}.")

    def run(self) -> AuditReport:
        store, findings = self._store, self._findings
        chains = ChainAudit(findings, self._incarnations, store.load_hash)
        again = told_again(store.connection)
        deeds = DeedAudit(findings, again)
        returns, issued = ReturnAudit(findings, again), CreditAudit(findings)
        payments, sale_ids = PaymentAudit(findings, store, again), SaleIdAudit(findings)
        counters = 0
        kept = promised(store, findings)
        for number, group in enumerate(self._groups()):
            stock = StockAudit(findings, group, saved=store.counters_saved())
            takes = (deeds.take, returns.take, issued.take, payments.take, sale_ids.take)
            entries = self._first_pass(chains, takes) if number == 0 else self._again(group)
            for entry in entries:
                stock.take(entry)
            stock.fold_again(self._last_entries(chains.positions()))
            counters += stock.finish(self._counter_rows(group), kept)
        deeds.finish()
        returns.finish(self._body_of)
        sale_ids.finish(self._body_of, parted_writers(store.connection))
        writers = chains.positions()
        check_requests(store, findings)
        orders = check_orders(store, findings, self._location)
        if self._location is None:  # a transfer has two ends
            check_transfers(store, findings, deeds.transferred())
        return AuditReport(
            location=self._location,
            entries=sum(one.entries for one in writers),
            writers=writers,
            counters=counters,
            orders=orders,
            sales=deeds.sales,
            differences=findings.differences,
            ahead=findings.ahead,
            truncated=findings.count > len(findings.differences),
            verdict=findings.verdict(),
        )

    def _groups(self) -> list[list[str]]:
        """Locations whose counters fit into memory together; at least one group.

        Allowances, which belong to none, are in the first: that pass reads what everybody wrote.
        """
        sizes = dict.fromkeys(map(location_of, self._incarnations), 0) | {
            str(location): int(str(many))
            for location, many in self._store.connection.execute(
                "SELECT location, count(*) FROM counter GROUP BY location"
            )
        }
        allowances = sizes.pop(EVERYWHERE, 0)
        groups: list[list[str]] = [[EVERYWHERE] if self._location is None else []]
        room = COUNTERS_AT_ONCE_MAX - allowances
        for location, many in sorted(sizes.items()):
            if self._location not in {None, location}:
                continue
            if many > room and groups[-1]:
                groups.append([])
                room = COUNTERS_AT_ONCE_MAX
            groups[-1].append(location)
            room -= many
        return groups

    def _rows(
        self, replicas: frozenset[str] | None
    ) -> Iterator[tuple[int, str, int, str, bytes, bytes]]:
        """The journal in the order of arrival; of some replicas and the hub, or of all."""
        for arrival, writer, seq, kind, digest, body in self._store.connection.execute(
            "SELECT arrival, writer, seq, kind, hash, body FROM entry ORDER BY arrival"
        ):
            self._count()
            if replicas is None or location_of(writer) in replicas:
                yield arrival, writer, seq, kind, digest, body

    def _count(self) -> None:
        self._read += 1
        if self._read % LOOK_ENTRIES == 0 and self._is_stopped():
            raise AuditStopped
        if self._read % PROGRESS_ENTRIES == 0:
            log.info(
                "audit goes on: %d entries read", self._read,
                extra={"action": "audit_progress", "entries": self._read},
            )  # fmt: skip

    def _body_of(self, place: str) -> bytes | None:
        found = parse_entry_id(place)
        return None if found is None else self._store.load_body(*found)

    def _first_pass(
        self, chains: ChainAudit, looks: Sequence[Callable[[HeardEntry], None]]
    ) -> Iterator[HeardEntry]:
        replicas = None if self._location is None else frozenset({self._location, HUB})
        for row in self._rows(replicas):
            if (entry := chains.take(*row)) is not None:
                for look in looks:
                    look(entry)
                yield entry

    def _again(self, group: Sequence[str]) -> Iterator[HeardEntry]:
        """The entries of a further group; their chains were checked with the first one."""
        chains = ChainAudit(Findings(), self._incarnations, self._store.load_hash)
        for row in self._rows(frozenset({*group, HUB})):
            if (entry := chains.take(*row)) is not None:
                yield entry

    def _last_entries(self, writers: Sequence[WriterPosition]) -> Iterator[EntryBody]:
        for one in writers:
            for (body,) in self._store.connection.execute(
                "SELECT body FROM entry WHERE writer = ? AND seq <= ? ORDER BY seq DESC LIMIT ?",
                (one.writer, one.head_seq, AGAIN_ENTRIES),
            ):
                with suppress(PeerViolation):  # it was told already
                    yield decode_body(body)

    def _counter_rows(self, group: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        for location in group:
            yield from self._store.connection.execute(
                "SELECT location, sku, cells FROM counter WHERE location = ? ORDER BY sku",
                (location,),
            )


def _incarnations(store: ReplicaStore) -> Mapping[str, int]:
    """The last incarnation of each location's gateway, branches included, and of each register."""
    known: dict[str, int] = {}
    for location, incarnation in store.connection.execute("SELECT id, incarnation FROM location"):
        known[str(location)] = int(str(incarnation))
    for (writer,) in store.connection.execute(
        "SELECT writer FROM life UNION ALL SELECT writer FROM register"
    ):
        replica = replica_of(str(writer))
        known[replica] = max(known.get(replica, 0), incarnation_of(str(writer)))
    return known
