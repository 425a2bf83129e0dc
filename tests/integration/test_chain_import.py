"""Goal: an import writes products as their PUT does, batch by batch, and can be repeated anywhere.

Method: the hub's office and a shop in one process. A file is planned and its batches are written
one by one; a commit is refused, a PUT comes in between, and the same file is planned again.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.products import catalogue
from cloud_hub.products.imports import BATCH_PRODUCTS, batches, every_product, write_batch
from replication.journal import EntryBody
from retail.product_files.catalogue_import import ImportPlan, plan_import
from retail.product_files.product_csv import read_products
from retail.product_files.product_sheet import Given, SheetRules
from retail.product_files.row_problems import RowProblems
from retail.products.catalogue import BundleLine, ProductBody
from tests.chain import Chain
from tests.chain_sides import CommitFailed, command
from web.catalogue_rows import Catalogue
from web.problems import Problem, Slug

RULES = SheetRules(currency="USD", tax_classes=frozenset({"standard"}))
MANY = 2 * BATCH_PRODUCTS + 10


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(tmp_path, skus=["old"], shops=["north"])
    yield chain
    chain.close()


def planned(chain: Chain, text: str) -> tuple[ImportPlan, Given]:
    """What a file that nothing is wrong with comes to now."""
    problems = RowProblems()
    sheet = read_products(io.BytesIO(text.encode()), RULES, problems)
    assert sheet is not None
    known = Catalogue(chain.hub.state.connection)
    plan = plan_import(sheet, every_product(known, lambda: None), known, problems)
    assert problems.listed() == ()
    return plan, sheet.given


def write(chain: Chain, plan: ImportPlan, given: Given, *, most: int = 100) -> Problem | None:
    """Write the first batches of a plan, as the hub does."""
    moving = {one.product.sku for one in plan.writes}
    for batch in list(batches(plan))[:most]:
        problem = chain.hub.commit(
            lambda batch=batch: write_batch(  # type: ignore[misc] # a default binds it
                chain.hub.state, command().actor, batch, given, moving
            )
        )
        if problem is not None:
            return problem
        moving.difference_update(one.product.sku for one in batch)
    return None


def entries(chain: Chain) -> list[EntryBody]:
    """The hub's entries about products."""
    rows = chain.hub.state.connection.execute(
        "SELECT body FROM entry WHERE kind = 'product' ORDER BY seq"
    )
    return [msgspec.json.decode(bytes(body), type=EntryBody) for (body,) in rows]


def test_what_is_imported_is_in_the_journal_and_reaches_the_shops_and_the_rest_is_left(
    chain: Chain,
) -> None:
    before = len(entries(chain))
    plan, given = planned(chain, "sku,name,price\nold,old,1.00\nnew,New,2.50\n")

    assert write(chain, plan, given) is None
    chain.sync()

    told = entries(chain)[before:]
    assert [(one.reference, one.reason, one.actor.person) for one in told] == [
        ("new", "import", "Ann")
    ]
    assert chain.shops["north"].state.catalogue["new"].price_minor == 250


def test_an_import_that_ended_in_the_middle_is_completed_by_the_same_file(chain: Chain) -> None:
    rows = "".join(f"s-{n:04},Thing {n},{n}.00\n" for n in range(MANY))
    plan, given = planned(chain, f"sku,name,price\n{rows}")
    assert write(chain, plan, given, most=1) is None
    chain.hub.refuse_next_commit()
    with pytest.raises(CommitFailed):
        write(chain, plan, given)
    chain.hub.restart()

    again, _ = planned(chain, f"sku,name,price\n{rows}")
    assert (again.created, again.changed, again.unchanged) == (
        MANY - BATCH_PRODUCTS, 0, BATCH_PRODUCTS,
    )  # fmt: skip
    assert write(chain, again, given) is None

    assert len(entries(chain)) == 1 + MANY
    assert planned(chain, f"sku,name,price\n{rows}")[0].writes == ()


def test_a_bundle_is_never_in_one_batch_with_what_it_may_contain(chain: Chain) -> None:
    text = "sku,name,price,bundle\nbox,Box,1,new*2|old*1\nnew,New,1,\n"
    plan, given = planned(chain, text)

    assert write(chain, plan, given) is None

    assert [[one.product.sku for one in batch] for batch in batches(plan)] == [["new"], ["box"]]
    assert chain.hub.state.catalogue["box"].bundle[0] == BundleLine(sku="new", quantity=2)


def test_two_products_may_swap_their_barcodes(chain: Chain) -> None:
    for sku, barcode in (("a", "111"), ("b", "222")):
        chain.hub.put(
            sku, ProductBody(name=sku, price_minor=1, currency="USD", barcodes=(barcode,))
        )
    plan, given = planned(chain, "sku,name,price,barcodes\na,a,0.01,222\nb,b,0.01,111\n")

    assert write(chain, plan, given) is None
    chain.sync()

    for known in (chain.hub.state.catalogue, chain.shops["north"].state.catalogue):
        found = {code: known.by_code(code) for code in ("111", "222")}
        assert {code: one and one.sku for code, one in found.items()} == {"111": "b", "222": "a"}


def test_a_barcode_that_was_taken_meanwhile_refuses_its_batch_and_nothing_of_it_is_written(
    chain: Chain,
) -> None:
    plan, given = planned(chain, "sku,name,price,barcodes\na,A,1,111\nb,B,1,222\n")
    chain.hub.put("rival", ProductBody(name="R", price_minor=1, currency="USD", barcodes=("222",)))
    before = len(entries(chain))

    problem = write(chain, plan, given)

    assert problem is not None
    assert problem.slug is Slug.CONFLICT
    assert "row 3" in problem.detail
    assert len(entries(chain)) == before
    assert "a" not in chain.hub.state.catalogue


def test_a_change_made_meanwhile_in_a_column_that_the_file_does_not_have_is_kept(
    chain: Chain,
) -> None:
    plan, given = planned(chain, "sku,name,price\nold,Older,1.00\n")
    body = ProductBody(name="old", price_minor=100, currency="USD", safety_stock=7)
    done = chain.hub.commit(lambda: catalogue.put_product(chain.hub.state, command(), "old", body))
    assert not isinstance(done, Problem)

    assert write(chain, plan, given) is None

    old = chain.hub.state.catalogue["old"]
    assert (old.name, old.safety_stock) == ("Older", 7)
