"""Goal: head office writes one lower price, one higher and an offer, and sees where they arrive.

Method: hub and gateway in one, a few lines behind aiohttp's test server; its quotes lie ready.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from scripts.demo_day import head_office
from scripts.demo_day.agenda import PlannedPrices
from scripts.demo_day.api import Api, Json, Unexpected
from scripts.demo_day.baskets import Product
from scripts.demo_day.chain import NeverReady
from scripts.demo_day.head_office import UNITS, HeadOffice
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.prices import WEBSITE, Terms

SKUS = ("tea", "rice", "oil")
OLD = dict.fromkeys(SKUS, Terms(100))
NEW = {"tea": Terms(80), "rice": Terms(120), "oil": Terms(100, 1_000)}
PLANNED = PlannedPrices(
    at_s=1.0,
    sold_at_s=2.0,
    mended_at_s=1.0,
    location="riverside",
    lowered="tea",
    raised="rice",
    promoted="oil",
    terms=NEW,
)


@dataclass
class SimChain:
    """Takes rules, unless it `refuses`; quotes on `terms`, the last of them for ever."""

    terms: list[dict[str, Terms]] = field(default_factory=lambda: [OLD])
    put: dict[str, Json] = field(default_factory=dict)
    refuses: bool = False

    async def take(self, request: web.Request) -> web.Response:
        self.put[request.path] = await request.json()
        return web.json_response({}, status=422 if self.refuses else 201)

    async def quote(self, request: web.Request) -> web.Response:
        terms = self.terms.pop(0) if len(self.terms) > 1 else self.terms[0]
        lines = [
            {
                **line,
                "unit_price_minor": terms[line["sku"]].price_minor,
                "discounts": [{"amount_minor": terms[line["sku"]].off_minor(line["quantity"])}],
                "total_minor": terms[line["sku"]].total_minor(line["quantity"]),
            }
            for line in (await request.json())["lines"]
        ]
        assert {line["quantity"] for line in lines} == {UNITS}
        return web.json_response({"lines": lines})


@pytest.fixture
def sim() -> SimChain:
    return SimChain()


@pytest.fixture
async def office(sim: SimChain, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HeadOffice]:
    monkeypatch.setattr(head_office, "LOOK_S", 0.0)
    app = web.Application()
    app.router.add_put("/v1/{path:.*}", sim.take)
    app.router.add_post("/v1/quotes", sim.quote)
    async with TestClient(TestServer(app)) as client:
        url = str(client.make_url("")).rstrip("/")
        door = Api(session=client.session, url=url, token="a token")  # noqa: S106 - opens nothing
        yield HeadOffice(
            hub=door,
            currency="EUR",
            lone={},
            stores={"riverside": door},
            products={sku: Product(sku=sku, barcode="", name=sku, price_minor=100) for sku in SKUS},
            notebook=Notebook(),
            tell=lambda _where, _what: None,
        )


async def test_both_prices_are_one_list_and_the_offer_is_a_promotion(
    office: HeadOffice, sim: SimChain
) -> None:
    await office.change_prices(PLANNED)

    prices, promotion = sim.put.values()
    assert (prices["prices"], prices["currency"]) == ({"tea": 80, "rice": 120}, "EUR")
    assert prices["force"]
    assert promotion["effect"] == {"kind": "percentage", "skus": ["oil"], "off_bp": 1_000}
    news = office.notebook.prices
    assert news.terms == NEW
    assert news.announced_s < news.seen_s[WEBSITE]


async def test_what_the_hub_refuses_is_not_in_force_anywhere(
    office: HeadOffice, sim: SimChain
) -> None:
    sim.refuses = True

    with pytest.raises(Unexpected):
        await office.change_prices(PLANNED)

    assert office.notebook.prices.seen_s == {}


async def test_a_store_has_heard_when_all_three_are_there(
    office: HeadOffice, sim: SimChain
) -> None:
    sim.terms = [OLD, OLD | {"tea": Terms(80)}, NEW | {"oil": Terms(100)}, NEW, OLD]

    await office.until_seen(PLANNED, "riverside")

    assert sim.terms == [OLD]
    assert office.notebook.prices.seen_s.keys() == {"riverside"}


async def test_a_store_that_never_hears_is_told(
    office: HeadOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_office, "WAIT_S_MAX", 0.0)

    with pytest.raises(NeverReady, match="riverside"):
        await office.until_seen(PLANNED, "riverside")

    assert office.notebook.prices.seen_s == {}
