"""Goal: a code makes one box, a location has one gateway, and a copy of a box sells nothing.

Method: the commands and programs as processes; a code expires by its row in the hub's file.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator

import apsw
import pytest
import pytest_asyncio

from scripts.processes import ProgramBroken, Programs, start
from tests.programs import Caller, Reply, Shop, fresh, run, sale_of, told, until

REFUSED = 2


@pytest_asyncio.fixture(loop_scope="session")
async def programs(shop: Shop) -> AsyncIterator[Programs]:
    """Further programs beside the shop, which end with the test."""
    async with Programs(shop.programs.root) as more:
        yield more


async def use(shop: Shop, code: str, box: str | None = None) -> Reply:
    """Use a code as a new box does."""
    stranger = Caller(client=shop.client, url=shop.hub.url)
    body = {"code": code, "software": "test", "box": box}
    return await stranger.ask("POST", "/v1/enrolments", body=body)


def at(programs: Programs, location: str, role: str, shop: Shop, url: str) -> Caller:
    """A token of a further gateway."""
    data = str(programs.root / location)
    token = told("gateway", "token", "--data", data, "--role", role)
    return Caller(client=shop.client, url=url, token=token)


async def test_a_box_whose_answer_was_lost_asks_again_and_another_box_cannot(shop: Shop) -> None:
    code = await shop.programs.enrolment_code(fresh("harbour"))

    first = await use(shop, code, box="a" * 32)
    again = await use(shop, code, box="a" * 32)
    other = await use(shop, code, box="b" * 32)
    nameless = await use(shop, code)

    assert (first.status, again.status) == (201, 201)
    assert again.json["writer"] == first.json["writer"]
    assert again.json["token"] != first.json["token"], "only digests of tokens are kept"
    assert (other.status, nameless.status) == (403, 403)


async def test_tokens_and_codes_are_made_while_the_programs_run(shop: Shop) -> None:
    location = fresh("lakeside")
    tokens = await asyncio.gather(
        shop.programs.gateway_token("riverside", "cashier", register="till-1"),
        shop.programs.hub_token("auditor"),
        shop.programs.enrolment_code(location, kind="warehouse"),
    )

    cashier = Caller(client=shop.client, url=shop.gateway.url, token=tokens[0])
    auditor = Caller(client=shop.client, url=shop.hub.url, token=tokens[1])
    enrolled = await use(shop, tokens[2])

    assert (await cashier.get("/v1/sales")).status == 200
    assert (await auditor.get("/v1/sales")).status == 200
    assert enrolled.status == 201
    assert enrolled.json["writer"] == f"{location}.1"
    rows = {row["id"]: row for row in await shop.admin.all("/v1/locations")}
    assert rows[location]["kind"] == "warehouse"
    assert rows[location]["link"] == {"state": "never", "since": None, "last_heard": None}


async def test_a_code_is_used_once(shop: Shop, programs: Programs) -> None:
    location = fresh("lakeside")
    code = shop.code(location)

    first = await use(shop, code)
    second = await use(shop, code.lower().replace("-", " "))
    status, complaint = await run(
        "gateway", "serve", "--data", str(programs.root / fresh("new")), "--listen", "127.0.0.1:0",
        "--hub", shop.hub.url, "--no-mdns", "--enrol", code,
    )  # fmt: skip

    assert first.status == 201
    assert second.refusal == (403, "forbidden")
    assert "used already" in second.json["detail"]
    assert status == REFUSED
    assert "used already" in complaint
    assert "Traceback" not in complaint


async def test_a_code_expires(shop: Shop) -> None:
    location = fresh("lakeside")
    code = shop.code(location)
    hub = apsw.Connection(str(shop.programs.root / "hub" / "hub.db"))
    hub.set_busy_timeout(5_000)
    hub.execute("UPDATE enrolment_code SET expires_at_ms = 1 WHERE location = ?", (location,))
    hub.close()

    async with shop.nothing_changes():
        reply = await use(shop, code)
        again = await use(shop, code)

    assert reply.refusal == again.refusal == (403, "forbidden")
    assert "expired" in reply.json["detail"]
    assert (await use(shop, shop.code(location))).json["writer"] == f"{location}.1"


async def test_a_code_that_nobody_made_or_that_was_overtaken(shop: Shop) -> None:
    location = fresh("lakeside")
    early, late = shop.code(location), shop.code(location)
    await use(shop, late)

    async with shop.nothing_changes():
        unknown = await use(shop, "AAAA-BBBB-CCCC-DDDD")
        overtaken = await use(shop, early)
        empty = await use(shop, "")
        long = await use(shop, "A" * 65)

    assert unknown.refusal == overtaken.refusal == (403, "forbidden")
    assert "Another box" in overtaken.json["detail"]
    assert empty.refusal == long.refusal == (422, "invalid-request")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--location", "riverside"), "--replace"),
        (("--location", "hub"), "no location id"),
        (("--location", "Upper Case"), "no location id"),
        (("--location", "ok", "--timezone", "Mars/Olympus"), "Mars/Olympus"),
        (("--location", "rivreside", "--replace"), "no location rivreside"),
    ],
)
async def test_a_location_that_cannot_be_enrolled(
    shop: Shop, arguments: tuple[str, ...], why: str
) -> None:
    data = str(shop.programs.root / "hub")

    status, complaint = await run("cloud_hub", "enrol", "--data", data, "--name", "N", *arguments)

    assert status == REFUSED
    assert why in complaint
    assert "Traceback" not in complaint
    assert len(complaint.splitlines()) == 1


async def test_a_location_that_is_there_keeps_its_name_and_a_new_one_needs_one(shop: Shop) -> None:
    location, data = fresh("lakeside"), str(shop.programs.root / "hub")
    await use(shop, shop.code(location))

    replacing = told("cloud_hub", "enrol", "--data", data, "--location", location, "--replace")
    nameless = await run("cloud_hub", "enrol", "--data", data, "--location", fresh("new"))

    assert (await use(shop, replacing)).json["name"] == location
    assert nameless[0] == REFUSED
    assert "--name" in nameless[1]


async def test_a_box_without_a_code_says_what_to_do(shop: Shop) -> None:
    status, complaint = await run(
        "gateway", "serve", "--data", str(shop.programs.root / fresh("new")),
        "--listen", "127.0.0.1:0", "--hub", shop.hub.url, "--no-mdns",
    )  # fmt: skip

    assert status == REFUSED
    assert "cloud-hub enrol" in complaint


async def test_a_second_program_on_one_data_directory_is_refused(shop: Shop) -> None:
    async with shop.nothing_changes():
        gateway = await run(
            "gateway", "serve", "--data", str(shop.gateway_data), "--listen", "127.0.0.1:0",
            "--hub", shop.hub.url, "--no-mdns",
        )  # fmt: skip
        hub = await run(
            "cloud_hub", "serve", "--data", str(shop.programs.root / "hub"),
            "--listen", "127.0.0.1:0",
        )  # fmt: skip

    for status, complaint in (gateway, hub):
        assert status == REFUSED
        assert "in use by another running program" in complaint
        assert "Traceback" not in complaint


async def test_an_enrolled_box_ignores_its_code_and_a_copy_of_it_sells_nothing(
    shop: Shop, programs: Programs
) -> None:
    location = fresh("lakeside")
    sku = await shop.product()
    box = await programs.gateway(
        location, hub_url=shop.hub.url, code=shop.code(location), options=("--no-mdns",)
    )
    await box.stop()
    shutil.copytree(programs.root / location, programs.root / f"{location}-copy")

    again = await programs.gateway(
        location, hub_url=shop.hub.url, code="AAAA-BBBB-CCCC-DDDD", options=("--no-mdns",)
    )
    manager = at(programs, location, "manager", shop, again.url)
    lines = [{"sku": sku, "quantity": 8}]

    async def stocked() -> bool:
        body = {"lines": lines, "reference": "r"}
        return (await manager.post("/v1/stock/receipts", body, key="one")).status == 201

    await until(stocked)
    sold = await manager.post("/v1/sales", sale_of(sku))
    copy = await start(
        "copy",
        ["gateway", "serve", "--data", str(programs.root / f"{location}-copy"),
         "--listen", "127.0.0.1:0", "--hub", shop.hub.url, "--no-mdns"],
        log=programs.root / "copy.log",
    )  # fmt: skip
    programs.started.append(copy)
    at_copy = at(programs, f"{location}-copy", "manager", shop, copy.url)

    async def stopped() -> bool:
        return bool((await at_copy.read("/v1/status"))["selling"]["state"] == "stopped")

    await until(stopped)
    refused = await at_copy.post("/v1/sales", sale_of(sku))
    received = await at_copy.post("/v1/stock/receipts", {"lines": lines, "reference": "r"})
    health = await at_copy.get("/healthz")
    headline = (await at_copy.read("/v1/status"))["headline"]
    still = await manager.post("/v1/sales", sale_of(sku))

    async def at_hub() -> list[str] | None:
        sales = await shop.auditor.all(f"/v1/sales?location={location}")
        return [one["id"] for one in sales] if len(sales) > 1 else None

    assert sold.status == still.status == 201
    assert refused.refusal == health.refusal == (503, "unavailable")
    assert received.status >= 400
    assert headline.startswith("Not selling")
    assert await until(at_hub) == [sold.json["id"], still.json["id"]]


async def test_a_code_for_another_location_is_refused_and_one_for_its_own_is_not_used(
    shop: Shop, programs: Programs
) -> None:
    location, other = fresh("lakeside"), fresh("hillside")
    box = await programs.gateway(
        location, hub_url=shop.hub.url, code=shop.code(location), options=("--no-mdns",)
    )
    await box.stop()
    others, own = shop.code(other), shop.code(location, "--replace")

    serve = ("gateway", "serve", "--data", str(programs.root / location), "--no-mdns")
    listen = ("--listen", "127.0.0.1:0", "--hub", shop.hub.url)
    status, complaint = await run(*serve, *listen, "--enrol", others)
    again = await programs.gateway(location, hub_url=shop.hub.url, code=own, options=("--no-mdns",))
    await again.stop()
    unheard = await programs.gateway(
        location, hub_url="http://127.0.0.1:9", code=others, options=("--no-mdns",)
    )
    status_page = await at(programs, location, "technician", shop, unheard.url).read("/v1/status")

    assert status == REFUSED
    assert f"is for {other}" in complaint
    assert f"this box is of {location}" in complaint
    assert "Traceback" not in complaint
    assert status_page["writer"] == f"{location}.1", "it starts while nobody can be asked"
    assert (await use(shop, others)).json["writer"] == f"{other}.1"
    assert (await use(shop, own)).json["writer"] == f"{location}.2"


async def test_a_replaced_box_is_not_let_in_again(shop: Shop, programs: Programs) -> None:
    location = fresh("lakeside")
    old = await programs.gateway(
        location, hub_url=shop.hub.url, code=shop.code(location), options=("--no-mdns",)
    )
    technician = at(programs, location, "technician", shop, old.url)

    async def connected() -> bool:
        return bool((await technician.read("/v1/status"))["link"]["state"] == "connected")

    await until(connected)
    code = shop.code(location, "--replace", "--although-connected")
    new = await start(
        "new",
        ["gateway", "serve", "--data", str(programs.root / f"{location}-new"), "--enrol", code,
         "--listen", "127.0.0.1:0", "--hub", shop.hub.url, "--no-mdns"],
        log=programs.root / "new.log",
    )  # fmt: skip
    programs.started.append(new)

    async def put_out() -> bool:
        link = (await technician.read("/v1/status"))["link"]
        return bool(link["state"] == "down")

    await until(put_out)

    async def row() -> object:
        rows = await shop.admin.all("/v1/locations")
        one = next(row for row in rows if row["id"] == location)
        return one["link"]["state"] == "connected" and one["journal"]["writer"]

    assert await until(row) == f"{location}.2"


async def test_a_program_that_does_not_come_up_says_why(shop: Shop, programs: Programs) -> None:
    with pytest.raises(ProgramBroken, match="taken by another program"):
        await programs.gateway(
            "riverside-two",
            hub_url=shop.hub.url,
            code=shop.code("riverside-two"),
            listen=f"127.0.0.1:{shop.gateway.port}",
            options=("--no-mdns",),
        )
