"""A request that changes something happens once: the command, and the answer of its first success.

A command carries its idempotency key into the writer thread. The first thing that a handler there
does is to ask `earlier`; the last is to append the entry that answers it, with the command's mark
(`Ledger.append`, or `Ledger.remember` where nobody would take over). The answer of a first success
is the record of that entry, so that a repeat is a read and nothing is kept twice.
"""

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from replication.adapters.sqlite import ReplicaStore
from replication.errors import EntryTooLarge, StorageFailed
from replication.ids import EntryId, parse_entry_id
from replication.journal import ENTRY_BYTES_MAX, Actor, EntryBody, RequestMark
from replication.ledger import Ledger, RequestKey
from web.door import IDEMPOTENCY_KEY
from web.endpoint import Answer, Call
from web.problems import Problem, Slug
from web.tokens import Principal


class Command(NamedTuple):
    """Who asks for what, under which key; `digest` tells another body under the same key."""

    principal: Principal
    key: RequestKey
    digest: bytes
    actor: Actor

    def mark(self, status: int = HTTPStatus.CREATED) -> RequestMark:
        """What the entry that answers it says of it; `Ledger.append` remembers it."""
        return RequestMark(*self.key, self.digest, status)


class Done(NamedTuple):
    """A success: the record that was journalled, as JSON bytes, and the status it is told with."""

    status: int
    record: bytes


Outcome = Done | Problem
"""What a command comes to. A `Problem` is returned, not raised: a refusal is no failure."""


def command_of(call: Call[Any], register: str = "") -> Command:
    """The command in a call that has passed the door; `register` is who speaks, where one does."""
    principal = call.principal
    return Command(
        principal=principal,
        key=RequestKey(principal.id, call.path, call.key),
        digest=call.body_digest,
        actor=Actor(register=register or principal.register or "", person=principal.name),
    )


def earlier(ledger: Ledger, store: ReplicaStore, command: Command) -> Outcome | None:
    """What this key came to before: the first success, or a problem; None when it is new."""
    if command.key in ledger.pending.requests:
        return Problem(Slug.CONFLICT, "The same request is being committed at this moment.")
    known = store.find_request(command.key)
    if known is None:
        return None
    if known.digest != command.digest:
        return Problem(
            Slug.INVALID_REQUEST,
            "This Idempotency-Key was used with another body; a new request needs a new key.",
            members={"field": IDEMPOTENCY_KEY},
        )
    return Done(known.status, record_of(store, known.entry))


def record_of(store: ReplicaStore, entry: EntryId) -> bytes:
    """The record of a journal entry that this replica holds, as JSON bytes."""
    place = parse_entry_id(entry)
    body = store.load_body(*place) if place else None
    assert body is not None, f"a remembered request points to {entry}, which is not in the journal"
    return bytes(msgspec.json.decode(body, type=EntryBody).record)


def answer(outcome: Outcome) -> Answer:
    """The outcome as an answer; a problem is raised, for the door to tell."""
    if isinstance(outcome, Problem):
        raise outcome
    return Answer(outcome.status, outcome.record)


def storage_problem(failure: Exception) -> Problem | None:
    """What a commit that did not happen is told as; None for any other failure."""
    if isinstance(failure, EntryTooLarge):
        return Problem.too_large(ENTRY_BYTES_MAX, what="A request's journal entry")
    if not isinstance(failure, StorageFailed):
        return None
    return Problem(Slug.STORAGE, f"The disk did not take it: {failure}. Nothing was changed.")
