"""Goal: the buttons of the status page do what they say, for whoever may press them.

Method: Chromium on the page of a bare application (`status_tab`), whose stand-in for the API writes
down what it was asked; and once on a running gateway with its devices. What the real endpoints do
is in `test_devices_contract`.
"""

import asyncio
import io
import zipfile

import msgspec
import pytest
from playwright.async_api import Browser, expect

from devices.sim.scanner import SimScanner
from tests.browser.status_tab import FORBIDDEN, PHONE, Box, open_tab
from tests.browser.till_tab import CHROMIUM, HOST
from tests.programs import Shop, until
from tests.status_samples import cut_off, in_doubt
from web.problems import Problem, Slug

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def test_buttons_rest_until_somebody_says_who_they_are(browser: Browser, box: Box) -> None:
    box.report = in_doubt()

    async with open_tab(browser) as tab:
        await tab.live(box)
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
        assert box.asked == []
        assert tab.complaints == []


async def test_buttons_stay_usable_while_the_page_lives_and_after_a_reload(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_manager")
        kick = tab.page.get_by_role("button", name="Open the drawer")
        await expect(kick).to_be_enabled()

        box.show(cut_off())
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
    browser: Browser, box: Box, token: str, words: str
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)

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
    browser: Browser, box: Box, button: str, path: str, body: object, words: str
) -> None:
    box.report = in_doubt()

    async with open_tab(browser, width=PHONE) as tab:
        await tab.live(box)
        await tab.unlock("ct_technician")

        await tab.page.get_by_role("button", name=button, exact=True).click()

        await expect(tab.page.locator("#told-words")).to_have_text(words)
        assert box.asked == [(path, body)]
        assert tab.complaints == []


async def test_news_beside_a_button_do_not_take_it_from_under_the_finger(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_technician")
        scan = tab.page.get_by_role("button", name="Test a scan")
        await expect(scan).to_be_enabled()
        await scan.focus()
        held = await scan.element_handle()
        counter, scanner = box.report.devices
        later = msgspec.structs.replace(scanner, last_scan=box.report.clock.now)

        box.show(msgspec.structs.replace(box.report, devices=(counter, later)))

        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("last scan 12:00")
        assert held is not None
        assert await held.evaluate("(one) => one === document.activeElement")


async def test_a_test_scan_shows_what_was_read(browser: Browser, box: Box) -> None:
    path = "/v1/devices//dev/ttyACM0/test"
    box.answers[path] = {"read": "4006381333931"}

    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_technician")
        scan = tab.page.get_by_role("button", name="Test a scan")
        await scan.click()
        told = tab.page.locator("#told-words")
        await expect(told).to_have_text("/dev/ttyACM0 read 4006381333931.")

        box.answers[path] = {"read": None}
        await scan.click()
        await expect(told).to_contain_text("/dev/ttyACM0 has read nothing.")

    assert [path for path, _ in box.asked] == ["/v1/devices/%2Fdev%2FttyACM0/test"] * 2


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
    browser: Browser, box: Box, problem: Problem, words: str
) -> None:
    box.answers["/v1/devices/counter/test"] = problem

    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_technician")

        await tab.page.get_by_role("button", name="Print a test page").click()

        await expect(tab.page.locator("#told-words")).to_have_text(words)
        await tab.page.get_by_role("button", name="Close").click()
        await expect(tab.page.locator("#told-words")).to_be_empty()


async def test_a_gateway_that_went_away_is_not_believed_to_have_done_it(
    browser: Browser, box: Box
) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_technician")
        await expect(tab.page.locator("#unlocked")).to_be_visible()
        await box.stop()

        await tab.page.get_by_role("button", name="Print a test page").click()

        await expect(tab.page.locator("#told-words")).to_contain_text("has not answered")


async def test_the_diagnostics_are_saved_as_a_file(browser: Browser, box: Box) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        bundle.writestr("README.txt", "what is in it")
    box.answers["/v1/diagnostics"] = file.getvalue()

    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_technician")
        async with tab.page.expect_download() as downloading:
            await tab.page.get_by_role("button", name="Download diagnostics").click()
        saved = await (await downloading.value).path()

        assert await asyncio.to_thread(saved.read_bytes) == file.getvalue()
        assert (await downloading.value).suggested_filename == "diagnostics-riverside.zip"


async def test_every_button_can_be_reached_and_pressed_by_keys(browser: Browser, box: Box) -> None:
    async with open_tab(browser) as tab:
        await tab.live(box)
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


async def test_in_a_running_shop_the_buttons_move_devices(
    browser: Browser, shop: Shop, scanner: SimScanner
) -> None:
    """By the gateway's name and over plain HTTP, which a browser calls no secure context."""
    async with open_tab(browser, width=PHONE) as tab:
        await tab.page.goto(f"http://{HOST}:{shop.gateway.port}/status?lang=en")
        await tab.unlock(shop.technician.token or "")
        await expect(tab.page.locator("#unlocked")).to_be_visible()
        told = tab.page.locator("#told-words")

        await tab.page.get_by_role("button", name="Print a test page").click()
        await expect(told).to_have_text("A test page is on its way to counter.")
        await tab.page.get_by_role("button", name="Test a scan").click()
        await expect(told).to_contain_text("Scan something with")
        while await told.inner_text() == "" or "Scan something" in await told.inner_text():
            await asyncio.to_thread(scanner.scan, b"4006381333931")
        await expect(told).to_contain_text("read 4006381333931.")
        async with tab.page.expect_download() as downloading:
            await tab.page.get_by_role("button", name="Download diagnostics").click()
        saved = await (await downloading.value).path()

        async def printed() -> bool:
            jobs = (await shop.technician.read("/v1/print-jobs"))["items"]
            return [job["state"] for job in jobs if job["title"] == "Test page"] == ["printed"]

        await until(printed)
        assert await asyncio.to_thread(zipfile.is_zipfile, saved)
        assert not await tab.page.evaluate("window.isSecureContext"), "the shop's case"
        assert tab.complaints == []
