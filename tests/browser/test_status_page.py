"""Goal: the status page is true in a real browser: live, honest when cut off, fit for a phone.

It is so in both languages, and its buttons do what they say for whoever may press them.

Method: Debian's chromium opens the page of a bare application whose report the test changes
(`status_tab`). What is not about losing contact also demands a silent console, so a refused script
or style is noticed.
"""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from gateway.status.feed import Streams
from gateway.status.report import to_ms
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.status_tab import DESKTOP, FORBIDDEN, PHONE, Shop, open_tab
from tests.browser.till_tab import CHROMIUM, chromium
from tests.status_samples import bad_day, cut_off, good_day, in_doubt
from web.problems import Problem, Slug

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

LANGUAGES = ["en", "ar"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await chromium(playwright)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    await shop.start()
    yield shop
    await shop.stop()


OUTSIDE = """() => [...document.querySelectorAll("main *, footer *, #told *")]
  .filter((one) => one.checkVisibility() && one.closest("svg") === null)
  .filter((one) => {
    const { left, right } = one.getBoundingClientRect();
    return left < -0.5 || right > innerWidth + 0.5;
  })
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Every visible element that sticks out of the window on either side."""


# Live


async def test_a_change_is_shown_without_a_reload(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.page.evaluate("window.sameDocument = true")
        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")

        shop.show(cut_off())

        headline = tab.page.locator("[data-part=headline]")
        await expect(headline).to_contain_text("Internet down since 11:13.")
        await expect(headline).to_contain_text("no, 212 sales are not yet at the hub")
        await expect(headline).to_have_attribute("data-tone", "warn")
        await expect(tab.page.locator("[data-part=journal]")).to_contain_text("18,431")
        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("Paper out")
        assert await tab.page.evaluate("window.sameDocument")
        assert tab.complaints == []


async def test_a_part_that_did_not_change_is_not_touched(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.page.evaluate(
            """() => {
              window.touched = [];
              const watch = new MutationObserver((all) => {
                for (const { target } of all) {
                  window.touched.push(target.closest("[data-part]").dataset.part);
                }
              });
              watch.observe(document.querySelector(".cards"), { childList: true, subtree: true });
              watch.observe(document.querySelector(".headline"), { childList: true });
            }"""
        )
        quota = msgspec.structs.replace(shop.report.quota, skus=4_313)

        shop.show(msgspec.structs.replace(shop.report, quota=quota))

        await expect(tab.page.locator("[data-part=quota]")).to_contain_text("4,313")
        assert await tab.page.evaluate("[...new Set(window.touched)]") == ["quota"]


async def test_a_gateway_that_is_gone_is_said_and_one_that_is_back_too(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        contact = tab.page.locator("#contact")
        await expect(contact).to_be_hidden()

        await shop.stop()

        await expect(contact).to_be_visible()
        await expect(contact).to_contain_text("No contact with the gateway since 12:00.")
        await expect(tab.page).to_have_title("No contact · Riverside Market · Gateway status")

        shop.report = cut_off()
        await shop.start()

        await expect(contact).to_be_hidden(timeout=15_000)
        await expect(tab.page.locator("h1 + .middle")).to_contain_text("Internet down")


async def test_a_plug_pulled_without_a_goodbye_is_noticed_by_the_silence(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.page.clock.install()
        await tab.live(shop)

        await tab.page.clock.fast_forward(60_000)

        await expect(tab.page.locator("#contact")).to_contain_text("No contact with the gateway")


async def test_a_page_too_many_says_that_it_is_not_live(browser: Browser, shop: Shop) -> None:
    shop.streams = Streams(streams_max=0)
    await shop.stop()
    await shop.start()

    async with open_tab(browser) as tab:
        await tab.page.goto(shop.url)

        await expect(tab.page.locator("#contact")).to_contain_text("not with live news")
        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")


async def test_the_page_reads_without_a_script(browser: Browser, shop: Shop) -> None:
    shop.report = cut_off()

    async with open_tab(browser, script=False) as tab:
        await tab.page.goto(shop.url)

        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")
        await expect(tab.page.locator(".unplug")).to_contain_text("212 sales")
        await expect(tab.page.locator(".card")).to_have_count(12)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [320, 360, 700, DESKTOP])
async def test_nothing_is_wider_than_the_screen(
    browser: Browser, shop: Shop, width: int, language: str
) -> None:
    shop.report = bad_day()

    async with open_tab(browser, width=width) as tab:
        await tab.live(shop, language)
        await tab.unlock("ct_technician")
        await expect(tab.page.locator("#unlocked")).to_be_visible()
        await tab.page.locator("[data-told=print]").first.click()
        await expect(tab.page.locator("#told")).to_be_visible()

        wide = await tab.page.evaluate("document.documentElement.scrollWidth")
        # what sticks out on the left of a page that is read from the right is not scrolled to
        outside = await tab.page.evaluate(OUTSIDE)
        assert wide <= width
        assert outside == []
        assert tab.complaints == []


@pytest.mark.parametrize("token", [None, "ct_technician"], ids=["resting", "unlocked"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(
    browser: Browser, shop: Shop, scheme: Literal["light", "dark"], token: str | None
) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1, here for text of every size."""
    shop.report = bad_day()

    async with open_tab(browser, scheme=scheme) as tab:
        await tab.live(shop)
        if token is not None:
            await tab.unlock(token)
            await expect(tab.page.locator("#unlocked")).to_be_visible()
            await tab.page.locator("[data-told=kick]").first.click()
            await expect(tab.page.locator("#told-words")).not_to_be_empty()

        assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []


async def test_the_headline_is_announced_and_the_figures_are_not(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)

        regions = tab.page.locator("[aria-live=polite]")
        await expect(regions).to_have_count(1)
        await expect(regions).to_have_attribute("data-part", "headline")
        await expect(tab.page.get_by_role("heading", level=1)).to_have_count(1)
        await expect(tab.page.get_by_role("region", name="Link to the hub")).to_be_visible()


async def test_the_clock_goes_on_between_two_reports(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        await tab.page.clock.install(time=to_ms(shop.report.clock.now) / 1000)
        await tab.live(shop)

        await tab.page.clock.fast_forward(5_000)

        await expect(tab.page.locator("#gateway-time")).to_have_text("12:00:05")


# Languages


async def test_the_page_speaks_as_the_browser_does(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser, locale="ar-EG") as tab:
        await tab.page.goto(shop.url)

        await expect(tab.page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(tab.page.locator("h1")).to_have_text("البيع جارٍ كالمعتاد.")


async def test_a_link_changes_the_language_and_the_news_come_in_it(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.page.get_by_role("link", name="العربية").click()
        await expect(tab.page.locator("body")).to_have_attribute("data-contact", "live")
        await expect(tab.page.locator("html")).to_have_attribute("lang", "ar")

        shop.show(cut_off())

        headline = tab.page.locator("[data-part=headline]")
        await expect(headline).to_contain_text("الإنترنت مقطوع منذ")
        await expect(headline).to_contain_text("212")
        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("لا ورق")
        await expect(tab.page.locator("#live")).to_contain_text("مباشر")
        assert tab.complaints == []


async def test_an_arabic_page_has_no_english_words_of_ours(browser: Browser, shop: Shop) -> None:
    """Latin letters are names, addresses and errors, which are isolated, or raw values."""
    shop.report = cut_off()

    async with open_tab(browser) as tab:
        await tab.live(shop, "ar")
        told = await tab.page.evaluate(
            """() => [...document.querySelectorAll("main *, footer *")]
              .filter((one) => one.children.length === 0 && one.checkVisibility())
              .filter((one) => one.closest("bdi, code, nav, time") === null)
              .map((one) => one.textContent.replace(/\u2068[^\u2069]*\u2069/g, ""))
              .filter((text) => /[A-Za-z]/.test(text))"""
        )

    assert set(told) == {"Python", "SQLite"}


async def test_no_request_leaves_the_gateway(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        for language in LANGUAGES:
            await tab.live(shop, language)
        await tab.unlock("ct_technician")
        await tab.page.locator("#bundle").click()
        await expect(tab.page.locator("#told-words")).to_contain_text("diagnostics-riverside.zip")

        hosts = {urlsplit(url).netloc for url in tab.requested if not url.startswith("blob:")}
        assert hosts == {f"127.0.0.1:{shop.port}"}


# Alerts


async def test_what_to_do_is_said_and_goes_away_with_its_cause(
    browser: Browser, shop: Shop
) -> None:
    shop.report = cut_off()

    async with open_tab(browser, width=PHONE) as tab:
        await tab.live(shop)
        alerts = tab.page.get_by_role("region", name="What to do")
        await expect(alerts.locator("li")).to_have_count(2)
        paper = alerts.locator("[data-kind=paper-out]")
        await expect(paper).to_contain_text("Printer counter has no paper.")
        await expect(paper).to_contain_text("Put paper in; what waits prints by itself.")

        shop.show(good_day())

        await expect(alerts).to_contain_text("Nothing needs a person.")
        await expect(alerts.locator("li")).to_have_count(0)


# Buttons


async def test_buttons_rest_until_somebody_says_who_they_are(browser: Browser, shop: Shop) -> None:
    shop.report = in_doubt()

    async with open_tab(browser) as tab:
        await tab.live(shop)
        buttons = tab.page.locator("button[data-path]")
        await expect(buttons).to_have_count(6)
        for button in await buttons.all():
            await expect(button).to_be_disabled()
        await expect(tab.page.locator(".resting")).to_have_text(
            "The buttons rest until a technician signs in."
        )
        await expect(tab.page.locator("#service-why")).to_be_visible()
        await expect(tab.page.locator("#bundle")).to_be_hidden()

        await tab.unlock("ct_technician")

        await expect(tab.page.locator("#who")).to_have_text("The buttons work: nour, technician.")
        for button in await buttons.all():
            await expect(button).to_be_enabled()
        await expect(tab.page.locator(".resting")).to_be_hidden()
        assert shop.asked == []
        assert tab.complaints == []


async def test_buttons_stay_usable_while_the_page_lives_and_after_a_reload(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.unlock("ct_manager")
        kick = tab.page.get_by_role("button", name="Open the drawer")
        await expect(kick).to_be_enabled()

        shop.show(cut_off())
        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("Paper out")
        await expect(kick).to_be_enabled()
        await tab.page.reload()
        await expect(tab.page.locator("#who")).to_contain_text("amira, manager")
        await expect(kick).to_be_enabled()

        await tab.page.get_by_role("button", name="Sign out").click()
        await expect(kick).to_be_disabled()
        assert await tab.page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("ct_cashier", "A token of the role cashier may not do this."),
        ("nonsense", "This gateway does not know the token."),
    ],
)
async def test_whoever_may_not_is_told_so(
    browser: Browser, shop: Shop, token: str, words: str
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)

        await tab.unlock(token)

        await expect(tab.page.locator("#told")).to_contain_text(words)
        await expect(tab.page.locator("button[data-path]").first).to_be_disabled()
        assert await tab.page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize(
    ("button", "path", "body", "words"),
    [
        (
            "Print a test page", "/v1/devices/counter/test", {"what": "print", "language": "en"},
            "A test page is on its way to counter.",
        ),
        (
            "Print the status ticket", "/v1/devices/counter/test",
            {"what": "ticket", "language": "en"}, "The status ticket is on its way to counter.",
        ),
        (
            "Open the drawer", "/v1/devices/counter/test", {"what": "kick", "language": "en"},
            "counter is told to open the drawer.",
        ),
        (
            "It was printed", "/v1/print-jobs/412/resolve", {"printed": True},
            "Noted: it was printed.",
        ),
        (
            "It was not printed", "/v1/print-jobs/412/resolve", {"printed": False},
            "It is printed again now, marked as a possible duplicate.",
        ),
    ],
)  # fmt: skip
async def test_each_button_asks_for_what_it_says(
    browser: Browser, shop: Shop, button: str, path: str, body: object, words: str
) -> None:
    shop.report = in_doubt()

    async with open_tab(browser, width=PHONE) as tab:
        await tab.live(shop)
        await tab.unlock("ct_technician")

        await tab.page.get_by_role("button", name=button, exact=True).click()

        await expect(tab.page.locator("#told-words")).to_have_text(words)
        assert shop.asked == [(path, body)]
        assert tab.complaints == []


async def test_a_test_scan_shows_what_was_read(browser: Browser, shop: Shop) -> None:
    path = "/v1/devices//dev/ttyACM0/test"
    shop.answers[path] = {"read": "4006381333931"}

    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.unlock("ct_technician")
        scan = tab.page.get_by_role("button", name="Test a scan")
        await scan.click()
        told = tab.page.locator("#told-words")
        await expect(told).to_have_text("/dev/ttyACM0 read 4006381333931.")

        shop.answers[path] = {"read": None}
        await scan.click()
        await expect(told).to_contain_text("/dev/ttyACM0 has read nothing.")

    assert [path for path, _ in shop.asked] == ["/v1/devices/%2Fdev%2FttyACM0/test"] * 2


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (FORBIDDEN, "This token may not do this. It takes a technician or a manager."),
        (
            Problem(Slug.CONFLICT, "Too many jobs wait for counter already."),
            "The gateway refuses this: Too many jobs wait for counter already.",
        ),
        (Problem(Slug.STORAGE, "The disk is full."), "The gateway refuses this: The disk is full."),
    ],
    ids=["forbidden", "conflict", "storage"],
)
async def test_a_refusal_is_said_in_words(
    browser: Browser, shop: Shop, problem: Problem, words: str
) -> None:
    shop.answers["/v1/devices/counter/test"] = problem

    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.unlock("ct_technician")

        await tab.page.get_by_role("button", name="Print a test page").click()

        await expect(tab.page.locator("#told-words")).to_have_text(words)
        await tab.page.get_by_role("button", name="Close").click()
        await expect(tab.page.locator("#told-words")).to_be_empty()


async def test_a_gateway_that_went_away_is_not_believed_to_have_done_it(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.unlock("ct_technician")
        await expect(tab.page.locator("#unlocked")).to_be_visible()
        await shop.stop()

        await tab.page.get_by_role("button", name="Print a test page").click()

        await expect(tab.page.locator("#told-words")).to_contain_text("has not answered")


async def test_the_diagnostics_are_saved_as_a_file(browser: Browser, shop: Shop) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        bundle.writestr("README.txt", "what is in it")
    shop.answers["/v1/diagnostics"] = file.getvalue()

    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.unlock("ct_technician")
        async with tab.page.expect_download() as downloading:
            await tab.page.get_by_role("button", name="Download diagnostics").click()
        saved = await (await downloading.value).path()

        assert await asyncio.to_thread(saved.read_bytes) == file.getvalue()
        assert (await downloading.value).suggested_filename == "diagnostics-riverside.zip"


async def test_every_button_can_be_reached_and_pressed_by_keys(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(shop)
        await tab.page.locator("#token").focus()
        await tab.page.keyboard.type("ct_technician")
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.locator("#unlocked")).to_be_visible()

        kick = tab.page.get_by_role("button", name="Open the drawer")
        await kick.focus()
        await tab.page.keyboard.press("Enter")

        await expect(tab.page.locator("#told-words")).to_contain_text("open the drawer")
        height = await kick.evaluate("(one) => one.getBoundingClientRect().height")
        assert height >= 44, "a finger needs that"
