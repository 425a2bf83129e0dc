"""The commands of `store-register`: what each does, over `ReplicaRegister` or over its file alone.

`scan`, `receipt` and `status` only read the file, also beside a register that runs on it. `sell`
decides at once on what is here, and looks for the gateway only where that is short. `run` reads a
command per line and keeps the link.
"""

import argparse
import asyncio
import contextlib
import enum
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from devices.letters import legible
from devices.lines import text_of
from gateway.client import console_words as words
from gateway.client.answers import Refusal, SaleDone, SaleRefused
from gateway.client.basket_text import lines_of, tenders_of
from gateway.client.finding import GatewayGone, Place
from gateway.client.register import World
from gateway.client.register_file import (
    RegisterRefused,
    enrolled_identity,
    known_gateway,
    read_file,
)
from gateway.client.register_status import STOPPED, facts_in, status_of
from gateway.client.register_till import kept_sale, look_up, refusal_of
from gateway.client.replica import ReplicaRegister
from gateway.config import ReceiptSetting
from gateway.link.intake import catch_up
from gateway.printing.receipts import Issuer, receipt_of
from gateway.shop import Shop
from gateway.status.report import LinkState
from replication.adapters.machine_clock import ClockWatch, wall_ms
from replication.errors import StorageFailed
from retail.business_day import zone_of
from retail.selling.sales import Sale
from web.catalogue_rows import Catalogue
from web.problems import Problem

EXIT_REFUSED: Final = 1
"""An expected no: nothing was sold, or nothing has that code. 2 is for what could not be done."""

LINK_S_MAX: Final = 3.0
"""How long a single sale that is short waits for a link; a search of the network takes as long."""

LOOK_S_MAX: Final = 1.0
"""How long a register that starts looks for its gateway before it says that it is alone."""

SENT_S_MAX: Final = 2.0
"""How long a single sale waits to be handed over; what is not is sent the next time."""

CATALOGUE_S_MAX: Final = 60.0
"""How long an enrolment waits for the catalogue: 100,000 products take some 20 s."""

QUIET_S: Final = 0.7
"""With nothing new for so long, an enrolment has what stock it gets at once."""

COLUMNS: Final = 42
"""Of a receipt on a screen, as on 80 mm paper."""

COMMANDS: Final = frozenset({"scan", "sell", "receipt", "status", "help", "quit", "exit"})


class Ended(enum.Enum):
    """What became of a basket."""

    SOLD = enum.auto()
    REFUSED = enum.auto()
    PRICED = enum.auto()
    """Nobody said how it is paid: the price was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What all commands are told; `place` and `token` are for those that look for the gateway."""

    data: Path
    place: Place | None = None
    token: str | None = None
    is_json: bool = False
    world: World | None = None

    def register(self, name: str | None = None) -> ReplicaRegister:
        """The register, to be entered."""
        return ReplicaRegister(
            self.data, self.place, token=self.token, register=name, world=self.world
        )

    def say(self, text: str, document: object) -> None:
        """Print the text for people, or the document for programs."""
        told = msgspec.json.encode(document).decode() if self.is_json else text
        sys.stdout.write(told + "\n")
        sys.stdout.flush()


def add_basket(parser: argparse.ArgumentParser) -> None:
    """What is sold and how it is paid, as arguments."""
    parser.add_argument("codes", nargs="+", metavar="CODE[xN]", help="what, and how many of it")
    for kind in ("cash", "card", "wallet"):
        parser.add_argument(
            f"--{kind}", action="append", default=[], metavar="AMOUNT", help="such as 12.50"
        )


# Commands that look for the gateway


async def enrol(asked: Asked, register: str) -> None:
    """Become a register, and wait until there is something to sell."""
    try:
        async with asked.register(register) as till:
            _note(f"{till.identity.writer}: waiting for the catalogue")
            if not await till.until(lambda one: one.is_up_to_date(), CATALOGUE_S_MAX):
                _note(f"the catalogue is not here yet ({till.last_error or 'no products'})")
            await till.until_quiet(QUIET_S, CATALOGUE_S_MAX)
            status = await till.status()
            asked.say(words.status_words(status, zone_of(till.identity.timezone)), status)
    except GatewayGone as gone:
        raise RegisterRefused(
            f"no gateway answers: {gone}. Is it switched on? --gateway URL says where it is"
        ) from None


async def sell(asked: Asked, basket: argparse.Namespace, key: str | None) -> None:
    """Sell one basket, then hand it over if the gateway is there."""
    try:
        async with asked.register() as till:
            ended = await Counter(asked, till).sell(basket, key, wait_s=LINK_S_MAX)
            is_sold = ended is Ended.SOLD
            if is_sold and not await till.until(lambda one: one.is_handed_over(), SENT_S_MAX):
                _note(words.kept_words(till.reach, till.last_error))
    except GatewayGone as gone:
        raise RegisterRefused(f"no gateway answers: {gone}") from None
    if ended is Ended.REFUSED:
        sys.exit(EXIT_REFUSED)


async def run(asked: Asked) -> None:
    """Read a command per line until the input ends, SIGTERM or Ctrl-C; the link is kept up."""
    loop, typed = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, typed.put_nowait, None)
    async with asked.register() as till:
        counter = Counter(asked, till)
        await till.until(lambda one: one.link is not LinkState.NEVER, LOOK_S_MAX)
        watching = loop.create_task(counter.watch())
        await counter.status()
        if not asked.is_json:
            _note(words.HELP)
        threading.Thread(target=_read_lines, args=(loop, typed), daemon=True).start()
        while (line := await _next(typed)) is not None:
            if not await counter.obey(line):
                break
        watching.cancel()


class Counter:
    """A person at a register that runs: obeys typed commands, and tells when the link changes."""

    def __init__(self, asked: Asked, till: ReplicaRegister) -> None:
        self._asked = asked
        self._till = till
        self._parser = _LineParser(prog="sell", add_help=False, allow_abbrev=False)
        add_basket(self._parser)
        self._parser.add_argument("--key")

    async def obey(self, line: str) -> bool:
        """Do what a line says; False when it says to end."""
        try:
            command, *rest = shlex.split(line) or [""]
            if command and command not in COMMANDS:
                command, rest = "scan", [line.strip()]
            match command:
                case "quit" | "exit":
                    return False
                case "scan" if len(rest) == 1:
                    await self.scan(rest[0])
                case "sell":
                    basket = self._parser.parse_args(rest)
                    await self.sell(basket, basket.key)
                case "receipt":
                    await self.receipt(" ".join(rest))
                case "status":
                    await self.status()
                case "":
                    pass
                case _:
                    self._asked.say(words.HELP, {"help": words.HELP})
        except ValueError as unread:
            self._asked.say(f"{unread}.", {"error": str(unread)})
        return True

    async def scan(self, code: str) -> bool:
        """Tell what a code means."""
        found = await self._till.lookup(code)
        return _tell_product(self._asked, found)

    async def sell(
        self, basket: argparse.Namespace, key: str | None, *, wait_s: float = 0.0
    ) -> Ended:
        """Sell, or say why not; one that is short may wait `wait_s` for a link to borrow on."""
        till, asked = self._till, self._asked
        lines = await lines_of(basket.codes, self._is_code)
        quoted = await till.quote(lines)
        if isinstance(quoted, Refusal):
            return self._refuse(key, quoted)
        typed = [(kind, one) for kind in ("cash", "card", "wallet") for one in vars(basket)[kind]]
        if not typed:
            asked.say(words.quote_words(quoted), quoted)
            return Ended.PRICED
        tenders = tenders_of(typed, quoted.currency)
        if not isinstance(tenders, list):
            raise ValueError(tenders.detail.removesuffix("."))  # noqa: TRY004 - of a person's text
        key = key or till.new_key()
        try:
            outcome = await till.sell(lines, tenders, key=key)
            if isinstance(outcome, SaleRefused) and await self._may_borrow(outcome, wait_s):
                outcome = await till.sell(lines, tenders, key=key)
        except StorageFailed as failed:
            asked.say(
                f"The disk failed: {failed}. Ask again with --key {key}.",
                {"key": key, "error": str(failed)},
            )
            return Ended.REFUSED
        if isinstance(outcome, SaleRefused):
            return self._refuse(outcome.key, outcome.refusal)
        return self._tell_sale(outcome)

    async def receipt(self, named: str) -> bool:
        """Show a receipt again."""
        sale = await self._till.sale(named)
        if sale is None:
            _tell_no_receipt(self._asked, named)
            return False
        self._asked.say(_receipt_text(self._till, sale), sale)
        return True

    async def status(self) -> None:
        """Show how the register stands."""
        status = await self._till.status()
        zone = zone_of(self._till.identity.timezone)
        self._asked.say(words.status_words(status, zone), status)

    async def watch(self) -> None:
        """Until cancelled: say when the gateway comes and goes."""
        told = self._till.reach

        def is_another(till: ReplicaRegister) -> bool:
            return till.reach is not told

        while True:
            await self._till.until(is_another, None)
            told = self._till.reach
            said = words.link_words(told, self._till.last_error)
            self._asked.say(said, {"link": self._till.link.value, "error": self._till.last_error})

    async def _is_code(self, text: str) -> bool:
        return not isinstance(await self._till.lookup(text), Refusal)

    async def _may_borrow(self, refused: SaleRefused, wait_s: float) -> bool:
        """Whether there is a link now that was not there when the sale was refused."""
        is_short = refused.refusal.slug in {"quota-short", "credit-short"}
        if not is_short or not wait_s or self._till.link is LinkState.CONNECTED:
            return False
        return await self._till.until(lambda one: one.link is LinkState.CONNECTED, wait_s)

    def _refuse(self, key: str | None, refusal: Refusal) -> Ended:
        zone = zone_of(self._till.identity.timezone)
        said = words.refusal_words(refusal, self._till.reach, zone)
        self._asked.say(said, {"key": key, "refused": refusal.problem})
        return Ended.REFUSED

    def _tell_sale(self, done: SaleDone) -> Ended:
        sale = msgspec.convert(done.sale, Sale)
        self._asked.say(_receipt_text(self._till, sale), {"key": done.key, "sale": done.sale})
        return Ended.SOLD


class _LineParser(argparse.ArgumentParser):
    """A parser of typed lines: what it cannot read is an answer and not the end of the program."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}: sell CODE[xN]... --cash AMOUNT")


def _read_lines(loop: asyncio.AbstractEventLoop, typed: "asyncio.Queue[str | None]") -> None:
    """On a thread of its own, for a terminal, a pipe and a file are read in the same way."""
    with contextlib.suppress(RuntimeError):  # the loop has ended
        for line in sys.stdin:
            loop.call_soon_threadsafe(typed.put_nowait, line)
        loop.call_soon_threadsafe(typed.put_nowait, None)


async def _next(typed: "asyncio.Queue[str | None]") -> str | None:
    if sys.stdin.isatty():
        sys.stdout.write("> ")
        sys.stdout.flush()
    return await typed.get()


# Commands that only read


def scan(asked: Asked, code: str) -> None:
    """Tell what a code means, from the register's copy of the catalogue."""
    with _reading(asked.data) as shop:
        found = look_up(shop, code)
    if not _tell_product(asked, refusal_of(found) if isinstance(found, Problem) else found):
        sys.exit(EXIT_REFUSED)


def receipt(asked: Asked, named: str) -> None:
    """Show a receipt that is still kept."""
    with _reading(asked.data) as shop:
        sale = kept_sale(shop, named)
        if sale is not None:
            identity = shop.identity
            issuer = Issuer(
                name=identity.name, zone=zone_of(identity.timezone), setting=ReceiptSetting()
            )
            document = receipt_of(sale, issuer, Catalogue(shop.connection))
            asked.say("\n".join(text_of(document, COLUMNS, legible)), sale)
            return
    _tell_no_receipt(asked, named)
    sys.exit(EXIT_REFUSED)


def status(asked: Asked) -> None:
    """Show how the register stands, as its file says it."""
    with _reading(asked.data) as shop:
        last = known_gateway(shop.store, shop.identity).last
        address = None if last is None else last.addresses[0]
        figures = status_of(shop, facts_in(shop.store, catch_up(shop.store), address))
        asked.say(words.status_words(figures, zone_of(shop.identity.timezone)), figures)


@contextlib.contextmanager
def _reading(data: Path) -> Iterator[Shop]:
    """The register's state as its file has it; nothing is written."""
    with read_file(data) as store:
        shop = Shop(
            store.connection,
            enrolled_identity(store),
            boot="reads",
            now_ms=wall_ms,
            synchronised=ClockWatch(),
            printers=(),
            stopped_sentences=STOPPED,
        )
        shop.begin([])
        yield shop


# What is said


def _tell_product(asked: Asked, found: object) -> bool:
    if isinstance(found, Refusal):
        asked.say(found.detail, {"refused": found.problem})
        return False
    assert isinstance(found, dict), "a lookup is an object"
    asked.say(words.product_words(found), found)
    return True


def _tell_no_receipt(asked: Asked, named: str) -> None:
    said = f"No sale {named} is kept here." if named else "Nothing was sold here yet."
    asked.say(said, {"error": said})


def _receipt_text(till: ReplicaRegister, sale: Sale) -> str:
    return "\n".join(text_of(till.receipt(sale), COLUMNS, legible))


def _note(text: str) -> None:
    """What goes on meanwhile, beside the answer."""
    sys.stderr.write(text + "\n")
