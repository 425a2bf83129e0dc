"""Enrolment: a one-time code becomes this box's identity.

The code is typed or scanned by whoever sets the box up. The hub answers with the incarnation of the
location's replica that this box is, and a token for the link; both are kept in the gateway's own
file.
"""

import asyncio
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


class EnrolmentRefused(CommandRefused):
    """The hub does not take the code; the sentence says why and what to do."""


async def enrolled(connection: apsw.Connection, hub_url: str, code: str | None) -> Identity:
    """The identity of this data directory, enrolling it first where it has none.

    While the hub cannot be reached it is asked again: a box is often set up before its line.

    Raises:
        EnrolmentRefused: there is no code, or the hub refuses it.
    """
    store = ReplicaStore(connection)
    identity = load_identity(store)
    if identity is not None:
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


async def _ask(hub_url: str, code: str, box: str) -> Identity | None:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX)) as client,
            client.post(
                f"{hub_url}/v1/enrolments", json={"code": code, "box": box, "software": VERSION}
            ) as response,
        ):
            body = await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning(
            "hub not reachable, trying again: %s", error, extra={"action": "enrolment_waits"}
        )
        return None
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("hub not ready, trying again", extra={"action": "enrolment_waits"})
        return None
    if response.status == HTTPStatus.NOT_FOUND:
        raise EnrolmentRefused(f"{hub_url} is not a cloud hub")
    if response.status != HTTPStatus.CREATED:
        detail = msgspec.json.decode(body).get("detail", body.decode(errors="replace"))
        raise EnrolmentRefused(f"the hub refused the enrolment code: {detail}")
    return msgspec.json.decode(body, type=Identity)
