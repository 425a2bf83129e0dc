"""Enrolment: a one-time code becomes this box's identity.

The code is typed or scanned by whoever sets the box up. The hub answers with the incarnation of the
location's replica that this box is, and a token for the link; both are kept in the gateway's own
file.
"""

import asyncio
import hashlib
import logging
import secrets
from http import HTTPStatus
from typing import Final

import aiohttp
import apsw
import msgspec

from gateway.identity import Identity, load_identity, store_identity
from gateway.version import VERSION
from replication.adapters.sqlite import ReplicaStore, transaction
from web.command_line import CommandRefused

log: Final = logging.getLogger(__name__)

RETRY_S: Final = 3.0
BOX: Final = "box"
"""The meta row with this box's random id."""

ANSWER_S_MAX: Final = 10.0

CODE_SEEN: Final = "enrolment_code"
"""The meta row with the digest of a code that this directory was enrolled with, or may ignore."""

LOOK_S_MAX: Final = 3.0
"""A box that is enrolled waits no longer for what the hub says of a code: the shop is to open."""


class EnrolmentRefused(CommandRefused):
    """The hub does not take the code; the sentence says why and what to do."""


async def enrolled(connection: apsw.Connection, hub_url: str, code: str | None) -> Identity:
    """The identity of this data directory, enrolling it first where it has none.

    While the hub cannot be reached it is asked again: a box is often set up before its line. Where
    the directory has an identity the code is ignored, unless the hub says that it is for another
    location: somebody has the wrong disk, or the wrong code.

    Raises:
        EnrolmentRefused: there is no code, or the hub refuses it.
    """
    store = ReplicaStore(connection)
    identity = load_identity(store)
    if identity is not None:
        if code is not None and store.meta(CODE_SEEN) != _digest(code):
            await _look_at(store, hub_url, code, identity)
        return identity
    if code is None:
        raise EnrolmentRefused(
            "this data directory is not enrolled: run `cloud-hub enrol` and start with --enrol CODE"
        )
    box = box_id(store)
    while (identity := await _ask(hub_url, code, box)) is None:  # noqa: ASYNC110 - the hub sends no word
        await asyncio.sleep(RETRY_S)
    with transaction(connection):
        store_identity(store, identity)
        store.set_meta(CODE_SEEN, _digest(code))
    log.info("enrolled", extra={"action": "enrolled", "writer": identity.writer})
    return identity


def box_id(store: ReplicaStore) -> str:
    """This box's own id, kept before it first asks: a lost answer can be asked for again."""
    known = store.meta(BOX)
    if known is not None:
        return known
    box = secrets.token_hex(16)
    with transaction(store.connection):
        store.set_meta(BOX, box)
    return box


async def _look_at(store: ReplicaStore, hub_url: str, code: str, own: Identity) -> None:
    """See whether a code is for another location than this directory's, as far as the hub says so.

    Raises:
        EnrolmentRefused: it is.
    """
    asked = {"code": code, "box": box_id(store), "software": VERSION, "location": own.location}
    answered = await _post(hub_url, asked, answer_s_max=LOOK_S_MAX)
    if answered is None:
        return
    said = _problem(answered[1])
    if said.location not in {None, own.location}:
        raise EnrolmentRefused(f"the hub refused the enrolment code: {said.detail}")
    log.info("the enrolment code is ignored", extra={"action": "code_ignored"})
    with transaction(store.connection):
        store.set_meta(CODE_SEEN, _digest(code))


async def _ask(hub_url: str, code: str, box: str) -> Identity | None:
    asked = {"code": code, "box": box, "software": VERSION}
    answered = await _post(hub_url, asked, answer_s_max=ANSWER_S_MAX)
    if answered is None:
        return None
    status, body = answered
    if status == HTTPStatus.NOT_FOUND:
        raise EnrolmentRefused(f"{hub_url} is not a cloud hub")
    if status != HTTPStatus.CREATED:
        raise EnrolmentRefused(f"the hub refused the enrolment code: {_problem(body).detail}")
    return msgspec.json.decode(body, type=Identity)


async def _post(
    hub_url: str, asked: dict[str, str], *, answer_s_max: float
) -> tuple[int, bytes] | None:
    """The hub's answer, with its status; None where there is none, or none yet."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=answer_s_max)) as client,
            client.post(f"{hub_url}/v1/enrolments", json=asked) as response,
        ):
            body = await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("hub not reachable: %s", error, extra={"action": "enrolment_waits"})
        return None
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("hub not ready", extra={"action": "enrolment_waits"})
        return None
    return response.status, body


class _Refused(msgspec.Struct, frozen=True):
    """What is read of a refusal; `location` is whose code it is, where the hub says that."""

    detail: str
    location: str | None = None


def _problem(body: bytes) -> _Refused:
    try:
        return msgspec.json.decode(body, type=_Refused)
    except msgspec.DecodeError:  # a proxy's page
        return _Refused(body.decode(errors="replace"))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
