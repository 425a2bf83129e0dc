"""Goal: the till's pure modules count money exactly, in every currency and script.

Method: Chromium loads the modules as the page does and calls them; `retail` says what is right.
"""
# ruff: noqa: RUF001 - Arabic digits are what is tested

from typing import Any

import pytest
from playwright.async_api import Page

from retail.money import divide_half_up, format_minor
from retail.products.barcodes import has_valid_check_digit
from tests.browser.page_modules import IN_CHROMIUM, call

pytestmark = IN_CHROMIUM


SUM_UNLABELLED = "return module.ownSum(given.map((line) => ({ ...line, label: null })));"


async def run(page: Page, module: str, script: str, given: object = None) -> Any:  # noqa: ANN401
    """What a function body over the names of one of its modules answers."""
    return await call(page, f"/register/static/{module}", script, given)


@pytest.mark.parametrize(
    ("text", "decimals", "minor"),
    [
        ("10", 2, 1_000), ("10.5", 2, 1_050), ("10,50", 2, 1_050), ("10.", 2, 1_000),
        ("٥٫٢٥", 2, 525), ("۵٫۲۵", 2, 525), (" 7 ", 2, 700), ("0", 2, 0),
        ("1,000", 3, 1_000), ("1.5", 3, 1_500), ("500", 0, 500),
        ("1,000", 2, None), ("1.234", 2, None), ("1.5", 0, None), ("1,000.00", 2, None),
        ("", 2, None), (".5", 2, None), ("-5", 2, None), ("5e3", 2, None), ("1" * 14, 2, None),
    ],
)  # fmt: skip
async def test_typed_money_is_exact_or_no_money(
    page: Page, text: str, decimals: int, minor: int | None
) -> None:
    script = "return module.parseMoney(given.text, given.decimals);"

    assert await run(page, "numbers", script, {"text": text, "decimals": decimals}) == minor


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "IQD", "SYP", "LBP", "EGP", "CLF"])
@pytest.mark.parametrize("minor", [0, 5, 1_234, 9_007_199_254_740_991])
async def test_amounts_have_the_decimals_of_their_currency(
    page: Page, currency: str, minor: int
) -> None:
    """The browser's own table has none for IQD, SYP and LBP."""
    script = """
      const numbers = module.numbersFor("en", shop);
      return numbers.amount(given.minor, given.currency);
    """

    shown = await run(page, "numbers", script, {"minor": minor, "currency": currency})

    assert shown.replace(",", "") == format_minor(minor, currency)


async def test_arabic_shows_arabic_digits_where_the_region_does(page: Page) -> None:
    script = """
      const show = (locale) => module.numbersFor(locale, shop).amount(1234, "EGP");
      return [show("ar-EG"), show("ar-AE")];
    """

    assert await run(page, "numbers", script) == ["١٢٫٣٤", "12.34"]


async def test_a_time_is_the_shops_and_has_its_day_when_that_is_not_today(page: Page) -> None:
    script = """
      const numbers = module.numbersFor("en-GB", shop);
      const now = Date.parse("2026-11-22T12:00:00Z");
      return ["2026-11-22T08:42:00Z", "2026-11-21T20:42:00Z"].map((at) => numbers.time(at, now));
    """

    assert await run(page, "numbers", script) == ["10:42", "21 Nov, 22:42"]


async def test_what_looks_scanned_is_what_has_a_check_digit(page: Page) -> None:
    codes = ["4006381333931", "4006381333930", "96385074", "036000291452", "10614141543219"]
    codes += ["12345", "1" * 12, "100000000000"]
    script = "return given.map(module.looksScanned);"

    assert await run(page, "numbers", script, codes) == [
        len(code) >= 8 and has_valid_check_digit(code) for code in codes
    ]


async def test_a_line_costs_what_the_gateway_will_say(page: Page) -> None:
    lines = [
        {"price_minor": price, "quantity": quantity, "price_per_quantity": per}
        for price in (0, 1, 345, 999, 10**12)
        for quantity in (1, 3, 250, 999_999_999)
        for per in (1, 3, 1_000)
        if price * quantity // per < 2**53
    ]
    amounts = [
        divide_half_up(line["price_minor"] * line["quantity"], line["price_per_quantity"])
        for line in lines
    ]

    summed = await run(page, "quote", SUM_UNLABELLED, lines)

    assert [line["amount_minor"] for line in summed["lines"]] == amounts
    assert (summed["total_minor"], summed["by"]) == (sum(amounts), "till")


async def test_only_the_latest_price_counts_and_a_burst_is_asked_about_once(page: Page) -> None:
    script = """
      const asked = [];
      const answer = (total_minor) => ({ lines: [], total_minor, taxes: [], promotions: [] });
      const post = (path, body) => new Promise((resolve) => {
        asked.push({ path, line: JSON.parse(body).lines[0], resolve });
      });
      const quote = module.quoterFor({ post }, "till-1");
      const line = { sku: "TEA", quantity: 1, label: null, price_minor: 100 };
      const of = (quantity) => quote({ lines: [{ ...line, quantity }], coupons: [] });
      const count = async (asks) => {
        while (asked.length < asks) await new Promise((resolve) => setTimeout(resolve));
      };
      const burst = [of(1), of(2)];
      await count(1);
      const late = of(3);
      await count(2);
      asked[1].resolve(answer(300));
      asked[0].resolve(answer(200));
      const totals = (await Promise.all([...burst, late])).map((one) => one?.total_minor ?? null);
      return { totals, asked: asked.map(({ path, line }) => [path, line]) };
    """

    told = await run(page, "quote", script)

    def line(quantity: int) -> dict[str, object]:
        return {"sku": "TEA", "quantity": quantity, "shown_price_minor": 100}

    assert told["totals"] == [None, None, 300]
    assert told["asked"] == [["/v1/quotes", line(2)], ["/v1/quotes", line(3)]]


async def test_a_gateway_that_says_no_price_leaves_the_tills_own_sum(page: Page) -> None:
    script = """
      const { Refused, Unanswered } = await import("/register/static/asking.js");
      const line = {
        sku: "TEA", quantity: 2, label: null, price_minor: 100, price_per_quantity: 1,
      };
      const errors = [new Unanswered("cut"), new Refused({ type: "/conflict", detail: "" }, 0)];
      const prices = errors.map((error) => (
        module.quoterFor({ post: () => Promise.reject(error) }, "till-1")(
          { lines: [line], coupons: ["TEA-26"] },
        )
      ));
      return (await Promise.all(prices)).map(({ total_minor, by }) => [total_minor, by]);
    """

    assert await run(page, "quote", script) == [[200, "till"], [200, "till"]]


async def test_a_tax_on_top_is_in_what_the_till_shows(page: Page) -> None:
    """The gateway's answer where prices exclude tax: 14 % on 1.00."""
    taxes = [{"tax_rate": "0.14", "net_minor": 100, "tax_minor": 14, "total_minor": 114}]
    given = {
        "lines": [{"unit_price_minor": 100, "discounts": [], "net_minor": 100, "total_minor": 114}],
        "total_minor": 114,
        "taxes": taxes,
        "promotions": [{"id": "a", "coupon": None}, {"id": "b", "coupon": "TEA-26"}],
    }
    script = """
      const quote = module.quoterFor({ post: async () => given }, "till-1");
      const lines = [{ sku: "TEA", quantity: 1, label: null, price_minor: 100 }];
      return quote({ lines, coupons: ["TEA-26", "JAM-26"] });
    """

    assert await run(page, "quote", script, given) == {
        "lines": [{"amount_minor": 114, "unit_price_minor": 100, "discounts": []}],
        "total_minor": 114,
        "taxes": taxes,
        "coupons": ["TEA-26"],
        "by": "gateway",
    }


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


@pytest.mark.parametrize(
    ("chosen", "preferred", "language"),
    [
        (None, ["ar-EG", "en"], "ar"), (None, ["fr", "ar"], "ar"), (None, ["fr"], "en"),
        ("ar", ["en-US"], "ar"), ("xx", ["en-US"], "en"), (None, [], "en"),
    ],
)  # fmt: skip
async def test_the_first_language_is_the_chosen_one_or_the_browsers(
    page: Page, chosen: str | None, preferred: list[str], language: str
) -> None:
    script = "return module.firstLanguage(given.chosen, given.preferred);"

    assert await run(page, "speech", script, {"chosen": chosen, "preferred": preferred}) == language


async def test_the_lower_price_stays_with_the_basket_and_a_full_line_is_bounded(page: Page) -> None:
    script = """
      const { EMPTY, QUANTITY_MAX, added, lineOf, repriced, withCharged, withQuantity } = module;
      const tea = lineOf({ sku: "TEA", price_minor: 100, price_per_quantity: 1 }, "TEA");
      const basket = added(added(EMPTY, tea), { ...tea, price_minor: 130 });
      return {
        one: [basket.lines.length, basket.lines[0].quantity, basket.lines[0].price_minor],
        raised: repriced(basket, "TEA", 130).lines[0].price_minor,
        cheaper: added(basket, { ...tea, price_minor: 90 }).lines[0].price_minor,
        fell: repriced(basket, "TEA", 80).lines[0].price_minor,
        charged: withCharged(basket, [{ unit_price_minor: 70 }]).lines[0].price_minor,
        agreed: repriced({ ...basket, agreed_minor: 5 }, "TEA", 80).agreed_minor,
        most: withQuantity(basket, 0, 1e12).lines[0].quantity === QUANTITY_MAX,
        none: withQuantity(basket, 0, 0).lines.length,
        untouched: EMPTY.lines.length,
      };
    """

    assert await run(page, "basket", script) == {
        "one": [1, 2, 100], "raised": 100, "cheaper": 90, "fell": 80, "charged": 70,
        "agreed": None, "most": True, "none": 0, "untouched": 0,
    }  # fmt: skip


async def test_packs_with_a_scales_label_are_lines_of_their_own(page: Page) -> None:
    script = """
      const { EMPTY, added, asSold, lineOf } = module;
      const { ownSum } = await import("/register/static/quote.js");
      const cheese = { sku: "CHEESE", price_minor: 1000, price_per_quantity: 1000 };
      const heavy = { ...cheese, quantity: 250, line_total_minor: null };
      const priced = { ...cheese, quantity: 333, line_total_minor: 334 };
      const lines = [
        lineOf(heavy, "21A"), lineOf(heavy, "21A"), lineOf(priced, "22B"), lineOf(priced, "22B"),
        lineOf(cheese, "CHEESE", 100),
      ];
      const basket = lines.reduce(added, EMPTY);
      const totals = ownSum(basket.lines).lines.map((line) => line.amount_minor);
      return { sold: asSold(basket), totals };
    """

    assert await run(page, "basket", script) == {
        "sold": [
            {"barcode": "21A", "quantity": 2, "shown_price_minor": 1000},
            {"barcode": "22B", "quantity": 2, "shown_price_minor": 1000},
            {"sku": "CHEESE", "quantity": 100, "shown_price_minor": 1000},
        ],
        "totals": [500, 668, 100],
    }  # fmt: skip
