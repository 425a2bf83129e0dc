"""`cloud-hub`: the program in the cloud.

cloud-hub serve --data DIR --listen HOST:PORT [--database URL] [--config FILE]
cloud-hub token --data DIR --role admin|storefront|auditor [--name NAME]
cloud-hub enrol --data DIR --location ID --name NAME [--kind store|warehouse] [--replace]
"""

import argparse
import asyncio
import os
import secrets
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from cloud_hub.api import ROLES
from cloud_hub.app import Hub, open_database
from cloud_hub.config import PREFIX, HubSettings
from cloud_hub.enrolment import EnrolmentImpossible, Place, add_code
from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import only_program, transaction
from replication.errors import SchemaTooNew, StorageFailed
from web.logs import log_to_stderr
from web.server import calm_garbage_collector, parse_listen, serve_until_signal
from web.settings import SettingsRefused, load_settings
from web.token_rows import add_token

EXIT_REFUSED: Final = 2
"""The program could not do as asked; the sentence on stderr says why."""

CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_CHARS: Final = 16
"""80 bits: nobody guesses one, and it is typed in four groups of four."""


def main() -> None:
    """Read the command line and run the command."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except (
        SettingsRefused, EnrolmentImpossible, SchemaTooNew, StorageFailed, OSError, ValueError
    ) as refused:  # fmt: skip
        sys.stderr.write(f"cloud-hub: {refused}\n")
        sys.exit(EXIT_REFUSED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cloud-hub", description="The program in the cloud.")
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="run the hub")
    serve.add_argument("--data", help="data directory")
    serve.add_argument("--listen", help="HOST:PORT")
    serve.add_argument("--database", help="sqlite:// (in the data directory), the only one so far")
    serve.add_argument("--config", type=Path, help="TOML file with settings")
    serve.set_defaults(run=_serve)
    token = commands.add_parser("token", help="print a new bearer token")
    token.add_argument("--data", type=Path, required=True, help="data directory")
    token.add_argument("--role", choices=ROLES, required=True)
    token.add_argument("--name", help="whose it is, for the journal")
    token.set_defaults(run=_token)
    enrol = commands.add_parser("enrol", help="print a one-time enrolment code")
    enrol.add_argument("--data", type=Path, required=True, help="data directory")
    enrol.add_argument("--location", required=True, help="lower case letters, digits and dashes")
    enrol.add_argument("--name", required=True, help="what people call it")
    enrol.add_argument("--kind", choices=("store", "warehouse"), default="store")
    enrol.add_argument("--replace", action="store_true", help="the location's gateway is gone")
    enrol.add_argument("--timezone", default="UTC", help="IANA name of its time zone")
    enrol.add_argument("--jurisdiction", default="home", help="whose tax rates hold there")
    enrol.set_defaults(run=_enrol)
    return parser


def _token(arguments: argparse.Namespace) -> None:
    token_id = secrets.token_hex(8)
    with closing(open_database(arguments.data)) as connection, transaction(connection):
        token = add_token(
            connection,
            secret_bytes=secrets.token_bytes(32),
            token_id=token_id,
            role=arguments.role,
            register=None,
            name=arguments.name or f"{arguments.role}-{token_id[:6]}",
            now_ms=wall_ms(),
        )
    sys.stdout.write(token + "\n")


def _enrol(arguments: argparse.Namespace) -> None:
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_CHARS))
    code = "-".join(letters[at : at + 4] for at in range(0, CODE_CHARS, 4))
    with closing(open_database(arguments.data)) as connection, transaction(connection):
        add_code(
            connection,
            Place(
                location=arguments.location,
                name=arguments.name,
                kind=arguments.kind,
                jurisdiction=arguments.jurisdiction,
                timezone=arguments.timezone,
            ),
            replace=arguments.replace,
            code=code,
            now_ms=wall_ms(),
        )
    sys.stdout.write(code + "\n")


def _serve(arguments: argparse.Namespace) -> None:
    if arguments.database not in {None, "sqlite://"}:
        raise SettingsRefused("--database: only sqlite:// (in the data directory) is there so far")
    settings = load_settings(
        HubSettings,
        prefix=PREFIX,
        file=arguments.config,
        environment=os.environ,
        arguments={"data": arguments.data, "listen": arguments.listen},
    )
    log_to_stderr()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_program(settings.data):
        asyncio.run(_run(settings))


async def _run(settings: HubSettings) -> None:
    host, port = parse_listen(settings.listen)
    hub = Hub(settings)
    calm_garbage_collector()
    async with hub.running() as door:
        await serve_until_signal(hub.app, door, host=host, port=port)


if __name__ == "__main__":
    main()
