"""`cloud-hub`: the program in the cloud.

cloud-hub serve --data DIR --listen HOST:PORT [--database URL] [--config FILE]
cloud-hub token --data DIR --role admin|storefront|auditor [--name NAME]
cloud-hub enrol --data DIR --location ID --name NAME [--kind store|warehouse] [--replace]
    [--although-connected]
cloud-hub import --hub URL --token TOKEN FILE [--dry-run]
cloud-hub export --hub URL --token TOKEN FILE
"""

import argparse
import asyncio
import os
import secrets
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from cloud_hub.app import DATABASE, VERSION, Hub, open_database
from cloud_hub.config import PREFIX, HubSettings
from cloud_hub.head_office import HUB_WRITER
from cloud_hub.products.import_client import export_file, import_file
from cloud_hub.roles import ROLES
from cloud_hub.stores.enrolment import Place, add_code
from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import only_program, transaction
from web.command_line import (
    check_directory,
    check_free,
    print_new_token,
    run_command,
    tell_new_directory,
)
from web.file_check import check_file, marked_open
from web.logs import log_to_stderr
from web.server import calm_garbage_collector, parse_listen, serve_until_signal
from web.settings import SettingsRefused, load_settings

CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_CHARS: Final = 16
"""80 bits: nobody guesses one, and it is typed in four groups of four."""


ONLY_FILE: Final = (
    "If there is no other: leave it as it is and call for help. The stores go on selling, and keep "
    "what they did. Begin no new hub in its place, and do not go on from an older copy."
)
"""What to do where the file is damaged and no other is there."""

GATEWAY_DATABASE = "gateway.db"
"""The other program's file, which is not to be taken for a data directory of ours."""


def main() -> None:
    """Read the command line and run the command."""
    run_command(_parser())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cloud-hub", description="The program in the cloud.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="run the hub", allow_abbrev=False)
    serve.add_argument("--data", help="data directory")
    serve.add_argument("--listen", help="HOST:PORT; 127.0.0.1:8470 unless given")
    serve.add_argument("--database", help="sqlite:// (in the data directory), the only one so far")
    serve.add_argument("--config", type=Path, help="TOML file with settings")
    serve.set_defaults(run=_serve)
    token = commands.add_parser("token", help="print a new bearer token", allow_abbrev=False)
    token.add_argument("--data", type=Path, required=True, help="data directory")
    token.add_argument("--role", choices=ROLES, required=True)
    token.add_argument("--name", help="whose it is, for the journal")
    token.set_defaults(run=_token)
    enrol = commands.add_parser("enrol", help="print a one-time enrolment code", allow_abbrev=False)
    enrol.add_argument("--data", type=Path, required=True, help="data directory")
    enrol.add_argument("--location", required=True, help="lower case letters, digits and dashes")
    enrol.add_argument("--name", help="what people call it; a new location needs one")
    enrol.add_argument("--kind", choices=("store", "warehouse"), default="store")
    enrol.add_argument("--replace", action="store_true", help="the location's gateway is gone")
    enrol.add_argument(
        "--although-connected", action="store_true",
        help="with --replace: also while the old box is alive, which then stops selling",
    )  # fmt: skip
    enrol.add_argument("--timezone", default="UTC", help="IANA name of its time zone")
    enrol.add_argument("--jurisdiction", default="home", help="whose tax rates hold there")
    enrol.set_defaults(run=_enrol)
    _add_file_commands(commands)
    return parser


def _add_file_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that speak to a running hub instead of its data directory."""
    bring = commands.add_parser(
        "import", help="import products from a CSV file", allow_abbrev=False
    )
    bring.add_argument("--dry-run", action="store_true", help="only say what it would come to")
    bring.set_defaults(run=_import)
    take = commands.add_parser(
        "export", help="write all products to a CSV file", allow_abbrev=False
    )
    take.set_defaults(run=_export)
    for command in (bring, take):
        command.add_argument("--hub", required=True, help="http://HOST:PORT of the running hub")
        command.add_argument("--token", required=True, help="of an admin; an auditor may export")
        command.add_argument("file", type=Path, metavar="FILE")


def _import(arguments: argparse.Namespace) -> None:
    asyncio.run(
        import_file(
            arguments.hub,
            arguments.token,
            arguments.file,
            key=secrets.token_hex(8),
            dry_run=arguments.dry_run,
        )
    )


def _export(arguments: argparse.Namespace) -> None:
    asyncio.run(export_file(arguments.hub, arguments.token, arguments.file))


def _token(arguments: argparse.Namespace) -> None:
    check_directory(arguments.data, own=DATABASE, other=GATEWAY_DATABASE)
    tell_new_directory(arguments.data, own=DATABASE)
    print_new_token(open_database, arguments)


def _enrol(arguments: argparse.Namespace) -> None:
    check_directory(arguments.data, own=DATABASE, other=GATEWAY_DATABASE)
    tell_new_directory(arguments.data, own=DATABASE)
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
            although_connected=arguments.although_connected,
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
    check_directory(settings.data, own=DATABASE, other=GATEWAY_DATABASE)
    log_to_stderr()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_program(settings.data):
        asyncio.run(_run(settings))


async def _run(settings: HubSettings) -> None:
    host, port = parse_listen(settings.listen)
    check_free(host, port)
    file = settings.data / DATABASE
    check_file(file, lambda _: HUB_WRITER, ONLY_FILE)
    open_database(settings.data).close()
    hub = Hub(settings)
    calm_garbage_collector()
    with marked_open(file):
        async with hub.running() as door:
            await serve_until_signal(hub.app, door, host=host, port=port)


if __name__ == "__main__":
    main()
