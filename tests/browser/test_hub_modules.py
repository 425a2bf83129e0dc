"""Goal: the hub's pages have words for all there is, and their pure modules are right about stock.

Method: Chromium loads the modules as the pages do and calls them; `retail` says what there is.
"""

from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page

from cloud_hub.back_office.page import add_back_office
from cloud_hub.shop_window.page import add_shop_window
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import AllocationState, Payment
from retail.ordering.shortages import ACTIONS, Action, Kind
from tests.browser.page_modules import IN_CHROMIUM, call, opened_page
from tests.browser.till_tab import HUB_HOST
from web.lives import LifeState

pytestmark = IN_CHROMIUM


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """The shop's page, beside the back office, without a hub behind them."""
    app = web.Application()
    add_back_office(app, timezone="Africa/Cairo")
    add_shop_window(app, timezone="Africa/Cairo")
    async with opened_page(app, HUB_HOST, "/shop") as page:
        yield page


OFFICE_WORDS = "/orders/static/words"
SHOP_WORDS = "/shop/static/words"
STOCK = "/shop/static/stock"


async def test_the_back_office_has_words_for_all_there_is(page: Page) -> None:
    script = """
      const { STATUS, EVENT, PAYMENT, UNITS, ACTION, LIFE } = module;
      const tables = [STATUS, EVENT, PAYMENT, UNITS, ACTION, LIFE];
      return tables.map((table) => Object.keys(table).sort());
    """

    assert await call(page, OFFICE_WORDS, script) == [
        sorted(OrderStatus), sorted(EventType), sorted(get_args(Payment)),
        sorted(get_args(AllocationState)), sorted(Action), sorted(get_args(LifeState)),
    ]  # fmt: skip


async def test_each_kind_of_shortage_and_each_proposal_is_said(page: Page) -> None:
    script = """
      const placeOf = (id) => `the ${id}`;
      const item = { units: 2, sku: "TEA", location: "riverside" };
      return [
        given.kinds.map((kind) => module.shortageTitle({ ...item, kind }, placeOf, "$3.45")),
        given.actions.map((action) => module.proposalWords(
          { action, units: 2, location: "harbour", why: "harbour has 5" }, placeOf,
        )),
        module.resolutionWords(
          { action: "refund", by: "amira", location: null, reference: "PAY-7", how: null }, placeOf,
        ),
        module.resolutionWords(
          { action: null, by: "", location: null, reference: null, how: "it was found" }, placeOf,
        ),
      ];
    """
    assert set(get_args(Kind)) == set(ACTIONS)

    titles, proposals, refunded, ended = await call(
        page, OFFICE_WORDS, script, {"kinds": sorted(ACTIONS), "actions": sorted(Action)}
    )

    assert titles == [
        "2 of TEA too few at the riverside", "The customer has to be told", "$3.45 is owed back",
        "2 of TEA given back by the riverside; nobody else sends them",
    ]  # fmt: skip
    assert all(one.endswith(": harbour has 5.") and "undefined" not in one for one in proposals)
    assert "Send 2 from the harbour: harbour has 5." in proposals
    assert refunded == "Paid back by amira as PAY-7"
    assert ended == "Ended by itself: it was found"


@pytest.mark.parametrize(
    ("rate", "words"), [("0.15", "15 %"), ("0.075", "7.5 %"), ("0", "0 %"), ("0.055", "5.5 %")]
)
async def test_a_rate_is_said_in_percent(page: Page, rate: str, words: str) -> None:
    assert await call(page, OFFICE_WORDS, "return module.percent(given);", rate) == words


async def test_personal_text_is_lines_whatever_the_storefront_wrote(page: Page) -> None:
    script = "return given.map(module.personalLines);"
    given = [None, "", "one\ntwo", {"name": "Amira", "city": "Cairo"}]

    assert await call(page, OFFICE_WORDS, script, given) == [
        [], [], ["one", "two"], ["name: Amira", "city: Cairo"],
    ]  # fmt: skip


async def test_each_language_of_the_shop_says_all_there_is_to_say(page: Page) -> None:
    script = """
      const placeholders = (words) => [...JSON.stringify(words).matchAll(/\\{(\\w+)\\}/g)]
        .map((found) => found[1]);
      return Object.fromEntries(Object.entries(module.WORDS).map(([tag, table]) => [
        tag,
        Object.fromEntries(Object.entries(table).map(
          ([key, words]) => [key, [...new Set(placeholders(words))].sort()],
        )),
      ]));
    """

    said = await call(page, SHOP_WORDS, script)

    assert set(said) == {"en", "ar"}
    assert said["ar"] == said["en"]
    keys = await page.evaluate(
        "[...document.querySelectorAll('[data-say]')].map((one) => one.dataset.say)"
    )
    needed = {f"status_{status}" for status in OrderStatus}
    needed |= {f"pay_{payment}" for payment in get_args(Payment)}
    assert {*keys, *needed} <= set(said["en"])


TEA = {"sku": "TEA", "bundle": [], "stock_policy": "strict", "price_per_quantity": 1}
GIFT = {
    **TEA,
    "sku": "GIFT",
    "bundle": [{"sku": "TEA", "quantity": 2}, {"sku": "MUG", "quantity": 1}],
}
CARD = {**TEA, "sku": "CARD", "stock_policy": "untracked"}
STOCK_NOW = """
  const stock = module.stockFrom([
    { sku: "TEA", available_online: 7, locations: [
      { location: "riverside", available_online: 4 }, { location: "harbour", available_online: 3 },
    ] },
    { sku: "MUG", available_online: 2, locations: [{ location: "harbour", available_online: 2 }] },
  ]);
"""


async def test_a_bundle_is_offered_as_often_as_its_parts_make_it(page: Page) -> None:
    script = (
        STOCK_NOW
        + """
      const at = (place) => given.map((product) => module.offered(product, stock, place));
      return [at(null), at("riverside"), at("harbour"), given.map(module.stocksOf)];
    """
    )
    unknown = {**TEA, "sku": "RICE"}

    told = await call(page, STOCK, script, [TEA, GIFT, CARD, unknown])

    assert told == [
        [7, 2, None, None], [4, 0, None, None], [3, 1, None, None],
        [["TEA"], ["TEA", "MUG"], [], ["RICE"]],
    ]  # fmt: skip


async def test_a_basket_lacks_what_is_not_offered_and_nothing_that_is_not_known(page: Page) -> None:
    script = (
        STOCK_NOW
        + """
      const products = new Map(given.products.map((one) => [one.sku, one]));
      const { basket } = given;
      return [
        module.lacking(basket, products, stock),
        ["riverside", "harbour"].map((place) => module.hasAll(basket, products, stock, place)),
      ];
    """
    )
    products = [TEA, CARD, {**TEA, "sku": "RICE"}]

    def basket(tea: int) -> list[dict[str, object]]:
        return [{"sku": sku, "quantity": tea} for sku in ("TEA", "CARD", "RICE")]

    for tea, lacks, places in (
        (3, [], [True, True]), (4, [], [True, False]), (7, [], [False, False]),
        (8, [{"sku": "TEA", "units": 7}], [False, False]),
    ):  # fmt: skip
        given = {"products": products, "basket": basket(tea)}
        assert await call(page, STOCK, script, given) == [lacks, places]


async def test_stock_is_said_only_where_the_number_helps(page: Page) -> None:
    script = """
      const numbers = { count: String };
      return given.map(([units, seen]) => module.stockWords(units, seen, numbers)?.key ?? null);
    """
    given = [[None, 0], [6, 6], [5, 9], [1, 1], [0, 0], [0, 1], [-2, 0]]

    assert await call(page, STOCK, script, given) == [
        None, "inStock", "left", "left", "soldOut", "goneMeanwhile", "soldOut",
    ]  # fmt: skip


async def test_a_basket_changes_line_by_line_and_a_line_of_none_is_gone(page: Page) -> None:
    script = """
      let basket = [];
      return given.map(([sku, step]) => (basket = module.changed(basket, sku, step)));
    """
    given = [["TEA", 1], ["MUG", -1], ["MUG", 2], ["TEA", 1], ["MUG", -2], ["TEA", -5]]
    tea, more, mug = (
        {"sku": "TEA", "quantity": 1}, {"sku": "TEA", "quantity": 2}, {"sku": "MUG", "quantity": 2},
    )  # fmt: skip

    assert await call(page, STOCK, script, given) == [
        [tea], [tea], [tea, mug], [more, mug], [more], [],
    ]  # fmt: skip


async def test_a_countdown_never_shows_less_than_nothing(page: Page) -> None:
    script = "return given.map(module.countdown);"

    assert await call(page, STOCK, script, [600_000, 59_001, 59_000, 1, 0, -5_000]) == [
        [10, 0], [1, 0], [0, 59], [0, 1], [0, 0], [0, 0],
    ]  # fmt: skip


async def test_a_list_is_filled_without_touching_what_says_the_same(page: Page) -> None:
    script = """
      const list = document.createElement("ol");
      document.body.append(list);
      const button = ({ id, text }) => module.element(
        "button", { textContent: `${id}${text}`, data: { focus: "go" } },
      );
      const make = (item) => module.element("li", {}, button(item));
      const fill = (items) => module.fill(list, items, ({ id }) => id, make);
      const said = () => [...list.children].map((one) => one.textContent);
      fill([{ id: "a", text: 1 }, { id: "b", text: 1 }]);
      const [first, second] = list.children;
      second.firstChild.focus();
      fill([{ id: "c", text: 1 }, { id: "a", text: 1 }, { id: "b", text: 1 }]);
      const kept = list.children[1] === first && list.children[2] === second
        && document.activeElement === second.firstChild;
      fill([{ id: "b", text: 2 }, { id: "c", text: 1 }]);
      const told = said();
      const focused = document.activeElement.textContent;
      list.remove();
      return { kept, told, focused };
    """

    told = await call(page, "/shop/static/elements", script)

    assert told == {"kept": True, "told": ["b2", "c1"], "focused": "b2"}


async def test_what_was_opened_or_typed_outlives_news_that_says_nothing_else_of_it(
    page: Page,
) -> None:
    script = """
      const list = document.createElement("ol");
      document.body.append(list);
      const field = (name, value) => module.element("input", { value, data: { focus: name } });
      const form = (given) => module.element("form", {}, field("a", ""), field("b", given));
      const make = ({ given }) => module.element(
        "li", {},
        module.element("details", { data: { focus: "more" } }, form(given)),
        module.element("details", { data: { focus: "rest" } }),
      );
      const fill = (item) => module.fill(list, [item], () => "one", make);
      const values = () => [...list.querySelectorAll("input")].map(({ value }) => value);
      fill({ given: "1", news: 1 });
      list.querySelector("details").open = true;
      for (const input of list.querySelectorAll("input")) input.value = "typed";
      fill({ given: "1", news: 2 });
      const kept = values();
      fill({ given: "1", news: 3 });
      const keptTwice = values();
      fill({ given: "2", news: 3 });
      const told = values();
      const open = [...list.querySelectorAll("details")].map((part) => part.open);
      list.remove();
      return { kept, keptTwice, told, open };
    """

    assert await call(page, "/shop/static/elements", script) == {
        "kept": ["typed", "typed"], "keptTwice": ["typed", "typed"],
        "told": ["typed", "2"], "open": [True, False],
    }  # fmt: skip


async def test_a_request_keeps_its_key_until_it_succeeds_and_a_new_one_has_another(
    page: Page,
) -> None:
    script = """
      const keys = [];
      let fails = true;
      const once = module.onceFor({
        post: async (path, text, key) => {
          keys.push(key);
          if (fails) throw new module.Unanswered("cut");
        },
      }, "office");
      const ask = (body) => once("/v1/x", body).catch(() => null);
      await ask({ a: 1 });
      await ask({ a: 2 });
      fails = false;
      await ask({ a: 1 });
      await ask({ a: 1 });
      const shaped = keys.every((key) => /^office-[0-9a-f]{32}$/.test(key));
      return [keys[0] === keys[2], new Set(keys).size, shaped];
    """

    assert await call(page, "/orders/static/asking", script) == [True, 3, True]
