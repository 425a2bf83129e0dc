"""The exceptions of replication, with what whoever catches one does about it.

    ReplicationError
    |- LocalMisuse        our own code broke a rule: stop, report the bug
    |  `- EntryTooLarge   a request is too large to be journalled: answer 413
    |- PeerViolation      the peer broke the protocol: drop the link, say why, count it
    |  `- PeerFenced      the peer was replaced: drop the link, it stops selling
    |- DocumentCorrupt    a document or change does not load: set it aside, keep the good state
    |- StorageFailed      a commit did not happen: answer 503, nothing was changed
    `- SchemaTooNew       the file was written by a newer program: refuse it untouched

Expected refusals (quota short, unknown SKU) are returned values, never exceptions.
"""


class ReplicationError(Exception):
    """Root of the tree; never raised itself."""


class LocalMisuse(ReplicationError):
    """Our own code asked for something that the rules forbid."""


class EntryTooLarge(LocalMisuse):
    """What is to be journalled does not fit into an entry; nothing was changed."""


class PeerViolation(ReplicationError):
    """The peer sent what the protocol does not allow; the sentence says what."""

    reason = "violation"
    """What the session's last frame tells the peer: a slug."""


class PeerFenced(PeerViolation):
    """The peer was replaced: it has no rights any more, and is told so."""

    reason = "fenced"


class DocumentCorrupt(ReplicationError):
    """Bytes that should be an Automerge document or change are not."""


class StorageFailed(ReplicationError):
    """The database could not commit; memory was rebuilt from the file."""


class SchemaTooNew(ReplicationError):
    """The database belongs to a newer version of this program; it was left as it is."""
