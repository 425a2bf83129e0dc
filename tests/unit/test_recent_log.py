"""Goal: the end of the log is at hand, bounded, and says nothing that a technician may not read.

Method: records go through a logger of our own into the memory; what comes out is searched.
"""

import logging
from collections.abc import Iterator

import msgspec
import pytest

from gateway.box.recent_log import ERRORS_MAX, LINES_MAX, MESSAGE_CHARS_MAX, RecentLog
from gateway.box.redaction import HIDDEN, Redaction
from web.tokens import new_token

TOKEN = new_token(bytes(range(32)))
CODE = "K7QM-ABCD-EFGH-2345"
SECRET = "hub-token-of-this-box"  # noqa: S105 - planted


@pytest.fixture
def recent() -> RecentLog:
    return RecentLog(Redaction((SECRET, CODE, None, "")))


@pytest.fixture
def log(recent: RecentLog) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.recent")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(recent)
    logger.propagate = False
    yield logger
    logger.removeHandler(recent)


def test_warnings_and_errors_are_remembered_the_latest_first(
    recent: RecentLog, log: logging.Logger
) -> None:
    log.info("started")
    log.warning("hub link down: %s", "gone")
    log.error("commit failed")

    errors = recent.errors()

    assert [(one.level, one.message, one.count) for one in errors] == [
        ("error", "commit failed", 1),
        ("warning", "hub link down: gone", 1),
    ]
    assert len(recent.lines()) == 3


def test_the_same_again_only_counts_up(recent: RecentLog, log: logging.Logger) -> None:
    for tries in range(3):
        log.warning("hub link down: %s", f"try {tries}")
        log.error("other")

    assert [(one.message, one.count) for one in recent.errors()] == [
        ("other", 3),
        ("hub link down: try 2", 3),
    ]
    assert recent.errors()[0].first_at <= recent.errors()[0].at


def test_both_memories_are_bounded(recent: RecentLog, log: logging.Logger) -> None:
    for number in range(LINES_MAX + 10):
        message = f"kind {number} {'x' * 1_000}"
        log.warning(message)

    assert len(recent.lines()) == LINES_MAX
    assert len(recent.errors()) == ERRORS_MAX
    assert recent.errors()[0].message.startswith(f"kind {LINES_MAX + 9} ")
    assert all(len(one.message) == MESSAGE_CHARS_MAX for one in recent.errors())


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"refused {TOKEN} twice", TOKEN),
        (f"Authorization: Bearer {TOKEN[3:]}", TOKEN[3:]),
        (f"enrolled with {CODE}", CODE),
        ("enrolled with ABCD-2345-EFGH-6789", "ABCD"),
        (f"the hub does not know {SECRET}", SECRET),
        ("cannot connect to https://shop:hunter2@hub.example.com/", "hunter2"),
        ("GET /v1/x?token=hunter2&a=1", "hunter2"),
        ("mail to amira.hassan@example.com", "amira"),
    ],
)
def test_no_secret_stays(recent: RecentLog, log: logging.Logger, text: str, secret: str) -> None:
    log.warning("%s", text, extra={"reason": text, "slug": "x"})

    told = "".join(recent.lines()) + recent.errors()[0].message
    assert secret not in told
    assert HIDDEN in told


@pytest.mark.parametrize("text", ["x" * 500_000, "?token" * 80_000, "a@b." * 120_000, "://" * 9])
def test_hostile_text_is_read_in_a_moment(text: str) -> None:
    """A quadratic pattern takes minutes here, and the test its time limit."""
    assert Redaction(())(text)


def test_ordinary_words_stay(recent: RecentLog, log: logging.Logger) -> None:
    text = "printer counter at 192.168.1.40:9100, sale riverside.1-18204, boot 7c1f5a0e-2f0b"

    log.warning(text)

    assert recent.errors()[0].message == text


def test_of_an_exception_the_type_and_the_place_are_kept(
    recent: RecentLog, log: logging.Logger
) -> None:
    try:
        int("customer Amira Hassan, +20 100 000 0000")
    except ValueError:
        log.exception("request failed", extra={"customer": "Amira Hassan", "incident": "1f2e"})

    told = "".join(recent.lines()) + recent.errors()[0].message
    assert "Amira" not in told
    assert "ValueError at test_recent_log.py:" in recent.errors()[0].message
    assert msgspec.json.decode(recent.lines()[0])["incident"] == "1f2e"


def test_a_message_that_cannot_be_made_is_no_failure(
    recent: RecentLog, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    log.warning("%d sales", "many")

    assert recent.errors() == ()
