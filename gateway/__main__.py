"""`store-gateway`: the program in the shop.

store-gateway serve --data DIR --listen HOST:PORT --hub URL [--enrol CODE] [--no-mdns] [--config
FILE] store-gateway token --data DIR --role ROLE [--register NAME] [--name NAME]
"""

import argparse
import asyncio
import os
import secrets
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from devices.ports import check_address
from gateway.api import ROLES
from gateway.app import DATABASE, Gateway, open_database
from gateway.config import PREFIX, GatewaySettings
from gateway.enrolment import EnrolmentRefused, enrolled
from replication.adapters.machine_clock import wall_ms
from replication.adapters.sqlite import connect, only_program, transaction
from replication.errors import SchemaTooNew, StorageFailed
from web.logs import log_to_stderr
from web.server import (
    announce_on_stdout,
    calm_garbage_collector,
    parse_listen,
    serve_until_signal,
)
from web.settings import SettingsRefused, load_settings
from web.token_rows import add_token

EXIT_REFUSED: Final = 2
"""The program could not start as asked; the sentence on stderr says why."""


def main() -> None:
    """Read the command line and run the command."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except (
        SettingsRefused, EnrolmentRefused, SchemaTooNew, StorageFailed, OSError, ValueError
    ) as refused:  # fmt: skip
        sys.stderr.write(f"store-gateway: {refused}\n")
        sys.exit(EXIT_REFUSED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="store-gateway", description="The program in the shop.")
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="run the gateway")
    serve.add_argument("--data", help="data directory")
    serve.add_argument("--listen", help="HOST:PORT")
    serve.add_argument("--hub", help="base URL of the cloud hub")
    serve.add_argument("--enrol", help="one-time code of `cloud-hub enrol`")
    serve.add_argument("--no-mdns", action="store_true", help="do not announce on the network")
    serve.add_argument("--config", type=Path, help="TOML file with settings")
    serve.set_defaults(run=_serve)
    token = commands.add_parser("token", help="print a new bearer token")
    token.add_argument("--data", type=Path, required=True, help="data directory")
    token.add_argument("--role", choices=ROLES, required=True)
    token.add_argument("--register", help="the only register that it may speak for")
    token.add_argument("--name", help="whose it is, for the journal")
    token.set_defaults(run=_token)
    return parser


def _token(arguments: argparse.Namespace) -> None:
    open_database(arguments.data).close()
    connection = connect(arguments.data / DATABASE)
    token_id = secrets.token_hex(8)
    name = arguments.name or f"{arguments.role}-{token_id[:6]}"
    with transaction(connection):
        token = add_token(
            connection,
            secret_bytes=secrets.token_bytes(32),
            token_id=token_id,
            role=arguments.role,
            register=arguments.register,
            name=name,
            now_ms=wall_ms(),
        )
    sys.stdout.write(token + "\n")


def _serve(arguments: argparse.Namespace) -> None:
    settings = load_settings(
        GatewaySettings,
        prefix=PREFIX,
        file=arguments.config,
        environment=os.environ,
        arguments={
            "data": arguments.data,
            "listen": arguments.listen,
            "hub": arguments.hub and arguments.hub.rstrip("/"),
            "enrol": arguments.enrol,
            "mdns": False if arguments.no_mdns else None,
        },
    )
    for printer in settings.printers:
        check_address(printer.address)
    for scanner in settings.scanners:
        check_address(scanner.device)
    log_to_stderr()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_program(settings.data):
        asyncio.run(_run(settings))


async def _run(settings: GatewaySettings) -> None:
    host, port = parse_listen(settings.listen)
    connection = open_database(settings.data)
    identity = await enrolled(connection, settings.hub, settings.enrol)
    connection.close()
    gateway = Gateway(settings, identity)
    async with AsyncExitStack() as stack:
        calm_garbage_collector()
        door = await stack.enter_async_context(gateway.running())
        announced: list[object] = []

        def announce(url: str) -> None:
            announce_on_stdout(url)
            if settings.mdns:
                announcer = gateway.announcer(int(url.rpartition(":")[2]))
                announced.append(asyncio.ensure_future(stack.enter_async_context(announcer)))

        await serve_until_signal(gateway.app, door, host=host, port=port, announce=announce)


if __name__ == "__main__":
    main()
