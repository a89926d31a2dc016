"""maskwright bench: how fast a model predicts on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.texts import table
from maskwright.cli.verb import Answer, verb
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.workflow.bench import Bench, Speed

COLUMNS = ("size", "runtime", "precision", "threads", "cold", "p50", "p99", "throughput")


@verb
def bench(
    screen: Screen,
    run: options.RunFolder,
    size: options.BenchSizes = None,
    threads: options.BenchThreads = None,
    seconds: options.BenchSeconds = 3.0,
    model: options.OwnModel = None,
) -> Answer:
    """How fast a model predicts on this machine.

    Every runtime that is installed and lies in RUN, every precision that this CPU has, and each number of threads, in a
    process of its own: the time from a cold start to the first mask, the median and the 99th percentile of one photo
    at a time, and photos a second where eight go together.
    """
    from maskwright.workflow.bench import bench as measure

    made = measure(
        run, sizes=size or (), threads=threads or (), seconds=seconds, model=model, on_progress=screen.on_progress
    )
    return Answer(made.to_json(), _text(made, screen.lang))


def _text(made: Bench, lang: str) -> str:
    head = [say(f"cli.bench_{column}", lang) for column in COLUMNS]
    problems = [
        f"{speed.case.runtime}, {speed.case.threads}: {speed.problem}" for speed in made.speeds if speed.problem
    ]
    looks = [say("cli.bench_looks", lang, looks=f"{made.looks:.1f}")] if made.looks > 1 else []
    about = say("cli.bench_about", lang, cpu=made.cpu, cores=made.cores)
    return "\n".join([about, "", table([head, *map(_row, made.speeds)]), *looks, *problems])


def _row(speed: Speed) -> list[str]:
    case = speed.case
    figures = ((speed.cold_start_s, 2), (speed.p50_ms, 1), (speed.p99_ms, 1), (speed.photos_per_s, 1))
    told = ["-" if number != number else f"{number:.{digits}f}" for number, digits in figures]
    return ["{1} x {0}".format(*case.size_hw), case.runtime, case.precision, str(case.threads), *told]
