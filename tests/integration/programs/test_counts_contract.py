"""Goal: a count over HTTP has a start, lines by scan time and an end, and books each thing once.

Method: a running gateway behind a running hub; each test has products of its own.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.programs import Reply, Shop, fresh, open_shop, sale_of

PATH = "/v1/stock/counts"


async def start(shop: Shop, *skus: str, **more: object) -> str:
    """A new count."""
    body = ({"skus": list(skus)} if skus else {}) | more
    return str((await shop.supervisor.done(PATH, body))["id"])


async def count(shop: Shop, count_id: str, **units: int) -> Any:  # noqa: ANN401 - as JSON
    """Lines that are kept."""
    lines = [{"sku": sku.replace("_", "-"), "counted": many} for sku, many in units.items()]
    return (await shop.cashier.done(f"{PATH}/{count_id}/lines", {"lines": lines}))["lines"]


def line(sku: str, counted: object, **more: object) -> object:
    """The body of one line."""
    return {"lines": [{"sku": sku, "counted": counted, **more}]}


async def close(shop: Shop, count_id: str, **reasons: str) -> Any:  # noqa: ANN401 - as JSON
    """The differences."""
    given = [{"sku": sku.replace("_", "-"), "reason": why} for sku, why in reasons.items()]
    return await shop.supervisor.done(f"{PATH}/{count_id}/close", {"reasons": given})


def key_of(sku: str) -> str:
    """A SKU as a keyword."""
    return sku.replace("-", "_")


async def test_a_count_goes_on_while_the_shop_sells(shop: Shop) -> None:
    tea, jam, salt = [await shop.product(stock=20) for _ in range(3)]
    count_id = await start(shop, tea, jam, salt, reference="aisle 3")
    lines = await count(shop, count_id, **{key_of(tea): 18, key_of(jam): 21})
    await shop.cashier.done("/v1/sales", sale_of(tea, 5))

    closed = await close(shop, count_id, **{key_of(tea): "theft"})
    await shop.settled()

    assert [(one["expected"], one["difference"], one["provisional"]) for one in lines] == [
        (20, -2, False), (20, 1, False),
    ]  # fmt: skip
    told = {one["sku"]: (one["difference"], one["reason"], one["on_hand"], one["deficit"])
            for one in closed["differences"]}  # fmt: skip
    assert told == {tea: (-2, "theft", 13, 0), jam: (1, "count", 21, 0)}
    assert closed["by_reason"] == [
        {"reason": "count", "lines": 1, "more": 1, "fewer": 0},
        {"reason": "theft", "lines": 1, "more": 0, "fewer": 2},
    ]
    assert (closed["uncounted"], closed["status"]) == ([salt], "closed")
    assert [(await shop.hub_stock(sku))["on_hand"] for sku in (tea, jam, salt)] == [13, 21, 20]
    moves = [one for one in await shop.auditor.all("/v1/movements") if one["sku"] == tea]
    assert [(one["kind"], one["quantity"], one["reason"]) for one in moves[1:]] == [
        ("sale", -5, ""), ("count_difference", -2, "theft"),
    ]  # fmt: skip
    assert moves[2]["reference"] == count_id


async def test_a_handheld_that_reports_later_is_compared_with_its_scan(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    body = await shop.supervisor.done(PATH, {})
    sold = await shop.cashier.done("/v1/sales", sale_of(sku, 3))
    later = await shop.cashier.done("/v1/sales", sale_of(sku, 4))
    path = f"{PATH}/{body['id']}/lines"

    early = await shop.cashier.done(path, line(sku, 20, at=body["started_at"]))
    between = await shop.cashier.done(path, line(sku, 17, at=sold["at"], recount=True))
    now = await shop.cashier.done(path, line(sku, 13, at=later["at"], recount=True))

    assert [one["lines"][0]["difference"] for one in (early, between, now)] == [0, 0, 0]


async def test_a_blind_count_tells_nothing_before_it_is_closed(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    count_id = await start(shop, blind=True)

    (told,) = await count(shop, count_id, **{key_of(sku): 18})
    shown = await shop.cashier.read(f"{PATH}/{count_id}")
    closed = await close(shop, count_id)
    after = await shop.cashier.read(f"{PATH}/{count_id}")

    hidden = {"expected": None, "difference": None, "provisional": None}
    for one in (told, shown["lines"][0]):
        assert one | hidden == one
        assert one["counted"] == 18
    assert (shown["status"], shown["differences"]) == ("open", [])
    assert closed["differences"] == after["differences"]
    assert after["differences"][0]["expected"] == 20
    assert after["lines"] == after["differences"]


async def test_each_request_of_a_count_is_done_once(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    keys = [fresh("key") for _ in range(3)]

    first = await shop.supervisor.post(PATH, {"skus": [sku]}, key=keys[0])
    again = await shop.supervisor.post(PATH, {"skus": [sku]}, key=keys[0])
    path = f"{PATH}/{first.json['id']}"
    lines = [await shop.cashier.post(f"{path}/lines", line(sku, 15), key=keys[1]) for _ in "ab"]
    ends = [await shop.manager.post(f"{path}/close", {}, key=keys[2]) for _ in "ab"]

    for one, other in ((first, again), lines, ends):
        assert one.status == other.status == 201
        assert one.body == other.body
    assert (await shop.stock(sku))["on_hand"] == 15


async def test_counts_are_listed_and_shown(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    ids = [await start(shop), await start(shop, sku), await start(shop)]
    await count(shop, ids[1], **{key_of(sku): 20})
    await shop.manager.done(f"{PATH}/{ids[2]}/cancel", {})
    await close(shop, ids[0])

    by_status = {
        status: [one["id"] for one in await shop.cashier.all(f"{PATH}?status={status}")]
        for status in ("open", "closed", "cancelled")
    }
    page = await shop.cashier.read(f"{PATH}?limit=1")
    shown = await shop.cashier.read(f"{PATH}/{ids[1]}")
    await shop.manager.done(f"{PATH}/{ids[1]}/cancel", {})

    for status, one in zip(("closed", "open", "cancelled"), ids, strict=True):
        assert one in by_status.pop(status)
        assert all(one not in others for others in by_status.values())
        by_status[status] = []
    assert page["next_cursor"] is not None
    assert len(page["items"]) == 1
    assert [one["sku"] for one in shown["lines"]] == [sku]
    assert shown["counted"] == 1
    assert (await shop.cashier.get(f"{PATH}?status=lost")).refusal == (400, "invalid-request")


# What bad input gets


async def test_a_line_counted_twice_keeps_nothing_of_the_request(shop: Shop) -> None:
    tea, jam = [await shop.product(stock=20) for _ in range(2)]
    count_id = await start(shop)
    await count(shop, count_id, **{key_of(tea): 18})
    both = {"lines": [{"sku": jam, "counted": 1}, {"sku": tea, "counted": 1}]}

    async with shop.nothing_changes():
        refused = await shop.cashier.post(f"{PATH}/{count_id}/lines", both)
    shown = await shop.cashier.read(f"{PATH}/{count_id}")
    await shop.cashier.done(f"{PATH}/{count_id}/lines", line(tea, 19, recount=True))
    closed = await close(shop, count_id)

    assert refused.refusal == (409, "conflict")
    assert refused.json["field"] == "$.lines[1].sku"
    assert [one["sku"] for one in shown["lines"]] == [tea]
    assert [one["difference"] for one in closed["differences"]] == [-1]


async def test_a_closed_count_takes_nothing_and_closes_no_more(shop: Shop) -> None:
    tea, jam = [await shop.product(stock=20) for _ in range(2)]
    count_id = await start(shop)
    await count(shop, count_id, **{key_of(tea): 18})
    await close(shop, count_id)

    async with shop.nothing_changes():
        replies = [
            await shop.manager.post(f"{PATH}/{count_id}/{end}", body)
            for end, body in (
                ("close", {}), ("cancel", {}), ("lines", line(jam, 1)),
                ("lines", line(tea, 1, recount=True)),
            )
        ]  # fmt: skip

    assert {reply.refusal for reply in replies} == {(409, "conflict")}
    assert (await shop.stock(tea))["on_hand"] == 18


async def test_a_sku_is_in_one_open_count(shop: Shop) -> None:
    sku = await shop.product(stock=20)
    named, other = await start(shop, sku), await start(shop)

    async with shop.nothing_changes():
        twice = await shop.manager.post(PATH, {"skus": [sku]})
        there = await shop.cashier.post(f"{PATH}/{other}/lines", line(sku, 20))
    await shop.manager.done(f"{PATH}/{named}/cancel", {})
    await count(shop, other, **{key_of(sku): 20})
    await close(shop, other)

    assert twice.refusal == there.refusal == (409, "conflict")
    assert twice.json["count"] == there.json["count"] == named


async def test_a_line_that_is_none(shop: Shop) -> None:
    tea, jam = [await shop.product(stock=20) for _ in range(2)]
    bag = await shop.product(stock_policy="untracked")
    pack = await shop.product(bundle=[{"sku": tea, "quantity": 2}])
    named, free = await start(shop, tea), await start(shop)
    till = shop.at_gateway("cashier", register="till-9")
    bodies: list[object] = [
        line(jam, -1), line(jam, 1.5), line(jam, "3"), line(jam, None), line(jam, 10**10),
        line(jam, 1, at="yesterday"), line(jam, 1, at="2026-11-22T10:00:00"),
        line(jam, 1, at="2020-01-01T00:00:00Z"), line(jam, 1, at="2199-01-01T00:00:00Z"),
        line(jam, 1, shelf=3), line(bag, 1), line(pack, 1), {"lines": []}, {},
        {"lines": [{"sku": jam}]}, {"lines": [{"sku": jam, "counted": 1}] * 1001},
    ]  # fmt: skip

    replies: list[Reply] = []
    async with shop.nothing_changes():
        replies.extend([await shop.cashier.post(f"{PATH}/{free}/lines", one) for one in bodies])
        replies.append(await shop.cashier.post(f"{PATH}/{named}/lines", line(jam, 1)))
        unknown = await shop.cashier.post(f"{PATH}/{free}/lines", line("no-such", 1))
        nowhere = await shop.cashier.post(f"{PATH}/riverside.1-0/lines", line(jam, 1))
        other = await till.post(f"{PATH}/{free}/lines", line(jam, 1, register="till-1"))
    for one in (named, free):
        await shop.manager.done(f"{PATH}/{one}/cancel", {})

    assert [reply.refusal for reply in replies] == [(422, "invalid-request")] * len(replies)
    assert unknown.refusal == (404, "unknown-product")
    assert nowhere.refusal == (404, "not-found")
    assert other.refusal == (403, "forbidden")


async def test_a_start_or_a_close_that_is_none(shop: Shop) -> None:
    tea, jam = [await shop.product(stock=20) for _ in range(2)]
    bag = await shop.product(stock_policy="untracked")
    count_id = await start(shop)
    await count(shop, count_id, **{key_of(tea): 18})
    starts: list[object] = [
        {"skus": []}, {"skus": [jam, jam]}, {"skus": [bag]}, {"skus": jam}, {"blind": 1},
        {"reference": ""}, {"reference": "x" * 201}, {"aisle": 3}, {"skus": [jam] * 1001},
    ]  # fmt: skip
    closes = [
        [{"sku": tea, "reason": reason}]
        for reason in ("eaten", "found", "damaged", "return_to_vendor", "")
    ] + [[{"sku": jam, "reason": "theft"}], [{"sku": tea, "reason": "theft"}] * 2]

    async with shop.nothing_changes():
        replies = [
            *[await shop.manager.post(PATH, body) for body in starts],
            *[
                await shop.manager.post(f"{PATH}/{count_id}/close", {"reasons": reasons})
                for reasons in closes
            ],
        ]
        unknown = await shop.manager.post(PATH, {"skus": ["no-such"]})
    await close(shop, count_id)

    assert [reply.refusal for reply in replies] == [(422, "invalid-request")] * len(replies)
    assert unknown.refusal == (404, "unknown-product")


@pytest.mark.parametrize("path", ["none", "riverside.1-1", "hub.1-1", "%F0%9F%8D%8E"])
async def test_a_count_that_nobody_started(shop: Shop, path: str) -> None:
    replies = [
        await shop.cashier.get(f"{PATH}/{path}"),
        await shop.manager.post(f"{PATH}/{path}/close", {}),
        await shop.manager.post(f"{PATH}/{path}/cancel", {}),
    ]

    assert [reply.refusal for reply in replies] == [(404, "not-found")] * 3


async def test_a_killed_gateway_goes_on_with_its_open_count(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        sku = await shop.product(stock=20)
        count_id = await start(shop)
        await count(shop, count_id, **{key_of(sku): 17})

        await shop.gateway.kill()
        await shop.start_gateway()
        closed = await close(shop, count_id)

    assert [(one["difference"], one["on_hand"]) for one in closed["differences"]] == [(-3, 17)]
