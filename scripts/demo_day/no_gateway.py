"""The gateway of a store is unplugged at noon: the tills that sell alone go on selling.

12:00  kill -9 of its gateway; it is not started again
the tills that sell alone sell from their own quota, into their own journals
the thin till says that it cannot, and its customers go to the others
15:00  the gateway comes back; each register hands over what it sold, in order and verbatim
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from replication.quota import PART_MIN, REGISTERS_SHARE
from scripts.demo_day.chain import start_again
from scripts.demo_day.story import LONE_TILLS, Stage, many, not_at_hub, units_of

NOON_H, LOOK_H, BACK_H = 12.0, 14.0, 15.0

NAME: Final = "no-gateway"

SPREAD_UNITS_MIN: Final = int(PART_MIN * len(LONE_TILLS) / REGISTERS_SHARE)
"""Of goods with fewer pieces in the store its registers hold none: its gateway keeps them."""


@dataclass(slots=True)
class NoGateway:
    """The scenario; see the module."""

    name: str = NAME
    summary: str = "the gateway is unplugged at noon, and its tills go on selling"

    async def play(self, stage: Stage) -> None:
        """From noon until the hub has heard of everything."""
        store, lone = stage.store, stage.lone
        names, tally = stage.lone_names, stage.notebook.tallies[stage.location]
        await stage.until_hour(NOON_H)
        stage.weather("gateway unplugged")
        stage.happens(f"its gateway is unplugged: kill -9 of process {store.program.process.pid}")
        doubted = stage.doubted
        await store.program.kill()
        killed_s, refused = time.monotonic(), tally.refused
        statuses = [await one.status() for one in lone]
        units = sum(one.units for one in statuses)
        stage.happens(f"{names} have {units:,} units of their own, and sell on")
        await stage.until_hour(LOOK_H)
        await asyncio.gather(*(one.until_alone() for one in lone))
        for one in [await one.status() for one in lone]:
            stage.happens(f"{one.register} says: {one.headline}")
        stage.tell_why_thin_tills_wait(doubted)
        stage.happens(
            f"{many(tally.refused - refused, 'line')} of baskets refused since noon: of goods with"
            f" fewer than {SPREAD_UNITS_MIN} pieces here only the gateway may sell"
        )
        await stage.until_hour(BACK_H)
        stage.happens("the gateway is plugged in again")
        plugged_s = time.monotonic()
        await start_again(stage.chain, store)
        back_s = time.monotonic()
        stage.happens(f"it answers after {back_s - plugged_s:.1f} s: {store.program.url}/status")
        await asyncio.gather(*(one.until_handed_over() for one in lone))
        replay_s = time.monotonic() - back_s
        alone = stage.sold(killed_s, back_s, alone=True)
        stage.happens(
            f"{names} have handed {many(len(alone), 'sale')} over to it, after {replay_s:.1f} s"
        )
        await stage.catch_up()
        hub_s = time.monotonic() - back_s
        stage.happens(f"all of them are at the hub after {hub_s:.1f} s")
        stage.weather("")
        missing = await not_at_hub(stage, alone)
        stage.chronicle.figures |= {
            "sold_alone": len(alone),
            "sold_alone_units": units_of(alone),
            "sold_by_thin_tills": len(stage.sold(killed_s, back_s, alone=False)),
            "sent_to_another_till": sum(len(till.closed_to) for till in stage.thin),
            "in_doubt_until_back": stage.doubted - doubted,
            "replayed": len(alone) - len(missing),
            "exposed_units": units_of(missing),
            "replay_s": round(replay_s, 2),
            "at_hub_s": round(hub_s, 2),
            "alone_s": round(back_s - killed_s, 2),
        }
        if not alone:
            stage.notebook.oddities.append(f"{names} sold nothing while they were alone")

    async def after_hours(self, stage: Stage) -> None:
        """Say what it comes to."""
        figures = stage.chronicle.figures
        stage.chronicle.said += [
            (
                f"{many(figures['sold_alone'], 'sale')} ({figures['sold_alone_units']} units)"
                f" while the gateway was away, {figures['replayed']} handed over when it was back"
            ),
            (
                f"{many(figures['sold_by_thin_tills'], 'sale')} at its thin till meanwhile;"
                f" {figures['in_doubt_until_back']} on the way when it went, answered when it was"
                " back"
            ),
        ]
