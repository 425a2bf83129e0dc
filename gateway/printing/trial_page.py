"""The test page of a printer: does it print, cut, write both scripts, and how wide is its line?"""

from datetime import datetime
from typing import Final

from devices.paper import Barcode, Document, Gap, Language, Pair, Qr, Rule, Text
from gateway.config import PrinterSetting
from gateway.status.words import LANGUAGES, Speaker

SAMPLES: Final = ("Tea 1.25 Café 0123456789", "شاي بالنعناع 0123456789")
"""A line in each script, printed in every language: what fails is seen to fail."""

CODE: Final = "COUNTERTOP-TEST"


def trial_page_of(
    setting: PrinterSetting, shop_name: str, at: datetime, language: Language
) -> Document:
    """The page for one printer; `at` is the shop's local time."""
    say = Speaker(LANGUAGES[language], isolating=False).say
    ruler = "".join(str(column % 10) for column in range(1, setting.columns + 1))
    return Document(
        language=language,
        blocks=(
            Text(say("paper.title"), align="center", strong=True, big=True),
            Text(shop_name, align="center"),
            Rule(),
            Pair(say("paper.printer"), setting.name),
            Pair(say("paper.at"), f"{at:%Y-%m-%d %H:%M:%S}"),
            Pair(say("paper.width"), f"{setting.columns} / {setting.dots}"),
            Rule(),
            Text(ruler),
            *(Text(sample) for sample in SAMPLES),
            Text(SAMPLES[0], strong=True),
            Gap(),
            Barcode(CODE),
            Qr(CODE),
            Text(say("paper.end"), align="center"),
        ),
    )
