"""A box that lost entries which the hub never had becomes a new incarnation, on the writer thread.

A register has seen a place of the box's journal that the journal does not reach: the disk is an old
image, and between the image and now there were sales that only registers know. The hub's journal
does not tell, so there is no branch to hand over. But places of the journal have been given twice,
and the registers hand what is lost to a new incarnation alone (`recovered_sale`).

The box has handed over all it has, so it is the journal's end that is given up. What is missing in
between nobody can vouch for: the life stays open, like that of any box that was replaced.
"""

import logging
from typing import Final

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import rows
from cloud_hub.lives.branches import BranchTaken
from cloud_hub.lives.restoring import has_begun
from cloud_hub.stores import enrolment
from replication.ids import LocationId, WriterId, incarnation_of, location_of
from replication.journal import Head
from web.lives import RenewRequest
from web.problems import Problem, Slug

log: Final = logging.getLogger(__name__)


def renew(
    office: HeadOffice, writer: WriterId, request: RenewRequest, secret_bytes: bytes
) -> BranchTaken | Problem:
    """Make the box that speaks for its location the next incarnation of it.

    A lost answer is told again. Who asks with another end of the journal is a copy, and so is
    whoever asks once that incarnation has begun.
    """
    row = office.location(location_of(writer))
    assert row is not None, f"{writer} is of no location"
    head = office.head_of(writer)
    told = Head(request.seq, bytes.fromhex(request.hash))
    known = (office.store.meta(rows.RENEWED + writer) or " ").split(" ")
    is_asked_again = known[0] == request.box and office.is_living(WriterId(known[1]))
    if is_asked_again and told == head and not has_begun(office, WriterId(known[1])):
        became = WriterId(known[1])
    elif not office.is_living(writer):
        return Problem(
            Slug.CONFLICT,
            f"{office.living_writer(row.id)} speaks for {row.id} now: this box stays off.",
        )
    elif told != head:
        return Problem(
            Slug.CONFLICT,
            f"The hub has {writer} up to {head.seq}, with another entry there than this box has at "
            f"{told.seq}: hand over the rest first, or the branch.",
            members={"head_seq": head.seq},
        )
    else:
        became = rows.next_writer(office.connection, LocationId(row.id))
        office.store.set_meta(rows.RENEWED + writer, f"{request.box} {became}")
        log.warning(
            "%s becomes %s: %s", writer, became, request.why,
            extra={"action": "renewed", "writer": became},
        )  # fmt: skip
    identity = enrolment.become(office, row, incarnation_of(became), secret_bytes, software=None)
    return BranchTaken(
        held_seq=head.seq,
        branch=None,
        exposed_units=0,
        identity=identity,
        detail=f"This box goes on as {became}.",
    )
