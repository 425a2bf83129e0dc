"""Goal: a ticket says where the box is and how good its line is, and sets a register up.

Method: facts written by hand become paper; the code on it is read as a register reads it. Packets
are counted on a real connection on loopback.
"""

import datetime
import socket
from dataclasses import replace

import pytest

from devices.encode import encode
from devices.paper import Document, Language, Pair, Paper, Qr
from gateway.client import Place
from gateway.counter.ticket import TicketFacts, ticket_of
from gateway.link.line_quality import LOOKS_MAX, LineQuality, Packets, Quality, packets_of
from gateway.status.report import LinkState

FACTS = TicketFacts(
    location="riverside",
    name="Riverside Market",
    writer="riverside.1",
    chain="0123456789abcdef",
    addresses=("http://192.168.1.20:8460", "http://10.0.0.7:8460"),
    announced="riverside-2",
    link=LinkState.CONNECTED,
    round_trip_ms=23.4,
    quality=Quality(minutes=5, in_touch_percent=96, resent_percent=0.4),
    version="0.1.0",
    at=datetime.datetime(2026, 11, 22, 14, 5, tzinfo=datetime.UTC),
)


def pairs_of(document: Document) -> list[tuple[str, str]]:
    return [(block.left, block.right) for block in document.blocks if isinstance(block, Pair)]


def test_a_ticket_says_what_a_technician_asks_for() -> None:
    assert pairs_of(ticket_of(FACTS, "en")) == [
        ("Location", "riverside"),
        ("Box", "riverside.1"),
        ("Address", "http://192.168.1.20:8460"),
        ("Address", "http://10.0.0.7:8460"),
        ("Name on the network", "riverside-2._storegw._tcp"),
        ("Hub", "connected"),
        ("Round trip", "23 ms"),
        ("In touch, last 5 min", "96 %"),
        ("Packets sent again", "0.4 %"),
        ("Version", "0.1.0"),
        ("Printed", "2026-11-22 14:05"),
    ]


def test_what_is_not_known_is_not_said() -> None:
    young = replace(FACTS, announced=None, link=LinkState.NEVER, round_trip_ms=None, quality=None)

    said = dict(pairs_of(ticket_of(young, "en")))

    assert said["Hub"] == "never connected yet"
    assert said["Name on the network"] == "none"
    assert "Round trip" not in said
    assert not [label for label in said if label.startswith("In touch")]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_code_on_a_ticket_sets_a_register_up(language: Language) -> None:
    (code,) = (one for one in ticket_of(FACTS, language).blocks if isinstance(one, Qr))

    assert Place.from_ticket(code.data) == Place(
        location="riverside", chain="0123456789abcdef", ticket=FACTS.addresses
    )


@pytest.mark.parametrize("link", LinkState)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_ticket_goes_to_paper(language: Language, link: LinkState) -> None:
    document = ticket_of(replace(FACTS, link=link), language)

    assert document.direction == ("rtl" if language == "ar" else "ltr")
    assert encode(document, Paper(columns=42, dots=576))


def test_packets_are_those_of_the_connection() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as near,
        listening.accept()[0] as far,
    ):
        before = packets_of(near)
        near.sendall(b"x" * 10_000)
        assert far.recv(10_000, socket.MSG_WAITALL)
        after = packets_of(near)

    assert before is not None
    assert after is not None
    assert after.sent > before.sent
    assert after.resent == before.resent == 0


def test_something_else_than_tcp_has_no_packets() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert packets_of(one) is None


def test_quality_is_what_the_last_minutes_had(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = socket.socket(), socket.socket()
    counts = {first: Packets(0, 0), second: Packets(0, 0)}
    up: list[socket.socket] = [first]
    monkeypatch.setattr("gateway.link.line_quality.packets_of", counts.__getitem__)
    with first, second:
        line = LineQuality(lambda: up[0] if up else None)
        assert line.last_minutes() is None

        counts[first] = Packets(100, 1)
        line.look()
        counts[first] = Packets(150, 2)
        line.look()
        up.clear()
        line.look()
        up.append(second)  # a new link counts from the beginning
        counts[second] = Packets(50, 2)
        line.look()

        assert line.last_minutes() == Quality(minutes=1, in_touch_percent=75, resent_percent=2.0)
        up.clear()
        for _ in range(LOOKS_MAX):
            line.look()
        assert line.last_minutes() == Quality(minutes=5, in_touch_percent=0, resent_percent=None)
