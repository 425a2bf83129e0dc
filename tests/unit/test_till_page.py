"""Goal: the till's page is safe to serve to anybody and has all that its script needs.

Method: a bare application with the page, read through aiohttp's own test client; the files are
looked through for what a browser would refuse.
"""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import gateway.till.page
from gateway.identity import Identity
from gateway.till.page import add_till
from retail.money import EXPONENTS
from tests.web_samples import Client, MakeClient
from web.page_files import MEDIA_TYPES, SHARED
from web.tokens import new_token

STATIC = Path(gateway.till.page.__file__).parent / "static"
OWN_TOKEN = new_token(b"t" * 32)
FILES = sorted(path.name for path in [*STATIC.iterdir(), *SHARED.iterdir()])


def identity(name: str = "Riverside Market") -> Identity:
    return Identity(
        writer="riverside.1", name=name, kind="store", hub_writer="hub.1", jurisdiction="default",
        timezone="Africa/Cairo", token=OWN_TOKEN,
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
        "location": "riverside", "name": "Riverside Market", "timezone": "Africa/Cairo",
        "decimals": dict(EXPONENTS),
    }  # fmt: skip
    assert OWN_TOKEN not in text


async def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(
    aiohttp_client: MakeClient,
) -> None:
    response = await (await opened(aiohttp_client)).get("/register")
    text = await response.text()
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="/register/static/') == 1
    assert not re.search(r"\son\w+=", text)
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_shops_name_is_text_not_markup(aiohttp_client: MakeClient) -> None:
    name = '"><script>alert(1)</script>'

    text = await (await (await opened(aiohttp_client, name)).get("/register")).text()

    assert "<script>alert" not in text
    assert facts_in(text)["name"] == name


@pytest.mark.parametrize("name", FILES)
async def test_its_files_are_served_with_their_type(aiohttp_client: MakeClient, name: str) -> None:
    response = await (await opened(aiohttp_client)).get(f"/register/static/{name}")

    assert response.status == 200
    assert response.content_type == MEDIA_TYPES[Path(name).suffix]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["other.js", "..%2Fpage.py", "%2Fetc%2Fpasswd"])
async def test_no_other_file_is_served(aiohttp_client: MakeClient, name: str) -> None:
    assert (await (await opened(aiohttp_client)).get(f"/register/static/{name}")).status == 404


@pytest.mark.parametrize("name", [one for one in FILES if one.endswith(".js")])
def test_a_module_loads_only_its_neighbours_and_asks_for_no_secure_context(name: str) -> None:
    folder = STATIC if (STATIC / name).exists() else SHARED
    text = (folder / name).read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)

    for imported in re.findall(r'from "([^"]+)"', code):
        assert re.fullmatch(r"\./[a-z]+\.js", imported)
        assert imported.removeprefix("./") in FILES
    for absent in ("randomUUID", "crypto.subtle", "serviceWorker", "navigator.locks", "clipboard"):
        assert absent not in code, "is not there on http://storegw-ID.local"
    for sink in ("innerHTML =", "insertAdjacentHTML", "eval(", "document.write"):
        assert sink not in code, "text from outside is text"
