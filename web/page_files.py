"""What the pages of both programs have in common: their files, their templates, their manners.

A page is a folder with `templates/` and `static/`, and its template fills the blocks of
`web/templates/page.html`. It loads nothing from elsewhere and runs no inline script or style; there
is no build step between these files and a browser. Beside its own files each page serves those of
`web/static/`, under its own address:

    palette.css    colours by day and by night, type, one accent per tone
    controls.css   what is typed, pressed and read first: fields, buttons, notices, signing in
    icon.svg       the mark of both programs
    asking.js      asking this program with a token: an answer, a problem, or no answer
    why.js         a dialog that says what something means, and asks why, before it is done
    live.js        what the program tells without being asked, and reading for it
    settling.js    one request to its answer: never lost, never doubled, also over a reload
    witness.js     whose journal an answer comes from, and the highest one seen of a store
    numbers.js     money, quantities and times in the reader's script; typed money back; pure
    speech.js      saying things in the reader's language, the whole page and what must be read
    elements.js    a page's elements: found by id, made in a line, left alone if they say the same
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jinja2
from aiohttp import web

SHARED: Final = Path(__file__).parent / "static"
"""What every page has beside its own files."""

FRAMES: Final = Path(__file__).parent / "templates"
"""What pages are framed by, and what they import."""

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class PageFiles:
    """One page's files, read once. `static` is the handler of `.../static/{name}`."""

    def __init__(self, folder: Path) -> None:
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader([folder / "templates", FRAMES]),
            autoescape=True,  # names of shops and devices come from outside
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.statics = {
            path.name: path.read_bytes()
            for path in sorted([*SHARED.iterdir(), *(folder / "static").iterdir()])
            if path.suffix in MEDIA_TYPES
        }

    def show(self, template: str, **values: object) -> web.Response:
        """Answer a page as it is now."""
        text = self.templates.get_template(template).render(**values)
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def static(self, request: web.Request) -> web.Response:
        """Answer one of the page's own files; no other name reaches the disk."""
        name = request.match_info["name"]
        if name not in self.statics:
            raise web.HTTPNotFound(text=f"This page has no file {name!r}.")
        # no-cache: a program that was updated must not be shown through its old script.
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-cache"}
        return web.Response(
            body=self.statics[name],
            content_type=MEDIA_TYPES[Path(name).suffix],
            charset="utf-8",
            headers=headers,
        )
