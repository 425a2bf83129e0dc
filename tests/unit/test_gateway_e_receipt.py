"""Goal: an e-receipt says what the paper says, as text or as a page that runs nothing.

Method: the answers for a document, read as text and by an HTML parser of the standard library.
"""

from html.parser import HTMLParser

import pytest
from aiohttp import web

from devices.paper import Barcode, Document, Pair, Qr, Table, Text
from gateway.e_receipt.page import e_receipt, plain_lines
from tests.documents import HOSTILE, RECEIPT

EVIL = '<script>alert(1)</script><img src=x onerror=alert(1)>" style="x'
BEH = "\N{ARABIC LETTER BEH}"


class Read(HTMLParser):
    """What a browser would find: tags with attributes, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(answer: web.Response) -> Read:
    reader = Read()
    reader.feed(answer.text or "")
    return reader


def page(*blocks: Text | Pair | Table | Qr | Barcode) -> web.Response:
    return e_receipt(Document(language="ar", blocks=blocks, copy_mark="M"), "text/html")


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "application/json"])
def test_text_is_what_comes_unless_a_page_is_asked_for(accept: str) -> None:
    answer = e_receipt(RECEIPT, accept)

    assert answer.content_type == "text/plain"
    assert answer.headers["Content-Language"] == "en"
    assert (answer.text or "").splitlines()[4] == "Milk 1 l" + " " * 30 + "3.98"


@pytest.mark.parametrize("accept", ["text/html", "TEXT/HTML;q=0.9", "text/html,*/*;q=0.8"])
def test_a_page_says_the_same(accept: str) -> None:
    answer = e_receipt(RECEIPT, accept)

    found = read(answer)
    assert answer.content_type == "text/html"
    assert ("html", {"lang": "en", "dir": "ltr"}) in found.tags
    for word in ("Riverside Grocery", "Milk 1 l", "3.98", "Total", "6.48 USD", "Thank you"):
        assert word in found.text


def test_a_page_runs_nothing_and_loads_only_its_own() -> None:
    answer = page(Text(EVIL), Pair(EVIL, EVIL), Table((EVIL,), ((EVIL,),)), Barcode(EVIL), Qr(EVIL))

    found = read(answer)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [tag for tag, _ in found.tags if tag in {"script", "style", "img", "iframe"}]
    for _, attributes in found.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        assert (attributes.get("href") or "/receipt/static/").startswith("/receipt/static/")


def test_an_arabic_page_runs_from_right_to_left_with_its_mark_at_both_ends() -> None:
    found = read(page(Text(BEH)))

    assert ("html", {"lang": "ar", "dir": "rtl"}) in found.tags
    assert found.text.split() == ["M", BEH, "M"]


def test_codes_are_drawn_in_the_page_and_an_empty_one_is_not() -> None:
    def codes(*blocks: Qr | Barcode) -> int:
        return [tag for tag, _ in read(page(*blocks)).tags].count("svg")

    assert codes(Qr("x"), Barcode("A-1")) == 2
    assert codes(Qr(""), Barcode("")) == 0
    assert "A-1" in read(page(Barcode("A-1"))).text


def test_numbers_of_arabic_text_do_not_flip() -> None:
    document = Document(language="ar", blocks=(Text(f"{BEH} -0.30"),))

    assert plain_lines(document) == [f"{BEH} \u2066-0.30\u2069"]
    assert plain_lines(Document(language="en", blocks=document.blocks)) == (f"{BEH} -0.30",)


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_no_name_breaks_either(accept: str) -> None:
    blocks = tuple(block for name in HOSTILE for block in (Pair(name, name), Text(name)))

    answer = e_receipt(Document(language="ar", blocks=blocks), accept)

    assert (answer.text or "").encode("utf-8")
