"""Goal: the documents say what the programs do, and lead somewhere.

Method: compare tables and settings in the code with the text; follow links and names in it. What
`scripts/draw-docs` draws is drawn again and compared; the diagram is also read back by itself.
"""

import functools
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub import config as hub_config
from cloud_hub.roles import ROLES as HUB_ROLES
from gateway import config as gateway_config
from gateway.roles import ROLES as GATEWAY_ROLES
from gateway.status.headline import FREE_BYTES_MIN, STOPPED_SENTENCES
from replication import feed
from replication.escrow import Table
from replication.session import TRANSITIONS
from scripts.drawn_docs import PARTS, endpoints_of, session_limits, with_parts
from web.problems import Slug

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "cloud_hub", "devices", "retail", "replication", "web")
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / package / "README.md" for package in PACKAGES),
]
HEADINGS = ("Status", "Context", "Decision", "Consequences", "What would change our mind")

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(rf"(?:{'|'.join(PACKAGES)}|scripts|tests|docs)/[\w./-]*")
NAME = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
WHAT_HAPPENS = "docs/what-happens-when.md"
ROOM = re.compile(r"^### `(\w+)/`$", re.MULTILINE)
SHOWN = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")


@functools.cache
def text_of(path: str) -> str:
    """A document, by its path from the root."""
    return (ROOT / path).read_text(encoding="utf-8")


def named(document: Path) -> Iterator[str]:
    """Whatever a document sets in code type within a line."""
    prose = re.sub(r"^```.*?^```$", "", text_of(str(document)), flags=re.DOTALL | re.MULTILINE)
    yield from CODE.findall(prose)


def anchors_of(document: Path) -> set[str]:
    """The anchors of a document's headings, as code forges make them."""
    return {anchor_of(text) for text in HEADING.findall(document.read_text(encoding="utf-8"))}


def anchor_of(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def ids(document: Path) -> str:
    return str(document.relative_to(ROOT))


# What the programs can be told and can answer


@pytest.mark.parametrize(
    ("prefix", "settings"),
    [
        (gateway_config.PREFIX, gateway_config.GatewaySettings),
        (hub_config.PREFIX, hub_config.HubSettings),
    ],
)
def test_each_setting_is_explained_with_its_default(
    prefix: str, settings: type[msgspec.Struct]
) -> None:
    operating = text_of("docs/operating.md")

    for field in msgspec.structs.fields(settings):
        row = re.search(
            rf"^\| `{field.name}` \| `{prefix}_{field.name.upper()}` \| (\S+) \|", operating, re.M
        )
        assert row is not None, f"{prefix}: {field.name} has no row in docs/operating.md"
        if isinstance(field.default, bool | str | int):
            assert row[1] == f"`{str(field.default).lower()}`" or row[1] == f"`{field.default}`"
        else:
            assert row[1] == ("required" if field.required else "none")


@pytest.mark.parametrize(
    "settings",
    [gateway_config.ScannerSetting, gateway_config.PrinterSetting, gateway_config.ReceiptSetting],
)
def test_each_setting_of_a_device_is_explained(settings: type[msgspec.Struct]) -> None:
    words = set(named(Path("docs/operating.md")))

    assert {field.name for field in msgspec.structs.fields(settings)} <= words


def test_no_setting_is_explained_that_does_not_exist() -> None:
    explained = set(
        re.findall(r"`((?:STORE_GATEWAY|CLOUD_HUB)_\w+)`", text_of("docs/operating.md"))
    )

    existing = {
        f"{prefix}_{name.upper()}"
        for prefix, settings in (
            (gateway_config.PREFIX, gateway_config.GatewaySettings),
            (hub_config.PREFIX, hub_config.HubSettings),
        )
        for name in settings.__struct_fields__
    }
    assert explained == existing


@pytest.mark.parametrize("program", ["gateway", "hub"])
def test_each_endpoint_is_listed(program: str) -> None:
    listed = text_of("docs/api.md")

    missing = [
        f"{row.method} {row.path}"
        for row in endpoints_of(program)
        if f"| `{row.method} {row.path}` |" not in listed
    ]
    assert not missing, "run scripts/draw-docs"


def test_each_slug_is_explained_with_its_status() -> None:
    operating = text_of("docs/operating.md")

    for slug in Slug:
        row = re.search(rf"^\| `{slug.text}` \| ([0-9, ]+) \| .+ \| .+ \|$", operating, re.M)
        assert row is not None, f"{slug.text} has no row in docs/operating.md"
        assert str(slug.status) in row[1].split(", ")


def test_each_role_is_explained() -> None:
    operating = text_of("docs/operating.md")

    for role in (*GATEWAY_ROLES, *HUB_ROLES, "gateway"):
        assert re.search(rf"^\| {role} \| .+ \|$", operating, re.M), role


def test_each_reason_not_to_sell_is_explained() -> None:
    operating = text_of("docs/operating.md")

    assert not [words for words in STOPPED_SENTENCES.values() if words not in operating]
    assert f"below {FREE_BYTES_MIN // 1_000_000} MB" in operating


# What is drawn


@pytest.mark.parametrize("document", PARTS)
def test_drawn_parts_are_up_to_date(document: str) -> None:
    text = text_of(document)

    assert with_parts(text, PARTS[document]) == text, "run scripts/draw-docs"


def test_the_diagram_has_the_arrows_of_the_table_and_no_others() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): (\w+)$", text_of("docs/protocol.md"), re.M)

    assert sorted(arrows) == sorted(
        (before.value, after.value, trigger.value)
        for before, ways in TRANSITIONS.items()
        for trigger, after in ways.items()
    )


def test_each_constant_that_the_protocol_names_is_a_limit_of_the_session() -> None:
    limits = {name for _, name, _, _ in session_limits()}
    written = {word for word in named(Path("docs/protocol.md")) if CONSTANT.fullmatch(word)}

    assert written
    assert written <= limits
    assert limits <= written


def test_each_kind_of_feed_item_is_in_the_protocol() -> None:
    _, _, section = text_of("docs/protocol.md").partition("\n## The feed\n")

    kinds = {value for name, value in vars(feed).items() if name.isupper() and type(value) is str}
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == kinds - {feed.EVERYONE}


def test_each_table_of_a_counter_is_in_the_decision_about_cells() -> None:
    words = set(named(Path("docs/decisions/0003-one-writer-per-cell.md")))

    assert {table.value for table in Table} <= words


# What leads somewhere


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_relative_links_lead_somewhere(document: Path) -> None:
    for target in filter(None, (a or b for a, b in LINK.findall(document.read_text("utf-8")))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), target
        if anchor:
            assert anchor in anchors_of(found), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_files_that_a_document_names_exist(document: Path) -> None:
    places = [word for word in named(document.relative_to(ROOT)) if FILE.fullmatch(word)]

    missing = [place for place in places if not (ROOT / place).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_names_in_code_that_a_document_uses_exist(document: Path) -> None:
    for name in filter(NAME.fullmatch, named(document.relative_to(ROOT))):
        if name.endswith((".db", ".py", ".md")):
            continue
        assert exists(name), name


def exists(name: str) -> bool:
    """Whether a dotted name is a module of ours, or something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            known = getattr(found, "__struct_fields__", ()) or getattr(found, "__slots__", ())
            if part not in known and not hasattr(found, part):
                return False
            found = getattr(found, part, None)
        return True
    return False


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_a_readme_and_is_in_the_first_one(package: str) -> None:
    assert text_of(f"{package}/README.md").startswith("# ")
    assert f"`{package}/`" in text_of("README.md")


@pytest.mark.parametrize(
    "package", ["gateway", "cloud_hub", "devices", "replication", "retail", "web"]
)
def test_each_file_of_a_package_is_in_its_readme(package: str) -> None:
    own, *rooms = ROOM.split(text_of(f"{package}/README.md"))
    listed = {"": own, "adapters": own} | {
        room: text.partition("\n## ")[0] for room, text in zip(rooms[::2], rooms[1::2], strict=True)
    }

    absent = [
        str(path.relative_to(ROOT))
        for folder, text in listed.items()
        for path in (ROOT / package / folder).glob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
        and path.name not in text
        and f"`{path.stem}`" not in text
    ]
    assert not absent, "name them where the README lists their room"


@pytest.mark.parametrize("package", ["gateway", "cloud_hub", "retail"])
def test_each_folder_of_a_package_is_in_its_readme(package: str) -> None:
    readme = text_of(f"{package}/README.md")
    folders = [path.parent.name for path in (ROOT / package).glob("*/__init__.py")]

    assert not [folder for folder in folders if f"`{folder}/`" not in readme]


# What happens when


def rows_of(page: str) -> dict[str, str]:
    """What the page of races says, by the heading of each row."""
    _, *parts = re.split(r"^### (.+)$", text_of(page), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_each_test_that_shows_what_happens_exists() -> None:
    shown = SHOWN.findall(text_of(WHAT_HAPPENS))

    assert {word for word in named(Path(WHAT_HAPPENS)) if word.startswith("test_")} == {
        name for name, _ in shown
    }
    missing = [
        f"{path}: {name}"
        for name, path in shown
        if not re.search(rf"^(?:async )?def {name}\(", text_of(path), re.MULTILINE)
    ]
    assert not missing


def test_each_row_of_what_happens_is_shown_by_a_test_or_says_not_yet() -> None:
    rows = rows_of(WHAT_HAPPENS)

    assert rows
    assert not [
        row for row, text in rows.items() if not SHOWN.search(text) and "Not yet" not in text
    ]


def test_each_row_of_what_happens_is_in_its_contents() -> None:
    contents, *_ = text_of(WHAT_HAPPENS).partition("\n## ")
    listed = re.findall(r"\]\(#([\w-]+)\)", contents)

    assert listed
    assert sorted(listed) == sorted(anchor_of(row) for row in rows_of(WHAT_HAPPENS))


# Decisions


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    listed = text_of("docs/decisions/README.md")

    assert numbers == list(range(1, len(numbers) + 1))
    assert not [path.name for path in DECISIONS if f"]({path.name})" not in listed]


@pytest.mark.parametrize("decision", DECISIONS, ids=ids)
def test_a_decision_has_its_headings_and_its_number(decision: Path) -> None:
    title, *headings = HEADING.findall(decision.read_text(encoding="utf-8"))

    assert title.startswith(f"{decision.name[:4]} ")
    assert tuple(headings) == HEADINGS


def test_decisions_that_the_code_cites_exist() -> None:
    cited = {
        number
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for place in re.findall(
            r"docs/decisions/(\d{4}`(?:,\s+`\d{4}`)*)", path.read_text(encoding="utf-8")
        )
        for number in re.findall(r"\d{4}", place)
    }

    assert {"0001", "0003", "0004", "0005"} <= cited <= {path.name[:4] for path in DECISIONS}
