"""Goal: the house keeps its rules without anybody having to remember them.

Method: read the tree as text and as syntax trees; nothing is imported or started.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "cloud_hub", "devices", "retail", "replication", "web")
MODULE_LINES_MAX = 450
"""A screen is 50 lines: more than nine of them is two modules."""

NAMES_BANNED = frozenset({"utils", "common", "helpers", "base", "manager"})

IMPURE = frozenset(
    {
        "aiohttp",
        "apsw",
        "asyncio",
        "logging",
        "multiprocessing",
        "os",
        "random",
        "secrets",
        "select",
        "selectors",
        "serial",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "zeroconf",
    }
)
"""What pure code never imports: sockets, disks, clocks, dice, threads, and a log to write to."""

CLOCK_READINGS = frozenset({"now", "today", "utcnow"})

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def modules_of(*folders: str) -> Iterator[Path]:
    """All modules under `folders`, as paths from the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT)


ALL_MODULES = list(modules_of(*PACKAGES, "scripts", "tests"))
OUR_MODULES = list(modules_of(*PACKAGES))
PURE_MODULES = [
    path
    for path in modules_of("retail", "replication")
    if not path.is_relative_to("replication/adapters")
]


def tree_of(path: Path) -> ast.Module:
    """The syntax tree of the module at `path`, a path from the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def imported_by(path: Path) -> set[str]:
    """First names of the absolute imports of a module, wherever they stand in it."""
    names: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names.add(node.module.split(".")[0])
    return names


def name_of(requirement: str) -> str:
    """The name in a requirement such as ``aiohttp>=3.14``."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0]


def text_files() -> Iterator[Path]:
    """Everything that people write here, as paths from the root."""
    suffixes = {".py", ".sql", ".html", ".js", ".css", ".md", ".toml", ".yaml"}
    for folder in (*PACKAGES, "scripts", "tests", "docs", ".ci"):
        for path in sorted((ROOT / folder).rglob("*")):
            in_scripts = path.parent in {ROOT / "scripts", ROOT / ".ci"}
            if path.is_file() and (path.suffix in suffixes or in_scripts):
                yield path.relative_to(ROOT)
    for path in sorted(ROOT.glob("*")):
        if path.is_file() and path.suffix in suffixes:
            yield path.relative_to(ROOT)


def test_every_module_has_a_docstring() -> None:
    silent = [str(path) for path in ALL_MODULES if not ast.get_docstring(tree_of(path))]

    assert not silent, "say what they are for"


def test_no_module_is_longer_than_nine_screens() -> None:
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in ALL_MODULES}

    assert not {path: many for path, many in lines.items() if many > MODULE_LINES_MAX}


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = [
        str(path)
        for path in ALL_MODULES
        if NAMES_BANNED & {part.removesuffix(".py").strip("_") for part in path.parts}
    ]

    assert not empty, "name them for what they know"


@pytest.mark.parametrize("library", ["automerge", "serial"])
def test_exactly_one_module_knows_the_library(library: str) -> None:
    importers = [str(path) for path in OUR_MODULES if library in imported_by(path)]

    assert len(importers) == 1, f"{library} is imported by {importers}"


def test_pure_code_imports_no_socket_clock_or_die() -> None:
    found = {str(path): sorted(imported_by(path) & IMPURE) for path in PURE_MODULES}

    assert not {path: names for path, names in found.items() if names}, "hand it in as an argument"


def test_pure_code_reads_no_clock() -> None:
    readings = [
        f"{path}:{node.lineno}"
        for path in PURE_MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_READINGS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "dt"}
    ]

    assert not readings, "time is an argument"


def test_what_the_programs_import_is_what_the_project_requires() -> None:
    required = {name_of(each) for each in PROJECT["dependencies"]}
    distributions = {
        module: {name.lower().replace("_", "-") for name in names}
        for module, names in packages_distributions().items()
    }

    foreign = {name for path in OUR_MODULES for name in imported_by(path)}
    foreign -= {*PACKAGES, *sys.stdlib_module_names}

    unnamed = [name for name in foreign if not required & distributions.get(name, set())]
    assert not unnamed, "name them in pyproject.toml, then run scripts/lock"


def test_every_script_is_executable() -> None:
    scripts = [
        path
        for folder in ("scripts", ".ci")
        for path in (ROOT / folder).iterdir()
        if path.is_file() and path.suffix == ""
    ]

    assert scripts
    assert not [path.name for path in scripts if not path.stat().st_mode & 0o100]


def test_nothing_is_left_for_later() -> None:
    # Put together here, so that this file does not find itself.
    mark = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME")) + r")\b")

    found = [
        f"{path}:{number}"
        for path in text_files()
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line)
    ]

    assert not found


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "scripts/demo" in readme
    assert "scripts/test" in readme


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "locks").glob("*.lock")), ids=lambda path: str(path.name)
)
def test_a_lock_pins_every_package_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    for entry in entries:
        if entry.startswith("#"):
            continue
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_what_the_project_requires_is_in_the_locks() -> None:
    wanted = {"run": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}

    for extra, requirements in wanted.items():
        lock = ROOT / "locks" / f"{extra}.lock"
        locked = re.findall(r"^[a-z0-9._-]+(?===)", lock.read_text(), re.M) if lock.exists() else []
        missing = {name_of(each) for each in requirements} - set(locked)
        assert not missing, f"run scripts/lock: {extra}.lock lacks {missing}"
