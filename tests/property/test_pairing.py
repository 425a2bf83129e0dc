"""Goal: what a ticket's QR code says is read back as written, and nothing else is taken for one.

Method: Hypothesis makes pairings, which go to text and back, and texts, which may only be read as a
pairing that writes the very same place.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.counter.pairing import ADDRESSES_MAX, TEXT_CHARS_MAX, Pairing, pairing_of, pairing_text

LOCATIONS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
PORTS = st.integers(1, 65_535)
HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"), LOCATIONS
)
HEX = "0123456789abcdef"


@st.composite
def pairings(draw: st.DrawFn) -> Pairing:
    """Any pairing that a gateway may have."""
    tls = draw(st.booleans())
    scheme = "https" if tls else "http"
    places = draw(st.lists(st.tuples(HOSTS, PORTS), min_size=1, max_size=3))
    return Pairing(
        location=draw(LOCATIONS),
        addresses=tuple(f"{scheme}://{host}:{port}" for host, port in places),
        chain=draw(st.none() | st.text(HEX, min_size=16, max_size=16)),
        fingerprint=draw(st.text(HEX, min_size=64, max_size=64)) if tls else None,
    )


@given(pairings())
def test_a_pairing_is_read_as_it_was_written(pairing: Pairing) -> None:
    text = pairing_text(pairing)

    assert len(text) > TEXT_CHARS_MAX or pairing_of(text) == pairing


@given(st.text() | st.from_regex(r"https?://[!-~]{0,40}/register#[!-~]{0,60}", fullmatch=True))
def test_whatever_is_read_as_a_pairing_writes_the_same_one(text: str) -> None:
    pairing = pairing_of(text)

    assert pairing is None or pairing_of(pairing_text(pairing)) == pairing


def test_a_text_is_what_a_phone_opens_as_the_till() -> None:
    pairing = Pairing(
        location="riverside",
        addresses=("http://192.168.1.20:8460", "http://[fd00::7]:8460"),
        chain="0123456789abcdef",
    )

    assert pairing_text(pairing) == (
        "http://192.168.1.20:8460/register#location=riverside&chain=0123456789abcdef"
        "&also=[fd00::7]:8460"
    )


def test_addresses_beyond_the_limit_are_left_out() -> None:
    many = tuple(f"http://10.0.0.{number}:1" for number in range(1, ADDRESSES_MAX + 5))

    read = pairing_of(pairing_text(Pairing(location="riverside", addresses=many)))

    assert read is not None
    assert read.addresses == many[:ADDRESSES_MAX]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com/p/123",
        "http://10.0.0.1:8460/register",
        "http://10.0.0.1:8460/register#location=River",
        "http://10.0.0.1:8460/register#location=riverside&chain=x",
        "http://10.0.0.1:8460/register#location=riverside&new=x",
        "http://10.0.0.1:8460/register?x=1#location=riverside",
        "http://10.0.0.1:8460/other#location=riverside",
        "http://10.0.0.1:0/register#location=riverside",
        "http://me@10.0.0.1:8460/register#location=riverside",
        "http://[::1:8460/register#location=riverside",
        "http://10.0.0.1:8460/register#location=riverside&also=x/y:1",
        "ftp://10.0.0.1:8460/register#location=riverside",
        "http://10.0.0.1:8460/register#location=riverside&fp=" + "ab" * 32,
        "http://10.0.0.1:8460/register#location=riverside" + "&also=a:1" * 100,
        "http://10.0.0.1:8460/register#location=" + "a" * TEXT_CHARS_MAX,
    ],
)
def test_a_text_that_we_did_not_write_is_none(text: str) -> None:
    assert pairing_of(text) is None
