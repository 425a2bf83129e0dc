"""Goal: the e-receipt of a sale is had as text or as a page, in either language, by whoever sells.

Method: over HTTP, from the running gateway.
"""

import pytest

from tests.programs import Caller, Shop, sale_of

TEA_AR = "\N{ARABIC LETTER SHEEN}\N{ARABIC LETTER ALEF}\N{ARABIC LETTER YEH}"
TOTAL_AR = "الإجمالي"


async def receipt_path(shop: Shop) -> str:
    """A sale of one thing that is called something in Arabic, by the path of its receipt."""
    sku = await shop.product(price=250, stock=4, translations={"ar": {"name": TEA_AR}})
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, cash=300))
    return f"/v1/sales/{sale['id']}/receipt"


async def test_a_receipt_is_text_in_the_language_that_is_asked_for(shop: Shop) -> None:
    path = await receipt_path(shop)

    own = await shop.cashier.get(path)
    arabic = await shop.cashier.get(f"{path}?language=ar")

    assert own.headers["Content-Language"] == "en"
    assert "Total" in own.body.decode()
    assert TEA_AR not in own.body.decode()
    assert arabic.headers["Content-Language"] == "ar"
    for word in (TEA_AR, TOTAL_AR, "2.50", "0.50"):
        assert word in arabic.body.decode(), word


async def test_a_receipt_is_a_page_for_a_browser(shop: Shop) -> None:
    path = await receipt_path(shop)

    page = await shop.cashier.ask("GET", f"{path}?language=ar", headers={"Accept": "text/html"})
    stranger = Caller(client=shop.cashier.client, url=shop.cashier.url)
    style = await stranger.get("/receipt/static/receipt.css")
    other = await stranger.get("/receipt/static/..%2fpage.py")

    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert '<html lang="ar" dir="rtl">' in page.body.decode()
    assert TEA_AR in page.body.decode()
    assert style.status == 200
    assert other.status == 404


@pytest.mark.parametrize("query", ["language=fr", "language=", "language=en&language=ar", "x=1"])
async def test_a_language_that_nobody_prints_is_refused(shop: Shop, query: str) -> None:
    path = await receipt_path(shop)

    refused = await shop.cashier.get(f"{path}?{query}")

    assert refused.refusal == (400, "invalid-request")
