"""The command: ``python -m scripts.demo_day [--exit] [--json] [--stores N] [--days N] ...``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from retail.money import EXPONENTS
from scripts.demo_day.agenda import Agenda, plan_agenda
from scripts.demo_day.api import NoAnswer, Unexpected
from scripts.demo_day.baskets import DataMissing, Market, data_folder, load_market
from scripts.demo_day.chain import Hub, NeverReady, open_chain, open_hub
from scripts.demo_day.closing import Verdict, close_the_books
from scripts.demo_day.day import Day
from scripts.demo_day.dead_box import DeadBox
from scripts.demo_day.made_up import make_up_market
from scripts.demo_day.no_gateway import NoGateway
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.own_goods import CatalogueRefused, import_goods
from scripts.demo_day.plan import Plan, plan_day
from scripts.demo_day.progress import Progress
from scripts.demo_day.report import as_json, as_tables, invitation
from scripts.demo_day.story import CLOSES_H, OPENS_H, SELLING_S, Scenario, named, plan_quietly
from scripts.demo_day.story import location_of as story_of
from scripts.processes import ProgramBroken

STORES_MIN: Final = 2
STORES_MAX: Final = 12
"""Each store is a process; two cores start one in a second."""

DAYS_MAX: Final = 364
SCENARIOS: Final[Mapping[str | None, Scenario]] = {
    one.name: one for one in (NoGateway(), DeadBox())
}
"""The ordinary day is none of them."""

SUCCESS: Final = 0
DIFFERENT: Final = 1
BROKEN: Final = 2
INTERRUPTED: Final = 130
EXPECTED: Final = (DataMissing, NeverReady, NoAnswer, ProgramBroken, Unexpected, OSError)
"""What may go wrong around the demo: told in a sentence, not in a traceback."""


def main() -> int:
    """Run the demo; answers the exit status: 0 when hub and registers agree in everything."""
    arguments = _parser().parse_args()
    progress = Progress(sys.stderr if arguments.json else sys.stdout)
    # What a person has to know of the registers in this process is said in words.
    logging.getLogger().addHandler(logging.NullHandler())
    root = Path(tempfile.mkdtemp(prefix="countertop-demo-"))
    status, worth_keeping = BROKEN, True
    try:
        status = asyncio.run(_run(arguments, progress, root))
    except* CatalogueRefused as refused:
        for error in _leaves(refused):
            progress.say(str(error))
        worth_keeping = False
    except* EXPECTED as broken:
        for error in _leaves(broken):
            progress.say(f"The demo could not be finished: {error}")
    except* asyncio.CancelledError:
        progress.say("Stopped; all programs have ended.")
        status = INTERRUPTED
    finally:
        if worth_keeping and status not in {SUCCESS, INTERRUPTED}:
            progress.say(f"Logs and data are kept in {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    return status


async def _run(arguments: argparse.Namespace, progress: Progress, root: Path) -> int:
    began_s = time.monotonic()
    with _stopped_by_signals(asyncio.current_task()) as stopped:
        async with AsyncExitStack() as stack:
            opened = open_hub(root, currency=arguments.currency, say=progress.say)
            if arguments.catalogue is None:
                market = await _real_market(arguments, progress)
                hub = await stack.enter_async_context(opened)
            else:
                hub = await stack.enter_async_context(opened)
                market = await _own_market(arguments, hub, progress)
            plan = plan_day(market, seed=arguments.seed, baskets_max=arguments.baskets)
            scenario = SCENARIOS.get(arguments.scenario)
            if scenario is None:
                agenda = plan_agenda(market, plan)
            else:
                plan, agenda = plan_quietly(market, plan)
            _say_what_is_planned(market, plan, agenda, scenario, progress)
            chain = await stack.enter_async_context(
                open_chain(
                    hub,
                    market.locations,
                    equipped=plan.equipped_location,
                    lone=plan.lone,
                    say=progress.say,
                )
            )
            day = Day(
                chain=chain,
                plan=plan,
                agenda=agenda,
                market=market,
                notebook=Notebook(),
                progress=progress,
                stack=stack,
                scenario=scenario,
            )
            verdict = await _play(day)
            _tell(arguments, day, verdict, time.monotonic() - began_s)
            status = DIFFERENT if verdict.differences else SUCCESS
            if not arguments.exit:
                where = market.locations[0] if scenario is None else story_of(market)
                progress.say("\n".join(invitation(chain, where)))
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                assert stopped
            return status


async def _play(day: Day) -> Verdict:
    """From the first delivery to the audit."""
    await day.open_doors()
    await day.sell()
    return await close_the_books(day.chain, day.notebook, day.goods)


async def _real_market(arguments: argparse.Namespace, progress: Progress) -> Market:
    progress.say("reading the baskets")
    return await asyncio.to_thread(
        load_market, data_folder(), stores=arguments.stores, days=arguments.days
    )


async def _own_market(arguments: argparse.Namespace, hub: Hub, progress: Progress) -> Market:
    """The owner's products, with baskets and stock that are made up."""
    goods, imported = await import_goods(hub.admin, arguments.catalogue, progress.say)
    progress.say(
        "what is asked for and what stands on the shelves is made up: the file has neither"
    )
    return make_up_market(
        goods,
        imported=imported,
        stores=arguments.stores,
        days=arguments.days,
        seed=arguments.seed,
    )


def _say_what_is_planned(
    market: Market, plan: Plan, agenda: Agenda, scenario: Scenario | None, progress: Progress
) -> None:
    progress.say(
        f"{len(plan.sales)} baskets for the tills and {len(plan.orders)} for the website,"
        f" of {market.days} days from {market.first_day} in {named(market.locations)}"
    )
    if scenario is not None:
        progress.say(
            f"all of them come in one day, {OPENS_H:02}:00 to {CLOSES_H}:00: an hour of it takes"
            f" {SELLING_S / (CLOSES_H - OPENS_H):.0f} s here, and seconds that are told are real"
        )
        progress.say(f"at {story_of(market)} {scenario.summary}")
        return
    for scene in agenda.left_out:
        progress.say(f"this day goes without {scene}: too few products for it")


def _tell(arguments: argparse.Namespace, day: Day, verdict: Verdict, seconds: float) -> None:
    """The tables, or with --json the JSON alone on stdout."""
    for sentence in as_tables(day.chain, day.notebook, verdict, seconds, day.chronicle):
        day.progress.say(sentence)
    if arguments.json:
        told = as_json(day.chain, day.notebook, verdict, day.chronicle)
        print(json.dumps(told), flush=True)


@contextlib.contextmanager
def _stopped_by_signals(task: asyncio.Task[object] | None) -> Iterator[list[int]]:
    """Cancel `task` at the first signal to end; later ones do not disturb the tidying up.

    Yields the signals that have come, for whoever waits for one.
    """
    assert task is not None
    loop = asyncio.get_running_loop()
    stopped: list[int] = []

    def stop(number: int) -> None:
        if not stopped:
            task.cancel()
        stopped.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Weeks of a real grocery chain, through real programs on this machine: "
        "hub, gateways, tills, a scanner, a printer; links are cut, a gateway is killed.",
    )
    parser.add_argument("--exit", action="store_true", help="end after the tables")
    parser.add_argument("--json", action="store_true", help="only JSON on stdout")
    parser.add_argument(
        "--scenario", choices=[*SCENARIOS], help="a day on which one thing goes wrong"
    )
    parser.add_argument("--stores", type=_number(STORES_MIN, STORES_MAX), default=4, metavar="N")
    parser.add_argument(
        "--baskets", type=_number(1, 10**6), metavar="N", help="at most N baskets of each store"
    )
    parser.add_argument("--days", type=_number(1, DAYS_MAX), default=28, metavar="N")
    parser.add_argument(
        "--catalogue", type=_file, metavar="CSV", help="sell these products, ours or Shopify's CSV"
    )
    parser.add_argument(
        "--currency", type=_currency, default="USD", metavar="CODE", help="of the catalogue"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides all chance")
    return parser


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _currency(text: str) -> str:
    if text not in EXPONENTS:
        raise argparse.ArgumentTypeError(f"{text} is no currency such as USD")
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
