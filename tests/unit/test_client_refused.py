"""Goal: a register that its gateway refuses says so, why, and what to do.

Method: figures of a register, and the words that they come to.
"""

import zoneinfo
from typing import Any

import msgspec
import pytest

from gateway.client import console_words
from gateway.client.register_status import Reach, headline
from gateway.status.report import LinkState
from tests.alone import STATUS

UTC = zoneinfo.ZoneInfo("UTC")


REFUSED: dict[str, Any] = {
    "refused": True,
    "last_error": "entry 7 of riverside.till-1.1 does not follow from the one before.",
}


@pytest.mark.parametrize("link", [LinkState.DOWN, LinkState.CONNECTED])
def test_a_register_that_is_refused_says_why_and_what_to_do(link: LinkState) -> None:
    status = msgspec.structs.replace(STATUS, link=link, sales_waiting=1, **REFUSED)

    assert headline(status) == (
        "Selling alone: the gateway is heard, and does not take what this register sells: entry 7 "
        "of riverside.till-1.1 does not follow from the one before. Its sales are kept here: leave "
        "it on, and leave its data directory as it is. If it belongs to another shop, take it "
        "there; else read the gateway's page, and call head office. 1 sale is only here, until it "
        "does."
    )


def test_a_register_that_is_refused_before_it_has_products_says_why() -> None:
    status = msgspec.structs.replace(STATUS, products=0, **REFUSED)

    assert headline(status) == (
        "Nothing can be sold yet: the gateway refuses this register: entry 7 of "
        "riverside.till-1.1 does not follow from the one before."
    )


def test_the_figures_of_a_register_have_its_last_error_and_that_it_is_refused() -> None:
    status = msgspec.structs.replace(STATUS, gateway="http://10.0.0.4:8460", **REFUSED)

    words = console_words.status_words(status, UTC)

    assert "http://10.0.0.4:8460, heard, and refuses this register\n" in words
    assert "\nLast error   entry 7 of riverside.till-1.1 does not follow" in words


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        (Reach.CONNECTED, "The gateway is connected."),
        (Reach.DOWN, "The gateway is not heard (it is off): selling alone."),
        (Reach.REFUSED, "The gateway refuses this register (it is off): selling alone."),
    ],
)
def test_a_link_that_comes_or_goes_is_told_with_its_reason(reach: Reach, said: str) -> None:
    assert console_words.link_words(reach, "it is off") == said
