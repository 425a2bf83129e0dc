"""What the hub answers without deciding anything: stock, orders, the fleet.

Readers have connections of their own and see whole commits (WAL). Stock is told by the writer
thread, whose counters are newer than their rows (`replication.ledger`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Final

import msgspec

from cloud_hub.head_office import HUB_WRITER, HeadOffice
from cloud_hub.lives.rows import lives_of
from cloud_hub.prices.priced import OnlinePrices
from cloud_hub.stock.transfers import incoming
from cloud_hub.stores.links import LinkView
from cloud_hub.stores.locations import Described, read_description
from replication.adapters.sqlite import ReplicaStore
from replication.clock import rfc3339
from replication.escrow import EscrowCounter, StockLevels
from replication.ids import LocationId, writer_id
from retail.ordering.shortages import Kind, State
from retail.products.catalogue import Product
from web.catalogue_rows import Catalogue, unknown_product
from web.paging import Cursor, Page, Paged

LEVELS: Final = tuple(field.name for field in fields(StockLevels))
"""The shop's words for a counter: each is summed over the locations."""

_TEXT: Final = Cursor(tuple[str])
_NUMBER: Final = Cursor(tuple[int])
_UPDATE: Final = Cursor(tuple[int, str])

_LOCATION: Final = (
    "id, name, kind, jurisdiction, timezone, incarnation, software, last_heard_ms, cursor, "
    "address, hours, latitude, longitude"
)

_DRAFTS: Final[Mapping[bool | None, str]] = {
    None: "",
    True: "AND json_extract(data, '$.draft') = 1",
    False: "AND json_extract(data, '$.draft') IS NOT 1",
}
"""What narrows a list of products; the second has an index of its own."""


class LocationAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """What may be offered online of one SKU at one location, called `name`, as last heard."""

    location: str
    name: str
    available_online: int
    last_heard: str | None


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """What may be offered online of one SKU."""

    sku: str
    available_online: int
    locations: list[LocationAvailability]


class LocationStock(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU at one location, as last heard, in base units.

    `frozen` are units of `available` that a replaced box holds: nobody may promise them.
    """

    location: str
    on_hand: int
    available: int
    held: int
    committed: int
    damaged: int
    quality_control: int
    deficit: int
    incoming: int
    safety_stock: int
    quota_store: int
    quota_online: int
    frozen: int
    last_heard: str | None


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU over all locations, as last heard."""

    sku: str
    on_hand: int
    available: int
    held: int
    committed: int
    damaged: int
    quality_control: int
    deficit: int
    incoming: int
    safety_stock: int
    locations: list[LocationStock]


class ProductOnline(Product, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A product with what it costs online now, by the price lists and before any promotion."""

    online_price_minor: int


class ProductAtHub(ProductOnline, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A product with the time of its last change, or of a price list's that names it.

    `duplicates` are other products with one of its barcodes: two stores added drafts of one thing.
    """

    updated_at: str
    duplicates: tuple[str, ...] = ()


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """A location's link, as the hub sees it."""

    state: str
    since: str | None
    last_heard: str | None


class JournalPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far the hub has the journal of the location's gateway."""

    writer: str | None
    seq: int


class FeedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far the location has the hub's feed, and how far the feed goes."""

    cursor: int
    newest: int


class LocationView(Described, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A store or warehouse of the fleet.

    `unsettled` are the boxes before its gateway of which nobody can say what they sold last.
    """

    jurisdiction: str
    link: LinkState
    journal: JournalPosition
    feed: FeedPosition
    version: str | None
    unsettled: list[str]


class ProductsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Products that changed since then, by time of change; all without it.

    `draft` narrows them to the drafts of stores, or to what is complete.
    """

    updated_since: datetime | None = None
    draft: bool | None = None


class AvailabilityQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Several SKUs at once: `?sku=a&sku=b`."""

    sku: tuple[str, ...]


class ShortagesQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Items in one state, of one kind, at one location; all when nothing is given."""

    state: State | None = None
    kind: Kind | None = None
    location: str | None = None


class HubReads:
    """Reads over one connection, which belongs to one thread at a time."""

    def __init__(self, store: ReplicaStore, link_of: Callable[[str], LinkView]) -> None:
        self.store = store
        self.catalogue = Catalogue(store.connection)
        self._link_of = link_of

    def product(self, sku: str) -> Product:
        """The product, read anew.

        Raises:
            Problem: unknown-product.
        """
        self.catalogue.forget()
        product = self.catalogue.get(sku)
        if product is None:
            raise unknown_product(sku)
        return product

    def product_online(self, sku: str, prices: OnlinePrices) -> ProductOnline:
        """The product, read anew, as it costs online.

        Raises:
            Problem: unknown-product.
        """
        product = self.product(sku)
        return ProductOnline(
            online_price_minor=prices.price_minor(product), **msgspec.structs.asdict(product)
        )

    def products_page(self, query: ProductsQuery, prices: OnlinePrices) -> Paged[ProductAtHub]:
        """Products by time of change, so that a storefront that keeps its cursor misses none."""
        since_ms = int(query.updated_since.timestamp() * 1000) if query.updated_since else -1
        after_ms, after_sku = _UPDATE.decode(query.cursor) or (since_ms, "\U0010ffff")
        rows = self.store.connection.execute(
            "SELECT updated_at_ms, sku, data FROM product "  # noqa: S608 - one of three texts
            f"WHERE (updated_at_ms, sku) > (?, ?) {_DRAFTS[query.draft]} "
            "ORDER BY updated_at_ms, sku LIMIT ?",
            (after_ms, after_sku, query.limit + 1),
        ).fetchall()
        duplicates = self._duplicates([str(row[1]) for row in rows])
        items: list[ProductAtHub] = []
        for updated_at_ms, sku, data in rows[: query.limit]:
            product = msgspec.json.decode(str(data), type=Product)
            at_hub = ProductAtHub(
                online_price_minor=prices.price_minor(product),
                updated_at=rfc3339(int(str(updated_at_ms))),
                duplicates=tuple(duplicates.get(str(sku), ())),
                **msgspec.structs.asdict(product),
            )
            items.append(at_hub)
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        return Paged(
            items=items,
            next_cursor=_UPDATE.encode((int(str(last[0])), str(last[1]))) if last else None,
        )

    def _duplicates(self, skus: Sequence[str]) -> dict[str, list[str]]:
        """Per SKU, the other SKUs that have one of its barcodes; most have none."""
        found: dict[str, list[str]] = {}
        for sku, other in self.store.connection.execute(
            "SELECT DISTINCT own.sku, theirs.sku FROM barcode AS own "
            "JOIN barcode AS theirs ON theirs.code = own.code AND theirs.sku <> own.sku "
            "WHERE own.sku IN (SELECT value FROM json_each(?)) ORDER BY own.sku, theirs.number",
            (msgspec.json.encode(skus).decode(),),
        ):
            found.setdefault(str(sku), []).append(str(other))
        return found

    def order(self, order_id: str) -> bytes | None:
        """One order's JSON, or None."""
        row = self.store.connection.execute(
            "SELECT data FROM online_order WHERE id = ?", (order_id,)
        ).fetchone()
        return None if row is None else str(row[0]).encode()

    def shortages_page(self, query: ShortagesQuery) -> Paged[msgspec.Raw]:
        """The shortage queue, oldest first."""
        place = _NUMBER.decode(query.cursor)
        rows = self.store.connection.execute(
            "SELECT number, data FROM shortage WHERE number > ?1 "
            "AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR kind = ?3) "
            "AND (?4 IS NULL OR location = ?4) ORDER BY number LIMIT ?5",
            (place[0] if place else 0, query.state, query.kind, query.location, query.limit + 1),
        ).fetchall()
        items = [msgspec.Raw(str(data).encode()) for _, data in rows[: query.limit]]
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        return Paged(
            items=items, next_cursor=_NUMBER.encode((int(str(last[0])),)) if last else None
        )

    def shortage(self, shortage: str) -> bytes | None:
        """One item's JSON, or None."""
        row = self.store.connection.execute(
            "SELECT data FROM shortage WHERE id = ?", (shortage,)
        ).fetchone()
        return None if row is None else str(row[0]).encode()

    def rules_page(self, kind: str, query: Page) -> Paged[msgspec.Raw]:
        """Price lists or promotions, by id."""
        place = _TEXT.decode(query.cursor)
        rows = self.store.connection.execute(
            "SELECT id, data FROM rule WHERE kind = ? AND id > ? ORDER BY id LIMIT ?",
            (kind, place[0] if place else "", query.limit + 1),
        ).fetchall()
        page = rows[: query.limit]
        return Paged(
            items=[msgspec.Raw(str(data).encode()) for _, data in page],
            next_cursor=_TEXT.encode((str(page[-1][0]),)) if len(rows) > query.limit else None,
        )

    def rule(self, kind: str, rule_id: str) -> bytes | None:
        """One price list's or promotion's JSON, or None."""
        row = self.store.connection.execute(
            "SELECT data FROM rule WHERE kind = ? AND id = ?", (kind, rule_id)
        ).fetchone()
        return None if row is None else str(row[0]).encode()

    def location_view(self, location: str) -> LocationView | None:
        """One location, or None."""
        row = self.store.connection.execute(
            f"SELECT {_LOCATION} FROM location WHERE id = ?",  # noqa: S608 - our own columns
            (location,),
        ).fetchone()
        return None if row is None else self._location(row)

    def locations_page(self, query: Page) -> Paged[LocationView]:
        """The fleet, by id."""
        place = _TEXT.decode(query.cursor)
        rows = self.store.connection.execute(
            f"SELECT {_LOCATION} FROM location WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
            (place[0] if place else "", query.limit + 1),
        ).fetchall()
        items = [self._location(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return Paged(items=items, next_cursor=_TEXT.encode((items[-1].id,)) if more else None)

    def _location(self, row: Sequence[object]) -> LocationView:
        location, incarnation = str(row[0]), int(str(row[5]))
        writer = writer_id(LocationId(location), incarnation) if incarnation else None
        lives = lives_of(self.store.connection, location)
        link = self._link_of(location)
        heard_ms = link.heard_ms if link.heard_ms is not None else row[7]
        state = "down" if link.state == "never" and heard_ms is not None else link.state
        return LocationView(
            id=location,
            name=str(row[1]),
            kind=str(row[2]),
            jurisdiction=str(row[3]),
            timezone=str(row[4]),
            link=LinkState(
                state=state,
                since=None if link.since_ms is None else rfc3339(link.since_ms),
                last_heard=None if heard_ms is None else rfc3339(int(str(heard_ms))),
            ),
            journal=JournalPosition(
                writer=writer, seq=self.store.load_head(writer).seq if writer else 0
            ),
            feed=FeedPosition(cursor=int(str(row[8])), newest=self._newest_for(location)),
            version=None if row[6] is None else str(row[6]),
            unsettled=[one.writer for one in lives if one.state == "open"],
            **msgspec.structs.asdict(read_description(*row[9:])),
        )

    def _newest_for(self, location: str) -> int:
        """The newest position that is for this location: what the others get is no lag."""
        row = self.store.connection.execute(
            "SELECT max(position) FROM feed WHERE audience IN ('', ?)", (location,)
        ).fetchone()
        return int(str((row and row[0]) or 0))


def availability(
    office: HeadOffice,
    sku: str,
    is_connected: Callable[[str], bool],
    link_of: Callable[[str], LinkView],
) -> Availability | None:
    """What may be offered online of one SKU, on the writer thread; None for an unknown SKU."""
    product = office.catalogue.get(sku)
    if product is None:
        return None
    locations = []
    for counter in office.counters_of(sku):
        name, stored_ms = _name_and_heard(office, counter.location)
        heard_ms = link_of(counter.location).heard_ms or stored_ms
        locations.append(
            LocationAvailability(
                location=counter.location,
                name=name,
                available_online=0
                if product.archived
                else office.offered_online(
                    counter, product, connected=is_connected(counter.location)
                ),
                last_heard=None if heard_ms is None else rfc3339(heard_ms),
            )
        )
    total = sum(one.available_online for one in locations)
    return Availability(sku=sku, available_online=total, locations=locations)


def _name_and_heard(office: HeadOffice, location: str) -> tuple[str, int | None]:
    row = office.connection.execute(
        "SELECT name, last_heard_ms FROM location WHERE id = ?", (location,)
    ).fetchone()
    if row is None:
        return location, None
    return str(row[0]), None if row[1] is None else int(str(row[1]))


def stock(office: HeadOffice, sku: str, heard: Callable[[str], str | None]) -> Stock | None:
    """One SKU over all locations, as last heard, on the writer thread; None for an unknown SKU."""
    product = office.catalogue.get(sku)
    if product is None:
        return None
    coming = incoming(office, sku)
    counters = {counter.location: counter for counter in office.counters_of(sku)}
    for location in coming.keys() - counters.keys():  # it never had any
        counters[location] = office.ledger.counter(location, sku)
    places = [
        _location_stock(
            office, counters[location], product, heard(location), coming.get(location, 0)
        )
        for location in sorted(counters)
    ]
    return Stock(
        sku=sku,
        incoming=sum(one.incoming for one in places),
        safety_stock=product.safety_stock,
        locations=places,
        **{name: sum(getattr(one, name) for one in places) for name in LEVELS},
    )


def _location_stock(
    office: HeadOffice,
    counter: EscrowCounter,
    product: Product,
    last_heard: str | None,
    incoming_units: int,
) -> LocationStock:
    return LocationStock(
        location=counter.location,
        incoming=incoming_units,
        safety_stock=product.safety_stock,
        quota_store=office.quota_store(counter),
        quota_online=counter.quota(HUB_WRITER),
        frozen=office.frozen(counter),
        last_heard=last_heard,
        **asdict(counter.levels()),
    )
