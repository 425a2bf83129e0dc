"""The command line of the simulator: `scripts/simulate`."""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

from tests.simulation.deeds import EVERY
from tests.simulation.defects import ARMS, NOTHING, PLANTS
from tests.simulation.plan import APART, IN_TURN, PROFILES, plan_of, profile_of
from tests.simulation.report import Summary, failure
from tests.simulation.run import Result, run_seed
from tests.simulation.shrink import shrink

FRESH_SEEDS: Final = 200
"""Without `--seeds` so many are run, from a random start: about a minute on two cores."""

SEED_MAX: Final = 10**9
CHUNK: Final = 10
"""Seeds that one worker is given at a time."""

SHOWN_MAX: Final = 3
"""Failing seeds that are shrunk and shown; the others are only named."""

PROGRESS_S: Final = 2.0


def main() -> int:
    """Run the seeds; 1 when one of them fails."""
    asked = _arguments()
    first, end = asked.seeds or _fresh()
    _say(f"seeds {first}:{end}, profile {asked.profile}, {asked.jobs} jobs")
    began_s = time.monotonic()
    summary, failed = Summary(), list[Result]()
    said_s = began_s
    for result in _results(range(first, end), asked):
        summary.add(result)
        if not result.is_clean:
            failed.append(result)
            _say(f"seed {result.seed}: {result.violations[0]}")
        if asked.trace:
            _say("\n".join(result.trace))
        if failed and asked.plant != NOTHING:
            break  # the planted defect is caught: one seed is enough
        if time.monotonic() - said_s >= PROGRESS_S:
            said_s = time.monotonic()
            _say(f"{summary.seeds} of {end - first} seeds, {summary.operations} operations")
    for result in sorted(failed, key=lambda one: one.seed)[:SHOWN_MAX]:
        profile = profile_of(result.seed, asked.profile)
        steps = plan_of(result.seed, profile)
        as_is = asked.trace or asked.plant != NOTHING
        shrunk = None if as_is else shrink(result.seed, steps, result)
        _say(failure(result, profile, shrunk))
    _say(summary.as_text(asked.profile, time.monotonic() - began_s))
    if asked.json:
        sys.stdout.write(summary.as_json() + "\n")
    return 1 if failed else 0


def _results(seeds: range, asked: argparse.Namespace) -> Iterator[Result]:
    """The results of all seeds, as they come; with a defect planted, in their order."""
    if asked.plant != NOTHING:
        only = "oversold" if asked.plant in ARMS else None
        for seed in seeds:
            with PLANTS[asked.plant]():
                result = run_seed(seed, profile_of(seed, asked.profile), only=only)
            yield result
    elif asked.jobs == 1 or len(seeds) == 1:
        yield from (run_seed(seed, profile_of(seed, asked.profile)) for seed in seeds)
    else:
        with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
            chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
            jobs = [pool.submit(_run_chunk, one, asked.profile) for one in chunks]
            for done in as_completed(jobs):
                yield from done.result()


def _run_chunk(seeds: range, profile: str) -> list[Result]:
    """In a worker: some seeds; the traces of clean ones are not worth sending."""
    results = [run_seed(seed, profile_of(seed, profile)) for seed in seeds]
    for result in results:
        if result.is_clean:
            result.trace.clear()
    return results


def _fresh() -> tuple[int, int]:
    first = random.SystemRandom().randrange(SEED_MAX)
    return first, first + FRESH_SEEDS


def _seed_range(text: str) -> tuple[int, int]:
    first, colon, end = text.partition(":")
    if not (colon and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise argparse.ArgumentTypeError(f"{text!r} is no range A:B of seeds with A below B")
    return int(first), int(end)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        allow_abbrev=False,
        description="Deterministic simulation of a chain: stores, registers, a hub, and faults. "
        "tests/simulation/README.md says what is real in it and what each fault stands for.",
    )
    parser.add_argument(
        "--seeds", type=_seed_range, metavar="A:B",
        help=f"seeds from A to B, B excluded; {FRESH_SEEDS} fresh ones unless given",
    )  # fmt: skip
    parser.add_argument(
        "--profile", choices=[EVERY, *sorted(PROFILES), *sorted(APART)], default=EVERY,
        help=f"what happens in the runs; unless given, {', '.join(IN_TURN)} in turn",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worker processes")
    parser.add_argument("--json", action="store_true", help="figures as JSON on stdout")
    parser.add_argument(
        "--plant", choices=sorted(PLANTS), default=NOTHING, metavar="DEFECT",
        help=f"judge the judge: plant a defect and run until it is caught; {', '.join(PLANTS)}",
    )  # fmt: skip
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    asked = parser.parse_args()
    if asked.jobs < 1:
        parser.error("--jobs needs at least 1")
    if asked.trace:
        asked.jobs = 1
    return asked


def _say(text: str) -> None:
    """On stderr, so that stdout is only JSON."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
