"""The list of 500 runs with logs of 10,000 lines: seconds with cold and warm files, as JSON.

    python benchmarks/runs_scale.py [RUN]      # a run to copy; else one is trained for a moment

Every run has the template's files and a log, of which every twentieth line is a validation; its weights are a sparse
file. "Cold" means that the files' contents were dropped from the system's cache before; folders and their entries may
still lie there. The list in this process is timed alone, and `maskwright runs` as a whole process. Where other work
takes the cores, the CPU time tells what an idle machine would need.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from maskwright.experiments.runs import list_runs
from maskwright.storage import json_text
from maskwright.training.training_log import read_training_log

RUNS, LINES, EVERY = 500, 10_000, 20
REPEATS = 5
LIMIT_S = 1.0
KEPT = ("format", "recipe.yaml", "classes.yaml", "data.json", "environment.json", "initial_weights.json")


def main() -> None:
    """Make the runs, list them, and print."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        template = Path(sys.argv[1]) if len(sys.argv) > 1 else trained(folder / "template")
        body = log_body(template)
        for number in range(RUNS):
            copy_run(template, folder / "runs" / f"sweep-{number // 100}" / f"trial-{number:03}", number, body)
        command = [sys.executable, "-m", "maskwright", "runs", str(folder / "runs")]
        sizes = [path.stat().st_size for path in (folder / "runs").rglob("log.jsonl")]
        found = {
            "benchmark": "runs_scale",
            "runs": len(list_runs(folder / "runs")),
            "log_lines": LINES,
            "logs_mb": round(sum(sizes) / 1e6),
            **timed("list", folder, lambda: list_runs(folder / "runs")),
            **timed("command", folder, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)),
            "cores": len(os.sched_getaffinity(0)),
            "limit_s": LIMIT_S,
        }
    print(json.dumps(found))


def trained(folder: Path) -> Path:
    """A run of a few iterations on drawn photos."""
    import maskwright

    maskwright.draw_dataset(folder / "photos", images=24, size_px=64)
    photos = maskwright.read(folder / "photos")
    settings = {"weights": "none", "iterations": 40, "validation_interval": 20, "threads": 1, "batch_size": 2}
    return maskwright.train(photos, out=folder / "run", settings=settings).folder


def copy_run(template: Path, run: Path, number: int, body: str) -> None:
    """The template with the common part of a log between a beginning and an end of its own, and its own score."""
    run.mkdir(parents=True)
    for name in KEPT:
        shutil.copyfile(template / name, run / name)
    best = {"best_iteration": 400, "best_mDice": 0.5 + 0.4 * (number * 7919 % RUNS) / RUNS}
    start = {"event": "start", "iteration": 0, "iterations": 20 * LINES, "time": 1.79e9 + number}
    end = {"event": "end", "iteration": 20 * LINES, "why": "length", **best}
    (run / "log.jsonl").write_text(f"{json_text(start)}\n{body}{json_text(end)}\n", encoding="utf-8")
    (run / "weights").mkdir()
    about = {"format": 1, "iteration": best["best_iteration"], "val_mDice": best["best_mDice"]}
    (run / "weights" / "best.json").write_text(json_text(about))
    with (run / "weights" / "best.safetensors").open("wb") as file:
        file.truncate(10_000_000)


def log_body(template: Path) -> str:
    """All lines of a log but the first and the last, one of them in twenty a validation, as the template's last one."""
    log = read_training_log(template / "log.jsonl")
    step, validation = log.steps[-1], log.validations[-1]
    lines = []
    for line in range(1, LINES - 1):
        entry = validation if line % EVERY == 0 else step
        lines.append(json_text({**entry, "iteration": 20 * line, "seconds": 4.1 * line}) + "\n")
    return "".join(lines)


def timed(name: str, folder: Path, act: Callable[[], Any]) -> dict[str, float]:
    """Seconds after the files were dropped, then the median of several times, and that of the CPU time."""
    drop(folder)
    (cold, _), *warm = [seconds_of(act) for _ in range(1 + REPEATS)]
    wall, cpu = (statistics.median(values) for values in zip(*warm, strict=True))
    return {f"{name}_cold_s": round(cold, 3), f"{name}_s": round(wall, 3), f"{name}_cpu_s": round(cpu, 3)}


def seconds_of(act: Callable[[], Any]) -> tuple[float, float]:
    """Seconds until a call has ended, and of CPU time that it took, in this process and in those that it started."""
    began, times = time.perf_counter(), os.times()
    act()
    return time.perf_counter() - began, sum(os.times()[:4]) - sum(times[:4])


def drop(folder: Path) -> None:
    """Drop the content of every file below a folder from the system's cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
