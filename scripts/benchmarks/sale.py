"""Benchmark ``sale``: durable three-line sales over HTTP at one gateway.

At 1, 8 and 64 registers, each asking again as soon as it is answered, against

    the same server's empty JSON POST (``/v1/ping``), same generator, same connections, in rounds
        that alternate, so that the machine's noise hits both
    raw one-row commits (WAL, FULL) in the same directory's file system, in the same rounds

The hub is suspended during those rounds: it stands elsewhere in the world, and on the two cores of
a small machine its work would be measured as the gateway's. What the gateway does for a line that
swallows everything is in the figures. A last pair of rounds at 64 registers runs with the hub on
the same cores, for information.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp
import msgspec

from scripts.benchmarks import disk
from scripts.benchmarks.figures import Better, Goal, Row, quantile
from scripts.benchmarks.load import Generator, Plan, Round, Sample
from scripts.benchmarks.premises import CASH_MINOR, open_hub, open_stores, put_products, stock
from scripts.processes import Programs

REGISTERS: Final = (1, 8, 64)
ROUNDS: Final = 3
WARM_UP_S: Final = 1.0
DISK_S: Final = 0.5
TOKENS: Final = 8
"""Making one is a process of its own; eight registers share one here."""

SKUS: Final = 256
STOCK_PER_SKU: Final = 10_000_000
"""More than any machine sells in a run."""

BODIES: Final = 64
LINES_PER_SALE: Final = 3
PING: Final = "/v1/ping"
SALES: Final = "/v1/sales"
LOCATION: Final = "bench-store"
GENERATOR_BUSY_MAX: Final = 0.9
US_PER_MS: Final = 1_000

Say = Callable[[str], None]


@dataclass(slots=True)
class Rounds:
    """The samples of one number of registers, pair by pair."""

    pings: list[Sample] = field(default_factory=list)
    sales: list[Sample] = field(default_factory=list)

    def throughput(self) -> tuple[float, float]:
        """Sales and pings per second: the pair of rounds with the middle ratio."""
        pairs = [
            (sale.per_second, ping.per_second)
            for sale, ping in zip(self.sales, self.pings, strict=True)
        ]
        ordered = sorted(pairs, key=lambda pair: pair[0] / pair[1])
        return ordered[len(ordered) // 2]

    def sale_ms(self, percent: float) -> float:
        """A quantile of all sales."""
        return _quantile_ms(self.sales, percent)

    def ping_ms(self, percent: float) -> float:
        """A quantile of all empty POSTs."""
        return _quantile_ms(self.pings, percent)


@dataclass(slots=True)
class Measured:
    """Everything that one run measured."""

    by_registers: dict[int, Rounds] = field(default_factory=dict)
    linked: Rounds = field(default_factory=Rounds)
    commits_us: list[float] = field(default_factory=list)
    fsync_us: list[float] = field(default_factory=list)


async def run(root: Path, *, round_s: float, say: Say) -> list[Row]:
    """Start hub and gateway under `root`, measure, end them; about 50 s with rounds of 2 s.

    Raises:
        ProgramBroken, BenchmarkBroken, LoadBroken: there is no figure.
    """
    async with aiohttp.ClientSession() as session, Programs(root) as programs:
        premises = await open_hub(programs, session)
        (store,) = await open_stores(premises, [LOCATION])
        skus = [f"sku-{number:04d}" for number in range(SKUS)]
        await put_products(premises, skus)
        await stock(store, skus, STOCK_PER_SKU)
        tokens = [await programs.gateway_token(LOCATION, "cashier") for _ in range(TOKENS)]
        plan = Plan(
            host="127.0.0.1",
            port=store.program.port,
            tokens=tokens,
            connections=max(REGISTERS),
            bodies={PING: ["{}"], SALES: sale_bodies(skus)},
            statuses={PING: 200, SALES: 201},
        )
        async with Generator(plan) as generator:
            for path in (PING, SALES):
                asked = Round(path=path, connections=max(REGISTERS), seconds=WARM_UP_S)
                await generator.run(asked)
            measured = Measured()
            premises.hub.suspend()
            await _measure(generator, measured, root, round_s=round_s, say=say)
            premises.hub.resume()
            await _alternate(generator, measured.linked, max(REGISTERS), round_s)
    warn_about_generator(measured, say)
    return rows_from(measured)


def sale_bodies(skus: Sequence[str]) -> list[str]:
    """Three-line sales over random products, the same ones at every run."""
    dice = random.Random(1)  # noqa: S311  a benchmark wants the same baskets every time
    tenders = [{"type": "cash", "amount_minor": CASH_MINOR}]
    bodies = []
    for _ in range(BODIES):
        lines = [{"sku": sku, "quantity": 1} for sku in dice.sample(skus, LINES_PER_SALE)]
        body = {"register": "@register", "lines": lines, "tenders": tenders}
        bodies.append(msgspec.json.encode(body).decode())
    return bodies


async def _measure(
    generator: Generator, measured: Measured, root: Path, *, round_s: float, say: Say
) -> None:
    for turn in range(ROUNDS):
        say(f"sale: round {turn + 1} of {ROUNDS}")
        # Nothing else runs here meanwhile, so the loop may as well wait for the disk.
        measured.fsync_us += disk.fsync_us(root, DISK_S)
        measured.commits_us += disk.commits_us(root, DISK_S)
        for registers in REGISTERS:
            rounds = measured.by_registers.setdefault(registers, Rounds())
            await _alternate(generator, rounds, registers, round_s)


async def _alternate(generator: Generator, rounds: Rounds, registers: int, round_s: float) -> None:
    """One pair of rounds: empty POSTs, then sales."""
    for path, samples in ((PING, rounds.pings), (SALES, rounds.sales)):
        asked = Round(path=path, connections=registers, seconds=round_s)
        samples.append(await generator.run(asked))


def rows_from(measured: Measured) -> list[Row]:
    """The rows of a run; times in milliseconds unless the unit says otherwise."""
    commit_ms = median(measured.commits_us) / US_PER_MS
    one, most = measured.by_registers[1], measured.by_registers[max(REGISTERS)]
    rows = [
        Row(
            name="one-row commit p50",
            ours=median(measured.commits_us),
            baseline=median(measured.fsync_us),
            baseline_is="fdatasync of an appended 4 KiB, p50",
            unit="us",
        )
    ]
    for registers, rounds in measured.by_registers.items():
        rows += _rows_of(registers, rounds)
    sales_per_second, _ = most.throughput()
    rows += [
        Row(
            name="sale p50, 1 register, in full",
            ours=one.sale_ms(50),
            baseline=one.ping_ms(50) + 2 * commit_ms,
            baseline_is="empty POST p50 + 2 one-row commits",
            unit="ms",
            goal=Goal(better=Better.LOWER, ratio=1.0),
        ),
        Row(
            name=f"sale p99, {max(REGISTERS)} registers, spread",
            ours=most.sale_ms(99),
            baseline=most.sale_ms(50),
            baseline_is="p50 of the same sales",
            unit="ms",
            goal=Goal(better=Better.LOWER, ratio=3.0),
        ),
        Row(
            name=f"sales, {max(REGISTERS)} registers, and commits",
            ours=sales_per_second,
            baseline=US_PER_MS / commit_ms,
            baseline_is="raw one-row commits, one after the other",
            unit="1/s",
        ),
        Row(
            name=f"sales, {max(REGISTERS)} registers, hub on the same cores",
            ours=measured.linked.throughput()[0],
            baseline=measured.linked.throughput()[1],
            baseline_is="empty POST, hub on the same cores",
            unit="1/s",
        ),
    ]
    return rows


def _rows_of(registers: int, rounds: Rounds) -> list[Row]:
    """Throughput and latencies at one number of registers, against the empty POST."""
    who = f"{registers} register{'s' if registers > 1 else ''}"
    sales, pings = rounds.throughput()
    goal = Goal(better=Better.HIGHER, ratio=0.5) if registers == max(REGISTERS) else None
    return [
        Row(
            name=f"sales, {who}",
            ours=sales,
            baseline=pings,
            baseline_is="empty POST, same server",
            unit="1/s",
            goal=goal,
        ),
        *(
            Row(
                name=f"sale p{percent}, {who}",
                ours=rounds.sale_ms(percent),
                baseline=rounds.ping_ms(percent),
                baseline_is=f"empty POST p{percent}, same server",
                unit="ms",
            )
            for percent in (50, 99)
        ),
    ]


def warn_about_generator(measured: Measured, say: Say) -> None:
    """Say so when the generator and not the server was the limit."""
    for registers, rounds in measured.by_registers.items():
        busy = max(sample.busy for sample in (*rounds.pings, *rounds.sales))
        if busy > GENERATOR_BUSY_MAX:
            say(f"sale: at {registers} registers the load generator took {busy:.0%} of its core")


def _quantile_ms(samples: Sequence[Sample], percent: float) -> float:
    latencies = [latency for sample in samples for latency in sample.latencies_us]
    return quantile(latencies, percent) / US_PER_MS
