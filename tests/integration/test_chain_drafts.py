"""Goal: an unknown barcode is sold at once, everywhere as one product, and nobody's is stolen.

Method: a hub and two shops in one process (`tests.chain`), which hear of each other when a test
says so; drafts that no store of ours would write are put into a journal by hand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_hub.prices.priced import online_prices
from cloud_hub.products import catalogue
from cloud_hub.reads import HubReads, ProductsQuery
from cloud_hub.stores.links import LinkView
from gateway.selling import drafts, sales
from replication import feed
from replication.adapters.sqlite import ReplicaStore
from replication.document import EntityDocument, actor_for
from retail.prices.sale_request import SaleRequest
from retail.products.catalogue import Product, ProductBody
from retail.products.drafts import DraftRequest
from retail.selling.sales import Sale
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, command
from tests.holds_seen import last_entry, slug_of
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

GTIN = "4006381333931"
OTHER = "96385074"


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two stores that know tea, which has a barcode."""
    made = Chain(tmp_path, shops=["lakeside", "riverside"])
    made.hub.put("tea", body(name="Tea", barcodes=(OTHER,)))
    made.sync()
    yield made
    made.close()


def body(**fields: Any) -> ProductBody:  # noqa: ANN401 - any field
    given = {"name": "Thing", "price_minor": 100, "currency": "USD"} | fields
    return msgspec.convert(given, ProductBody)


def add(shop: ShopSide, barcode: str = GTIN, *, by: Command | None = None, **more: Any) -> Outcome:  # noqa: ANN401
    request = msgspec.convert(
        {"barcode": barcode, "name": "Pistachios", "price_minor": 350} | more, DraftRequest
    )
    return shop.commit(lambda: drafts.add(shop.state, by or command(), request))


def added(shop: ShopSide, barcode: str = GTIN, **more: Any) -> Product:  # noqa: ANN401
    outcome = add(shop, barcode, **more)
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Product)


def put(chain: Chain, sku: str, wanted: ProductBody) -> Outcome:
    office = chain.hub.state
    return chain.hub.commit(lambda: catalogue.put_product(office, command(), sku, wanted))


def sold(shop: ShopSide, code: str, quantity: int = 1) -> Sale:
    """Sell what a code means."""
    request = {
        "register": "till-1",
        "lines": [{"barcode": code, "quantity": quantity}],
        "tenders": [{"type": "cash", "amount_minor": 1_000_000}],
    }
    asked = msgspec.convert(request, SaleRequest)
    outcome = shop.commit(lambda: sales.sell(shop.state, command(), asked))
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=Sale)


def listed(chain: Chain, **query: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """SKUs at the hub with those that share a barcode with them."""
    store = ReplicaStore(chain.hub.state.connection)
    reads = HubReads(store, lambda _: LinkView("never", None, None))
    prices = chain.hub.commit(lambda: online_prices(chain.hub.state))
    page = reads.products_page(msgspec.convert(query, ProductsQuery), prices)
    return {item.sku: item.duplicates for item in page.items}


def test_a_draft_is_sold_at_once_while_the_store_is_cut_off(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    seq = shop.state.ledger.next_seq

    draft = added(shop)
    sale = sold(shop, f"0{GTIN}", 3)

    assert draft.sku == f"draft-riverside.1-{seq}"
    assert (draft.draft, draft.stock_policy, draft.currency) == (True, "untracked", "USD")
    assert [(line.sku, line.quantity, line.total_minor) for line in sale.lines] == [
        (draft.sku, 3, 1_050)
    ]
    assert shop.state.counter(draft.sku).cells() == []
    assert last_entry(shop).moves == []


def test_a_draft_of_a_gs1_code_is_found_by_the_next_piece(chain: Chain) -> None:
    shop = chain.shops["riverside"]

    draft = added(shop, barcode=f"]d2010{GTIN}1727013121PIECE-1")

    assert draft.barcodes == (f"0{GTIN}",)
    assert sold(shop, f"]d2010{GTIN}1727013121PIECE-2").lines[0].sku == draft.sku
    assert sold(shop, GTIN).lines[0].sku == draft.sku


def test_everyone_hears_of_a_draft_and_has_one_product_of_it(chain: Chain) -> None:
    riverside, lakeside = chain.shops["riverside"], chain.shops["lakeside"]
    draft = added(riverside)

    chain.sync()

    assert chain.hub.state.catalogue[draft.sku] == draft
    assert lakeside.state.catalogue.by_code(GTIN) == draft
    assert sold(lakeside, GTIN).lines[0].sku == draft.sku
    assert listed(chain, draft=True) == {draft.sku: ()}
    assert listed(chain, draft=False) == {"tea": ()}


def test_hub_and_store_make_the_same_document_of_a_draft(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    draft = added(shop)
    ours = shop.state.store.load_document(feed.PRODUCT, draft.sku, b"a" * 16)
    chain.send(shop)
    heard = chain.hub.state.store.load_document(feed.PRODUCT, draft.sku, b"b" * 16)
    assert ours is not None
    assert heard is not None
    assert ours.save() == heard.save()

    ours.put({"price_minor": "375"})
    heard.put({"name": '"Pistachios, 200 g"', "draft": "false"})
    both = EntityDocument.load(heard.save())
    both.merge(ours)
    ours.merge(heard)

    assert both.fields() == ours.fields()
    merged = {name: both.fields()[name] for name in ("price_minor", "name", "draft", "barcodes")}
    assert merged == {
        "price_minor": "375",
        "name": '"Pistachios, 200 g"',
        "draft": "false",
        "barcodes": f'["{GTIN}"]',
    }


def test_head_office_completes_a_draft_that_the_store_goes_on_selling(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    draft = added(shop)
    chain.sync()
    assert sold(shop, GTIN).total_minor == 350

    complete = body(
        name="Pistachios 200 g", price_minor=390, barcodes=(GTIN,), stock_policy="strict"
    )
    assert isinstance(put(chain, draft.sku, complete), Done)
    sold_meanwhile = sold(shop, GTIN)
    chain.sync()

    assert sold_meanwhile.total_minor == 350
    known = shop.state.catalogue.by_code(GTIN)
    assert known is not None
    assert (known.sku, known.name, known.draft, known.stock_policy) == (
        draft.sku, "Pistachios 200 g", False, "strict",
    )  # fmt: skip
    assert isinstance(shop.sell(draft.sku), sales.Short), "nobody has counted them yet"
    assert isinstance(shop.receive(**{draft.sku: 5}), Done)
    assert sold(shop, GTIN).total_minor == 390
    assert listed(chain, draft=True) == {}


def test_two_stores_that_are_cut_off_keep_their_own_draft_of_one_barcode(chain: Chain) -> None:
    riverside, lakeside = chain.shops["riverside"], chain.shops["lakeside"]
    ours, theirs = added(riverside, price_minor=350), added(lakeside, price_minor=400)

    chain.sync(riverside)
    chain.sync()

    assert sold(riverside, GTIN).lines[0].sku == ours.sku
    assert sold(lakeside, GTIN).lines[0].sku == theirs.sku
    assert listed(chain, draft=True) == {ours.sku: (theirs.sku,), theirs.sku: (ours.sku,)}
    assert chain.hub.state.catalogue.owner_of(GTIN) == ours.sku, "it was heard first"


def test_what_head_office_completes_of_two_drafts_is_sold_in_both_stores(chain: Chain) -> None:
    riverside, lakeside = chain.shops["riverside"], chain.shops["lakeside"]
    ours, theirs = added(riverside), added(lakeside)
    chain.sync(riverside)
    chain.sync()
    complete = body(name="Pistachios", barcodes=(GTIN,), stock_policy="untracked")

    taken = put(chain, theirs.sku, complete)
    assert slug_of(taken) == Slug.CONFLICT
    assert isinstance(taken, Problem)
    assert taken.members["sku"] == ours.sku
    assert isinstance(put(chain, ours.sku, complete), Done)
    chain.sync()
    assert sold(lakeside, GTIN).lines[0].sku == ours.sku
    gone = body(name="Pistachios", archived=True, stock_policy="untracked")
    assert isinstance(put(chain, theirs.sku, gone), Done)
    chain.sync()

    assert listed(chain) == {"tea": (), ours.sku: (), theirs.sku: ()}
    assert sold(lakeside, GTIN).lines[0].sku == ours.sku


def test_a_product_may_take_the_barcode_of_a_draft_that_was_archived_without_it(
    chain: Chain,
) -> None:
    shop = chain.shops["riverside"]
    draft = added(shop)
    chain.sync()
    proper = body(name="Pistachios", barcodes=(GTIN,), stock_policy="untracked", price_minor=1)
    assert slug_of(put(chain, "nuts", proper)) == Slug.CONFLICT

    put(chain, draft.sku, body(archived=True, stock_policy="untracked"))
    assert isinstance(put(chain, "nuts", proper), Done)
    # The feed is compacted: the store hears of the new owner before the old one gives way.
    put(chain, draft.sku, body(name="Old", archived=True, stock_policy="untracked"))
    items = chain.offer(shop)
    assert [item.key for item in items if item.kind == feed.PRODUCT] == ["nuts", draft.sku]
    for item in items:
        shop.apply([item])

    assert sold(shop, GTIN).lines[0].sku == "nuts"


@pytest.mark.parametrize(
    ("barcode", "more", "slug", "says"),
    [
        (OTHER, {}, Slug.CONFLICT, "is tea already"),
        ("00000096385074", {}, Slug.CONFLICT, "is tea already"),
        ("tea", {}, Slug.CONFLICT, "is tea already"),
        ("   ", {}, Slug.INVALID_REQUEST, "blank"),
        (GTIN, {"tax_class": "luxury"}, Slug.INVALID_REQUEST, "no tax class luxury"),
    ],
)
def test_what_cannot_become_a_draft_changes_nothing(
    chain: Chain, barcode: str, more: dict[str, Any], slug: Slug, says: str
) -> None:
    shop = chain.shops["riverside"]
    head = shop.state.ledger.head

    refused = add(shop, barcode, **more)

    assert isinstance(refused, Problem)
    assert (refused.slug, says in refused.detail) == (slug, True), refused.detail
    assert shop.state.ledger.head == head
    assert list(shop.state.catalogue) == ["tea"]


def test_a_known_barcode_is_answered_with_its_sku(chain: Chain) -> None:
    refused = add(chain.shops["riverside"], OTHER)

    assert isinstance(refused, Problem)
    assert refused.members["sku"] == "tea"


def test_a_store_that_never_heard_its_currency_makes_no_draft(tmp_path: Path) -> None:
    chain = Chain(tmp_path, shops=[])
    shop = chain.box("riverside")

    refused = add(shop)

    assert slug_of(refused) == Slug.UNAVAILABLE
    assert list(shop.state.catalogue) == []
    chain.close()
    shop.close()


def test_the_same_request_makes_one_draft_also_after_a_start(chain: Chain) -> None:
    shop, by = chain.shops["riverside"], command()

    first = add(shop, by=by)
    shop.restart()
    again = add(shop, by=by)

    assert isinstance(first, Done)
    assert first == again
    assert len(shop.state.catalogue) == 2
    assert shop.state.catalogue.by_code(GTIN) is not None


def test_a_draft_whose_commit_failed_is_not_there(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    shop.refuse_next_commit()

    with pytest.raises(CommitFailed):
        add(shop)

    assert shop.state.catalogue.by_code(GTIN) is None
    assert isinstance(add(shop), Done)


def test_a_draft_is_not_sold_online_until_it_is_completed(chain: Chain) -> None:
    draft = added(chain.shops["riverside"])
    chain.sync()

    order, reservation = chain.hub.place({draft.sku: 1}), chain.hub.reserve({draft.sku: 1})

    assert slug_of(order) == slug_of(reservation) == Slug.INVALID_REQUEST


@pytest.mark.parametrize(
    ("sku", "more"),
    [("draft-riverside.1-999", {}), ("nuts", {"draft": True}), ("tea", {"draft": True})],
)
def test_head_office_makes_no_drafts(chain: Chain, sku: str, more: dict[str, Any]) -> None:
    refused = put(chain, sku, body(**more))

    assert slug_of(refused) == Slug.INVALID_REQUEST
    assert listed(chain) == {"tea": ()}


# What comes up from a store that is not ours, or broken


def hostile(shop: ShopSide, **changes: object) -> bytes:
    """A draft's record with something wrong about it."""
    entry = f"{shop.state.ledger.writer}-{shop.state.ledger.next_seq}"
    good = Product(
        sku=f"draft-{entry}", name="Nuts", price_minor=1, currency="USD", barcodes=(GTIN,),
        stock_policy="untracked", draft=True,
    )  # fmt: skip
    return msgspec.json.encode(msgspec.to_builtins(good) | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"sku": "tea"},
        {"sku": "draft-lakeside.1-2"},
        {"sku": "../x"},
        {"draft": False},
        {"archived": True},
        {"bundle": [{"sku": "tea", "quantity": 1}]},
        {"stock_policy": "strict"},
        {"currency": "KWD"},
        {"price_minor": -1},
        {"price_minor": "free"},
        {"name": ""},
        {"barcodes": [GTIN, f"0{GTIN}"]},
        {"later": "x" * 20_000},
    ],
    ids=str,
)
def test_a_draft_that_its_entry_may_not_make_is_set_aside(
    chain: Chain, changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    shop = chain.shops["riverside"]
    tea = chain.hub.state.catalogue["tea"]
    record = hostile(shop, **changes)
    shop.commit(lambda: shop.state.ledger.append(drafts.PRODUCT_DRAFT, record, reference="x"))
    good = added(shop, "4012345678901")

    chain.sync()

    assert [one.action for one in caplog.records if hasattr(one, "action")] == ["draft_set_aside"]
    assert listed(chain) == {"tea": (), good.sku: ()}, "the journal goes on"
    assert chain.hub.state.catalogue["tea"] == tea
    assert chain.hub.state.head_of(shop.state.ledger.writer) == shop.state.ledger.head


@pytest.mark.parametrize(
    "record", [b"[]", b'"x"', b"null", b"{}", b'{"sku":' + b"[" * 900 + b"]" * 900 + b"}"]
)
def test_a_draft_that_is_no_record_is_set_aside(
    chain: Chain, record: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    shop = chain.shops["riverside"]
    shop.commit(lambda: shop.state.ledger.append(drafts.PRODUCT_DRAFT, record))

    chain.sync()

    assert "draft_set_aside" in {getattr(one, "action", "") for one in caplog.records}
    assert listed(chain) == {"tea": ()}


def test_what_a_newer_store_says_besides_is_kept_in_the_document(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    record = hostile(shop, shelf_life="90 days")
    writer, boot = shop.state.ledger.writer, shop.state.ledger.boot
    shop.commit(lambda: shop.state.ledger.append(drafts.PRODUCT_DRAFT, record))

    chain.sync()

    (sku,) = listed(chain, draft=True)
    document = chain.hub.state.store.load_document(feed.PRODUCT, sku, actor_for(writer, boot))
    assert document is not None
    assert document.fields()["shelf_life"] == '"90 days"'
