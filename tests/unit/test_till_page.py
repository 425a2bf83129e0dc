"""Goal: the till's page says to anybody which shop it is, and no secret.

Method: a bare application with the page, read through aiohttp's own test client; what all pages
have in common is in `test_pages.py`.
"""

import itertools
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

from aiohttp import web

import gateway.till.page
from gateway.identity import Identity
from gateway.till.page import add_till
from retail.money import EXPONENTS
from tests.web_samples import Client, MakeClient
from web.tokens import new_token

OWN_TOKEN = new_token(b"t" * 32)


def identity(name: str = "Riverside Market") -> Identity:
    return Identity(
        writer="riverside.1", name=name, kind="store", parent="hub.1", jurisdiction="default",
        timezone="Africa/Cairo", token=OWN_TOKEN, chain="c1",
    )  # fmt: skip


async def opened(aiohttp_client: MakeClient, name: str = "Riverside Market") -> Client:
    app = web.Application()
    add_till(app, identity(name))
    return await aiohttp_client(app)


def facts_in(text: str) -> Any:  # noqa: ANN401 - whatever the page says
    found = re.search(r'data-shop="([^"]*)"', text)
    assert found is not None
    return json.loads(unescape(found[1]))


async def test_the_page_says_which_shop_it_is_and_no_secret(aiohttp_client: MakeClient) -> None:
    text = await (await (await opened(aiohttp_client)).get("/register")).text()

    assert facts_in(text) == {
        "chain": "c1", "location": "riverside", "name": "Riverside Market",
        "timezone": "Africa/Cairo", "decimals": dict(EXPONENTS),
    }  # fmt: skip
    assert OWN_TOKEN not in text


async def test_a_shops_name_is_text_not_markup(aiohttp_client: MakeClient) -> None:
    name = '"><script>alert(1)</script>'

    text = await (await (await opened(aiohttp_client, name)).get("/register")).text()

    assert "<script>alert" not in text
    assert facts_in(text)["name"] == name


def test_what_can_be_done_at_a_till_only_loads_what_is_below_it_in_the_packages_docstring() -> None:
    paragraphs = (gateway.till.__doc__ or "").split("\n\n")
    told = next(
        below
        for head, below in itertools.pairwise(paragraphs)
        if head.startswith("What can be done")
    )
    acts = re.findall(r"static/(\w+\.js) ", told)
    assert len(acts) > 9
    folder = Path(gateway.till.page.__file__).parent / "static"

    for place, act in enumerate(acts):
        loads = re.findall(r'from "\./(\w+\.js)"', (folder / act).read_text(encoding="utf-8"))
        assert not set(loads) & {*acts[:place], "till.js", "keys.js"}, act
