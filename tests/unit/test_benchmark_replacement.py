"""Goal: the figures of `replacement` are what they say, and the store it loads is one.

Method: rows and pages from invented instants; a gateway's file loaded without its program, looked
at by the gateway's own start, and sent as bare rows into another one.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from gateway import app
from gateway.identity import stored_writer
from gateway.shop import TAXES
from replication.adapters.sqlite import ReplicaStore, transaction
from retail.prices.tax import TaxRate
from retail.products.catalogue import with_sku
from scripts.benchmarks.loaded_hub import product_body
from scripts.benchmarks.loaded_store import LINES_PER_RECEIPT, LINES_PER_SALE, load_store
from scripts.benchmarks.new_box_page import NewBox, Page
from scripts.benchmarks.premises import BenchmarkBroken
from scripts.benchmarks.raw_transfer import TABLES, transfer_s
from scripts.benchmarks.replacement import REPLACED_S_MAX, Replaced, rows_from, why_wrong
from scripts.benchmarks.trading_store import Size
from tests.enrolled import enrolled_directory
from web.catalogue_rows import Catalogue
from web.file_check import check_file
from web.paging import LIMIT_MAX

BEGAN = datetime.datetime(2026, 11, 23, 17, tzinfo=datetime.UTC)
SKUS = [f"sku-{number:06d}" for number in range(LIMIT_MAX + 1)]
"""More than one page of counters."""
RECEIPTS = -(-len(SKUS) // LINES_PER_RECEIPT)
SALES = 20
TAX = TaxRate(
    tax_class="standard", jurisdiction="home", valid_from=datetime.date(2020, 1, 1),
    rate="0.19", inclusive=True,
)  # fmt: skip


def replaced(handed_over_s: float) -> Replaced:
    return Replaced(
        basket_s=20.0, done_s=15.0, handed_over_s=handed_over_s, took_s=12.0, still_s=0.5
    )


def test_a_replacement_within_five_minutes_meets_the_promise_and_a_later_one_misses_it() -> None:
    size = Size(skus=10, sales=20, registers=3)

    basket, page, registers, alone, still = rows_from(replaced(30.0), 4.0, size)
    late = rows_from(replaced(REPLACED_S_MAX + 1), 4.0, size)[2]

    assert [row.ours for row in (basket, page, registers)] == [20.0, 15.0, 30.0]
    assert {row.baseline for row in (basket, page, registers)} == {300.0}
    assert (alone.ours, alone.ratio, alone.verdict) == (12.0, 3.0, "")
    assert still.verdict == "met"
    assert (registers.verdict, late.verdict) == ("met", "missed")


def box(step: str, entries: int, ended_s: float | None = None) -> NewBox:
    return NewBox(
        step=step, began=BEGAN, error=None, tokens=1, counters=7, entries=entries,
        ended=None if ended_s is None else BEGAN + datetime.timedelta(seconds=ended_s),
    )  # fmt: skip


def test_a_page_is_still_for_as_long_as_nothing_new_is_on_it() -> None:
    page = Page(looked_at_s=100.0)
    reports = [(101.0, 0), (102.0, 500), (104.0, 500), (107.5, 900)]

    assert not any(page.look(box("journals", entries), at_s) for at_s, entries in reports)
    assert page.look(box("done", 900, ended_s=8.25), 108.0)

    assert page.still_s == 5.5
    assert page.done_at_s == 108.0
    assert page.took_s == 8.25


@pytest.mark.parametrize(
    ("at_hub", "is_right"),
    [
        (["c", "a", "b"], True),
        (["a", "b", "other"], False),
        (["b", "b", "c"], False),
        (["b", "c"], False),
        (["a", "b", "c", "other"], False),
    ],
    ids=["each once", "one of the last ones not", "one twice", "one of before not", "one more"],
)
def test_there_is_a_figure_only_where_the_hub_has_each_sale_once(
    at_hub: list[str], *, is_right: bool
) -> None:
    assert (why_wrong(at_hub, ["b", "c"], 3) is None) == is_right


@pytest.fixture
def store(tmp_path: Path) -> Iterator[apsw.Connection]:
    """The file of a gateway that has run, and knows its products and taxes."""
    enrolled_directory(tmp_path / "store", "riverside")
    connection = app.open_database(tmp_path / "store")
    with transaction(connection):
        ReplicaStore(connection).set_meta(TAXES, msgspec.json.encode([TAX]).decode())
        Catalogue(connection).store_many(
            [with_sku(product_body(number), sku) for number, sku in enumerate(SKUS)], 7
        )
    yield connection
    connection.close()


def rows(connection: apsw.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - of few words


async def test_a_loaded_store_has_sold_as_often_as_was_asked_and_its_file_is_sound(
    store: apsw.Connection, tmp_path: Path
) -> None:
    said: list[str] = []

    await load_store(tmp_path / "store", SKUS, quantity=50, sales=SALES, say=said.append)

    kinds = [kind for (kind,) in store.execute("SELECT kind FROM entry")]
    assert (kinds.count("sale"), kinds.count("receipt")) == (SALES, RECEIPTS)
    moved = store.execute(
        "SELECT count(*) FROM entry_by_sku JOIN entry USING (arrival) WHERE kind = 'sale'"
    ).fetchall()
    assert moved == [(SALES * LINES_PER_SALE,)]
    check_file(tmp_path / "store" / app.DATABASE, stored_writer, "")
    assert said == [f"the store has sold {SALES} of {SALES} times"]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("skus", "refused"), [(["unknown"], "receipt-unknown"), (SKUS, "sale-")])
async def test_what_a_store_refuses_is_no_fixture(
    tmp_path: Path, skus: list[str], refused: str
) -> None:
    more_than_there_is = len(SKUS)

    with pytest.raises(BenchmarkBroken, match=refused):
        await load_store(tmp_path / "store", skus, quantity=1, sales=more_than_there_is, say=print)


async def test_the_bare_rows_are_all_rows_of_a_take_over(
    store: apsw.Connection, tmp_path: Path
) -> None:
    await load_store(tmp_path / "store", SKUS, quantity=50, sales=SALES, say=print)

    seconds = await transfer_s(tmp_path / "store" / app.DATABASE, tmp_path / "raw")

    assert seconds > 0
    copied = app.open_database(tmp_path / "raw")
    for table in TABLES:
        assert rows(copied, table) == rows(store, table) != []
    copied.close()
