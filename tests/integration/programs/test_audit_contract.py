"""Goal: over HTTP, a number in dispute is a look-up: explained where it stands, audited at the hub.

Method: a running gateway behind a running hub. A small day is lived through the line and while it
is cut; both programs tell the story of the number, and the audit checks what the other tests of
this folder did as well. A row is then altered in the hub's file, behind the program's back.
"""

import asyncio
from typing import Any

import pytest

from devices.sim.wan import WanMode
from replication.adapters.sqlite import connect, transaction
from tests.programs import Shop, fresh, order_of, sale_of

LEVELS = {
    "on_hand", "available", "held", "committed", "damaged", "quality_control", "deficit",
}  # fmt: skip


async def audited(shop: Shop, **asked: str) -> Any:  # noqa: ANN401 - whatever the hub says
    """The audit's report."""
    reply = await shop.auditor.ask("POST", "/v1/audit", body=asked)
    assert reply.status == 200, reply
    return reply.json


async def test_a_number_is_explained_by_its_entries(shop: Shop) -> None:
    sku = await shop.product(stock=12)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 1))
    order = await shop.storefront.done("/v1/orders", order_of(sku, 2))
    await shop.settled()
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "collected"})
    await shop.settled()

    story = await shop.technician.read(f"/v1/stock/{sku}/explain")

    stock = await shop.stock(sku)
    assert story["levels"] == {name: stock[name] for name in LEVELS}
    assert (story["sku"], story["location"], story["physical"]) == (sku, shop.location, 9)
    assert story["opening"] == {"entries": 0, "levels": dict.fromkeys(LEVELS, 0)}
    assert story["next_cursor"] is None
    assert [(one["kind"], one["moved"]) for one in story["entries"]][:3] == [
        ("receipt", 12), ("sale", -1), ("fulfilment", -2),
    ]  # fmt: skip
    sold = story["entries"][1]
    assert (sold["entry"], sold["at"], sold["register"]) == (sale["id"], sale["at"], "till-1")
    assert sold["person"] == sale["cashier"]
    writer = sale["writer"]
    assert sold["changes"] == [
        {"cell": "spent.sold", "holder": writer, "by": 1, "to": 1},
        {"cell": "moved.sold", "holder": writer, "by": 1, "to": 1},
    ]
    assert sold["sentence"] == (
        f"{sale['cashier']} sold 1 at till-1 ({sale['id']}): on hand 11, available 11."
    )
    assert story["entries"][-1]["after"] == story["levels"]
    assert story["closing"].startswith("Now: on hand 9, available 9.")


async def test_the_hub_tells_the_same_story_with_its_own_part_in_it(shop: Shop) -> None:
    sku = await shop.product(stock=12)
    order = await shop.storefront.done("/v1/orders", order_of(sku, 2))
    await shop.settled()
    await shop.cashier.done(f"/v1/orders/{order['id']}/events", {"type": "collected"})
    await shop.settled()

    at_hub = await shop.auditor.read(f"/v1/stock/{sku}/explain?location={shop.location}")

    here = await shop.cashier.read(f"/v1/stock/{sku}/explain")
    assert at_hub["levels"] == here["levels"]
    told = [(one["kind"], one["entry"]) for one in at_hub["entries"]]
    assert ("order", order["id"]) in told
    assert [one for one in told if one[0] in {"receipt", "fulfilment"}] == [
        (one["kind"], one["entry"])
        for one in here["entries"]
        if one["kind"] in {"receipt", "fulfilment"}
    ]


async def test_a_long_story_is_told_from_its_end(shop: Shop) -> None:
    sku = await shop.product(stock=12)
    for _ in range(4):
        await shop.cashier.done("/v1/sales", sale_of(sku))
    whole = (await shop.cashier.read(f"/v1/stock/{sku}/explain"))["entries"]

    page = await shop.cashier.read(f"/v1/stock/{sku}/explain?limit=2")
    older = await shop.cashier.read(f"/v1/stock/{sku}/explain?limit=2&cursor={page['next_cursor']}")
    oldest = await shop.cashier.read(
        f"/v1/stock/{sku}/explain?limit=2&cursor={older['next_cursor']}"
    )

    assert [*oldest["entries"], *older["entries"], *page["entries"]] == whole
    assert page["opening"] == {"entries": 3, "levels": older["entries"][-1]["after"]}
    assert oldest["next_cursor"] is None


async def test_what_has_no_stock_of_its_own_has_no_story_and_says_why(shop: Shop) -> None:
    part = await shop.product(stock=3)
    pair = await shop.product(bundle=[{"sku": part, "quantity": 2}])
    await shop.settled()

    here = await shop.auditor.get(f"/v1/stock/{pair}/explain?location={shop.location}")
    there = await shop.technician.get(f"/v1/stock/{pair}/explain")

    assert here.refusal == there.refusal == (404, "not-found")
    assert here.json["detail"] == there.json["detail"]
    assert there.json["detail"].endswith(f"name what it is of ({part}).")


async def test_what_cannot_be_explained_is_refused(shop: Shop) -> None:
    sku = await shop.product()
    here, at_hub = shop.cashier, shop.auditor

    assert (await here.get("/v1/stock/NOTHING/explain")).refusal == (404, "unknown-product")
    assert (await here.get(f"/v1/stock/{sku}/explain?cursor=x")).refusal == (400, "invalid-request")
    assert (await here.get(f"/v1/stock/{sku}/explain?limit=0")).refusal == (400, "invalid-request")
    assert (await at_hub.get(f"/v1/stock/{sku}/explain")).refusal == (400, "invalid-request")
    place = f"/v1/stock/{sku}/explain?location="
    assert (await at_hub.get(f"{place}nowhere")).refusal == (404, "not-found")
    assert (await shop.storefront.get(f"{place}{shop.location}")).refusal == (403, "forbidden")
    unknown = f"/v1/stock/NOTHING/explain?location={shop.location}"
    assert (await at_hub.get(unknown)).refusal == (404, "unknown-product")


async def test_the_audit_finds_no_difference_and_changes_nothing(shop: Shop) -> None:
    sku = await shop.product(stock=10)
    await shop.wan.set_mode(WanMode.CUT)
    await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()

    async with shop.nothing_changes():
        reports = await asyncio.gather(audited(shop), audited(shop, location=shop.location))

    for report in reports:
        assert report["differences"] == []
        assert (report["verdict"], report["truncated"]) == ("no difference", False)
        assert report["entries"] == sum(one["entries"] for one in report["writers"])
        assert report["counters"] >= 1
        writers = {one["writer"]: one for one in report["writers"]}
        seq, digest = (await shop.cashier.get("/v1/status")).witness.split(";")[1:]
        store = writers[f"{shop.location}.1"]
        assert (store["head_seq"], store["head_hash"]) == (int(seq), digest)
    await shop.cashier.done("/v1/sales", sale_of(sku, 1))


async def test_the_audit_is_for_the_office_and_knows_its_locations(shop: Shop) -> None:
    for nobody in (shop.storefront, shop.at_hub("storefront")):
        assert (await nobody.ask("POST", "/v1/audit", body={})).refusal == (403, "forbidden")
    refused = await shop.admin.ask("POST", "/v1/audit", body={"location": "nowhere"})
    assert refused.refusal == (404, "not-found")
    refused = await shop.admin.ask("POST", "/v1/audit", body={"location": "No Such!"})
    assert refused.refusal == (422, "invalid-request")
    refused = await shop.admin.ask("POST", "/v1/audit", body={"everything": True})
    assert refused.refusal == (422, "invalid-request")


@pytest.mark.parametrize("asked", [{}, {"location": "riverside"}], ids=["all", "one location"])
async def test_a_row_that_was_altered_in_the_file_is_found(
    shop: Shop, asked: dict[str, str]
) -> None:
    sku = await shop.product(stock=10)
    reference = fresh("paper")
    lines = [{"sku": sku, "quantity": 1}]
    receipt = await shop.manager.done(
        "/v1/stock/receipts", {"lines": lines, "reference": reference}
    )
    await shop.settled()
    writer, _, seq = receipt["id"].rpartition("-")
    file = connect(shop.programs.root / "hub" / "hub.db")
    row = file.execute(
        "SELECT body FROM entry WHERE writer = ? AND seq = ?", (writer, seq)
    ).fetchone()
    assert row is not None
    body = bytes(row[0])
    other = body.replace(reference.encode(), b"forged".ljust(len(reference), b"!"))

    def write(data: bytes) -> None:
        with transaction(file):
            file.execute(
                "UPDATE entry SET body = ? WHERE writer = ? AND seq = ?", (data, writer, seq)
            )

    write(other)
    try:
        report = await audited(shop, **asked)
    finally:
        write(body)
        file.close()

    assert report["verdict"] == "1 difference"
    found = report["differences"][0]
    assert (found["invariant"], found["location"]) == ("chain", shop.location)
    assert receipt["id"] in found["entries"]
    assert (await audited(shop, **asked))["verdict"] == "no difference"
