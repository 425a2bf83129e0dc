"""Goal: a file of any earlier version opens, and nothing that it says has changed.

Method: files that an earlier program wrote, with what it said of them (`tests/golden/files_v1`), in
the hands of the program of today, opened once and twice. Then the two sides live on together.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import apsw
import msgspec
import pytest

from cloud_hub import app as hub_app
from cloud_hub.auditing.audit import audit
from gateway import app as gateway_app
from gateway.identity import load_identity
from gateway.shop import Shop
from gateway.storage import SERIES as SHOP_SERIES
from replication.adapters.sku_index import touched_by
from replication.adapters.sqlite import Migrations, ReplicaStore, connect, open_file
from replication.ids import WriterId
from replication.journal import EMPTY, Actor, verify
from replication.ledger import RequestKey
from retail.ordering.order_status import EventType
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from web.once import Command, Done, earlier
from web.paging import Page
from web.story_pages import story_page
from web.tokens import Principal

VERSIONS: Final = sorted((Path(__file__).parents[1] / "golden").glob("files_v*"))
SKUS: Final = ("jam", "salt", "tea")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A first success that the old program remembered."""

    key: tuple[str, str, str]
    digest: str
    record: str


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the old program said: stock per SKU, orders by id, the head of each journal."""

    levels: dict[str, dict[str, int]]
    orders: dict[str, str]
    heads: dict[str, tuple[int, str]]
    request: Request


@pytest.fixture(params=VERSIONS, ids=lambda path: str(path.name))
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Told]:
    """A data directory with the files of an old program, and what that program said."""
    version: Path = request.param
    for name, place in (("hub.db", "hub"), ("gateway.db", "riverside.1")):
        (tmp_path / place).mkdir()
        data = gzip.decompress((version / f"{name}.gz").read_bytes())
        (tmp_path / place / name).write_bytes(data)
    return tmp_path, msgspec.json.decode((version / "told.json").read_bytes(), type=Told)


@pytest.fixture
def directory(files: tuple[Path, Told]) -> Path:
    return files[0]


@pytest.fixture
def told(files: tuple[Path, Told]) -> Told:
    return files[1]


@pytest.fixture
def chain(directory: Path) -> Iterator[Chain]:
    """Hub and shop, started on those files."""
    chain = Chain(directory, shops=[])

    def open_shop() -> Shop:
        connection = gateway_app.open_database(directory / "riverside.1")
        identity = load_identity(ReplicaStore(connection))
        assert identity is not None
        return Shop(
            connection, identity,
            boot="today", now_ms=chain.now_ms, synchronised=lambda: True, printers={},
        )  # fmt: skip

    chain.shops["riverside"] = ShopSide(open_shop, lambda shop: shop.ledger.start("nonce"))
    yield chain
    chain.close()


def test_there_are_files_of_every_released_version() -> None:
    assert [path.name for path in VERSIONS] == ["files_v1"]


@pytest.mark.parametrize("times", [1, 2], ids=["opened once", "opened twice"])
@pytest.mark.parametrize(
    ("place", "name", "series"),
    [("hub", "hub.db", hub_app.SERIES), ("riverside.1", "gateway.db", SHOP_SERIES)],
    ids=["hub", "gateway"],
)
def test_an_old_file_gets_the_schema_of_a_new_one(
    directory: Path, tmp_path: Path, place: str, name: str, series: Sequence[Migrations], times: int
) -> None:
    before = versions(connect(directory / place / name))
    for _ in range(times):
        open_file(directory / place / name, series).close()

    migrated = connect(directory / place / name, read_only=True)

    new = open_file(tmp_path / "new" / name, series)
    assert schema(migrated) == schema(new)
    assert versions(migrated) == versions(new) != before


def schema(connection: apsw.Connection) -> object:
    return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()


def versions(connection: apsw.Connection) -> object:
    return connection.execute("SELECT * FROM schema_version ORDER BY component").fetchall()


def test_the_journals_are_whole_and_go_on_where_they_ended(chain: Chain, told: Told) -> None:
    shop, hub = chain.shops["riverside"].state, chain.hub.state
    for state, name in ((shop, "gateway"), (hub, "hub")):
        writer = WriterId(state.ledger.writer)
        entries, _ = state.store.entries_after(writer, 0, count_max=1_000, bytes_max=10**9)

        bodies, head = verify(EMPTY, writer, entries)

        seq, digest = told.heads[name]
        assert entries[seq - 1].hash.hex() == digest
        assert head == state.ledger.head
        assert (head.seq, bodies[-1].kind) == (seq + 1, "started")


def test_stock_is_what_it_was_on_both_sides(chain: Chain, told: Told) -> None:
    for sku in SKUS:
        for counter in (
            chain.hub.counter("riverside", sku),
            chain.shops["riverside"].state.counter(sku),
        ):
            assert asdict(counter.levels()) == told.levels[sku]
            assert counter.physical() == told.levels[sku]["on_hand"]


def test_orders_are_what_they_were(chain: Chain, told: Told) -> None:
    for order, status in told.orders.items():
        assert chain.hub.order(order).status == status


def test_a_request_from_before_the_update_is_answered_as_before(chain: Chain, told: Told) -> None:
    known = told.request
    command = Command(
        Principal(id="till-1", role="cashier", register=None, name="Ann"),
        RequestKey(*known.key),
        bytes.fromhex(known.digest),
        Actor(),
    )
    shop = chain.shops["riverside"].state

    answered = earlier(shop.ledger, shop.store, command)

    assert answered == Done(201, known.record.encode())


def test_the_old_numbers_are_explained(chain: Chain, told: Told) -> None:
    for store in (chain.hub.state.store, chain.shops["riverside"].state.store):
        for sku in SKUS:
            story = story_page(store, "riverside", sku, Page())

            assert asdict(story.levels) == told.levels[sku]
            assert asdict(story.entries[-1].after) == told.levels[sku]
            assert story.entries[0].kind == "receipt"
    jam = story_page(chain.shops["riverside"].state.store, "riverside", "jam", Page())
    assert "fell off the truck's ramp" in next(
        step.sentence for step in jam.entries if step.kind == "adjustment"
    )


def test_the_entries_before_the_checkpoint_were_indexed_by_the_migration(chain: Chain) -> None:
    for state in (chain.hub.state, chain.shops["riverside"].state):
        saved = state.store.counters_saved()
        assert saved > 0
        due = {
            (sku, location, arrival)
            for arrival, body in state.connection.execute(
                "SELECT arrival, body FROM entry WHERE arrival <= ?", (saved,)
            )
            for sku, location in touched_by(body).places()
        }

        indexed = state.connection.execute("SELECT * FROM entry_by_sku").fetchall()

        assert due
        assert sorted(indexed) == sorted(due)


def test_the_audit_of_an_old_hub_finds_no_difference(chain: Chain) -> None:
    assert audit(chain.hub.state.store, None).differences == []


def test_both_sides_live_on_together(chain: Chain, told: Told) -> None:
    shop = chain.shops["riverside"]
    waiting = next(order for order, status in told.orders.items() if status == "paid")
    unpaid = next(order for order, status in told.orders.items() if status == "new")
    chain.sync()

    assert isinstance(shop.sell("tea", 2), Done)
    order_in(shop.tell(waiting, EventType.COLLECTED))
    assert isinstance(chain.hub.tell(unpaid, EventType.PAID), Done)
    chain.sync()

    for sku, gone in (("tea", 2), ("jam", 1), ("salt", 0)):
        counter = chain.hub.counter("riverside", sku)
        assert counter.cells() == shop.state.counter(sku).cells()
        assert counter.physical() == told.levels[sku]["on_hand"] - gone
    assert audit(chain.hub.state.store, None).verdict == "no difference"
