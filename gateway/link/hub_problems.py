"""What the hub refuses, told on to the register that asked for it through this gateway."""

from http import HTTPStatus
from typing import Final

import msgspec

from gateway.link.hub_line import HubAnswer
from web.problems import STANDARD_MEMBERS, TYPE_PREFIX, Problem, Slug

RETRY_AFTER_S: Final = 2
"""The hub's own trouble is over or noticed by then; a cashier waits no longer before she tries."""

_OF_TYPE: Final = {TYPE_PREFIX + slug.text: slug for slug in Slug}

_OF_THIS_GATEWAY: Final = frozenset({Slug.UNAUTHENTICATED, Slug.FORBIDDEN})
"""Refusals that are about this gateway's token and would be misread at a till as its own."""

_BODY: Final = msgspec.json.Decoder(dict[str, object])


def problem_of(answer: HubAnswer) -> Problem:
    """The hub's refusal as one of this gateway's own; what is none of it is `unavailable`.

    A success is never handed in. Fields are named as in the body that the hub was sent: whoever
    asks it names them alike.
    """
    try:
        told = _BODY.decode(answer.body)
    except msgspec.DecodeError:
        told = {}
    slug = _OF_TYPE.get(str(told.get("type")))
    detail = str(told.get("detail", ""))
    if slug in _OF_THIS_GATEWAY:
        return Problem.unavailable(
            f"The hub does not let this gateway do that: {detail}", retry_after_s=RETRY_AFTER_S
        )
    if slug is None or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem.unavailable(
            f"The hub could not do it ({answer.status}): {detail or 'it said nothing'}",
            retry_after_s=RETRY_AFTER_S,
        )
    members = {name: told[name] for name in told.keys() - STANDARD_MEMBERS}
    return Problem(slug, detail, status=answer.status, members=members)
