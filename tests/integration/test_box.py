"""Goal: a box is made the same way each time, starts the gateway as it should, and shuts it in.

Method: `scripts/provision_pi` prepares a directory as if it were an image; systemd's own tools
judge the units in it; the filter of system calls is compared with what strace sees a gateway call.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import PREFIX, GatewaySettings
from scripts.processes import PROJECT
from tests.enrolled import enrolled_directory
from web.settings import load_settings

SCRIPT = PROJECT / "scripts" / "provision_pi"
BOX = PROJECT / "scripts" / "box"
HUB = "http://hub.example.com:8470"
CODE = "K7QM-ABCD-EFGH-2345"
UNITS = {"store-gateway.service": 2.1, "cloud-hub.service": 1.6}
"""Each unit with the highest exposure that systemd may find; 10 is a program of root's."""

CONFIG = "etc/countertop/gateway.toml"
UNIT = "etc/systemd/system/store-gateway.service"
TARGETS = ("sysinit", "basic", "network", "multi-user", "shutdown")


NO_SCENE = 77

FAKE_SETUP = """\
#!/bin/sh
mkdir -p /opt/countertop/.venv/bin
printf '#!/bin/sh\\necho store-gateway 1\\n' >/opt/countertop/.venv/bin/store-gateway
chmod 755 /opt/countertop/.venv/bin/store-gateway
"""

SCENE = f"""\
set -eu
over() {{  # DIRECTORY: from here on, changes to it go to memory
  up="$layers/up$1" work="$layers/work$1"
  mkdir -p "$up" "$work"
  mount -t overlay -o "lowerdir=$1,upperdir=$up,workdir=$work" overlay "$1"
}}
scene() {{
  layers="$2/layers"
  mount --make-rprivate / && mkdir "$layers" && mount -t tmpfs tmpfs "$layers" &&
  over /etc && over /usr/lib/sysusers.d && mkdir "$layers/opt" &&
  mount --bind "$layers/opt" /opt && mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system
}}
scene "$@" || exit {NO_SCENE}
mkdir "$2/bin"
printf '#!/bin/sh\\necho "${{0##*/}} $*"; [ "$1" != is-active ]\\n' >"$2/bin/systemctl"
printf '#!/bin/sh\\n' >"$2/bin/apt-get"
chmod 755 "$2"/bin/*
PATH="$2/bin:$PATH"
"$1/scripts/provision_pi" --hub http://hub.example.com
"$1/scripts/provision_pi"
"""


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where one of the programs is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def provision(*options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script to its end."""
    return subprocess.run(
        [SCRIPT, *options], capture_output=True, text=True, timeout=50, check=False
    )


def seen(root: Path) -> dict[str, tuple[int, str]]:
    """Every file below a directory: its mode and what is in it."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mode & 0o777,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that was prepared once; tests that change it take a copy."""
    if shutil.which("systemd-sysusers") is None or shutil.which("systemctl") is None:
        pytest.skip("not installed: systemd")
    root = tmp_path_factory.mktemp("image")
    done = provision("--root", root, "--hub", HUB, "--enrol", CODE)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def image(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "image", symlinks=True)
    return tmp_path / "image"


def test_an_image_has_all_that_a_box_needs(made: Path) -> None:
    users = (made / "etc/passwd").read_text()
    groups = (made / "etc/group").read_text()

    assert re.search(r"^countertop:.*:/var/lib/countertop:/usr/sbin/nologin$", users, re.M)
    assert re.search(r"^dialout:.*countertop", groups, re.M)
    assert (made / UNIT).read_bytes() == (BOX / "store-gateway.service").read_bytes()
    wanted = made / "etc/systemd/system/multi-user.target.wants/store-gateway.service"
    assert wanted.readlink() == Path("/etc/systemd/system/store-gateway.service")
    assert "Storage=volatile" in (made / "etc/systemd/journald.conf.d/countertop.conf").read_text()
    assert "RuntimeWatchdogSec=" in (made / "etc/systemd/system.conf.d/countertop.conf").read_text()
    for part in ("gateway/__main__.py", "locks/run.lock", "scripts/setup", "pyproject.toml"):
        assert (made / "opt/countertop" / part).is_file()
    assert not list((made / "opt/countertop").rglob("__pycache__"))
    assert not (made / "opt/countertop/.new").exists()


def test_the_settings_are_ones_that_the_gateway_takes(made: Path, tmp_path: Path) -> None:
    text = (made / CONFIG).read_text()
    whole = tmp_path / "whole.toml"
    whole.write_text(re.sub(r"^# (?=\[\[|\w+ = )", "", text, flags=re.M))

    for file in (made / CONFIG, whole):
        settings = load_settings(
            GatewaySettings, prefix=PREFIX, file=file, environment={}, arguments={"data": "/x"}
        )
        assert settings.hub == HUB
    assert len(settings.scanners) == len(settings.printers) == 1, "the examples are read too"


def test_the_code_is_for_root_alone(made: Path) -> None:
    file = made / "etc/countertop/enrol.env"

    assert file.read_text() == f"{PREFIX}_ENROL={CODE}\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_time_changes_nothing(image: Path) -> None:
    before = seen(image)

    done = provision("--root", image, "--hub", HUB)

    assert done.returncode == 0, done.stderr
    assert seen(image) == before


def test_what_an_operator_changed_is_kept(image: Path) -> None:
    (image / UNIT).write_text("[Service]\nExecStart=/bin/mine\n")
    with (image / CONFIG).open("a") as config:
        config.write("basket_s = 60\n")
    mine = (image / CONFIG).read_text()

    done = provision("--root", image)

    assert done.returncode == 0, done.stderr
    assert (image / UNIT).read_text() == "[Service]\nExecStart=/bin/mine\n"
    assert (image / f"{UNIT}.new").read_bytes() == (BOX / "store-gateway.service").read_bytes()
    assert (image / CONFIG).read_text() == mine
    assert "kept /etc/systemd/system/store-gateway.service" in done.stdout


def test_a_unit_that_nobody_changed_is_brought_up_to_date(image: Path) -> None:
    stamp = image / "opt/countertop/.provisioned"
    old = b"[Service]\nExecStart=/opt/countertop/old\n"
    (image / UNIT).write_bytes(old)
    current = hashlib.sha256((BOX / "store-gateway.service").read_bytes()).hexdigest()
    stamp.write_text(stamp.read_text().replace(current, hashlib.sha256(old).hexdigest()))

    provision("--root", image)

    assert (image / UNIT).read_bytes() == (BOX / "store-gateway.service").read_bytes()
    assert not (image / f"{UNIT}.new").exists()


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    done = provision("--dry-run", "--root", tmp_path, "--hub", HUB, "--enrol", CODE)

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    for step in ("install -D -m 0644", "systemd-sysusers", "enable store-gateway.service"):
        assert re.search(rf"^would: .*{step}", done.stdout, re.M), step
    assert done.stdout.endswith("provision: nothing was changed\n")


def test_a_dry_run_on_this_machine_names_every_step(tmp_path: Path) -> None:
    done = provision("--dry-run", "--hub", HUB)

    assert done.returncode == 0, done.stderr
    for step in ("libfribidi0", "/opt/countertop/scripts/setup", "daemon-reexec", "restart"):
        assert re.search(rf"^would: .*{step}", done.stdout, re.M), step
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--root", "/nowhere-at-all"], "there is no directory /nowhere-at-all"),
        ([], "which hub?"),
        (["--hub", "hub.example.com"], "is no address of a hub"),
        (["--hub", 'http://x"\nlisten = "0.0.0.0:1'], "is no address of a hub"),
        (["--hub", HUB, "--enrol", "A=B\nC"], "is no enrolment code"),
        (["--hub"], "--hub needs a value"),
        (["--fast"], "there is no option '--fast'"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_touched(
    options: list[str], sentence: str, tmp_path: Path
) -> None:
    done = provision("--root", tmp_path, *options)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_box_is_not_moved_to_another_hub_by_the_way(image: Path) -> None:
    before = seen(image)

    done = provision("--root", image, "--hub", "http://other.example.com")

    assert done.returncode == 1
    assert "names another hub" in done.stderr
    assert seen(image) == before


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project whose set-up fetches nothing."""
    place = tmp_path / "checkout"
    for part in ("gateway", "cloud_hub", "devices", "retail", "replication", "web", "scripts"):
        shutil.copytree(PROJECT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("locks", "docs"):
        (place / folder).mkdir()
    for file in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(PROJECT / file, place)
    (place / "scripts/setup").write_text(FAKE_SETUP)
    return place


@needs("unshare", "systemd-sysusers", "runuser")
def test_a_whole_run_makes_a_box_and_starts_it(checkout: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    scene.write_text(SCENE)
    ran = subprocess.run(
        ["unshare", "--mount", "bash", str(scene), str(checkout), str(tmp_path)],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    if ran.returncode == NO_SCENE or "unshare failed" in ran.stderr:
        pytest.skip(f"no mount namespaces here: {ran.stderr.strip()[-200:]}")

    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    for line in (
        "store-gateway 1",  # by the user countertop
        "systemctl daemon-reexec",
        "systemctl enable store-gateway.service",
        "systemctl restart --no-block store-gateway.service",
    ):
        assert said.count(line) == 2, "it was run twice"
    assert "provision: kept /etc/countertop/gateway.toml" in said
    assert not any(line.startswith("provision: kept /etc/systemd") for line in said)


# What systemd says of the units


@needs("systemd-analyze")
def test_systemd_understands_every_line_of_the_units(image: Path) -> None:
    for target in TARGETS:
        file = image / f"usr/lib/systemd/system/{target}.target"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("[Unit]\n")
    for program in ("store-gateway", "cloud-hub"):
        file = image / f"opt/countertop/.venv/bin/{program}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o755)
    shutil.copy(BOX / "cloud-hub.service", image / "etc/systemd/system")

    for unit in UNITS:
        checked = subprocess.run(
            ["systemd-analyze", "verify", f"--root={image}", unit],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (checked.returncode, checked.stderr.strip()) == (0, "")


@needs("systemd-analyze")
@pytest.mark.parametrize(("unit", "exposure_max"), UNITS.items())
def test_a_unit_shuts_its_program_in(unit: str, exposure_max: float) -> None:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(BOX / unit)],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip

    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged)
    assert found is not None, judged
    assert float(found[1]) <= exposure_max, judged


def calls_let_through(unit: Path) -> frozenset[str]:
    """The system calls that a unit's filter lets through, by systemd's own lists."""

    def calls_of(name: str) -> Iterator[str]:
        if not name.startswith("@"):
            yield name
            return
        told = subprocess.run(
            ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
        ).stdout
        for line in told.splitlines()[1:]:
            if (word := line.strip()) and not word.startswith("#"):
                yield from calls_of(word)

    through: set[str] = set()
    for words in re.findall(r"^SystemCallFilter=(.+)$", unit.read_text(), re.M):
        calls = {call for word in words.removeprefix("~").split() for call in calls_of(word)}
        through = through - calls if words.startswith("~") else through | calls
    return frozenset(through)


PROGRAMS = {
    "store-gateway": (
        ("gateway", "serve", "--listen", "127.0.0.1:0", "--hub", "http://127.0.0.1:9"),
        ("/status", "/v1/devices", "/register"),
    ),
    "cloud-hub": (("cloud_hub", "serve", "--listen", "127.0.0.1:0"), ("/healthz", "/v1/products")),
}


@pytest.mark.slow
@needs("systemd-analyze", "strace")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_filter_lets_through_what_the_program_calls(name: str, tmp_path: Path) -> None:
    command, pages = PROGRAMS[name]
    data, trace = tmp_path / "data", tmp_path / "trace"
    if name == "store-gateway":
        enrolled_directory(data, "riverside")
    with (tmp_path / "log").open("w+") as log:
        traced = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(trace),
             sys.executable, "-m", *command, "--data", str(data)],
            cwd=PROJECT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert traced.stdout is not None
            listening = traced.stdout.readline()
            if not listening:
                pytest.skip(f"no tracing here: {Path(log.name).read_text().strip()[-200:]}")
            for page in pages:
                url = listening.removeprefix("listening on ").strip() + page
                with contextlib.suppress(urllib.error.HTTPError):  # no token: refused by the door
                    urllib.request.urlopen(url, timeout=20).read()  # noqa: S310 - our own
        finally:
            os.killpg(traced.pid, signal.SIGTERM)
            traced.communicate(timeout=30)

    called = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.M))
    assert {"fdatasync", "epoll_wait"} <= called
    assert called & {"adjtimex", "clock_adjtime"}, "the clock is asked"
    assert sorted(called - calls_let_through(BOX / f"{name}.service")) == []
