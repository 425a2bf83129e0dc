"""Goal: what the hub says and takes about the lives of a box is as documented, whoever asks.

Method: a running hub; boxes are made by their HTTP requests alone, and write entries by hand.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from replication.journal import EMPTY, ENTRY_BYTES_MAX, Actor, Entry, EntryBody, Head, append
from tests.programs import Caller, Reply, Shop, fresh
from web.lives import PIECE_BYTES_MAX, PIECE_ENTRIES_MAX

BOX = "a-box-that-was-restored"


async def enrolled(shop: Shop, location: str, *more: str, box: str = "a" * 32) -> Caller:
    """A box that is the gateway of a location now, with its token."""
    stranger = Caller(client=shop.client, url=shop.hub.url)
    code = shop.code(location, *more)
    reply = await stranger.ask("POST", "/v1/enrolments", body={"code": code, "box": box})
    assert reply.status == 201, reply
    return Caller(client=shop.client, url=shop.hub.url, token=reply.json["token"])


def entry(writer: str, head: Head, boot: str = "x") -> tuple[Entry, Head]:
    """An entry that says nothing, after another one."""
    body = EntryBody(
        writer=writer, seq=head.seq + 1, at_ms=1, tick=0, boot=boot, synchronised=True,
        kind="note", actor=Actor(), reason="", reference="", moves=[], cells=[],
        record=msgspec.Raw(b"{}"),
    )  # fmt: skip
    return append(head, body)


def piece(entries: list[Entry], **other: object) -> dict[str, Any]:
    """A whole branch in one piece, from the beginning."""
    pairs = [[base64.b64encode(part).decode() for part in one] for one in entries]
    return {
        "box": BOX, "after_seq": 0, "after_hash": "00" * 32, "entries": pairs, "is_last": True,
    } | other  # fmt: skip


async def test_a_new_box_takes_over_an_empty_state_and_the_one_before_may_not(shop: Shop) -> None:
    location = fresh("pier")
    first = await enrolled(shop, location)
    second = await enrolled(shop, location, "--replace", box="b" * 32)

    state = await second.read("/v1/replicate/state")
    assert (state["writer"], state["registers"], state["tokens"]) == (f"{location}.2", [], None)
    (life,) = state["earlier"]
    assert (life["writer"], life["state"], life["last_seq"]) == (f"{location}.1", "open", 0)
    assert (await shop.admin.read(f"/v1/locations/{location}"))["unsettled"] == [f"{location}.1"]
    assert await second.all("/v1/replicate/state/counters") == []
    assert await second.all("/v1/replicate/state/entries") == []
    for path in ("", "/counters", "/entries"):
        refused = await first.get(f"/v1/replicate/state{path}")
        assert (refused.status, refused.slug) == (403, "forbidden")
    for caller in (shop.admin, shop.storefront):
        assert (await caller.get("/v1/replicate/state")).status == 403


async def test_whoever_asks_to_be_a_box_that_has_asked_for_its_state_ends_no_token_of_it(
    shop: Shop,
) -> None:
    location = fresh("pier")
    box = await enrolled(shop, location)

    async def renewed() -> Reply:
        asked = {"box": BOX, "seq": 0, "hash": "00" * 32, "why": "till-1 has seen more"}
        return await box.ask("POST", "/v1/replicate/renew", body=asked)

    def of(reply: Reply) -> Caller:
        token = reply.json["identity"]["token"]
        return Caller(client=shop.client, url=shop.hub.url, token=token)

    unheard, told_again = of(await renewed()), of(await renewed())
    lost = await unheard.get("/v1/replicate/state")
    await told_again.read("/v1/replicate/state")
    of_a_copy = await renewed()

    assert lost.status == 401, "another answer was told instead"
    assert (of_a_copy.status, of_a_copy.slug) == (409, "conflict")
    assert (await told_again.read("/v1/replicate/state"))["writer"] == f"{location}.2"


async def test_the_hash_of_an_entry_is_told_to_its_own_location_alone(shop: Shop) -> None:
    location = fresh("pier")
    box = await enrolled(shop, location)

    found = await box.read(f"/v1/replicate/hash?writer={location}.1&seq=0")
    assert (found["hash"], found["head_seq"]) == ("00" * 32, 0)
    missing = await box.read(f"/v1/replicate/hash?writer={location}.1&seq=7")
    assert missing["hash"] is None
    other = await box.get("/v1/replicate/hash?writer=riverside.1&seq=0")
    assert (other.status, other.slug) == (403, "forbidden")
    for query in ("writer=nobody&seq=0", f"writer={location}.1&seq=-1", f"writer={location}.1"):
        assert (await box.get(f"/v1/replicate/hash?{query}")).status == 400
    log = (shop.programs.root / "hub.log").read_text()
    for page in ("counters", "entries"):
        assert (await box.get(f"/v1/replicate/state/{page}?cursor=LTE")).status == 400
    assert "Traceback" not in (shop.programs.root / "hub.log").read_text()[len(log) :]


async def test_a_location_shows_its_lives_and_nobody_answers_for_a_living_box(shop: Shop) -> None:
    location = fresh("pier")
    await enrolled(shop, location)
    await enrolled(shop, location, "--replace", box="b" * 32)

    view = await shop.auditor.read(f"/v1/locations/{location}")
    assert view["id"] == location
    assert [(one["writer"], one["state"], one["frozen_units"]) for one in view["lives"]] == [
        (f"{location}.1", "open", 0)
    ]
    assert (await shop.auditor.get("/v1/locations/nowhere")).status == 404

    path, asked = f"/v1/locations/{location}/attest", {"reason": "it burnt"}
    living = await shop.admin.post(path, asked | {"writer": f"{location}.2"}, key=fresh("k"))
    assert (living.status, living.slug) == (409, "conflict")
    assert (await shop.auditor.post(path, asked, key=fresh("k"))).status == 403
    for body in ({"writer": f"{location}.1"}, asked | {"writer": "x"}, asked | {"writer": 1}):
        assert (await shop.admin.post(path, body, key=fresh("k"))).status == 422
    key = fresh("k")
    done = await shop.admin.post(path, asked | {"writer": f"{location}.1"}, key=key)
    again = await shop.admin.post(path, asked | {"writer": f"{location}.1"}, key=key)
    assert (done.status, again.status, again.json) == (201, 201, done.json)
    assert (done.json["reclaimed_units"], done.json["by"]) == (0, again.json["by"])
    assert (await shop.admin.read(f"/v1/locations/{location}"))["unsettled"] == []


async def test_what_is_no_branch_is_refused_with_a_sentence(shop: Shop) -> None:
    location = fresh("pier")
    box = await enrolled(shop, location)
    writer = f"{location}.1"
    one, head = entry(writer, EMPTY)
    two, _ = entry(writer, head)

    async def refused(body: object) -> Reply:
        return await box.ask("POST", "/v1/replicate/branch", body=body)

    nothing = await refused(piece([one, two]))
    assert (nothing.status, nothing.slug) == (409, "conflict")
    assert "by the link" in nothing.json["detail"]
    elsewhere = await refused(piece([one], after_seq=4, after_hash="11" * 32))
    assert (elsewhere.status, elsewhere.json["head_seq"]) == (409, 0)
    digest = hashlib.sha256(b"x").hexdigest()
    broken: Mapping[str, object]
    for broken in (
        {"after_hash": "no"}, {"after_hash": digest.upper()}, {"entries": []}, {"box": "short"},
        {"entries": [["!", "!"]]}, {"is_last": 1}, {"more": 1}, {"after_seq": -1},
    ):  # fmt: skip
        assert (await refused(piece([one]) | broken)).status in {400, 422}, broken
    assert (await shop.admin.ask("POST", "/v1/replicate/branch", body={})).status == 403


async def test_a_piece_as_large_as_the_largest_entry_or_with_as_many_as_it_may_have_comes_in(
    shop: Shop,
) -> None:
    location = fresh("pier")
    box = await enrolled(shop, location)
    writer = f"{location}.1"
    small = len(entry(writer, EMPTY, "")[0].body) + 3  # a seq of four digits
    largest, _ = entry(writer, EMPTY, "x" * (ENTRY_BYTES_MAX - small))
    many, head = list[Entry](), EMPTY
    for _ in range(PIECE_ENTRIES_MAX):
        one, head = entry(writer, head, "x" * (PIECE_BYTES_MAX // PIECE_ENTRIES_MAX - small))
        many.append(one)

    for entries in ([largest], many):
        reply = await box.ask("POST", "/v1/replicate/branch", body=piece(entries))
        assert (reply.status, reply.slug) == (409, "conflict"), "it is read, and is no branch"
    reply = await box.ask("POST", "/v1/replicate/branch", body=piece([*many, one]))
    assert reply.status == 422
