"""Parts of the documents that are drawn from tables in the code, so that they cannot drift.

A part stands between two lines of its document; everything outside them is written by hand:

    <!-- drawn: NAME (scripts/draw-docs) -->
    <!-- end: NAME -->

`PARTS` says which part is drawn from what. `scripts/draw-docs` rewrites the parts,
`tests/house/test_docs.py` fails where one is not up to date.
"""

import argparse
import ast
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from cloud_hub import api as hub_api
from cloud_hub.parts import Parts as HubParts
from cloud_hub.roles import ROLES as HUB_ROLES
from gateway import api as gateway_api
from gateway.parts import Parts as GatewayParts
from gateway.roles import ROLES as GATEWAY_ROLES
from gateway.roles import WRITTEN_OFF
from gateway.status.alerts import SEVERITY, AlertKind
from gateway.status.words import LANGUAGES, Language
from replication import session, wire
from retail.ordering.order_status import FULFILLED_BY, LEGAL, PRECEDENCE, RANK, WHOLE_ONLY
from tests import printing_faults
from web.endpoint import Endpoint
from web.openapi import openapi_endpoint

ROOT: Final = Path(__file__).resolve().parents[1]

LIMITS: Final[Mapping[str, Sequence[str]]] = {
    "replication.session": (),
    "replication.wire": (),
    "replication.adapters.websocket": (),
    "replication.adapters.borrowing": (),
    "replication.journal": ("ENTRY_BYTES_MAX",),
    "replication.relaying": ("RELAYABLE_BYTES_MAX", "RELAYED_BYTES_MAX"),
    "replication.feed": ("ITEM_BYTES_MAX",),
    "replication.quota": ("BORROW_MS_MAX", "LENT_REMEMBERED_MAX"),
    "gateway.link.dial": ("CONNECT_S_MAX",),
    "gateway.link.uplink": ("PAUSE_S_MIN", "PAUSE_S_MAX", "BATCH_ENTRIES_MAX"),
    "cloud_hub.stores.told": ("BATCH_ITEMS_MAX",),
}
"""The constants that bound a session, by module; no names: all numbers that the module defines."""

ALERT_HEADS: Final[Mapping[str, Sequence[str]]] = {
    "en": ("says", "what to do"),
    "ar": ("يقول", "ما يجب عمله"),
}
"""Headings of the table of alerts in each language of the status page."""

KIB: Final = 1024
MS_PER_S: Final = 1000


class MarkersMissing(Exception):
    """A document has lost the markers of a part; the sentence says which."""


def endpoints_of(program: str) -> list[Endpoint]:
    """All rows of the "gateway" or the "hub"; their handlers are named and never called."""
    if program == "gateway":
        rows = gateway_api.endpoints(object.__new__(GatewayParts))
    else:
        rows = hub_api.endpoints(object.__new__(HubParts))
    return [*rows, openapi_endpoint(rows, title=program, version="")]


def session_limits() -> list[tuple[str, str, int | float, str]]:
    """Every constant of `LIMITS` as (module, name, value, what its docstring says)."""
    found: list[tuple[str, str, int | float, str]] = []
    for path, names in LIMITS.items():
        module = importlib.import_module(path)
        told = constant_docstrings(module)
        wanted = names or [name for name in told if isinstance(getattr(module, name), int | float)]
        found += [(path, name, getattr(module, name), told[name]) for name in wanted]
    return found


def constant_docstrings(module: ModuleType) -> dict[str, str]:
    """The upper-case constants that a module defines, with the text that stands under each."""
    told: dict[str, str] = {}
    above = ""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above = node.target.id if node.target.id.isupper() else ""
            if above and not above.startswith("_"):
                told[above] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and above in told:
            told[above] = " ".join(str(node.value.value).split())
            above = ""
        else:
            above = ""
    return told


# Drawing


def draw_states() -> str:
    """The session's state machine, as Mermaid."""
    arrows = [
        f"    {before.value} --> {after.value}: {trigger.value}"
        for before, ways in session.TRANSITIONS.items()
        for trigger, after in ways.items()
    ]
    lines = ["stateDiagram-v2", f"    [*] --> {session.State.NEW.value}", *arrows]
    return "\n".join(["```mermaid", *lines, "```"])


def draw_frames() -> str:
    """Every frame, with what its docstring says and its fields in order."""
    rows = [
        (
            f"`{frame.__name__.lower()}`",
            inspect.cleandoc(frame.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(frame)),
        )
        for frame in typing.get_args(wire.Frame)
    ]
    return _table(("frame", "says", "fields, in order"), rows)


def draw_limits() -> str:
    """The session's limits."""
    rows = [
        (f"`{name}`", _amount(name, value), f"`{module}`", text)
        for module, name, value, text in session_limits()
    ]
    return _table(("constant", "value", "module", "why"), rows)


def draw_precedence() -> str:
    """Every event of an order and the status it stands for, the strongest first."""
    rows = [
        (
            f"`{event}`",
            f"**{state}**",
            f"to {FULFILLED_BY[event]}" if event in FULFILLED_BY else "",
            "when it is about every unit" if event in WHOLE_ONLY else "",
        )
        for event, state in reversed([*PRECEDENCE.items()])
    ]
    return _table(("event", "status", "only of orders", "counts"), rows)


def draw_legal() -> str:
    """What may be written next in each status, in the order of the events' strength."""
    rows = [
        (f"**{state}**", ", ".join(f"`{event}`" for event in sorted(events, key=RANK.__getitem__)))
        for state, events in LEGAL.items()
    ]
    return _table(("status", "may be told next"), rows)


def draw_endpoints(program: str) -> str:
    """A program's endpoints."""
    rows = [
        (
            f"`{row.method} {row.path}`",
            "open" if row.roles is None else ", ".join(sorted(row.roles, key=_rank)),
            row.summary,
            _body_words(row),
            _answer_words(row),
        )
        for row in endpoints_of(program)
    ]
    return _table(("request", "roles", "does", "body", "answer"), rows)


def draw_alerts() -> str:
    """Every kind of alert with its words; values stand in italics."""
    drawn = []
    for language in LANGUAGES.values():
        head = ("kind", "presses", *ALERT_HEADS[language.tag])
        rows = [
            (
                f"`{kind.value}`",
                SEVERITY[kind].value,
                _shown_words(language, f"alert.{kind.value}"),
                _shown_words(language, f"do.{kind.value}"),
            )
            for kind in AlertKind
        ]
        drawn.append(_table(head, rows))
    return "\n\n".join(drawn)


def _shown_words(language: Language, key: str) -> str:
    words = language.words[key]
    text = words if isinstance(words, str) else words["other"]
    return re.sub(r"\{(\w+)\}", r"*\1*", text)


def _rank(role: str) -> int:
    """Where a role stands among those of its program; no person's role comes last."""
    return [*GATEWAY_ROLES, *HUB_ROLES, "gateway", WRITTEN_OFF].index(role)


def _body_words(row: Endpoint) -> str:
    named = [f"`{row.body.__name__}`"] if row.body is not None else []
    return ", ".join([*named, "key"] if row.idempotent else named)


def _answer_words(row: Endpoint) -> str:
    if row.websocket:
        return "WebSocket"
    what = row.media_type if row.answer is None else f"`{_type_name(row.answer)}`"
    return f"{row.status} {what}"


def _type_name(kind: Any) -> str:  # noqa: ANN401  whatever a row names
    inner = ", ".join(_type_name(one) for one in typing.get_args(kind))
    name = getattr(typing.get_origin(kind) or kind, "__name__", str(kind))
    return f"{name}[{inner}]" if inner else name


def _amount(name: str, value: float) -> str:
    """A number with the unit that its name ends in."""
    if "_BYTES" in name and value % KIB == 0:
        return f"{value // KIB:,} KiB"
    if "_BYTES" in name:
        return f"{value:,} bytes"
    if "_MS" in name:
        return f"{value / MS_PER_S:g} s" if value >= MS_PER_S else f"{value} ms"
    return f"{value:g} s" if "_S" in name.replace("_SKU", "") else f"{value:,}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


PARTS: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "docs/protocol.md": {
        "session-states": draw_states,
        "frames": draw_frames,
        "limits": draw_limits,
    },
    "docs/operating.md": {"alerts": draw_alerts},
    "docs/orders.md": {"order-precedence": draw_precedence, "order-legal": draw_legal},
    "docs/api.md": {
        "gateway-endpoints": lambda: draw_endpoints("gateway"),
        "hub-endpoints": lambda: draw_endpoints("hub"),
    },
    "docs/printing.md": {
        "fault-matrix": printing_faults.matrix,
        "fault-matrix-witness": printing_faults.witness_matrix,
    },
}
"""Which parts each document has, and what draws them."""


def with_parts(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The document with each of its parts drawn anew.

    Raises:
        MarkersMissing: a part has no place in it.
    """
    for name, draw in parts.items():
        begin, end = f"<!-- drawn: {name} (scripts/draw-docs) -->", f"<!-- end: {name} -->"
        pattern = re.compile(rf"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
        drawn = f"{begin}\n{draw()}\n{end}"
        text, places = pattern.subn(drawn.replace("\\", r"\\"), text)
        if places != 1:
            raise MarkersMissing(f"the markers of {name} stand {places} times, not once")
    return text


def main() -> int:
    """Rewrite what is not up to date, or only tell; answers the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/draw-docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where stale")
    is_check = parser.parse_args().check
    stale = 0
    for name, parts in PARTS.items():
        path = ROOT / name
        before = path.read_text("utf-8")
        after = with_parts(before, parts)
        if after == before:
            print(f"{name}: up to date")
            continue
        stale += 1
        print(f"{name}: {'not up to date' if is_check else 'drawn anew'}")
        if not is_check:
            path.write_text(after, "utf-8")
    return int(is_check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
