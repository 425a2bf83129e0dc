"""Goal: a sale over HTTP is what the contract says, once, whatever is repeated.

Method: a running gateway behind a running hub; each test sells a product of its own.
"""

import asyncio
import re
from urllib.parse import quote

import pytest

from devices.sim.wan import WanMode
from tests.programs import Shop, fresh, sale_of, until

SALE_FIELDS = [
    "id", "number", "location", "register", "cashier", "shift", "business_date", "at", "writer",
    "seq", "currency", "lines", "total_minor", "tax_minor", "tenders", "change_minor",
    "customer_id", "override",
]  # fmt: skip
LINE_FIELDS = [
    "sku", "name", "quantity", "unit_price_minor", "discounts", "net_minor", "tax_class",
    "tax_rate", "tax_minor", "total_minor",
]  # fmt: skip


async def test_a_sale_has_every_field_of_the_contract(shop: Shop) -> None:
    sku = await shop.product(price=250, stock=8)
    body = sale_of(sku, 2, cash=1_000) | {"customer_id": "c-1", "expected_total_minor": 500}

    reply = await shop.cashier.post("/v1/sales", body)
    sale = reply.json

    assert reply.status == 201
    # A machine whose clock no time daemon keeps right says so, in a last field.
    assert list(sale) in (SALE_FIELDS, [*SALE_FIELDS, "clock_synchronised"])
    assert sale.get("clock_synchronised") in (None, False)
    assert [list(line) for line in sale["lines"]] == [LINE_FIELDS]
    assert sale["id"] == f"{sale['writer']}-{sale['seq']}"
    assert re.fullmatch(r"riverside\.1-\d+", sale["id"])
    assert reply.witness.split(";")[:2] == [sale["writer"], str(sale["seq"])]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", sale["at"])
    assert sale["business_date"] == sale["at"][:10]
    assert sale["lines"][0] == {
        "sku": sku, "name": f"Thing {sku}", "quantity": 2, "unit_price_minor": 250,
        "discounts": [], "net_minor": 435, "tax_class": "standard", "tax_rate": "0.15",
        "tax_minor": 65, "total_minor": 500,
    }  # fmt: skip
    assert (sale["total_minor"], sale["tax_minor"], sale["change_minor"]) == (500, 65, 500)
    assert sale["tenders"] == [{"type": "cash", "amount_minor": 1_000}]
    assert (sale["location"], sale["register"], sale["currency"]) == ("riverside", "till-1", "USD")
    assert (sale["shift"], sale["customer_id"], sale["override"]) == (None, "c-1", None)


async def test_the_hub_shows_the_same_sale_under_the_same_id(shop: Shop) -> None:
    sku = await shop.product(stock=4)
    sold = await shop.cashier.post("/v1/sales", sale_of(sku))

    await shop.settled()

    path = f"/v1/sales/{sold.json['id']}"
    assert (await shop.auditor.get(path)).body == sold.body
    assert (await shop.cashier.get(path)).body == sold.body
    listed = [one for one in await shop.auditor.all("/v1/sales?location=riverside") if
              one["id"] == sold.json["id"]]  # fmt: skip
    assert listed == [sold.json]
    assert await shop.auditor.all("/v1/sales?location=elsewhere") == []


async def test_a_barcode_sells_what_it_stands_for(shop: Shop) -> None:
    sku = await shop.product(stock=4, barcodes=["4006381333931"])
    body = sale_of(sku) | {"lines": [{"barcode": "4006381333931", "quantity": 1}]}

    sale = await shop.cashier.done("/v1/sales", body)

    assert sale["lines"][0]["sku"] == sku
    assert (await shop.cashier.read("/v1/lookup?code=4006381333931"))["sku"] == sku


async def test_the_first_success_is_repeated_and_sells_once(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    key = fresh("key")

    first = await shop.cashier.post("/v1/sales", sale_of(sku), key=key)
    again = [await shop.cashier.post("/v1/sales", sale_of(sku), key=key) for _ in range(3)]

    assert {(one.status, one.body) for one in again} == {(201, first.body)}
    assert (await shop.stock(sku))["on_hand"] == 7


async def test_white_space_and_the_order_of_keys_make_no_other_body(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    headers = {"Idempotency-Key": fresh("key")}
    one = f'{{"register":"till-1","lines":[{{"sku":"{sku}","quantity":1}}],"tenders":[{{"type":"cash","amount_minor":100}}]}}'  # noqa: E501
    other = f'{{ "tenders": [{{"amount_minor": 100, "type": "cash"}}],\n "lines": [{{"quantity": 1, "sku": "{sku}"}}], "register": "till-1" }}'  # noqa: E501

    first = await shop.cashier.ask("POST", "/v1/sales", raw=one.encode(), headers=headers)
    second = await shop.cashier.ask("POST", "/v1/sales", raw=other.encode(), headers=headers)

    assert first.status == 201
    assert second.body == first.body


async def test_the_same_key_with_another_body_is_422_and_changes_nothing(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    key = fresh("key")
    await shop.cashier.done("/v1/sales", sale_of(sku), key=key)

    async with shop.nothing_changes():
        reply = await shop.cashier.post("/v1/sales", sale_of(sku, 2), key=key)

    assert reply.refusal == (422, "invalid-request")


async def test_keys_belong_to_the_principal_and_the_path(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    key = fresh("key")
    receipt = {"lines": [{"sku": sku, "quantity": 1}], "reference": "r"}

    mine = await shop.supervisor.done("/v1/sales", sale_of(sku), key=key)
    yours = await shop.cashier.done("/v1/sales", sale_of(sku), key=key)
    received = await shop.supervisor.done("/v1/stock/receipts", receipt, key=key)

    assert len({mine["id"], yours["id"], received["id"]}) == 3
    assert (await shop.stock(sku))["on_hand"] == 7


async def test_a_refusal_may_be_tried_again_with_its_key(shop: Shop) -> None:
    sku = await shop.product()
    key = fresh("key")

    refused = await shop.cashier.post("/v1/sales", sale_of(sku), key=key)
    await shop.receive(sku, 2)
    sold = await shop.cashier.post("/v1/sales", sale_of(sku), key=key)

    assert refused.refusal == (409, "quota-short")
    assert sold.status == 201


async def test_a_twin_that_still_runs_is_a_conflict_and_one_sale_is_made(shop: Shop) -> None:
    sku = await shop.product(stock=3)  # the short sale waits for the hub's answer, which hangs
    shop.hub.suspend()
    try:
        key = fresh("key")
        twins = await asyncio.gather(
            *(shop.cashier.post("/v1/sales", sale_of(sku, 9), key=key) for _ in range(2))
        )
    finally:
        shop.hub.resume()

    assert sorted(twin.slug for twin in twins) == ["conflict", "quota-short"]
    assert {twin.status for twin in twins} == {409}


async def test_a_short_sale_is_refused_with_who_holds_the_rest(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    await shop.wan.set_mode(WanMode.CUT)

    async def cut() -> bool:
        return bool((await shop.status())["link"]["state"] == "down")

    await until(cut)
    before = await shop.picture()
    reply = await shop.cashier.post("/v1/sales", sale_of(sku, 7))

    assert reply.refusal == (409, "quota-short")
    assert (reply.json["sku"], reply.json["wanted"], reply.json["sellable"]) == (sku, 7, 6)
    [other] = reply.json["elsewhere"]
    assert (other["holder"], other["location"], other["quantity"]) == ("hub.1", "riverside", 2)
    assert other["last_heard"] is not None
    assert await shop.picture() == before


async def test_a_changed_price_is_told_and_nothing_is_sold(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=4)

    async with shop.nothing_changes():
        reply = await shop.cashier.post("/v1/sales", sale_of(sku) | {"expected_total_minor": 90})

    assert reply.refusal == (409, "price-changed")
    assert (reply.json["total_minor"], reply.json["expected_total_minor"]) == (100, 90)


async def test_only_cash_gives_change(shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)

    def paid(*tenders: tuple[str, int]) -> object:
        rows = [{"type": kind, "amount_minor": amount} for kind, amount in tenders]
        return sale_of(sku) | {"tenders": rows}

    over = await shop.cashier.post("/v1/sales", paid(("card", 101)))
    mixed = await shop.cashier.done("/v1/sales", paid(("card", 60), ("wallet", 10), ("cash", 50)))

    assert over.refusal == (422, "invalid-request")
    assert mixed["change_minor"] == 20


async def test_a_bundle_takes_its_components_or_nothing(shop: Shop) -> None:
    one, two = await shop.product(stock=4), await shop.product(stock=3)
    parts = [{"sku": one, "quantity": 1}, {"sku": two, "quantity": 2}]
    bundle = await shop.product(price=500, bundle=parts)

    await shop.cashier.done("/v1/sales", sale_of(bundle))
    refused = await shop.cashier.post("/v1/sales", sale_of(bundle))

    assert refused.refusal == (409, "quota-short")
    assert refused.json["sku"] == two
    assert [(await shop.stock(sku))["on_hand"] for sku in (one, two)] == [3, 1]


async def test_the_same_sku_in_two_lines_is_summed(shop: Shop) -> None:
    sku = await shop.product(stock=3)
    twice = sale_of(sku) | {"lines": [{"sku": sku, "quantity": 2}] * 2}

    refused = await shop.cashier.post("/v1/sales", twice)

    assert refused.refusal == (409, "quota-short")
    assert refused.json["wanted"] == 4


async def test_untracked_goods_need_no_stock(shop: Shop) -> None:
    bag = await shop.product(price=0, stock_policy="untracked")

    sale = await shop.cashier.done("/v1/sales", sale_of(bag, 3) | {"tenders": []})

    assert sale["total_minor"] == 0


async def test_registers_that_want_the_last_units_at_once_get_each_unit_once(shop: Shop) -> None:
    sku = await shop.product(stock=5)

    replies = await asyncio.gather(
        *(shop.cashier.post("/v1/sales", sale_of(sku)) for _ in range(64))
    )

    assert [reply.status for reply in replies].count(201) == 5
    assert {reply.slug for reply in replies if reply.status != 201} == {"quota-short"}
    assert (await shop.stock(sku))["on_hand"] == 0


async def test_sixty_four_requests_of_one_token_are_all_served(shop: Shop) -> None:
    sku = await shop.product(stock=100)

    replies = await asyncio.gather(
        *(shop.cashier.post("/v1/sales", sale_of(sku)) for _ in range(64))
    )

    assert {reply.status for reply in replies} == {201}
    numbers = [int(reply.json["number"].rpartition("-")[2]) for reply in replies]
    assert sorted(numbers) == list(range(min(numbers), min(numbers) + 64))


async def test_sales_come_in_pages_in_the_order_of_the_journal(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    made = [(await shop.cashier.done("/v1/sales", sale_of(sku)))["id"] for _ in range(5)]
    known = await shop.cashier.all("/v1/sales")

    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await shop.cashier.read(f"/v1/sales?limit=2{cursor and '&cursor=' + cursor}")
        pages.append([sale["id"] for sale in page["items"]])
        cursor = page["next_cursor"]
        assert cursor is None or re.fullmatch(r"[A-Za-z0-9_-]+", cursor)

    ids = [sale for page in pages for sale in page]
    assert ids == [sale["id"] for sale in known]
    assert ids[-5:] == made
    assert {len(page) for page in pages[:-1]} == {2}


async def test_a_customers_sales_are_found_without_the_receipt(shop: Shop) -> None:
    sku = await shop.product(stock=9)
    amira, other = f'Amira "{fresh("c")}"', fresh("c")
    sales = [
        await shop.cashier.done("/v1/sales", sale_of(sku) | {"customer_id": customer})
        for customer in (amira, other, amira)
    ]
    await shop.settled()
    asked = f"/v1/sales?limit=1&customer={quote(amira)}"

    for reader in (shop.cashier, shop.auditor):
        first = await reader.read(asked)
        rest = await reader.read(f"{asked}&cursor={first['next_cursor']}")

        assert [one["id"] for one in first["items"]] == [sales[0]["id"]]
        assert [one["id"] for one in rest["items"]] == [sales[2]["id"]]
        assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=1e2", "limit=", "limit=1&limit=2", "cursor=%21",
     "cursor=AAAA", "cursor=", "nonsense=1"],
)  # fmt: skip
async def test_a_wrong_query_is_400(shop: Shop, query: str) -> None:
    for caller, path in (
        (shop.cashier, "/v1/sales"), (shop.cashier, "/v1/stock"), (shop.cashier, "/v1/products"),
        (shop.cashier, "/v1/movements"), (shop.cashier, "/v1/orders"),
        (shop.auditor, "/v1/sales"), (shop.auditor, "/v1/movements"),
        (shop.admin, "/v1/products"), (shop.admin, "/v1/orders"), (shop.admin, "/v1/locations"),
    ):  # fmt: skip
        assert (await caller.get(f"{path}?{query}")).refusal == (400, "invalid-request"), path


async def test_the_receipt_is_text_and_what_was_not_sold_has_none(shop: Shop) -> None:
    sku = await shop.product(price=250, stock=4)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, cash=300))

    receipt = await shop.cashier.get(f"/v1/sales/{sale['id']}/receipt")
    missing = await shop.cashier.get("/v1/sales/riverside.1-999999/receipt")

    text = receipt.body.decode()
    assert receipt.headers["Content-Type"].startswith("text/plain")
    for word in ("Riverside", sale["number"], f"Thing {sku}", "2.50", "0.50", "Total", "Change"):
        assert word in text, word
    assert missing.refusal == (404, "not-found")


async def test_a_sale_is_found_by_the_number_on_its_receipt(shop: Shop) -> None:
    sale = await shop.cashier.done("/v1/sales", sale_of(await shop.product(stock=4)))

    by_number = await shop.cashier.read(f"/v1/sales/{sale['number']}")
    unknown = await shop.cashier.get(f"/v1/sales/{shop.location.upper()}-1-999999")

    assert by_number == sale
    assert unknown.refusal == (404, "not-found")
