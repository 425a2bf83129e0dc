"""Bearer tokens as rows of a replica's file: making one, and finding whose one is."""

from pathlib import Path

import apsw

from replication.adapters.sqlite import connect
from web.tokens import Principal, new_token, token_digest


class TokenRows:
    """The `TokenStore` of both programs; reads on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, read_only=True)

    def find(self, digest: bytes) -> Principal | None:
        """Whose token has this digest."""
        row = self._connection.execute(
            "SELECT id, role, register, name FROM token WHERE digest = ?", (digest,)
        ).fetchone()
        return (
            None if row is None else Principal(id=row[0], role=row[1], register=row[2], name=row[3])
        )


def add_token(
    connection: apsw.Connection,
    *,
    secret_bytes: bytes,
    token_id: str,
    role: str,
    register: str | None,
    name: str,
    now_ms: int,
) -> str:
    """Keep a new token's digest and return the token, which is shown once."""
    token = new_token(secret_bytes)
    connection.execute(
        "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)",
        (token_digest(token), token_id, role, register, name, now_ms),
    )
    return token
