"""Goal: goods come back once, are paid for as they were paid, and are sold again only after a look.

Method: a running gateway behind a running hub; sales are made and brought back, by id and by the
printed number, with the line and while it is cut; the hub's audit looks over all of it.
"""

import asyncio
from typing import Any

from devices.sim.wan import WanMode
from tests.programs import Shop, fresh, sale_of


def return_of(sale: str, sku: str, quantity: int, **line: int) -> dict[str, object]:
    """The body of a return of one SKU."""
    return {
        "register": "till-1", "sale": sale, "reason": "unwanted",
        "lines": [{"sku": sku, "quantity": quantity} | line],
    }  # fmt: skip


async def inspected(shop: Shop, came: str, sku: str, units: int, disposition: str) -> Any:  # noqa: ANN401
    """Somebody has looked at what came back."""
    lines = [{"sku": sku, "quantity": units, "disposition": disposition}]
    return await shop.manager.done(f"/v1/returns/{came}/inspect", {"lines": lines})


async def test_what_comes_back_waits_in_quality_control_and_is_sold_after_a_look(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=8, price=115)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 3))

    came = await shop.cashier.done("/v1/returns", return_of(sale["id"], sku, 2))
    waiting = await shop.stock(sku)
    done = await inspected(shop, came["id"], sku, 2, "restock")
    stock = await shop.stock(sku)

    assert (came["sale"], came["sale_number"]) == (sale["id"], sale["number"])
    assert came["number"].startswith(f"{shop.location.upper()}-1-R")
    assert came["lines"][0]["tax_rate"] == sale["lines"][0]["tax_rate"]
    assert came["total_minor"] == sum(one["amount_minor"] for one in came["refunds"]) == 230
    assert (waiting["quality_control"], waiting["available"], waiting["on_hand"]) == (2, 5, 7)
    assert (stock["quality_control"], stock["available"], stock["on_hand"]) == (0, 7, 7)
    assert done["inspected"] == [{"sku": sku, "quantity": 2, "disposition": "restock"}]


async def test_each_disposition_leaves_the_stock_that_it_says(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 3))
    came = await shop.cashier.done("/v1/returns", return_of(sale["number"], sku, 3))

    for disposition in ("damaged", "write_off", "return_to_vendor"):
        await inspected(shop, came["id"], sku, 1, disposition)

    stock = await shop.stock(sku)
    assert (stock["on_hand"], stock["damaged"], stock["quality_control"]) == (6, 1, 0)
    await shop.settled()
    at_hub = await shop.hub_stock(sku)
    assert {name: at_hub[name] for name in ("on_hand", "damaged", "quality_control")} == {
        "on_hand": 6, "damaged": 1, "quality_control": 0,
    }  # fmt: skip
    report = await shop.auditor.ask("POST", "/v1/audit", body={"location": shop.location})
    assert report.json["differences"] == []


async def test_the_same_units_come_back_once_however_often_and_at_once_they_are_brought(
    shop: Shop,
) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    body, key = return_of(sale["id"], sku, 2), fresh("key")

    first = await shop.cashier.post("/v1/returns", body, key=key)
    again = await shop.cashier.post("/v1/returns", body, key=key)
    others = await asyncio.gather(*(shop.cashier.post("/v1/returns", body) for _ in range(4)))

    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert {one.refusal for one in others} == {(409, "conflict")}
    assert others[0].json["detail"] == f"2 of {sku} came back, and 0 of the sale are left."
    assert (await shop.stock(sku))["quality_control"] == 2


async def test_a_return_is_taken_while_the_line_is_cut_and_the_hub_hears_of_it(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    await shop.wan.set_mode(WanMode.CUT)

    came = await shop.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))
    await inspected(shop, came["id"], sku, 1, "restock")
    await shop.wan.set_mode(WanMode.PASS)
    await shop.settled()

    at_hub = await shop.hub_stock(sku)
    assert (at_hub["on_hand"], at_hub["available"]) == (7, 7)
    movements = (await shop.auditor.read(f"/v1/movements?location={shop.location}&limit=500"))[
        "items"
    ]
    own = [(one["kind"], one["quantity"]) for one in movements if one["sku"] == sku]
    assert own == [("receipt", 8), ("sale", -2), ("return", 1)]


async def test_a_bundle_comes_back_as_what_it_is_of(shop: Shop) -> None:
    part = await shop.product(stock=8)
    pair = await shop.product(bundle=[{"sku": part, "quantity": 2}])
    sale = await shop.cashier.done("/v1/sales", sale_of(pair, 2))

    came = await shop.cashier.done("/v1/returns", return_of(sale["id"], pair, 1))

    assert came["goods"] == {part: 2}
    assert (await shop.stock(part))["quality_control"] == 2


async def test_what_cannot_come_back_is_refused_and_changes_nothing(shop: Shop) -> None:
    sku, other = await shop.product(stock=8), await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    before = await shop.stock(sku)
    receipts = await shop.manager.read("/v1/movements?limit=500")
    receipt = next(one for one in receipts["items"] if one["kind"] == "receipt")

    answers = [
        await shop.cashier.post("/v1/returns", body)
        for body in (
            return_of(sale["id"], sku, 3),
            return_of(sale["id"], other, 1),
            return_of(sale["id"], sku, 1, line=2),
            return_of("harbour.1-5", sku, 1),
            return_of("HARBOUR-1-000005", sku, 1),
            return_of("hub.1-5", sku, 1),
            return_of(f"{shop.location}-1-999999", sku, 1),
            return_of(f"{shop.location}-1-000000", sku, 1),
            return_of(f"{receipt['writer']}-{receipt['seq']}", sku, 1),
            return_of("no such thing", sku, 1),
            return_of(sale["id"], sku, 0),
            return_of(sale["id"], sku, 1) | {"reason": " "},
        )
    ]

    assert [one.refusal for one in answers] == [
        (409, "conflict"), (409, "conflict"), (409, "conflict"),
        *[(404, "not-found")] * 7,
        (422, "invalid-request"), (422, "invalid-request"),
    ]  # fmt: skip
    assert answers[4].json["detail"] == "Nobody has heard of a sale HARBOUR-1-000005."
    assert await shop.stock(sku) == before


async def test_a_receipts_number_may_be_typed_in_small_letters(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))

    came = await shop.cashier.done("/v1/returns", return_of(f" {sale['number'].lower()}", sku, 1))

    assert came["sale"] == sale["id"]


async def test_an_inspection_of_more_than_waits_is_refused(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    came = await shop.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))
    await inspected(shop, came["id"], sku, 1, "restock")
    lines = [{"sku": sku, "quantity": 1, "disposition": "restock"}]

    again = await shop.manager.post(f"/v1/returns/{came['id']}/inspect", {"lines": lines})
    nobody = await shop.manager.post("/v1/returns/riverside.1-9/inspect", {"lines": lines})
    cashier = await shop.cashier.post(f"/v1/returns/{came['id']}/inspect", {"lines": lines})

    assert again.refusal == (409, "conflict")
    assert nobody.refusal == (404, "not-found")
    assert cashier.refusal == (403, "forbidden")


async def test_returns_are_listed_by_whether_they_wait(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, 2))
    one = await shop.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))
    two = await shop.cashier.done("/v1/returns", return_of(sale["id"], sku, 1))
    await inspected(shop, one["id"], sku, 1, "restock")

    waiting = (await shop.cashier.read("/v1/returns?open=true&limit=500"))["items"]
    done = (await shop.cashier.read("/v1/returns?open=false&limit=500"))["items"]

    assert two["id"] in {item["id"] for item in waiting}
    assert one["id"] in {item["id"] for item in done}
    assert (await shop.cashier.read(f"/v1/returns/{two['id']}"))["id"] == two["id"]


def exchange_of(sale: str, back: str, out: str, **more: object) -> dict[str, object]:
    """The body of an exchange of one unit for another; cash covers any difference."""
    return {
        "register": "till-1", "sale": sale, "reason": "wrong size",
        "returned": [{"sku": back, "quantity": 1}], "lines": [{"sku": out, "quantity": 1}],
    } | more  # fmt: skip


def cash(amount_minor: int) -> list[dict[str, object]]:
    """Notes."""
    return [{"type": "cash", "amount_minor": amount_minor}]


async def test_goods_are_exchanged_for_dearer_ones_and_the_difference_is_paid(shop: Shop) -> None:
    small = await shop.product(stock=8, price=100)
    large = await shop.product(stock=8, price=250)
    sale = await shop.cashier.done("/v1/sales", sale_of(small, 1))

    done = await shop.cashier.done(
        "/v1/exchanges", exchange_of(sale["id"], small, large, tenders=cash(200))
    )

    returned, sold = done["returned"], done["sale"]
    assert returned["refunds"] == [{"type": "exchange", "amount_minor": 100}]
    assert sold["tenders"] == [{"type": "exchange", "amount_minor": 100}, *cash(200)]
    assert (sold["total_minor"], sold["change_minor"]) == (250, 50)
    assert (await shop.stock(small))["quality_control"] == 1
    assert (await shop.stock(large))["on_hand"] == 7
    shown = await shop.cashier.read(f"/v1/sales/{sold['id']}")
    assert shown == sold
    await shop.settled()
    audit = await shop.auditor.ask("POST", "/v1/audit", body={"location": shop.location})
    assert audit.json["differences"] == []


async def test_goods_are_exchanged_for_cheaper_ones_and_the_rest_is_paid_back(shop: Shop) -> None:
    large = await shop.product(stock=8, price=250)
    small = await shop.product(stock=8, price=100)
    sale = await shop.cashier.done("/v1/sales", sale_of(large, 1))

    done = await shop.cashier.done("/v1/exchanges", exchange_of(sale["id"], large, small))
    came = await shop.cashier.done("/v1/returns", return_of(done["sale"]["id"], small, 1))

    assert done["returned"]["refunds"] == [
        {"type": "exchange", "amount_minor": 100}, *cash(150),
    ]  # fmt: skip
    assert done["sale"]["tenders"] == [{"type": "exchange", "amount_minor": 100}]
    assert came["refunds"] == cash(100), "what was paid with goods goes back in cash"


async def test_an_exchange_that_cannot_be_whole_is_nothing_at_all(shop: Shop) -> None:
    small = await shop.product(stock=8, price=100)
    gone = await shop.product(price=100)
    large = await shop.product(stock=8, price=250)
    sale = await shop.cashier.done("/v1/sales", sale_of(small, 1))
    before = await shop.stock(small)

    refused = [
        (await shop.cashier.post("/v1/exchanges", body)).refusal
        for body in (
            exchange_of(sale["id"], small, gone),
            exchange_of(sale["id"], small, large),
            exchange_of(sale["id"], large, small),
            exchange_of(sale["id"], small, "NO-SUCH"),
            exchange_of(sale["id"], small, large, tenders=cash(150), expected_total_minor=1),
            exchange_of(
                sale["id"], small, large, tenders=[{"type": "exchange", "amount_minor": 150}]
            ),
        )
    ]

    assert refused == [
        (409, "quota-short"), (422, "invalid-request"), (409, "conflict"),
        (404, "unknown-product"), (409, "price-changed"), (422, "invalid-request"),
    ]  # fmt: skip
    assert await shop.stock(small) == before
    assert (await shop.stock(large))["on_hand"] == 8


async def test_an_exchange_twice_is_one_exchange(shop: Shop) -> None:
    small = await shop.product(stock=8, price=100)
    other = await shop.product(stock=8, price=100)
    sale = await shop.cashier.done("/v1/sales", sale_of(small, 1))
    body, key = exchange_of(sale["id"], small, other), fresh("key")

    first = await shop.cashier.post("/v1/exchanges", body, key=key)
    again = await shop.cashier.post("/v1/exchanges", body, key=key)

    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert (await shop.stock(other))["on_hand"] == 7
