"""The hub's deciding state: what its writer thread owns.

One `HeadOffice` belongs to the writer thread (`replication.adapters.group_commit`). Its verbs are
in modules of their own: `catalogue`, `orders`, `fold`, `lending`, `enrolment`. The hub is a replica
like any other: it holds quota per location, journals what it does, and spends only what it holds.
It is also the parent: it keeps every gateway's journal verbatim and numbers what flows down to them
(`replication.feed`).
"""

import datetime
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import apsw
import msgspec

from cloud_hub.config import HubSettings
from cloud_hub.news import News
from replication import feed
from replication.adapters.many_rows import insert_rows, rows_of
from replication.adapters.sqlite import ReplicaStore
from replication.document import EntityDocument, actor_for, is_document
from replication.errors import PeerFenced
from replication.escrow import CellChange, EscrowCounter, Table
from replication.feed import FeedItem
from replication.ids import (
    EVERYWHERE,
    HUB,
    LocationId,
    WriterId,
    incarnation_of,
    location_of,
    place_of,
    replica_of,
    writer_id,
)
from replication.journal import Head
from replication.ledger import Ledger, RequestKey
from retail.business_day import date_at, local_time_at, zone_of
from retail.prices.tax import TaxRate, TaxTable
from retail.products.catalogue import Product
from retail.stock.availability import available_online
from web.catalogue_rows import Catalogue
from web.price_rules import NO_RULES, Arranged, PriceRules

HUB_WRITER: WriterId = writer_id(HUB, 1)
"""The hub's one writer while it is one process; failover and shards bring further epochs."""


class LocationRow(NamedTuple):
    """A store or warehouse, as the writer thread reads it."""

    id: str
    name: str
    kind: str
    jurisdiction: str
    timezone: str
    incarnation: int
    offered: int


class HeadOffice:
    """See the module's theory. `reachable` is told by the links: who may be asked for quota.

    `lent` remembers the borrows that were answered lately, so that none is granted twice;
    `told_grants` what a writer's journal, as far as it is held, has granted up the tree, by SKU and
    taker; `short` the open deficit in the shortage queue, per location and SKU.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        settings: HubSettings,
        *,
        boot: str,
        now_ms: Callable[[], int],
        synchronised: Callable[[], bool],
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.store = ReplicaStore(connection)
        self.ledger = Ledger(self.store, HUB_WRITER, boot)
        self.catalogue = Catalogue(connection)
        self.rules = PriceRules(self.store)
        self.reachable: set[str] = set()
        self.lent: dict[str, list[CellChange]] = {}
        self.heads: dict[WriterId, Head] = {}
        self.told_grants: dict[tuple[str, str, str], int] = {}
        self._fenced: dict[str, frozenset[str]] = {}
        self.short: dict[tuple[str, str], str] = {}
        self.audiences: deque[str] = deque()  # the writer fills it, the loop empties it
        self.news = News()
        self._touched: set[str] = set()
        self._now_ms = now_ms
        self._synchronised = synchronised
        self._zone = zone_of(settings.timezone)
        self._reload()

    def _reload(self) -> None:
        self.read_taxes()
        row = self.connection.execute("SELECT max(number) FROM online_order").fetchone()
        self.orders_count = int(str((row and row[0]) or 0))
        self.short = {
            (str(location), str(sku)): str(shortage)
            for location, sku, shortage in self.connection.execute(
                "SELECT location, sku, id FROM shortage "
                "WHERE kind = 'deficit' AND state <> 'resolved'"
            )
        }

        self.fenced_changed()

    def fenced_changed(self) -> None:
        """Read anew which lives of each location are over."""
        fenced: dict[str, set[str]] = {}
        for location, writer in self.connection.execute("SELECT location, writer FROM life"):
            fenced.setdefault(str(location), set()).add(str(writer))
        self._fenced = {location: frozenset(writers) for location, writers in fenced.items()}

    def read_taxes(self) -> None:
        """Read the dated tax rates anew."""
        rows = self.connection.execute(
            "SELECT tax_class, jurisdiction, valid_from, rate, inclusive FROM tax_rate"
        )
        self.tax_rows = [
            TaxRate(
                tax_class=str(row[0]),
                jurisdiction=str(row[1]),
                valid_from=datetime.date.fromisoformat(str(row[2])),
                rate=str(row[3]),
                inclusive=bool(row[4]),
            )
            for row in rows
        ]
        self.taxes = TaxTable(self.tax_rows)

    # The writer thread's side (`CommittedState`)

    def begin(self, requests: Sequence[RequestKey]) -> None:
        """A batch begins."""
        self.store.look_up(requests)
        self.ledger.now_ms = self._now_ms()
        self.ledger.synchronised = self._synchronised()
        self.current_rules()

    def flush(self) -> None:
        """Write what the batch left behind."""
        self.rules.remember()
        self.store.store(self.ledger.take_pending())

    def committed(self) -> None:
        """The batch is durable: those who have news in the feed may be told."""
        self.audiences.extend(self._touched)
        self._touched = set()
        self.news.committed()

    def forget(self) -> None:
        """Nothing of the batch happened; go back to the file."""
        self._touched = set()
        self.news.forget()
        self.heads.clear()
        self.told_grants.clear()
        self.store.forget()
        self.ledger.forget()
        self.catalogue.forget()
        self.rules.forget()
        self.lent.clear()
        self._reload()

    # What the verbs use

    @property
    def actor(self) -> bytes:
        """Who the hub is inside documents, in this start."""
        return actor_for(self.ledger.writer, self.ledger.boot)

    def today(self) -> datetime.date:
        """The hub's own day, for prices of online orders."""
        return date_at(self.ledger.now_ms, self._zone)

    def local_time(self) -> datetime.datetime:
        """What the clock on head office's wall shows."""
        return local_time_at(self.ledger.now_ms, self._zone)

    def current_rules(self) -> Arranged:
        """The price lists and promotions of this second, as far as the clock can be believed."""
        if self.rules.is_empty:
            return NO_RULES
        return self.rules.at(self.local_time(), synchronised=self.ledger.synchronised)

    def location(self, location: str) -> LocationRow | None:
        """One location, or None."""
        row = self.connection.execute(
            "SELECT id, name, kind, jurisdiction, timezone, incarnation, offered "
            "FROM location WHERE id = ?",
            (location,),
        ).fetchone()
        return None if row is None else LocationRow(*row)

    def living_writer(self, location: str) -> WriterId:
        """The incarnation that speaks for a location now."""
        row = self.location(location)
        assert row is not None, f"{location} has a counter and is no location"
        return writer_id(LocationId(location), row.incarnation)

    def check_living(self, writer: str) -> None:
        """Refuse whoever was replaced: its rights are frozen, and it has custody of nothing.

        Raises:
            PeerFenced: the location has another gateway now.
        """
        if not self.is_living(writer):
            raise PeerFenced(f"{writer} was replaced by another box and is not let in")

    def is_living(self, writer: str) -> bool:
        """Whether a gateway is the one that speaks for its location now."""
        location = self.location(replica_of(writer))
        return location is not None and location.incarnation == incarnation_of(writer)

    def is_fenced(self, writer: str) -> bool:
        """Whether a gateway's life is over."""
        return writer in self._fenced.get(location_of(writer), frozenset())

    def has_fenced(self, location: str) -> bool:
        """Whether a location has had other boxes before the one that lives."""
        return location in self._fenced

    def frozen(self, counter: EscrowCounter) -> int:
        """Units of a counter that boxes hold whose life is over: nobody may promise them."""
        fenced = self._fenced.get(counter.location, frozenset())
        return sum(max(0, counter.quota(writer)) for writer in fenced)

    def promisable(self, counter: EscrowCounter) -> int:
        """Units that all holders may still promise, less what was overdrawn and what is frozen."""
        return counter.available() - self.frozen(counter) - counter.deficit()

    def quota_store(self, counter: EscrowCounter) -> int:
        """Units that the location's own holders may sell, as last heard."""
        holders = counter.holders().items()
        return sum(units for one, units in holders if one != HUB_WRITER) - self.frozen(counter)

    def head_of(self, writer: WriterId) -> Head:
        """The last entry held of a gateway's or register's journal."""
        if writer not in self.heads:
            self.heads[writer] = self.store.load_head(writer)
        return self.heads[writer]

    def counters_of(self, *skus: str) -> list[EscrowCounter]:
        """The counters of these SKUs at all locations that ever had them."""
        select = "SELECT location, sku FROM counter WHERE sku IN"
        rows = rows_of(self.connection, select, skus)
        places = {(str(location), str(sku)) for location, sku in rows}
        # The first row of a new counter is written at the end of the batch that is being decided.
        places |= {place for place in self.ledger.pending.counters if place[1] in skus}
        return [self.ledger.counter(location, sku) for location, sku in sorted(places)]

    def quota(self, location: str, sku: str) -> int:
        """Units that the hub may sell at a location without asking; uses of an allowance."""
        return self.ledger.counter(place_of(sku, location), sku).quota(self.ledger.writer)

    def offered_online(self, counter: EscrowCounter, product: Product, *, connected: bool) -> int:
        """Units that may be offered online at one location (`retail.stock.availability`)."""
        return available_online(
            available=self.promisable(counter),
            safety_stock=product.safety_stock,
            quota_online=counter.quota(self.ledger.writer),
            connected=connected,
        )

    def sellable_online(self, counter: EscrowCounter, product: Product) -> int:
        """Units that the hub may promise now, without asking the store."""
        return self.offered_online(counter, product, connected=False)

    def tell(self, kind: str, key: str, audience: str, data: bytes) -> int:
        """Put an item into the feed, replacing its older state; returns its position."""
        self.connection.execute(
            "INSERT OR REPLACE INTO feed (kind, key, audience, data) VALUES (?, ?, ?, ?)",
            (kind, key, audience, data),
        )
        self._touched.add(audience)
        return self.connection.last_insert_rowid()

    def tell_all(self, kind: str, audience: str, items: Sequence[tuple[str, bytes]]) -> None:
        """Put many items of one kind into the feed with few statements, as (key, data)."""
        insert_rows(
            self.connection,
            "INSERT OR REPLACE INTO feed (kind, key, audience, data) VALUES",
            [(kind, key, audience, data) for key, data in items],
        )
        self._touched.add(audience)

    def tell_cells(self, changes: Iterable[CellChange]) -> None:
        """Tell each location what the hub's own cells are now, of an allowance its grants there."""
        for audience, location, sku in dict.fromkeys(map(_heard_by, changes)):
            own = [
                told
                for cell in self.ledger.counter(location, sku).cells()
                if cell[1] == self.ledger.writer
                and _heard_by(told := CellChange(location, sku, *cell))[0] == audience
            ]
            if audience:
                self.tell(feed.STOCK, sku, audience, msgspec.json.encode(own))

    def tell_document(self, kind: str, key: str, audience: str, document: EntityDocument) -> int:
        """Tell a document in its present state."""
        return self.tell(kind, key, audience, document.save())

    def tell_taxes(self) -> None:
        """Tell everyone all dated tax rates."""
        self.tell(feed.TAXES, "all", feed.EVERYONE, msgspec.json.encode(self.tax_rows))

    def feed_after(self, location: str, position: int, limit: int) -> list[FeedItem]:
        """The items that a location does not have yet, in commit order."""
        rows = self.connection.execute(
            "SELECT * FROM (SELECT position, kind, key, data FROM feed "
            "WHERE audience = '' AND position > ?1 ORDER BY position LIMIT ?3) "
            "UNION ALL "
            "SELECT * FROM (SELECT position, kind, key, data FROM feed "
            "WHERE audience = ?2 AND position > ?1 ORDER BY position LIMIT ?3) "
            "ORDER BY position LIMIT ?3",
            (position, location, limit),
        )
        return [FeedItem(*row) for row in rows]

    def feed_count(self, location: str, position: int) -> int:
        """How many items a location does not have yet after a position."""
        row = self.connection.execute(
            "SELECT count(*) FROM feed WHERE audience IN ('', ?) AND position > ?",
            (location, position),
        ).fetchone()
        assert row is not None, "an aggregate always answers"
        return int(str(row[0]))

    def feed_end(self, location: str) -> int:
        """The position of the last item that is for a location."""
        row = self.connection.execute(
            "SELECT coalesce(max(position), 0) FROM feed WHERE audience IN ('', ?)", (location,)
        ).fetchone()
        assert row is not None, "an aggregate always answers"
        return int(str(row[0]))

    def as_document(self, item: FeedItem) -> FeedItem:
        """The item as version 1 has it: a product is always a document."""
        if item.kind != feed.PRODUCT or not item.data or is_document(item.data):
            return item
        document = self.store.load_document(feed.PRODUCT, item.key, self.actor)
        assert document is not None, f"{item.key} was told and has no document"
        return msgspec.structs.replace(item, data=document.save())


def _heard_by(cell: CellChange) -> tuple[str, str, str]:
    """The location that needs to know a cell of the hub's ("": none), and the cell's counter."""
    audience = cell.location
    if audience == EVERYWHERE:
        audience = location_of(cell.detail) if cell.table == Table.GRANTED else ""
    return audience, cell.location, cell.sku
