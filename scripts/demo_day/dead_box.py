"""The worst day: the line of a store is cut at five in the afternoon, and then its box dies.

    17:00  the line is cut; all tills sell on, and the hub hears of none of it
    17:45  the box is dead: kill -9, and its data directory is gone
           the tills that sell alone sell from their own quota, the thin till says that it cannot
    18:45  the line is mended, and a new box is there: cloud-hub enrol --replace
           it takes its state from the hub, and from each till the sales that the hub lacks; its
           back room says which of the orders that the dead box knew have left the shop
    21:00  doors closed; what the dead box held is frozen until the shop has counted it and
           somebody has answered for it that nothing more will be heard of that box

One breakage is told to the box alone, behind the cut line: nobody else can know of it, and the
count finds it missing. The orders that are handed over behind the cut line only the box and its
back room know of: the new box asks of every order that may be one of them.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devices.sim.wan import WanMode
from scripts.demo_day.api import Json
from scripts.demo_day.baskets import Line
from scripts.demo_day.chain import WAIT_S_MAX, WATCH_S, NeverReady, start_again, until
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.story import Stage, many, not_at_hub, units_of
from scripts.processes import ProgramBroken

LATE_H, CUT_H, BROKEN_H, QUIET_H, DEAD_H, NEW_BOX_H = 16.25, 17.0, 17.25, 17.65, 17.75, 18.75
"""What is ordered from `LATE_H` on leaves after five. From `QUIET_H` on the back room rests: so
nothing is half told when the box dies.
"""

NAME: Final = "dead-box"

REASON: Final = "its disk is destroyed, and the shop has counted"

ENTRY: Final = ("entry", "entries")

COUNTED_AT_ONCE: Final = 500
"""Lines of one count."""

ENROL_TRIES: Final = 5
"""The hub takes a box for connected for some seconds after its last word."""


@dataclass(slots=True)
class DeadBox:
    """The scenario; see the module."""

    name: str = NAME
    summary: str = "the line is cut at five, and then the box and its disk are destroyed"
    _dead: str = ""
    """The dead box, as a writer."""
    _seen_seq: int = 0
    """The last of its entries that a till has seen a sign of."""
    _broken: Line | None = None
    _cut_s: float = 0.0
    _dead_s: float = 0.0
    _gone: frozenset[str] = frozenset()
    """What had been handed over in all stores before the line was cut: ids of allocations."""
    _doubted: int = 0
    """Sales in doubt before the box was dead."""

    async def play(self, stage: Stage) -> None:
        """From the cut until the new box has what the dead one knew."""
        await self._cut(stage)
        await stage.until_hour(QUIET_H)
        async with stage.notebook.rooms[stage.location]:
            await stage.until_hour(DEAD_H)
            await self._destroy(stage)
            await stage.until_hour(NEW_BOX_H)
            await self._replace(stage)
        await self._hear_the_tills(stage)
        await hear_the_back_room(stage)
        stage.weather("")

    async def _cut(self, stage: Stage) -> None:
        """Cut the line, and tell the box something that nobody else can know."""
        await stage.until_hour(LATE_H)
        async with stage.notebook.rooms[stage.location]:
            await stage.until_hour(CUT_H)
            self._dead = str((await stage.store.manager.get("/v1/status"))["writer"])
            await stage.store.wan.set_mode(WanMode.CUT)
        self._cut_s = time.monotonic()
        self._gone = frozenset(stage.notebook.handed_over)
        stage.weather("WAN cut")
        stage.happens("its internet is cut: it sells on, and hands over the orders that it has")
        await stage.until_hour(BROKEN_H)
        self._broken = await _break_something(stage)

    async def _destroy(self, stage: Stage) -> None:
        """Kill the box and remove its disk."""
        stage.unwatched.add(stage.location)
        self._doubted = stage.doubted
        await stage.store.program.kill()
        self._dead_s = time.monotonic()
        await asyncio.to_thread(shutil.rmtree, stage.chain.programs.root / stage.location)
        stage.weather("box dead")
        seen = [till.thin.witnessed_seq for till in stage.thin if till.thin is not None]
        self._seen_seq = max(seen, default=0)
        behind = stage.sold(self._cut_s, self._dead_s, alone=False)
        stage.happens(
            f"its box is dead: kill -9, and the disk is gone, with {many(len(behind), 'sale')} of"
            f" {stage.thin_names} and {many(left_since(stage, self._gone), 'order')} handed over"
            " that the hub never heard of"
        )
        units = sum([(await one.status()).units for one in stage.lone])
        stage.happens(f"{stage.lone_names} have {units:,} units of their own, and sell on")

    async def _replace(self, stage: Stage) -> None:
        """Mend the line, set a new box up, and wait until it sells."""
        alone = stage.sold(self._dead_s, time.monotonic(), alone=True)
        stage.happens(f"{many(len(alone), 'sale')} of {stage.lone_names} without box and line")
        stage.tell_why_thin_tills_wait(self._doubted)
        store, began_s = stage.store, time.monotonic()
        await store.wan.set_mode(WanMode.PASS)
        code = await stage.chain.programs.enrolment_code(stage.location, replace=True)
        stage.happens("the line is mended, and there is a new box: cloud-hub enrol --replace")
        for left in reversed(range(ENROL_TRIES)):
            try:
                await start_again(stage.chain, store, code)
                break
            except ProgramBroken:
                if not left:
                    raise
        stage.weather("new box")
        now = await _until_it_sells(stage)
        took, seconds = now["new_box"] or {}, time.monotonic() - began_s
        stage.chronicle.figures["replaced_after_s"] = round(seconds, 2)
        stage.happens(
            f"the new box sells after {seconds:.1f} s, as {now['writer']}, with"
            f" {took.get('counters', 0):,} goods, {took.get('entries', 0):,} entries and"
            f" {took.get('tokens', 0)} tokens from the hub: {store.program.url}/status"
        )
        stage.happens(
            f"what {self._dead} held it may not sell before it is counted: until then most of what"
            " customers ask for is refused"
        )

    async def _hear_the_tills(self, stage: Stage) -> None:
        """The tills hand in what the hub lacks; what is missing then, nobody has."""
        began_s = time.monotonic()
        behind = stage.sold(self._cut_s, self._dead_s, alone=False)
        theirs = stage.sold(self._cut_s, began_s, alone=True)
        alone = stage.sold(self._dead_s, began_s, alone=True)
        await asyncio.gather(
            *(one.until_handed_over() for one in stage.lone),
            *(till.thin.hand_in() for till in stage.thin if till.thin is not None),
        )
        await stage.catch_up()
        # No till was told of the entries in which the new box books what they handed in.
        last_seq = int((await stage.store.manager.get("/v1/status"))["journal"]["last_seq"])
        await until(
            stage.store,
            "the hub to have what the tills handed in",
            lambda now: bool(now["journal"]["acknowledged_seq"] >= last_seq),
        )
        stage.unwatched.discard(stage.location)
        missing = await not_at_hub(stage, behind), await not_at_hub(stage, theirs)
        recovered, replayed = len(behind) - len(missing[0]), len(theirs) - len(missing[1])
        stage.happens(
            f"{stage.lone_names} hand {many(replayed, 'sale')} over, {stage.thin_names}"
            f" {recovered} that the dead box had answered: at the hub after"
            f" {time.monotonic() - began_s:.1f} s"
        )
        heard_seq = int((await self._life(stage))["last_seq"])
        figures = stage.chronicle.figures
        figures |= {
            "sold_behind_the_cut": len(behind) + len(theirs),
            "sold_alone": len(alone),
            "sold_alone_units": units_of(alone),
            "replayed": replayed,
            "recovered": recovered,
            "missing_entries": max(0, self._seen_seq - heard_seq),
            "missing_sales": len(missing[0]) + len(missing[1]),
            "exposed_units": units_of([*missing[0], *missing[1]]),
        }
        stage.happens(
            f"the hub has the journal of {self._dead} up to entry {heard_seq}, tills saw signs of"
            f" it up to {self._seen_seq}: {many(figures['missing_entries'], *ENTRY)} missing,"
            f" and {many(figures['missing_sales'], 'sale')} that nobody has"
        )

    async def after_hours(self, stage: Stage) -> None:
        """Count what the dead box held, and answer for it that nothing more will come."""
        figures, life = stage.chronicle.figures, await self._life(stage)
        frozen = [str(one["sku"]) for one in life["frozen"]]
        figures["frozen_units"] = int(life["frozen_units"])
        doubts = stage.notebook.doubts
        figures |= {"orders_in_doubt": doubts.answered, "orders_had_left": doubts.had_left}
        stage.happens(
            f"{life['frozen_units']:,} units of {len(frozen):,} goods that {self._dead} held are"
            " frozen, nobody may sell them: the shop counts them"
        )
        goods = frozen if self._broken is None else sorted({*frozen, self._broken.sku})
        # What leaves in the middle of a count would be missing in it.
        async with stage.notebook.rooms[stage.location]:
            figures["found_missing_units"] = await self._count(stage, goods)
        await stage.catch_up()
        path = f"/v1/locations/{stage.location}/attest"
        body = {"writer": self._dead, "reason": REASON}
        answer = await stage.chain.admin.post(path, body, key=f"attest-{self._dead}")
        attested = answer.success(f"answering for {self._dead}")
        figures["reclaimed_units"] = int(attested["reclaimed_units"])
        life = await self._life(stage)
        figures["still_frozen_units"] = int(life["frozen_units"])
        stage.happens(
            f"counted, and head office answers that nothing more will come of {self._dead}:"
            f" {attested['reclaimed_units']:,} units may be sold again, {life['frozen_units']} are"
            " frozen"
        )
        stage.chronicle.said += summed_up(figures)

    async def _life(self, stage: Stage) -> Json:
        """The dead box, as the hub tells of it."""
        location = await stage.chain.auditor.get(f"/v1/locations/{stage.location}")
        return next(one for one in location["lives"] if one["writer"] == self._dead)

    async def _count(self, stage: Stage, goods: Sequence[str]) -> int:
        """Count these goods, some at a time; answers the units that were found missing."""
        stands, missing = stage.notebook.ledger.on_hand(), 0
        for number, first in enumerate(range(0, len(goods), COUNTED_AT_ONCE)):
            skus = goods[first : first + COUNTED_AT_ONCE]
            count = await _do(stage, "/v1/stock/counts", {"skus": skus}, f"count-{number}")
            lines = [
                {"sku": sku, "counted": stands.get(Shelf(stage.location, sku), 0)} for sku in skus
            ]
            path = f"/v1/stock/counts/{count['id']}"
            await _do(stage, f"{path}/lines", {"lines": lines}, f"lines-{number}")
            closed = await _do(stage, f"{path}/close", {}, f"close-{number}")
            stage.notebook.stock.counted += len(skus)
            booked = {one["sku"]: one["booked"] for one in closed["differences"]}
            missing -= sum(booked.values())
            known = {} if self._broken is None else {self._broken.sku: -self._broken.quantity}
            if booked.items() - known.items():
                stage.notebook.oddities.append(f"the count after the dead box finds {booked}")
        stage.happens(f"the count finds {many(missing, 'unit')} missing: the dead box knew why")
        stage.notebook.stock.missing += missing
        return missing


def summed_up(figures: Mapping[str, int | float]) -> list[str]:
    """What it comes to."""
    return [
        (
            f"{figures['sold_behind_the_cut']} sales behind the cut line, of which"
            f" {figures['sold_alone']} after the box was dead; {figures['replayed']} came from"
            f" the tills that sell alone, {figures['recovered']} from the thin one"
        ),
        (
            f"missing of the dead box: {many(figures['missing_entries'], *ENTRY)},"
            f" {many(figures['missing_sales'], 'sale')};"
            f" {many(figures['found_missing_units'], 'broken unit')} that only it knew of,"
            " found by the count"
        ),
        (
            f"{many(figures['orders_in_doubt'], 'order')} in doubt, answered by the back"
            f" room: {figures['orders_had_left']} had left with the dead box"
        ),
        f"{figures['frozen_units']:,} units frozen, {figures['reclaimed_units']:,} reclaimed",
    ]


def left_since(stage: Stage, gone: Collection[str]) -> int:
    """Orders of which the store has handed something over that was not `gone` before."""
    left = stage.notebook.handed_over - set(gone)
    return sum(
        any(one in left and shelf.location == stage.location for one, shelf, _ in told.allocations)
        for told in stage.notebook.orders
    )


async def hear_the_back_room(stage: Stage) -> None:
    """Wait until the new box has been told of each order in doubt whether it had left.

    Raises:
        NeverReady: it was not within `WAIT_S_MAX`.
    """
    give_up_s = time.monotonic() + WAIT_S_MAX
    while any([one["is_unsure"] async for one in stage.store.manager.every("/v1/orders")]):
        if time.monotonic() > give_up_s:
            raise NeverReady(f"orders of {stage.location} are in doubt, and nobody answers")
        await asyncio.sleep(WATCH_S)
    doubts = stage.notebook.doubts
    stage.happens(
        f"{many(doubts.answered, 'order')} that the dead box may have handed over: the back room"
        f" tells the new one that {doubts.had_left} had left and {doubts.stood_here} stand here"
    )


async def _break_something(stage: Stage) -> Line | None:
    """A piece of the fullest shelf breaks, and only the box hears of it."""
    stands = stage.notebook.ledger.on_hand()
    here = [shelf for shelf in sorted(stands) if shelf.location == stage.location]
    shelf = max(here, key=lambda one: stands[one], default=None)
    if shelf is None:
        return None
    line = Line(sku=shelf.sku, quantity=1)
    # To the books it is what a count finds missing: the box that knows better will be gone.
    stage.notebook.ledger.record(Fact.STOLEN, "broken behind the cut", [(shelf, line.quantity)])
    body = {"sku": line.sku, "delta": -line.quantity, "reason": "breakage"}
    await _do(stage, "/v1/stock/adjustments", body, "breakage")
    spoken = stage.products[line.sku].spoken
    stage.happens(f"1 x {spoken} breaks: its box is told, and nobody else can know")
    return line


async def _until_it_sells(stage: Stage) -> Json:
    """Wait until a new box has what it needs; its status then.

    Raises:
        NeverReady: it did not within `WAIT_S_MAX`.
    """
    session, url = stage.store.manager.session, stage.store.program.url
    headers = {"Authorization": f"Bearer {stage.store.manager.token}"}
    give_up_s = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < give_up_s:
        # Its people's tokens come with the state: until then it knows nobody.
        async with session.get(f"{url}/v1/status", headers=headers) as answer:
            now = await answer.json(content_type=None)
        if answer.ok and now["selling"]["reason"] is None:
            return now
        await asyncio.sleep(WATCH_S)
    raise NeverReady(f"the new box of {stage.location} does not sell: {now}")


async def _do(stage: Stage, path: str, body: Json, key: str) -> Json:
    answer = await stage.store.manager.post(path, body, key=f"{stage.location}-dead-{key}")
    return answer.success(f"{path} at {stage.location}")
