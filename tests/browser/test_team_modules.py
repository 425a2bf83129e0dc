"""Goal: the team's page has words for all there is, and its pure modules are right about changes.

Method: Chromium loads the modules as the page does and calls them; `retail` says what there is.
"""

from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page

from gateway.order_queue.page import add_order_queue
from gateway.ordering.order_views import Stage
from retail.ordering.order_status import EventType, OrderStatus
from tests.browser.page_modules import IN_CHROMIUM, RIVERSIDE, call, opened_page
from tests.browser.till_tab import HOST

pytestmark = IN_CHROMIUM


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """The team's page without a gateway behind it."""
    app = web.Application()
    add_order_queue(app, RIVERSIDE)
    async with opened_page(app, HOST, "/orders") as page:
        yield page


async def run(page: Page, module: str, script: str, given: object = None) -> Any:  # noqa: ANN401
    """What a function body over the names of one of its modules answers."""
    return await call(page, f"/orders/static/{module}", script, given)


async def test_each_language_says_all_there_is_to_say(page: Page) -> None:
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

    said = await run(page, "words", script)

    assert set(said) == {"en", "ar"}
    assert said["ar"] == said["en"]
    keys = await page.evaluate(
        "[...document.querySelectorAll('[data-say]')].map((one) => one.dataset.say)"
    )
    assert set(keys) <= set(said["en"])
    wanted = {f"status_{one}" for one in OrderStatus} | {f"event_{one}" for one in EventType}
    assert wanted | {f"stage_{one}" for one in get_args(Stage)} <= set(said["en"])


async def test_each_part_of_the_list_is_a_stage_that_the_gateway_has(page: Page) -> None:
    assert await run(page, "board", "return module.STAGES;") == list(get_args(Stage))


CHANGES = """
  const numbers = { count: String };
  const orders = (list) => new Map(list.map((one) => [one.id, one]));
  const own = new Set(given.own ?? []);
  return module.changes(orders(given.before), orders(given.after), (id) => own.has(id), numbers)
    .map(({ message, tone }) => [message.key, message.values.number, tone]);
"""


def order(number: str, **more: object) -> dict[str, object]:
    kept = [{"unit": "piece", "quantity": 2, "picked": 0}]
    facts = {"id": number, "number": number, "stage": "to_pick", "events": [], "kept": kept}
    return facts | {"fulfilment": {"type": "ship"}} | more


def event(id_: str, type_: str, actor: str) -> dict[str, str]:
    return {"id": id_, "type": type_, "actor": actor}


async def test_what_came_and_what_was_called_off_is_told_and_own_doing_is_not(page: Page) -> None:
    picked = [{"unit": "piece", "quantity": 2, "picked": 2}]
    off = [event("r.1-9", "cancelled", "program")]
    before = [
        order("A"), order("B", kept=picked), order("C"), order("D"), order("E"), order("F"),
        order("G", events=off),
    ]  # fmt: skip
    after = [
        order("A"), order("B", stage="done", events=off), order("C", stage="done"),
        order("E", stage="done", events=[event("r.1-8", "shipped", "sami")]),
        order("G", events=off),
        order("H", fulfilment={"type": "pickup"}), order("I", stage="done"),
    ]  # fmt: skip

    told = await run(page, "changes", CHANGES, {"before": before, "after": after, "own": ["F"]})

    assert told == [
        ["newPickup", "H", "good"], ["calledOffPicked", "B", "warn"], ["calledOff", "D", "warn"],
    ]  # fmt: skip


async def test_units_are_pieces_and_what_is_weighed_is_one(page: Page) -> None:
    kept = [{"unit": "piece", "quantity": 3}, {"unit": "g", "quantity": 750}]

    assert await run(page, "changes", "return module.unitsOf(given);", {"kept": kept}) == 4


async def test_news_are_read_one_after_the_other_and_none_is_missed(page: Page) -> None:
    script = """
      let [begun, running, most] = [0, 0, 0];
      let isThere = true;
      const follow = module.followed(async () => {
        begun += 1;
        running += 1;
        most = Math.max(most, running);
        await new Promise((done) => setTimeout(done));
        running -= 1;
      }, () => isThere);
      await Promise.all([follow(), follow(), follow()]);
      const together = begun;
      const first = follow();
      await null;
      await null;
      await Promise.all([first, follow()]);
      const during = begun - together;
      isThere = false;
      await follow();
      isThere = true;
      const before = begun;
      await follow();
      return [together, during, before - together - during, begun - before, most];
    """

    assert await run(page, "live", script) == [1, 2, 0, 1, 1]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-5, "0 min"), (59.9, "59 min"), (60, "1 hr"), (47 * 60, "47 hr"), (48 * 60, "2 days")],
)
async def test_an_age_is_in_its_largest_whole_unit(page: Page, minutes: float, words: str) -> None:
    script = 'return module.numbersFor("en", given.facts).age(given.minutes * 60000);'
    facts = {"decimals": {}, "timezone": "UTC"}

    assert await run(page, "numbers", script, {"facts": facts, "minutes": minutes}) == words


@pytest.mark.parametrize(
    ("slug", "members", "title"),
    [
        ("conflict", {"field": "$.pickup_code"}, "codeWrong"),
        ("conflict", {"order_status": "shipped"}, "eventRefused"),
        ("conflict", {}, "eventRefused"),
        ("not-found", {}, "gone"),
        ("price-changed", {}, "dueChanged"),
        ("storage", {}, "storage"),
        ("unavailable", {}, "stopped"),
        ("forbidden", {}, "forbidden"),
        ("something-new", {}, "eventRefused"),
    ],
)
async def test_each_refusal_has_words(
    page: Page, slug: str, members: dict[str, str], title: str
) -> None:
    script = """
      const { title, sentences } = module.problemWords(given, "picked");
      const { WORDS } = await import("/orders/static/words.js");
      const keys = [title, ...sentences].map(({ key }) => key);
      return [title.key, keys.every((key) => key in WORDS.ar)];
    """

    told = await run(
        page, "problems", script, {"slug": slug, "problem": {"detail": "Because.", **members}}
    )

    assert told == [title, True]


@pytest.mark.parametrize(
    ("elsewhere", "is_part"),
    [
        ([], False),
        ([{"state": "committed", "quantity": 1}], True),
        ([{"state": "fulfilled", "quantity": 1}], True),
        ([{"state": "released", "quantity": 1}, {"state": "held", "quantity": 2}], False),
    ],
)
async def test_a_shop_calls_off_its_part_where_others_keep_more_of_the_order(
    page: Page,
    elsewhere: list[dict[str, object]],
    is_part: bool,  # noqa: FBT001
) -> None:
    order = {
        "kept": [{"sku": "tea", "quantity": 2, "picked": 0}],
        "allocations": [{"state": "committed", "quantity": 2}, *elsewhere],
    }

    assert await run(page, "order", "return module.isPart(given)", order) is is_part
