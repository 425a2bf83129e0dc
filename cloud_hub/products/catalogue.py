"""Products, written at the hub, on the writer thread: one owner where there is one truth."""

from collections.abc import Container, Sequence
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.prices.price_rules import too_much_off
from cloud_hub.stores.lending import keep_floors
from replication import feed
from replication.document import EntityDocument
from replication.journal import Actor
from retail.chain_settings import ChainSettings
from retail.documents import product_fields
from retail.products.catalogue import Product, ProductBody, check_bundle, check_product, with_sku
from retail.products.drafts import DRAFT_PREFIX
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

PRODUCT: Final = "product"


def put_product(office: HeadOffice, command: Command, sku: str, body: ProductBody) -> Outcome:
    """Create or change a product; the stores hear of it by the feed."""
    problem = refused(office, sku, body)
    if problem is not None:
        return problem
    product = with_sku(body, sku)
    is_new = sku in write(office, [product], command.actor)
    return Done(201 if is_new else 200, msgspec.json.encode(product))


def write(
    office: HeadOffice, products: Sequence[Product], actor: Actor, *, reason: str = ""
) -> set[str]:
    """Write products that were not `refused`, where anything about them is new; their new SKUs.

    No SKU is named twice. An import writes many at once, with few statements.
    """
    store = office.store
    known = store.documents_among(feed.PRODUCT, [product.sku for product in products])
    new: dict[str, EntityDocument] = {}
    written: list[Product] = []
    told: list[tuple[str, bytes]] = []
    for product in products:
        sku, fields = product.sku, product_fields(product)
        # A draft's store has a hand in its document, so that one is told and merged as a document.
        owned = not sku.startswith(DRAFT_PREFIX)
        if sku not in known:
            document = new[sku] = EntityDocument.saying(office.actor, fields)
        else:
            loaded = store.load_document(feed.PRODUCT, sku, office.actor)
            assert loaded is not None, f"the document of {sku} was there just now"
            document = loaded
            if not (change := document.put(fields)):
                continue
            store.store_document(feed.PRODUCT, sku, document, change, owned=owned)
        record = msgspec.json.encode(product)
        written.append(product)
        told.append((sku, record if owned else document.save()))
        office.ledger.append(PRODUCT, record, actor=actor, reason=reason, reference=sku)
    store.add_documents(feed.PRODUCT, new)
    office.catalogue.store_many(written, office.ledger.now_ms)
    office.tell_all(feed.PRODUCT, feed.EVERYONE, told)
    # A floor that rose hands back what is above it.
    for counter in office.counters_of(*(product.sku for product in written)):
        keep_floors(office, office.living_writer(counter.location), [counter.sku])
    return set(new)


def tell_settings(office: HeadOffice) -> None:
    """Tell everyone what head office has settled, where that is not what they were told last."""
    settings = office.settings
    data = msgspec.json.encode(
        ChainSettings(
            currency=settings.currency,
            embedded_barcodes=settings.embedded_barcodes,
            tax_rounding=settings.tax_rounding,
        )
    )
    told = office.connection.execute(
        "SELECT data FROM feed WHERE kind = ? AND audience = ?", (feed.SETTINGS, feed.EVERYONE)
    ).fetchone()
    if told is None or told[0] != data:
        office.tell(feed.SETTINGS, "all", feed.EVERYONE, data)


def refused(
    office: HeadOffice, sku: str, body: ProductBody, moving: Container[str] = ()
) -> Problem | None:
    """Why the product is not to be written, or None.

    `moving` are SKUs that are written together with it: what they give up may be taken.
    """
    if sku.startswith(DRAFT_PREFIX) and sku not in office.catalogue:
        return Problem.invalid(f"There is no draft {sku}: stores give the SKUs of drafts.")
    if body.draft and ((known := office.catalogue.get(sku)) is None or not known.draft):
        return Problem.invalid("A draft is made by a store.", field="$.draft")
    return (
        _unfit(office, sku, body)
        or _taken(office, sku, body, moving)
        or too_much_off(office, {sku: body.price_minor})
    )


def _unfit(office: HeadOffice, sku: str, body: ProductBody) -> Problem | None:
    """What the product has that this chain, or its catalogue, has no place for."""
    contained_in = office.catalogue.bundles_with(sku) if body.bundle else ()
    found = [
        *check_product(body),
        *check_bundle(sku, body, office.catalogue, contained_in),
    ]
    for one in found:
        if one.severity == "error":
            return Problem.invalid(f"{one.detail}.", field=f"$.{one.field}")
    if body.currency != office.settings.currency:
        return Problem.invalid(
            f"This chain sells in {office.settings.currency}, not in {body.currency}.",
            field="$.currency",
        )
    if not any(
        row.tax_class == body.tax_class and row.jurisdiction == office.settings.jurisdiction
        for row in office.tax_rows
    ):
        return Problem.invalid(f"There is no tax class {body.tax_class}.", field="$.tax_class")
    return None


def _taken(
    office: HeadOffice, sku: str, body: ProductBody, moving: Container[str]
) -> Problem | None:
    """Whose one of the product's barcodes is already."""
    for barcode in body.barcodes:
        owner = office.catalogue.owner_of(barcode)
        if owner is not None and owner != sku and owner not in moving:
            return Problem(
                Slug.CONFLICT,
                f"Barcode {barcode} belongs to {owner} already.",
                members={"sku": owner},
            )
    return None
