"""Goal: what is archived is sold no more and is not lost; bundles stay flat; labels are read.

Method: a hub and a shop in one process (`tests.chain`); head office changes products and settings.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from cloud_hub import app as hub_app
from cloud_hub.config import HubSettings
from cloud_hub.products import catalogue
from cloud_hub.reads import availability
from cloud_hub.stores.links import LinkView
from gateway.reads import ScanReader, ShopReads, lookup_view
from gateway.selling import sales
from gateway.selling.picked import scanned
from replication.adapters.sqlite import ReplicaStore
from retail.prices.sale_request import SaleRequest
from retail.products.catalogue import ProductBody
from retail.selling.sales import Sale
from retail.stock.counts import ScannedLine
from tests import uses_asked
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, command, transfer_in
from tests.holds_seen import last_entry, slug_of
from web.once import Done, Outcome
from web.paging import Page
from web.problems import Problem, Slug

PATTERNS: Final = ("21IIIIIWWWWWC", "02IIIIIPPPPPC")
WEIGHED: Final = "2112345012346"  # item 12345, 1,234 g
PRICED: Final = "0254321019993"  # item 54321, 19.99


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Riverside has 40 tea, 40 jam and 10 kg of cheese; a hamper is two tea and a jam."""
    made = Chain(tmp_path, skus=("tea", "jam"), shops=["riverside"])
    made.hub.put(
        "hamper", body(bundle=({"sku": "tea", "quantity": 2}, {"sku": "jam", "quantity": 1}))
    )
    made.hub.put("cheese", CHEESE)
    made.hub.put("brie", BRIE)
    made.sync()
    made.shops["riverside"].receive(tea=40, jam=40, cheese=10_000, brie=10_000)
    made.sync()
    yield made
    made.close()


def body(**fields: Any) -> ProductBody:  # noqa: ANN401 - any field
    given = {"name": "Thing", "price_minor": 100, "currency": "USD"} | fields
    return msgspec.convert(given, ProductBody)


CHEESE: Final = body(
    price_minor=1_250, price_per_quantity=1_000, unit="g", barcodes=["2112345******"]
)
BRIE: Final = body(
    price_minor=2_400, price_per_quantity=1_000, unit="g", barcodes=["0254321******"]
)


def shop_of(chain: Chain) -> ShopSide:
    return chain.shops["riverside"]


def put(chain: Chain, sku: str, **fields: Any) -> Outcome:  # noqa: ANN401 - any field
    office, wanted = chain.hub.state, body(**fields)
    return chain.hub.commit(lambda: catalogue.put_product(office, command(), sku, wanted))


def archive(chain: Chain, *skus: str) -> None:
    for sku in skus:
        known = msgspec.to_builtins(chain.hub.state.catalogue[sku])
        del known["sku"]
        assert isinstance(put(chain, sku, **known | {"archived": True}), Done)
    chain.sync()


def sell(shop: ShopSide, *lines: dict[str, object]) -> Outcome | sales.Short:
    request = {
        "register": "till-1",
        "lines": lines,
        "tenders": [{"type": "cash", "amount_minor": 1_000_000}],
    }
    asked = msgspec.convert(request, SaleRequest)
    return shop.commit(lambda: uses_asked.sell(shop.state, command(), asked))


def sale_in(outcome: object) -> Sale:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Sale)


# Archived


@pytest.mark.parametrize("sku", ["tea", "hamper"])
def test_what_is_archived_is_not_sold_held_or_received(chain: Chain, sku: str) -> None:
    shop = shop_of(chain)
    archive(chain, "tea")
    head = shop.state.ledger.head

    refused = [
        shop.sell(sku),
        shop.hold({sku: 1}),
        sell(shop, {"sku": "jam", "quantity": 1}, {"sku": sku, "quantity": 1}),
    ]
    received = shop.receive(jam=1, tea=1)

    for one in (*refused, received):
        assert slug_of(one) == Slug.CONFLICT
        assert isinstance(one, Problem)
        assert "tea is archived" in one.detail
        assert one.members["sku"] == "tea"
    assert shop.state.ledger.head == head
    assert isinstance(shop.sell("jam"), Done)


def test_what_is_archived_is_still_counted_and_adjusted(chain: Chain) -> None:
    shop = shop_of(chain)
    archive(chain, "tea")

    lost, found = shop.adjust("tea", -5, "breakage"), shop.adjust("tea", 2, "found")
    started = shop.start_count("tea")
    assert isinstance(started, Done)
    count = msgspec.json.decode(started.record)["id"]
    shop.count(count, ScannedLine(sku="tea", counted=30))
    closed = shop.close_count(count)

    assert {type(one) for one in (lost, found, closed)} == {Done}
    assert shop.state.counter("tea").levels().on_hand == 30


def test_what_is_archived_is_neither_offered_nor_ordered_online(chain: Chain) -> None:
    assert offered(chain, "tea") > 0
    archive(chain, "tea")

    orders = [chain.hub.place({sku: 1}) for sku in ("tea", "hamper")]
    reserved = chain.hub.reserve({"tea": 1})

    assert [slug_of(one) for one in (*orders, reserved)] == [Slug.INVALID_REQUEST] * 3
    assert all(
        isinstance(one, Problem) and one.members["field"] == "$.lines[0].sku" for one in orders
    )
    assert offered(chain, "tea") == 0
    assert offered(chain, "jam") > 0


def offered(chain: Chain, sku: str) -> int:
    office = chain.hub.state
    found = availability(office, sku, lambda _: True, lambda _: LinkView("never", None, None))
    assert found is not None
    return found.available_online


def test_what_is_on_a_truck_is_counted_in_though_it_was_archived_since(chain: Chain) -> None:
    lakeside = chain.shops["lakeside"] = chain.box("lakeside")
    chain.sync()
    moved = transfer_in(shop_of(chain).create_transfer("lakeside", tea=4)).id
    assert isinstance(shop_of(chain).ship_transfer(moved), Done)
    archive(chain, "tea")

    assert isinstance(lakeside.receive_transfer(moved), Done)

    assert lakeside.state.counter("tea").physical() == 4
    assert slug_of(lakeside.sell("tea")) == Slug.CONFLICT


def test_an_archived_product_is_found_by_its_code_and_searched_only_when_asked_for(
    chain: Chain,
) -> None:
    archive(chain, "tea")
    reads = ShopReads(ReplicaStore(shop_of(chain).state.connection))

    def found(text: str, *, archived: bool) -> list[str]:
        return [one.sku for one in reads.products_page(text, Page(), archived=archived)[0]]

    assert found("", archived=False) == ["brie", "cheese", "hamper", "jam"]
    assert found("", archived=True) == ["brie", "cheese", "hamper", "jam", "tea"]
    assert found("TEA", archived=False) == []
    shop = shop_of(chain).state
    scans = ScanReader(reads, shop, lambda: shop.ledger.now_ms)
    known = lookup_view(shop, scans.found("tea"), scans.today())
    assert (known.sku, known.archived) == ("tea", True)


def test_what_is_archived_no_more_is_sold_again(chain: Chain) -> None:
    archive(chain, "tea")
    put(chain, "tea", name="tea")
    chain.sync()

    assert isinstance(shop_of(chain).sell("tea"), Done)


def test_a_sale_made_before_the_store_heard_stands(chain: Chain) -> None:
    known = msgspec.to_builtins(chain.hub.state.catalogue["tea"])
    del known["sku"]
    put(chain, "tea", **known | {"archived": True})

    assert isinstance(shop_of(chain).sell("tea"), Done)
    chain.sync()

    assert len(chain.hub.sale_ids()) == 1


# Bundles


@pytest.mark.parametrize(
    ("sku", "component", "says"),
    [
        ("tea", "cheese", "tea is a component of hamper"),
        ("jam", "hamper", "jam is a component of hamper"),
        ("set", "hamper", "hamper is a bundle"),
        ("set", "set", "cannot contain itself"),
        ("set", "none", "no product none"),
        ("hamper", "hamper", "cannot contain itself"),
    ],
)
def test_bundles_do_not_nest_from_either_side(
    chain: Chain, sku: str, component: str, says: str
) -> None:
    before = dict(chain.hub.state.catalogue)

    refused = put(chain, sku, bundle=[{"sku": component, "quantity": 1}])

    assert isinstance(refused, Problem)
    assert refused.slug is Slug.INVALID_REQUEST
    assert says in refused.detail
    assert str(refused.members["field"]).startswith("$.bundle")
    assert dict(chain.hub.state.catalogue) == before


def test_a_bundle_of_something_archived_is_refused_unless_it_is_archived_too(chain: Chain) -> None:
    archive(chain, "tea")
    parts = [{"sku": "tea", "quantity": 1}]

    refused = put(chain, "set", bundle=parts)

    assert isinstance(refused, Problem)
    assert "tea is archived" in refused.detail
    assert isinstance(put(chain, "set", bundle=parts, archived=True), Done)
    archive(chain, "hamper")


def test_a_component_that_no_bundle_has_any_more_may_become_one(chain: Chain) -> None:
    put(chain, "hamper", bundle=[{"sku": "jam", "quantity": 1}])

    assert isinstance(put(chain, "tea", bundle=[{"sku": "cheese", "quantity": 1}]), Done)


# Labels of scales


def labelled(chain: Chain, *patterns: str) -> ShopSide:
    """Head office settles patterns, which takes a start of the hub."""
    old = chain.hub.state.settings
    chain.hub.state.settings = HubSettings(data=old.data, embedded_barcodes=patterns)
    chain.hub.commit(lambda: catalogue.tell_settings(chain.hub.state))
    chain.sync()
    return shop_of(chain)


def test_a_weight_on_a_label_is_the_quantity_of_the_line(chain: Chain) -> None:
    shop = labelled(chain, *PATTERNS)

    sale = sale_in(
        sell(shop, {"barcode": WEIGHED, "quantity": 1}, {"barcode": WEIGHED, "quantity": 2})
    )

    assert [(one.sku, one.quantity, one.total_minor) for one in sale.lines] == [
        ("cheese", 1_234, 1_543),  # 12.50 x 1.234 = 15.425
        ("cheese", 2_468, 3_085),
    ]
    assert last_entry(shop).moves == [("cheese", -3_702)]


def test_a_price_on_a_label_stands_and_its_quantity_follows(chain: Chain) -> None:
    shop = labelled(chain, *PATTERNS)

    sale = sale_in(sell(shop, {"barcode": PRICED, "quantity": 1}, {"sku": "brie", "quantity": 833}))

    assert [(one.quantity, one.unit_price_minor, one.total_minor) for one in sale.lines] == [
        (833, 2_400, 1_999),  # 19.99 / 24.00 = 0.8329 kg
        (833, 2_400, 1_999),
    ]
    put(chain, "brie", **msgspec.to_builtins(BRIE) | {"price_minor": 3_000})
    chain.sync()
    dearer = sale_in(sell(shop, {"barcode": PRICED, "quantity": 2}))
    assert (dearer.lines[0].quantity, dearer.total_minor) == (1_333, 3_998)
    assert dearer.lines[0].net_minor + dearer.lines[0].tax_minor == 3_998
    assert last_entry(shop).moves == [("brie", -1_333)]


def test_a_label_takes_its_units_from_stock_or_is_refused(chain: Chain) -> None:
    shop = labelled(chain, *PATTERNS)

    assert isinstance(sell(shop, {"barcode": WEIGHED, "quantity": 7}), sales.Short)
    assert shop.state.counter("cheese").physical() == 10_000


def test_a_lookup_says_what_is_on_the_label(chain: Chain) -> None:
    shop = labelled(chain, *PATTERNS).state

    def seen(code: str) -> tuple[str, int | None, int | None]:
        found = scanned(shop.catalogue, shop.labels, code, shop.business_date())
        assert found is not None
        view = lookup_view(shop, found, shop.business_date())
        return view.sku, view.quantity, view.line_total_minor

    assert seen(WEIGHED) == ("cheese", 1_234, None)
    assert seen(PRICED) == ("brie", 833, 1_999)
    assert seen(PRICED[1:]) == ("brie", 833, 1_999)
    assert seen(f"]e0010{WEIGHED}17270131") == ("cheese", 1_234, None)
    assert seen("cheese") == ("cheese", None, None)
    for code, why in (("2112346012343", "no such item"), ("2112345012347", "wrong check digit")):
        assert scanned(shop.catalogue, shop.labels, code, shop.business_date()) is None, why


def test_a_barcode_of_its_own_goes_before_a_pattern(chain: Chain) -> None:
    put(chain, "box", barcodes=[WEIGHED])
    shop = labelled(chain, *PATTERNS)

    sale = sell(shop, {"barcode": WEIGHED, "quantity": 1})

    assert isinstance(sale, sales.Short)
    assert [lack.sku for lack in sale.lacks] == ["box"]


def test_a_label_of_a_product_without_a_price_is_not_guessed_at(chain: Chain) -> None:
    put(chain, "brie", **msgspec.to_builtins(BRIE) | {"price_minor": 0})
    shop = labelled(chain, *PATTERNS)

    refused = sell(shop, {"barcode": PRICED, "quantity": 1})

    assert slug_of(refused) == Slug.INVALID_REQUEST


def test_patterns_are_kept_over_a_start_and_changed_by_the_next_feed(chain: Chain) -> None:
    shop = labelled(chain, *PATTERNS)
    shop.restart()
    assert shop.state.labels.match(WEIGHED) is not None

    labelled(chain, PATTERNS[1])

    assert shop.state.labels.match(WEIGHED) is None
    assert shop.state.labels.match(PRICED) is not None
    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        labelled(chain, PATTERNS[0])
    assert shop.state.labels.match(PRICED) is not None, "what was not committed is not gone by"


def test_settings_that_did_not_change_are_not_told_again(chain: Chain) -> None:
    labelled(chain, *PATTERNS)
    before = chain.hub.state.connection.execute("SELECT max(position) FROM feed").fetchall()

    chain.hub.commit(lambda: hub_app._begin(chain.hub.state, "again"))

    assert chain.hub.state.connection.execute("SELECT max(position) FROM feed").fetchall() == before
