"""Goal: every page that people work with is safe to serve to anybody and has all its files.

Method: bare applications with a page each, read through aiohttp's own test client; the files are
looked through for what a browser would refuse, or what must not be in them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from aiohttp import web

import cloud_hub.back_office.page
import cloud_hub.shop_window.page
import gateway.order_queue.page
import gateway.till.page
from cloud_hub.back_office.page import add_back_office
from cloud_hub.shop_window.page import add_shop_window
from gateway.identity import Identity
from gateway.order_queue.page import add_order_queue
from gateway.till.page import add_till
from tests.web_samples import Client, MakeClient
from web.page_files import MEDIA_TYPES, SHARED


def _identity() -> Identity:
    return Identity(
        writer="riverside.1", name="Riverside Market", kind="store", parent="hub.1",
        jurisdiction="default", timezone="Africa/Cairo", token="",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPage:
    """A page, where it is, and whose package it is in."""

    path: str
    folder: Path
    package: str
    add: Callable[[web.Application], None]

    @property
    def statics(self) -> Path:
        return self.folder / "static"

    def file(self, name: str) -> Path:
        return next(one / name for one in (self.statics, SHARED) if (one / name).exists())


PAGES = {
    "till": ServedPage(
        path="/register",
        folder=Path(gateway.till.page.__file__).parent,
        package=gateway.till.__doc__ or "",
        add=lambda app: add_till(app, _identity()),
    ),
    "team": ServedPage(
        path="/orders",
        folder=Path(gateway.order_queue.page.__file__).parent,
        package=gateway.order_queue.__doc__ or "",
        add=lambda app: add_order_queue(app, _identity()),
    ),
    "back office": ServedPage(
        path="/orders",
        folder=Path(cloud_hub.back_office.page.__file__).parent,
        package=cloud_hub.back_office.__doc__ or "",
        add=lambda app: add_back_office(app, timezone="Africa/Cairo"),
    ),
    "shop": ServedPage(
        path="/shop",
        folder=Path(cloud_hub.shop_window.page.__file__).parent,
        package=cloud_hub.shop_window.__doc__ or "",
        add=lambda app: add_shop_window(app, timezone="Africa/Cairo"),
    ),
}
EACH = pytest.mark.parametrize("page", list(PAGES.values()), ids=list(PAGES))
SHARED_FILES = sorted(path.name for path in SHARED.iterdir())
FILES = [
    pytest.param(page, name, id=f"{which} {name}")
    for which, page in PAGES.items()
    for name in sorted({*(path.name for path in page.statics.iterdir()), *SHARED_FILES})
]
MODULES = [one for one in FILES if str(one.values[1]).endswith(".js")]


def code_of(module: Path) -> str:
    """A script without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", module.read_text(encoding="utf-8"), flags=re.DOTALL)


def imports_in(code: str) -> list[str]:
    return re.findall(r'from "([^"]+)"', code)


async def opened(aiohttp_client: MakeClient, page: ServedPage) -> Client:
    app = web.Application()
    page.add(app)
    return await aiohttp_client(app)


@EACH
async def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(
    aiohttp_client: MakeClient, page: ServedPage
) -> None:
    response = await (await opened(aiohttp_client, page)).get(page.path)
    text = await response.text()
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in text
    assert "<style" not in text
    script = f'<script type="module" src="{page.path}/static/'
    assert text.count("<script") == text.count(script) == 1
    assert not re.search(r"\son\w+=", text)
    assert response.headers["Cache-Control"] == "no-store"


@EACH
async def test_whatever_the_page_names_is_there(
    aiohttp_client: MakeClient, page: ServedPage
) -> None:
    client = await opened(aiohttp_client, page)
    text = await (await client.get(page.path)).text()

    named = re.findall(r'(?:src|href)="(/[^"#]+)"', text)
    assert len(named) > 3
    for path in named:
        assert path.startswith(f"{page.path}/static/")
        assert (await client.get(path)).status == 200, path


@pytest.mark.parametrize(("page", "name"), FILES)
async def test_its_files_are_served_with_their_type(
    aiohttp_client: MakeClient, page: ServedPage, name: str
) -> None:
    response = await (await opened(aiohttp_client, page)).get(f"{page.path}/static/{name}")

    assert response.status == 200
    assert response.content_type == MEDIA_TYPES[Path(name).suffix]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@EACH
@pytest.mark.parametrize("name", ["other.js", "..%2Fpage.py", "%2Fetc%2Fpasswd"])
async def test_no_other_file_is_served(
    aiohttp_client: MakeClient, page: ServedPage, name: str
) -> None:
    client = await opened(aiohttp_client, page)

    assert (await client.get(f"{page.path}/static/{name}")).status == 404


@pytest.mark.parametrize(("page", "name"), MODULES)
def test_a_module_loads_only_its_neighbours_and_asks_for_no_secure_context(
    page: ServedPage, name: str
) -> None:
    code = code_of(page.file(name))

    for imported in imports_in(code):
        assert re.fullmatch(r"\./[a-z]+\.js", imported)
        assert page.file(imported.removeprefix("./")).exists()
    for absent in ("randomUUID", "crypto.subtle", "serviceWorker", "navigator.locks", "clipboard"):
        assert absent not in code, "is not there on http://storegw-ID.local"
    for sink in ("innerHTML =", "insertAdjacentHTML", "eval(", "document.write"):
        assert sink not in code, "text from outside is text"


@EACH
def test_no_module_of_a_page_loads_itself_through_others(page: ServedPage) -> None:
    modules = [*page.statics.glob("*.js"), *SHARED.glob("*.js")]
    loads = {
        path.name: [imported.removeprefix("./") for imported in imports_in(code_of(path))]
        for path in modules
    }

    list(TopologicalSorter(loads).static_order())  # raises CycleError, which names them


@EACH
def test_no_file_of_a_page_hides_one_that_all_share(page: ServedPage) -> None:
    own = {path.name for path in page.statics.iterdir()}

    assert not own & set(SHARED_FILES)


@EACH
def test_a_command_that_a_page_names_has_all_that_it_asks_for(page: ServedPage) -> None:
    paths = [*page.folder.rglob("*.html"), *page.folder.rglob("*.js")]
    texts = [path.read_text(encoding="utf-8") for path in paths]

    named = [
        found for text in texts for found in re.findall(r"(?:gateway|hub) token (\S+ \S+)", text)
    ]

    assert named
    assert set(named) == {"--data DIR"}


@EACH
def test_each_module_of_a_page_is_in_its_packages_docstring(page: ServedPage) -> None:
    for path in page.statics.glob("*.js"):
        assert f"static/{path.name} " in page.package, path.name


def test_each_shared_file_is_in_the_docstring_of_what_serves_it() -> None:
    told = (SHARED.parent / "page_files.py").read_text(encoding="utf-8")

    for name in SHARED_FILES:
        assert f"    {name} " in told, name
