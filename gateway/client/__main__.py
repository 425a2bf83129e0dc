"""`store-register`: a register that sells alone, at a command line.

store-register enrol --data DIR --register NAME --token TOKEN (--gateway URL | --location ID |
--ticket TEXT)
store-register scan CODE --data DIR
store-register sell CODE[xN]... --cash AMOUNT [--card AMOUNT] --data DIR
store-register receipt [NUMBER] --data DIR
store-register status --data DIR
store-register run --data DIR
"""

import argparse
import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from gateway.client import console
from gateway.client.finding import Place
from gateway.client.register_file import RegisterRefused
from gateway.version import VERSION
from web.command_line import run_command
from web.logs import log_to_stderr

PREFIX: Final = "STORE_REGISTER"
"""Environment variables of this program start with this: `_DATA` and `_TOKEN`."""


def main() -> None:
    """Read the command line and run the command."""
    run_command(_parser())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="store-register",
        description="A register that sells alone: on its own stock, with or without its gateway.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    enrol = _command(commands, "enrol", "become a register of a shop, once", _enrol, is_live=True)
    enrol.add_argument("--register", required=True, help="which one, such as till-1")
    scan = _command(commands, "scan", "what a code means and costs", _scan)
    scan.add_argument("code", help="a barcode, a SKU, or the label of a scale")
    sell = _command(commands, "sell", "sell a basket", _sell, is_live=True)
    console.add_basket(sell)
    sell.add_argument("--key", help="sell once under this key, however often it is asked")
    receipt = _command(commands, "receipt", "a receipt again", _receipt)
    receipt.add_argument("number", nargs="?", default="", help="the last one unless given")
    _command(commands, "status", "how this register stands", _status)
    _command(commands, "run", "scan and sell line by line, and keep the link", _run, is_live=True)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    run: object,
    *,
    is_live: bool = False,
) -> argparse.ArgumentParser:
    """One command; `is_live` ones may be told where the gateway is."""
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.add_argument("--data", type=Path, help=f"data directory, or {PREFIX}_DATA")
    parser.add_argument("--json", action="store_true", help="print JSON, a document per line")
    if is_live:
        parser.add_argument("--gateway", metavar="URL", help="the gateway's address")
        parser.add_argument("--location", metavar="ID", help="the shop, found on its network")
        parser.add_argument("--ticket", metavar="TEXT", help="what the gateway's ticket says")
        parser.add_argument("--token", help=f"the register's token, or {PREFIX}_TOKEN")
        parser.add_argument("--log", action="store_true", help="log to stderr, as JSON lines")
    parser.set_defaults(run=run)
    return parser


def _enrol(arguments: argparse.Namespace) -> None:
    asyncio.run(console.enrol(_asked(arguments), arguments.register))


def _scan(arguments: argparse.Namespace) -> None:
    console.scan(_asked(arguments), arguments.code)


def _sell(arguments: argparse.Namespace) -> None:
    asyncio.run(console.sell(_asked(arguments), arguments, arguments.key))


def _receipt(arguments: argparse.Namespace) -> None:
    console.receipt(_asked(arguments), arguments.number)


def _status(arguments: argparse.Namespace) -> None:
    console.status(_asked(arguments))


def _run(arguments: argparse.Namespace) -> None:
    asyncio.run(console.run(_asked(arguments)))


def _asked(arguments: argparse.Namespace) -> console.Asked:
    """What all commands have in common."""
    data = arguments.data or os.environ.get(f"{PREFIX}_DATA")
    if not data:
        raise RegisterRefused(f"say which data directory: --data DIR, or {PREFIX}_DATA")
    given = vars(arguments)
    if given.get("log"):
        log_to_stderr()
    else:  # what a person has to know is said in words
        logging.getLogger().addHandler(logging.NullHandler())
    return console.Asked(
        data=Path(data),
        place=_place(given.get("gateway"), given.get("location"), given.get("ticket")),
        token=given.get("token") or os.environ.get(f"{PREFIX}_TOKEN"),
        is_json=arguments.json,
    )


def _place(gateway: str | None, location: str | None, ticket: str | None) -> Place | None:
    """Where the gateway is to be found, as far as the command line says it."""
    if gateway is not None and not gateway.startswith(("http://", "https://")):
        raise RegisterRefused(f"--gateway {gateway!r} must begin with http:// or https://")
    if ticket is not None:
        place = Place.from_ticket(ticket)
        if place is None:
            raise RegisterRefused("--ticket is the text of the QR code on a gateway's ticket")
        return place
    if gateway is None and location is None:
        return None
    return Place(location=location, address=gateway)


if __name__ == "__main__":
    main()
