"""`python -m scripts.drawn_status`: the pictures of the status page in the documents.

The page is that of the tests' made-up box, in the system's Chromium. A picture is drawn again when
the page has changed; nothing compares them, since a browser's fonts are the machine's own.
"""

import asyncio
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.async_api import async_playwright

from gateway.status.report import StatusReport
from tests.browser.status_tab import DESKTOP, PHONE, Box, open_tab
from tests.browser.till_tab import chromium
from tests.status_samples import cut_off, good_day, in_doubt

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/images"
PHONE_SCALE: Final = 1.5
COLOURS: Final = 128
"""A page of a few tones keeps them all, at a fifth of the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: `whole` pages are as long as they are, others as high as the window."""

    name: str
    report: StatusReport
    language: str = "en"
    width: int = DESKTOP
    whole: bool = False
    token: str | None = None
    at: str | None = None


PICTURES: Final = (
    Picture(name="status-phone", report=cut_off(), width=PHONE),
    Picture(name="status-phone-ar", report=cut_off(), language="ar", width=PHONE),
    Picture(name="status-desktop", report=good_day(), whole=True),
    Picture(
        name="status-devices", report=in_doubt(), width=PHONE, token="ct_technician",  # noqa: S106
        at="[data-part=devices]",
    ),
)  # fmt: skip


def save(name: str, drawn: bytes) -> None:
    """Keep a picture among those of the documents, and say how large it is."""
    path = FOLDER / f"{name}.png"
    image = Image.open(io.BytesIO(drawn)).convert("RGB")
    image.quantize(COLOURS).save(path, optimize=True)
    print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size:,} bytes")


async def _draw_all() -> None:
    async with async_playwright() as playwright:
        browser = await chromium(playwright)
        for picture in PICTURES:
            box = Box(report=picture.report)
            await box.start()
            scale = PHONE_SCALE if picture.width == PHONE else 1.0
            async with open_tab(browser, width=picture.width, scale=scale) as tab:
                await tab.page.clock.install(time=picture.report.clock.now)
                await tab.live(box, picture.language)
                if picture.token is not None:
                    await tab.unlock(picture.token)
                    await tab.page.locator("#unlocked").wait_for()
                if picture.at is None:
                    drawn = await tab.page.screenshot(
                        full_page=picture.whole, animations="disabled"
                    )
                else:
                    drawn = await tab.page.locator(picture.at).screenshot()
            await box.stop()
            save(picture.name, drawn)
        await browser.close()


def main() -> int:
    """Draw them all; answers the exit status."""
    asyncio.run(_draw_all())
    return 0


if __name__ == "__main__":
    sys.exit(main())
