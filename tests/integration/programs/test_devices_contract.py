"""Goal: a technician tries each device over HTTP, settles what is in doubt, and sends a bundle.

Method: a running gateway with a simulated printer that has a drawer, and a simulated scanner. What
counts is the paper, the pulse, and what a register hears.
"""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import pytest_asyncio

from devices.sim.printer import SimPrinter
from devices.sim.scanner import SimScanner
from devices.sim.wan import WanMode
from gateway.box.diagnostics import BUNDLE_BYTES_MAX
from gateway.status.report import StatusReport
from tests.integration.programs.conftest import PRINTING_REGISTER
from tests.programs import Caller, Shop, fresh, open_shop, order_of, sale_of, until

COUNTER = "/v1/devices/counter/test"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def printer() -> AsyncIterator[SimPrinter]:
    async with SimPrinter.listening() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scanner(tmp_path_factory: Any) -> AsyncIterator[SimScanner]:  # noqa: ANN401
    with SimScanner(link=tmp_path_factory.mktemp("scanner") / "one") as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def counter(
    tmp_path_factory: pytest.TempPathFactory,
    printer: SimPrinter,
    scanner: SimScanner,
) -> AsyncIterator[Shop]:
    """A shop with a counter."""
    root = tmp_path_factory.mktemp("counter")
    config = root / "gateway.toml"
    config.write_text(
        f'[[scanners]]\ndevice = "{scanner._link}"\nregister = "till-1"\n'
        f'[[printers]]\nname = "counter"\naddress = "{printer.address}"\n'
        f'registers = ["{PRINTING_REGISTER}"]\ndrawer = "open_is_low"\n'
    )
    async with open_shop(root, options=("--config", str(config))) as shop:
        yield shop


async def device(shop: Shop, kind: str) -> Any:  # noqa: ANN401
    rows = (await shop.technician.read("/v1/devices"))["items"]
    return next(row for row in rows if row["kind"] == kind)


async def ready(shop: Shop, kind: str) -> None:
    async def is_ready() -> bool:
        row = await device(shop, kind)
        return bool(row["state"] == "ready" and row["waiting_jobs"] == 0)

    await until(is_ready)


def path_of(scanner: SimScanner) -> str:
    return f"/v1/devices/{quote(str(scanner._link), safe='')}/test"


async def test_devices_say_what_can_be_tried(counter: Shop, scanner: SimScanner) -> None:
    await ready(counter, "printer")
    await ready(counter, "scanner")

    rows = (await counter.cashier.read("/v1/devices"))["items"]

    assert [(row["name"], row["kind"], row["tests"]) for row in rows] == [
        (str(scanner._link), "scanner", ["scan"]),
        ("counter", "printer", ["print", "ticket", "kick"]),
    ]
    assert rows == (await counter.status())["devices"]


async def test_a_test_page_is_printed_once_and_journalled(
    counter: Shop, printer: SimPrinter
) -> None:
    await ready(counter, "printer")
    before, seq = len(printer.receipts), (await counter.status())["journal"]["last_seq"]
    key = fresh("key")

    first = await counter.technician.post(COUNTER, {"what": "print"}, key=key)
    again = await counter.technician.post(COUNTER, {"what": "print"}, key=key)
    await ready(counter, "printer")

    assert first.status == 201
    assert first.json | {"job": 0} == {"device": "counter", "what": "print", "job": 0, "read": None}
    assert again.body == first.body
    (paper,) = printer.receipts[before:]
    assert "Test page" in paper
    assert "counter" in paper
    assert (await counter.status())["journal"]["last_seq"] == seq + 1


async def test_the_ticket_says_where_the_gateway_is(counter: Shop, printer: SimPrinter) -> None:
    await ready(counter, "printer")
    before = len(printer.receipts)

    done = await counter.manager.done(COUNTER, {"what": "ticket"})
    await ready(counter, "printer")

    (paper,) = printer.receipts[before:]
    assert done["what"] == "ticket"
    assert "Status ticket" in paper
    assert str(counter.gateway.port) in paper


async def test_the_drawer_opens(counter: Shop, printer: SimPrinter) -> None:
    await ready(counter, "printer")
    kicks, papers = printer.mechanism.kicks, len(printer.receipts)

    await counter.technician.done(COUNTER, {"what": "kick"})
    await ready(counter, "printer")

    assert printer.mechanism.kicks == kicks + 1
    assert len(printer.receipts) == papers


async def test_a_test_scan_is_read_and_goes_to_no_register(
    counter: Shop, scanner: SimScanner
) -> None:
    await ready(counter, "scanner")
    register = counter.at_gateway("cashier", register="till-1")
    headers = {"Authorization": f"Bearer {register.token}"}
    async with counter.client.ws_connect(f"{register.url}/v1/live", headers=headers) as live:
        testing = asyncio.ensure_future(counter.technician.post(path_of(scanner), {"what": "scan"}))

        async def read() -> bool:
            await asyncio.to_thread(scanner.scan, b"4006381333931")
            return testing.done()

        await until(read)
        tested = await testing
        await asyncio.to_thread(scanner.scan, b"96385074")
        while (message := await live.receive_json())["type"] != "scan":
            pass
        while message.get("code") == "4006381333931":  # those after the test was over
            message = await live.receive_json()

    assert tested.status == 201
    assert tested.json["read"] == "4006381333931"
    assert message["code"] == "96385074"
    assert (await device(counter, "scanner"))["last_scan"] is not None


async def test_what_cannot_be_done_is_refused_in_words(counter: Shop, scanner: SimScanner) -> None:
    await ready(counter, "printer")
    async with counter.nothing_changes():
        ask = counter.technician.post
        unknown = await ask("/v1/devices/nothing/test", {"what": "print"})
        wrong = await ask(path_of(scanner), {"what": "kick"})
        scan = await ask(COUNTER, {"what": "scan"})
        odd = await ask(COUNTER, {"what": "self-destruct"})
        more = await ask(COUNTER, {"what": "print", "copies": 9})
        tongue = await ask(COUNTER, {"what": "print", "language": "fr"})
        job = await ask("/v1/print-jobs/999999/resolve", {"printed": True})
        no_number = await ask("/v1/print-jobs/1%20OR%201=1/resolve", {"printed": True})
        huge = await ask(f"/v1/print-jobs/{'9' * 300}/resolve", {"printed": True})
        keyless = await counter.technician.ask("POST", COUNTER, body={"what": "print"})

    assert unknown.refusal == (404, "not-found")
    assert [one.refusal for one in (wrong, scan)] == [(409, "conflict")] * 2
    assert "is a scanner: it has no test 'kick'" in wrong.json["detail"]
    assert [one.refusal for one in (odd, more, tongue)] == [(422, "invalid-request")] * 3
    assert [one.refusal for one in (job, no_number, huge)] == [(404, "not-found")] * 3
    assert keyless.refusal == (400, "invalid-request")


async def test_a_cashier_may_look_and_not_press(counter: Shop) -> None:
    await ready(counter, "printer")
    async with counter.nothing_changes():
        for role in (counter.cashier, counter.supervisor):
            assert (await role.get("/v1/devices")).status == 200
            assert (await role.post(COUNTER, {"what": "kick"})).refusal == (403, "forbidden")
            assert (await role.get("/v1/print-jobs")).refusal == (403, "forbidden")
            assert (await role.get("/v1/diagnostics")).refusal == (403, "forbidden")
        stranger = Caller(client=counter.client, url=counter.gateway.url)
        refused = await stranger.post(COUNTER, {"what": "kick"})
        assert refused.refusal == (401, "unauthenticated")


async def doubtful(shop: Shop, printer: SimPrinter) -> Any:  # noqa: ANN401
    """Make a receipt of which nobody knows whether it is on paper; its row in the spool."""
    sku = await shop.product(price=250, stock=8)
    for word in ("no confirmation", "no counter", "drop after 60 bytes"):
        printer.command(word)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, register=PRINTING_REGISTER))

    async def found() -> Any:  # noqa: ANN401
        jobs = (await shop.technician.read("/v1/print-jobs"))["items"]
        return next((job for job in jobs if job["state"] == "doubt"), None)

    job = await until(found)
    printer.command("confirmation")
    printer.command("counter")
    assert job["sale"] == sale["id"]
    return job


async def test_a_doubt_is_shown_and_ended_by_who_found_the_paper(
    counter: Shop, printer: SimPrinter
) -> None:
    job = await doubtful(counter, printer)
    papers = len(printer.receipts)
    status = await counter.status()

    settled = await counter.technician.done(
        f"/v1/print-jobs/{job['id']}/resolve", {"printed": True}
    )
    again = await counter.technician.post(f"/v1/print-jobs/{job['id']}/resolve", {"printed": False})
    await ready(counter, "printer")

    assert [one["id"] for one in status["doubtful_jobs"]] == [job["id"]]
    assert "print-doubt" in {alert["kind"] for alert in status["alerts"]}
    assert settled["printed"] is True
    assert again.refusal == (409, "conflict")
    assert (await counter.status())["doubtful_jobs"] == []
    assert len(printer.receipts) == papers


async def test_a_paper_that_nobody_found_is_printed_again_with_a_mark(
    counter: Shop, printer: SimPrinter
) -> None:
    job = await doubtful(counter, printer)
    papers = len(printer.receipts)

    await counter.technician.done(f"/v1/print-jobs/{job['id']}/resolve", {"printed": False})
    await ready(counter, "printer")

    (paper,) = printer.receipts[papers:]
    assert "POSSIBLE DUPLICATE" in paper


async def test_the_status_has_the_box_in_it(counter: Shop) -> None:
    found = await counter.technician.read("/v1/status")
    report = msgspec.convert(found, StatusReport)

    assert report.versions is not None
    assert report.versions.schema["gateway"] >= 7
    assert report.network is not None
    assert report.network.port == counter.gateway.port
    assert report.network.announcing is False
    assert report.network.round_trip_ms is not None
    assert report.machine is not None
    assert report.storage.written_bytes is not None


async def test_a_sale_that_waits_has_its_time(counter: Shop) -> None:
    sku = await counter.product(price=250, stock=8)
    await counter.settled()
    await counter.wan.set_mode(WanMode.CUT)
    await counter.cashier.done("/v1/sales", sale_of(sku))

    async def dated() -> str | None:
        journal = (await counter.status())["journal"]
        return str(journal["oldest_waiting_sale"]) if journal["unacknowledged_sales"] else None

    oldest = await until(dated)
    await counter.wan.set_mode(WanMode.PASS)
    await counter.connected()
    await counter.settled()

    assert oldest.endswith("Z")
    assert (await counter.status())["journal"]["oldest_waiting_sale"] is None


async def test_the_page_is_served_in_both_languages_without_a_token(counter: Shop) -> None:
    for language, word in (("en", "Selling normally."), ("ar", "البيع جارٍ كالمعتاد.")):
        async with counter.client.get(f"{counter.gateway.url}/status?lang={language}") as page:
            assert word in await page.text()


async def test_the_bundle_has_no_token_no_code_and_no_customer(counter: Shop) -> None:
    sku = await counter.product(price=250, stock=8)
    customer = "Amira Hassan, +20 100 555 0147"
    body = order_of(sku) | {"customer": customer}
    await counter.storefront.done("/v1/orders", body)
    sale = sale_of(sku) | {"customer_id": "amira.hassan@example.com"}
    assert (await counter.cashier.post("/v1/sales", sale)).status == 201
    await counter.settled()
    await counter.cashier.ask("GET", f"/v1/lookup?code={counter.cashier.token}")

    reply = await counter.technician.get("/v1/diagnostics")
    with zipfile.ZipFile(io.BytesIO(reply.body)) as file:
        parts = {name: file.read(name).decode() for name in file.namelist()}
    text = "".join(parts.values())

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/zip"
    assert 'filename="diagnostics-riverside-' in reply.headers["Content-Disposition"]
    assert sum(map(len, parts.values())) <= BUNDLE_BYTES_MAX
    assert sorted(parts) == [
        "README.txt", "journal.json", "log.jsonl", "print-jobs.json", "settings.json",
        "status.json",
    ]  # fmt: skip
    journal = msgspec.json.decode(parts["journal.json"])
    assert journal["kinds"]["sale"] >= 1
    assert journal["seq"] == sum(journal["kinds"].values())
    assert msgspec.json.decode(parts["status.json"], type=StatusReport).location.id == "riverside"
    assert "hub connected" in parts["log.jsonl"]
    for secret in ("ct_", "Amira", "amira", "0147", customer):
        assert secret not in text, secret
