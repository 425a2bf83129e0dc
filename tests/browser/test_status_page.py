"""Goal: the status page is true in a real browser: live, honest when cut off, fit for a phone.

It is so in both languages. What its buttons do is in `test_status_buttons`.

Method: Debian's chromium opens the page of a bare application whose report the test changes
(`status_tab`). What is not about losing contact also demands a silent console, so a refused script
or style is noticed.
"""

from typing import Literal
from urllib.parse import urlsplit

import msgspec
import pytest
from playwright.async_api import Browser, expect

from gateway.status.feed import Streams
from gateway.status.report import to_ms
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.status_tab import DESKTOP, PHONE, Box, open_tab
from tests.browser.till_tab import CHROMIUM
from tests.status_samples import bad_day, cut_off, good_day

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

LANGUAGES = ["en", "ar"]


OUTSIDE = """() => [...document.querySelectorAll("main *, footer *, #told *")]
  .filter((one) => one.checkVisibility() && one.closest("svg") === null)
  .filter((one) => {
    const { left, right } = one.getBoundingClientRect();
    return left < -0.5 || right > innerWidth + 0.5;
  })
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Every visible element that sticks out of the window on either side."""


# Live


async def test_a_change_is_shown_without_a_reload(browser: Browser, box: Box) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.page.evaluate("window.sameDocument = true")
        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")

        box.show(cut_off())

        headline = tab.page.locator("[data-part=headline]")
        await expect(headline).to_contain_text("Internet down since 11:13.")
        await expect(headline).to_contain_text("no, 212 sales are not yet at the hub")
        await expect(headline).to_have_attribute("data-tone", "warn")
        await expect(tab.page.locator("[data-part=journal]")).to_contain_text("18,431")
        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("Paper out")
        assert await tab.page.evaluate("window.sameDocument")
        assert tab.complaints == []


async def test_a_part_that_did_not_change_is_not_touched(browser: Browser, box: Box) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.page.evaluate(
            """() => {
              window.touched = [];
              const watch = new MutationObserver((all) => {
                for (const { target } of all) {
                  const near = target.closest === undefined ? target.parentElement : target;
                  window.touched.push(near.closest("[data-part]").dataset.part);
                }
              });
              const all = { childList: true, characterData: true, attributes: true, subtree: true };
              watch.observe(document.querySelector(".cards"), all);
              watch.observe(document.querySelector(".headline"), all);
            }"""
        )
        quota = msgspec.structs.replace(box.report.quota, skus=4_313)

        box.show(msgspec.structs.replace(box.report, quota=quota))

        await expect(tab.page.locator("[data-part=quota]")).to_contain_text("4,313")
        assert await tab.page.evaluate("[...new Set(window.touched)]") == ["quota"]


async def test_a_gateway_that_is_gone_is_said_and_one_that_is_back_too(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        contact = tab.page.locator("#contact")
        await expect(contact).to_be_hidden()

        await box.stop()

        await expect(contact).to_be_visible()
        await expect(contact).to_contain_text("No contact with the gateway since 12:00.")
        await expect(tab.page).to_have_title("No contact · Riverside Market · Gateway status")

        box.report = cut_off()
        await box.start()

        await expect(contact).to_be_hidden(timeout=15_000)
        await expect(tab.page.locator("h1 + .middle")).to_contain_text("Internet down")


async def test_a_plug_pulled_without_a_goodbye_is_noticed_by_the_silence(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.page.clock.install()
        await tab.live(box)

        await tab.page.clock.fast_forward(60_000)

        await expect(tab.page.locator("#contact")).to_contain_text("No contact with the gateway")


async def test_a_page_too_many_says_that_it_is_not_live(browser: Browser, box: Box) -> None:
    box.streams = Streams(streams_max=0)
    await box.stop()
    await box.start()

    async with open_tab(browser) as tab:
        await tab.page.goto(box.url)

        await expect(tab.page.locator("#contact")).to_contain_text("not with live news")
        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")


async def test_the_page_reads_without_a_script(browser: Browser, box: Box) -> None:
    box.report = cut_off()

    async with open_tab(browser, script=False) as tab:
        await tab.page.goto(box.url)

        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")
        await expect(tab.page.locator(".unplug")).to_contain_text("212 sales")
        await expect(tab.page.locator(".card")).to_have_count(12)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [320, 360, 700, DESKTOP])
async def test_nothing_is_wider_than_the_screen(
    browser: Browser, box: Box, width: int, language: str
) -> None:
    box.report = bad_day()

    async with open_tab(browser, width=width) as tab:
        await tab.live(box, language)
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
    browser: Browser, box: Box, scheme: Literal["light", "dark"], token: str | None
) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1, here for text of every size."""
    box.report = bad_day()

    async with open_tab(browser, scheme=scheme) as tab:
        await tab.live(box)
        if token is not None:
            await tab.unlock(token)
            await expect(tab.page.locator("#unlocked")).to_be_visible()
            await tab.page.locator("[data-told=kick]").first.click()
            await expect(tab.page.locator("#told-words")).not_to_be_empty()

        assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []


async def test_the_headline_is_announced_and_the_figures_are_not(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)

        regions = tab.page.locator("[aria-live=polite]")
        await expect(regions).to_have_count(1)
        await expect(regions).to_have_attribute("data-part", "headline")
        await expect(tab.page.get_by_role("heading", level=1)).to_have_count(1)
        await expect(tab.page.get_by_role("region", name="Link to the hub")).to_be_visible()


async def test_the_clock_goes_on_between_two_reports(browser: Browser, box: Box) -> None:
    async with open_tab(browser) as tab:
        await tab.page.clock.install(time=to_ms(box.report.clock.now) / 1000)
        await tab.live(box)

        await tab.page.clock.fast_forward(5_000)

        await expect(tab.page.locator("#gateway-time")).to_have_text("12:00:05")


# Languages


async def test_the_page_speaks_as_the_browser_does(browser: Browser, box: Box) -> None:
    async with open_tab(browser, locale="ar-EG") as tab:
        await tab.page.goto(box.url)

        await expect(tab.page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(tab.page.locator("h1")).to_have_text("البيع جارٍ كالمعتاد.")


async def test_a_link_changes_the_language_and_the_news_come_in_it(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.page.get_by_role("link", name="العربية").click()
        await expect(tab.page.locator("body")).to_have_attribute("data-contact", "live")
        await expect(tab.page.locator("html")).to_have_attribute("lang", "ar")

        box.show(cut_off())

        headline = tab.page.locator("[data-part=headline]")
        await expect(headline).to_contain_text("الإنترنت مقطوع منذ")
        await expect(headline).to_contain_text("212")
        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("لا ورق")
        await expect(tab.page.locator("#live")).to_contain_text("مباشر")
        assert tab.complaints == []


async def test_an_arabic_page_has_no_english_words_of_ours(browser: Browser, box: Box) -> None:
    """Latin letters are names, addresses and errors, which are isolated, or raw values."""
    box.report = cut_off()

    async with open_tab(browser) as tab:
        await tab.live(box, "ar")
        told = await tab.page.evaluate(
            """() => [...document.querySelectorAll("main *, footer *")]
              .filter((one) => one.children.length === 0 && one.checkVisibility())
              .filter((one) => one.closest("bdi, code, nav, time") === null)
              .map((one) => one.textContent.replace(/\u2068[^\u2069]*\u2069/g, ""))
              .filter((text) => /[A-Za-z]/.test(text))"""
        )

    assert set(told) == {"Python", "SQLite"}


async def test_no_request_leaves_the_gateway(browser: Browser, box: Box) -> None:
    async with open_tab(browser) as tab:
        for language in LANGUAGES:
            await tab.live(box, language)
        await tab.unlock("ct_technician")
        await tab.page.locator("#bundle").click()
        await expect(tab.page.locator("#told-words")).to_contain_text("diagnostics-riverside.zip")

        hosts = {urlsplit(url).netloc for url in tab.requested if not url.startswith("blob:")}
        assert hosts == {f"127.0.0.1:{box.port}"}


# Alerts


async def test_what_to_do_is_said_and_goes_away_with_its_cause(browser: Browser, box: Box) -> None:
    box.report = cut_off()

    async with open_tab(browser, width=PHONE) as tab:
        await tab.live(box)
        alerts = tab.page.get_by_role("region", name="What to do")
        await expect(alerts.locator("li")).to_have_count(2)
        paper = alerts.locator("[data-kind=paper-out]")
        await expect(paper).to_contain_text("Printer counter has no paper.")
        await expect(paper).to_contain_text("Put paper in; what waits prints by itself.")

        box.show(good_day())

        await expect(alerts).to_contain_text("Nothing needs a person.")
        await expect(alerts.locator("li")).to_have_count(0)
