"""`store-gateway`: the program in the shop.

store-gateway serve --data DIR --listen HOST:PORT --hub URL [--enrol CODE] [--no-mdns] [--config
FILE] store-gateway token --data DIR --role ROLE [--register NAME] [--name NAME]
"""

import argparse
import asyncio
import faulthandler
import os
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from devices.ports import check_address
from gateway.app import DATABASE, Gateway, open_database
from gateway.box.watchdog import Supervisor
from gateway.config import PREFIX, GatewaySettings
from gateway.enrolment import enrolled
from gateway.identity import stored_writer
from gateway.lives.next_life import begin_next_life
from gateway.roles import ROLES
from gateway.version import VERSION
from replication.adapters.sqlite import only_program
from web.command_line import (
    check_directory,
    check_free,
    print_new_token,
    run_command,
    tell_new_directory,
)
from web.file_check import check_file, marked_open
from web.logs import log_to_stderr
from web.server import (
    announce_on_stdout,
    calm_garbage_collector,
    parse_listen,
    serve_until_signal,
)
from web.settings import SettingsRefused, load_settings
from web.stopping import cancelled

ONLY_FILE: Final = (
    "If there is no other: leave it as it is, and put a new box in this one's place (cloud-hub "
    "enrol --replace, with an empty data directory); every register hands in what it has."
)
"""What to do where the file is damaged and no other is there."""

HUB_DATABASE = "hub.db"
"""The other program's file, which is not to be taken for a data directory of ours."""


def main() -> None:
    """Read the command line and run the command."""
    run_command(_parser())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="store-gateway", description="The program in the shop.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="run the gateway", allow_abbrev=False)
    serve.add_argument("--data", help="data directory")
    serve.add_argument("--listen", help="HOST:PORT; 0.0.0.0:8460 unless given")
    serve.add_argument("--hub", help="address of the cloud hub, with http:// or https://")
    serve.add_argument("--enrol", help="one-time code of `cloud-hub enrol`")
    serve.add_argument("--no-mdns", action="store_true", help="do not announce on the network")
    serve.add_argument("--config", type=Path, help="TOML file with settings")
    serve.set_defaults(run=_serve)
    token = commands.add_parser("token", help="print a new bearer token", allow_abbrev=False)
    token.add_argument("--data", type=Path, required=True, help="data directory")
    token.add_argument("--role", choices=ROLES, required=True)
    token.add_argument("--register", help="the only register that it may speak for")
    token.add_argument("--name", help="whose it is, for the journal")
    token.set_defaults(run=_token)
    return parser


def _token(arguments: argparse.Namespace) -> None:
    check_directory(arguments.data, own=DATABASE, other=HUB_DATABASE)
    tell_new_directory(arguments.data, own=DATABASE)
    print_new_token(open_database, arguments)


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
    if not settings.hub.startswith(("http://", "https://")):
        raise SettingsRefused(f"hub {settings.hub!r} must begin with http:// or https://")
    _check_devices(settings)
    check_directory(settings.data, own=DATABASE, other=HUB_DATABASE)
    log_to_stderr()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_program(settings.data):
        asyncio.run(_run(settings))


def _check_devices(settings: GatewaySettings) -> None:
    """Refuse devices that could never be opened, or that would be somebody's by chance."""
    scanners = [scanner.device for scanner in settings.scanners]
    printers = settings.printers
    for address in (*scanners, *(printer.address for printer in printers)):
        check_address(address)
    registers = [one for printer in printers for one in set(printer.registers)]
    for what, names, why in (
        ("scanner", scanners, "it has one register"),
        ("printer", [printer.name for printer in printers], "each has a name of its own"),
        ("register", registers, "it prints on one printer"),
    ):
        for name in names:
            if names.count(name) > 1:
                raise SettingsRefused(f"{what} {name} is named twice: {why}")


async def _run(settings: GatewaySettings) -> None:
    supervisor = Supervisor.from_environment(os.environ, os.getpid())
    host, port = parse_listen(settings.listen)
    check_free(host, port)  # before a one-time code is spent
    if supervisor is not None:
        faulthandler.enable()  # a watchdog's SIGABRT leaves all threads' stacks in the log
    check_file(settings.data / DATABASE, stored_writer, ONLY_FILE)
    while True:
        begin_next_life(settings.data, DATABASE)
        life = await _live(settings, supervisor, host=host, port=port)
        if not life.is_reborn:
            return
        port = life.box.port  # where the registers know it


async def _live(
    settings: GatewaySettings, supervisor: Supervisor | None, *, host: str, port: int
) -> Gateway:
    """One life of this box: it ends with the program, or when the box is to be another."""
    connection = open_database(settings.data)
    identity = await enrolled(connection, settings.hub, settings.enrol)
    connection.close()
    gateway = Gateway(settings, identity)
    async with AsyncExitStack() as stack:
        calm_garbage_collector()
        stack.enter_context(marked_open(settings.data / DATABASE))
        door = await stack.enter_async_context(gateway.running())
        announced: list[object] = []

        def announce(url: str) -> None:
            announce_on_stdout(url)
            gateway.box.port = int(url.rpartition(":")[2])
            if settings.mdns:
                announcer = gateway.announcer(gateway.box.port)
                announced.append(asyncio.ensure_future(stack.enter_async_context(announcer)))
            if supervisor is not None:
                supervisor.tell("READY=1", f"STATUS={gateway.headline()}")

        if supervisor is not None:
            gateway.app.on_shutdown.append(partial(_stopping, supervisor, gateway))
            feeding = asyncio.ensure_future(supervisor.feed(gateway.writer.lives, gateway.headline))
            stack.push_async_callback(cancelled, feeding)
        await serve_until_signal(
            gateway.app, door, host=host, port=port, announce=announce, stop=gateway.ended
        )
    return gateway


async def _stopping(supervisor: Supervisor, gateway: Gateway, app: web.Application) -> None:
    """Tell the service manager that the program ends, if it does."""
    if not gateway.is_reborn:
        await supervisor.stopping(app)


if __name__ == "__main__":
    main()
