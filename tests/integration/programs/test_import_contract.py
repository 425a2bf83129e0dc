"""Goal: a catalogue goes into a running hub as a file and comes out as one, whole or not at all.

Method: a hub and a gateway as processes; files as spreadsheets, shops and mistakes make them, over
HTTP and by the command line. SKUs are of this run, because other tests share the hub.
"""

import asyncio
import csv
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.processes import PROJECT
from tests.programs import Caller, Reply, Shop, fresh, until

IMPORT = "/v1/catalogue/import"
HEAD = "sku,name,price"
MANY = 50_000


async def send(
    caller: Caller, text: str | bytes, *, dry_run: bool = False, key: str | None = None
) -> Reply:
    """Import a file, or ask what that would come to."""
    return await caller.ask(
        "POST",
        f"{IMPORT}?dry_run=true" if dry_run else IMPORT,
        raw=text.encode() if isinstance(text, str) else text,
        headers={"Content-Type": "text/csv", "Idempotency-Key": key or fresh("key")},
    )


async def done(caller: Caller, text: str | bytes, **options: Any) -> Any:  # noqa: ANN401
    """The report of an import that went well."""
    reply = await send(caller, text, **options)
    assert reply.status == 200, reply
    return reply.json


def told(report: Any) -> list[tuple[int, str, str]]:  # noqa: ANN401
    return [(one["row"], one["column"], one["severity"]) for one in report["problems"]]


async def exported(caller: Caller) -> dict[str, dict[str, str]]:
    """The export's rows as a spreadsheet sees them, by SKU."""
    reply = await caller.get("/v1/catalogue/export")
    assert reply.status == 200, reply
    text = reply.body.decode("utf-8-sig")
    return {row["sku"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


async def test_a_file_is_tried_imported_and_reaches_the_store(shop: Shop) -> None:
    new, old = fresh("NEW"), await shop.product(price=100)
    text = f"{HEAD},name_ar\n{new},Tea,2.50,شاي\n{old},Thing {old},1.00,\n"

    tried = await done(shop.admin, text, dry_run=True)
    assert (await shop.admin.get(f"/v1/products/{new}")).refusal == (404, "unknown-product")
    report = await done(shop.admin, text)

    async def known() -> bool:
        return (await shop.cashier.get(f"/v1/products/{new}")).status == 200

    await until(known)
    assert tried == report | {"dry_run": True}
    assert report == {
        "rows": 2, "products": 2, "created": 1, "changed": 0, "unchanged": 1, "errors": 0,
        "warnings": 0, "dry_run": False, "problems": [],
    }  # fmt: skip
    product = await shop.storefront.read(f"/v1/products/{new}")
    assert (product["price_minor"], product["translations"]["ar"]["name"]) == (250, "شاي")


async def test_a_price_that_is_imported_is_the_price_at_the_till(shop: Shop) -> None:
    sku = await shop.product(price=100)

    await done(shop.admin, f"{HEAD}\n{sku},Dearer,3.00\n")

    async def dearer() -> bool:
        return bool((await shop.cashier.read(f"/v1/products/{sku}"))["name"] == "Dearer")

    await until(dearer)


async def test_the_same_key_repeats_the_report_and_another_file_under_it_is_refused(
    shop: Shop,
) -> None:
    key, text = fresh("key"), f"{HEAD}\n{fresh('S')},A,1\n"

    first = await send(shop.admin, text, key=key)
    again = await send(shop.admin, text, key=key)
    other = await send(shop.admin, f"{text}{fresh('S')},B,1\n", key=key)

    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert other.refusal == (422, "invalid-request")
    assert (await done(shop.admin, text))["unchanged"] == 1


async def test_one_bad_row_in_fifty_thousand_is_named_and_nothing_is_imported(shop: Shop) -> None:
    mark = fresh("BIG")
    rows = [f"{mark}-{number},Thing {number},1.50" for number in range(MANY)]
    bad = MANY - 7
    rows[bad - 2] = f"{mark}-bad,Thing,-1.50"
    text = "\n".join([HEAD, *rows])

    async with shop.nothing_changes():
        tried = await done(shop.admin, text, dry_run=True)
        refused = await send(shop.admin, text)

    assert told(tried) == [(bad, "price", "error")]
    assert (tried["rows"], tried["created"]) == (MANY, MANY)
    assert refused.refusal == (422, "invalid-request")
    assert refused.json["problems"] == tried["problems"]
    assert (await shop.admin.get(f"/v1/products/{mark}-1")).refusal == (404, "unknown-product")


@pytest.mark.parametrize(
    ("encoding", "name", "row"), [("utf-16", "UTF-16", 1), ("latin-1", "Latin-1", 2)]
)
async def test_a_file_in_another_encoding_is_named_and_refused(
    shop: Shop, encoding: str, name: str, row: int
) -> None:
    reply = await send(shop.admin, f"{HEAD}\n{fresh('S')},Café,1\n".encode(encoding))

    assert reply.refusal == (422, "invalid-request")
    assert [(one["row"], name in one["detail"]) for one in reply.json["problems"]] == [(row, True)]


async def test_a_barcode_or_sku_of_another_product_is_refused(shop: Shop) -> None:
    owner = await shop.product(barcodes=["7612345678900"])

    reply = await send(
        shop.admin,
        f"{HEAD},barcodes\n{fresh('S')},A,1,7612345678900\n{owner.lower()},B,1,\n",
    )

    assert told(reply.json) == [(2, "barcodes", "error"), (3, "sku", "error")]


async def test_a_price_below_what_a_promotion_takes_off_is_named_and_nothing_is_imported(
    shop: Shop,
) -> None:
    sku, offer, others = await shop.product(price=100), fresh("offer"), fresh("LOW")
    body = {"name": "Off", "currency": "USD"}
    body["effect"] = {"kind": "amount", "skus": [sku], "off_minor": 60}  # type: ignore[assignment] # JSON
    path = f"/v1/promotions/{offer}"
    assert (await shop.admin.ask("PUT", path, body=body)).status == 201
    many = "".join(f"{others}-{number},Thing,1.00\n" for number in range(200))

    tried = await done(shop.admin, f"{HEAD}\n{many}{sku},Cheap,0.50\n", dry_run=True)
    refused = await send(shop.admin, f"{HEAD}\n{many}{sku},Cheap,0.50\n")

    assert told(tried) == [(202, "price", "error")]
    assert f"{offer} takes 60 off {sku}" in tried["problems"][0]["detail"]
    assert refused.refusal == (422, "invalid-request")
    assert (await shop.admin.get(f"/v1/products/{others}-0")).refusal == (404, "unknown-product")
    assert (await shop.admin.ask("DELETE", path)).status == 200


async def test_a_barcode_whose_digits_a_spreadsheet_lost_is_refused(shop: Shop) -> None:
    reply = await send(shop.admin, f"{HEAD},barcodes\n{fresh('S')},Tea,1.00,5.90123E+12\n")

    assert reply.refusal == (422, "invalid-request")
    assert told(reply.json) == [(2, "barcodes", "error")]


async def test_a_formula_is_exported_as_text_and_comes_back_as_it_was(shop: Shop) -> None:
    sku, name = fresh("F"), '=HYPERLINK("http://x.example","y")'
    body = {"name": name, "price_minor": 100, "currency": "USD", "description": "@SUM(1)"}
    assert (await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)).status == 201

    row = (await exported(shop.auditor))[sku]
    assert (row["name"], row["description"]) == (f"'{name}", "'@SUM(1)")
    text = io.StringIO(newline="")
    csv.writer(text).writerows([row.keys(), row.values()])
    report = await done(shop.admin, text.getvalue())

    assert (report["unchanged"], report["changed"]) == (1, 0)


async def test_an_export_that_is_imported_changes_nothing(shop: Shop) -> None:
    for more in ({"variant": {"a=b|c": "\\"}}, {"barcodes": ["x|y"]}, {"description": 'a\r\n"b"'}):
        await shop.product(**more)
    await shop.settled()
    file = (await shop.admin.get("/v1/catalogue/export")).body

    report = await done(shop.admin, file)

    assert report["products"] == report["unchanged"] == len(await exported(shop.admin)) > 2
    assert (report["errors"], report["changed"], report["created"]) == (0, 0, 0)


async def test_shopifys_file_is_taken_as_it_is(shop: Shop) -> None:
    sku = fresh("TEE")
    text = (
        "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
        f"tee,Tee,Acme,Size,M,{sku}-M,19.90,https://x.example/1.jpg\n"
        f"tee,,,,L,{sku}-L,21.90,\ntee,,,,,,,https://x.example/2.jpg\n"
    )

    report = await done(shop.admin, text)

    assert (report["rows"], report["created"], told(report)) == (3, 2, [(1, "Vendor", "warning")])
    large = await shop.storefront.read(f"/v1/products/{sku}-L")
    assert (large["name"], large["variant"], len(large["images"])) == ("Tee", {"Size": "L"}, 2)


async def test_progress_is_known_under_the_key_and_survives_a_restart_of_the_hub(
    shop: Shop,
) -> None:
    key, text = fresh("key"), f"{HEAD}\n{fresh('S')},A,1\n"
    unheard = await shop.admin.get(f"/v1/catalogue/imports/{key}")
    assert unheard.refusal == (404, "not-found")

    report = await done(shop.admin, text, key=key)
    before = await shop.admin.read(f"/v1/catalogue/imports/{key}")
    await shop.hub.kill()
    await shop.start_hub()
    after = await shop.admin.read(f"/v1/catalogue/imports/{key}")

    assert before == after == {
        "id": key, "state": "done", "rows": 1, "to_write": 1, "written": 1, "report": report,
    }  # fmt: skip
    refused = fresh("key")
    await send(shop.admin, f"{HEAD}\n,,\nx,,1\n", key=refused)
    assert (await shop.admin.read(f"/v1/catalogue/imports/{refused}"))["state"] == "refused"


async def test_the_hub_serves_while_it_imports_and_a_kill_loses_no_batch_and_is_made_good(
    shop: Shop,
) -> None:
    key, mark, many = fresh("key"), fresh("K"), 4_000
    text = "\n".join([HEAD, *(f"{mark}-{number:05},Thing,1" for number in range(many))])
    importing = asyncio.create_task(send(shop.admin, text, key=key))

    async def written() -> Any:  # noqa: ANN401
        reply = await shop.admin.get(f"/v1/catalogue/imports/{key}")
        return reply.json if reply.status == 200 and reply.json["written"] > 200 else None

    seen = await until(written)
    twin = await send(shop.admin, text, key=key)
    served = await shop.product()
    await shop.hub.kill()
    with pytest.raises(Exception, match=r"."):  # whatever a cut connection is told as
        await importing
    await shop.start_hub()

    assert seen["state"] == "writing"
    assert twin.refusal == (409, "conflict")
    assert (await shop.admin.get(f"/v1/products/{served}")).status == 200
    again = await done(shop.admin, text, key=key)
    assert again["unchanged"] >= seen["written"]
    assert again["created"] + again["unchanged"] == many
    assert (await done(shop.admin, text))["unchanged"] == many


async def test_only_files_are_taken_and_only_from_admins(shop: Shop) -> None:
    text = f"{HEAD}\n{fresh('S')},A,1\n"
    as_json = await shop.admin.ask(
        "POST", IMPORT, raw=text.encode(), headers={"Idempotency-Key": fresh("key")}
    )
    assert as_json.refusal == (400, "invalid-request")
    assert (await send(shop.auditor, text)).refusal == (403, "forbidden")
    assert (await shop.storefront.get("/v1/catalogue/export")).refusal == (403, "forbidden")
    head = await shop.auditor.ask("HEAD", "/v1/catalogue/export")
    assert (head.status, head.body) == (200, b"")


def files_in(folder: Path) -> set[str]:
    """What stands in a folder."""
    return {path.name for path in folder.iterdir()}


async def command(shop: Shop, *arguments: str) -> tuple[int, str, str]:
    """Run `cloud-hub` against the running hub: exit status, stdout, stderr."""
    assert shop.admin.token is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cloud_hub", *arguments,
        "--hub", shop.hub.url, "--token", shop.admin.token,
        cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_command_line_tries_imports_and_exports(shop: Shop, tmp_path: Path) -> None:
    sku, file, out = fresh("CLI"), tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text(f"{HEAD},barcodes\n{sku},Tea,2.50,5901234123458\n")

    tried = await command(shop, "import", str(file), "--dry-run")
    assert (await shop.admin.get(f"/v1/products/{sku}")).status == 404
    imported = await command(shop, "import", str(file))
    taken = await command(shop, "export", str(out))

    assert (tried[0], imported[0], taken) == (0, 0, (0, "", ""))
    assert tried[1].startswith("row 2  barcodes  warning  ")
    assert "1 would be created" in tried[1]
    assert "1 created" in imported[1]
    assert f"{sku},Tea,USD,2.50" in out.read_text()
    assert files_in(tmp_path) == {"in.csv", "out.csv"}  # and no half of one


async def test_the_command_line_says_why_not(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text(f"{HEAD}\n{fresh('S')},Tea,-1\n")

    wrong = await command(shop, "import", str(file))
    missing = await command(shop, "import", str(tmp_path / "none.csv"))
    strange = await command(shop, "export", str(tmp_path / "no" / "such.csv"))

    assert (wrong[0], missing[0], strange[0]) == (2, 2, 2)
    assert wrong[1].startswith("row 2  price  error  ")
    assert "nothing was imported" in wrong[2]
    assert "none.csv" in missing[2]
    assert "no/such.csv" in strange[2]
