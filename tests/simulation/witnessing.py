"""What registers know of their gateway's journal, and how they look whose box it is.

A register of ours (`gateway.client`) looks before it asks: a box that lacks what it saw is not
asked, but shown that. Others only show with each request what they saw, or know of no witnesses.
"""

import enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.client.finding import Contact, Known, is_behind, objection
from gateway.client.witness import Witness

if TYPE_CHECKING:
    from tests.simulation.shop_box import ShopBox

WHO: Final = "/v1/token"
"""What a box that is behind is asked for, so that it sees what it lacks."""


class TillKind(enum.Enum):
    """What a thin register does with witnesses. One that looks keeps its sales, too."""

    LOOKS = "looks"
    SHOWS = "shows"
    NOTHING = "nothing"


def contact_of(box: "ShopBox") -> Contact:
    """What a box says of itself to whoever asks."""
    witness = Witness.parse(box.witness)
    assert witness is not None, "a gateway writes its witness as one"
    return Contact(url=box.name, witness=witness, chain=None, fingerprint=None, ssl=False)


async def object_to(box: "ShopBox", known: Known, token: str) -> str | None:
    """Why a box that runs is not this register's gateway; it is told what it lacks.

    Where it does not believe that, the register takes it as it is, from the next time on.

    Raises:
        ConnectionResetError: it is down by now.
    """
    contact = contact_of(box)
    problem = objection(contact, known)
    if problem is not None and is_behind(contact, known):
        reply = await box.ask("GET", WHO, token=token, key="", body=b"", witness=str(known.witness))
        if reply.status == HTTPStatus.FORBIDDEN:
            known.take(contact.witness)
    return problem
