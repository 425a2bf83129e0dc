"""What both command lines have in common: how they end, data directories, new tokens."""

import argparse
import errno
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import transaction
from replication.errors import SchemaTooNew, StorageFailed
from web.settings import SettingsRefused
from web.token_rows import add_token

EXIT_REFUSED: Final = 2
"""The program could not do as asked; the sentence on stderr says why."""

EXIT_INTERRUPTED: Final = 130
"""As shells call the end by Ctrl-C."""


class CommandRefused(Exception):
    """A command cannot be done as asked; the sentence says why and what to do."""

    status = EXIT_REFUSED
    """How the program ends."""


def run_command(parser: argparse.ArgumentParser) -> None:
    """Read the command line and run the command; every refusal is one sentence on stderr."""
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except OSError as failed:
        what = failed.strerror or str(failed)
        _refuse(parser, what if failed.filename is None else f"{failed.filename}: {what}")
    except CommandRefused as refused:
        _refuse(parser, str(refused), refused.status)
    except (SettingsRefused, SchemaTooNew, StorageFailed, ValueError) as refused:
        _refuse(parser, str(refused))
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as unread:
        _refuse(parser, f"the file in the data directory cannot be read: {unread}")


def _refuse(parser: argparse.ArgumentParser, sentence: str, status: int = EXIT_REFUSED) -> None:
    sys.stderr.write(f"{parser.prog}: {sentence}\n")
    sys.exit(status)


def check_directory(data: Path, *, own: str, other: str) -> None:
    """Refuse the other program's data directory; both are told by their database files."""
    if (data / other).exists() and not (data / own).exists():
        raise CommandRefused(f"{data} is the data directory of the other program ({other})")


def tell_new_directory(data: Path, *, own: str) -> None:
    """Say on stderr that nothing was here: what is made now is of no use elsewhere."""
    if not (data / own).exists():
        sys.stderr.write(f"{data} is a new data directory: it held no {own}\n")


def check_free(host: str, port: int) -> None:
    """Refuse an address that another program listens on, before anything is spent on it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except OSError as failed:
        if failed.errno == errno.EADDRINUSE:
            raise CommandRefused(
                f"{host}:{port} is taken by another program; choose another --listen"
            ) from None
        raise CommandRefused(f"cannot listen on {host}:{port}: {failed.strerror}") from None


def print_new_token(
    open_database: Callable[[Path], apsw.Connection], arguments: argparse.Namespace
) -> None:
    """Make a token as the arguments say, and print it: it is shown this once."""
    token_id = secrets.token_hex(8)
    connection = open_database(arguments.data)
    try:
        with transaction(connection):
            token = add_token(
                connection,
                secret_bytes=secrets.token_bytes(32),
                token_id=token_id,
                role=arguments.role,
                register=getattr(arguments, "register", None),
                name=arguments.name or f"{arguments.role}-{token_id[:6]}",
                now_ms=wall_ms(),
            )
    finally:
        connection.close()
    sys.stdout.write(token + "\n")
