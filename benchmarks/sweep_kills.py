"""A sweep with two workers, killed at random: its driver and its workers, with SIGKILL. What is left, as JSON.

    python benchmarks/sweep_kills.py [KILLS]      # default: 12; needs pip install 'maskwright[optuna]'

Every other kill takes the driver, whose workers must end with it, the others one worker. The same command goes on with
--resume until the sweep ends. Then every trial must be there once, complete, with one line at most for each validation,
and the study must have been told of each once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from maskwright.data.pets.write import draw_dataset
from maskwright.errors import UsageError
from maskwright.experiments.study import check_optuna
from maskwright.storage import read_json
from maskwright.training.presence import is_training
from maskwright.training.training_log import read_training_log

KILLS, TRIALS, ITERATIONS = 12, 8, 40
SETTINGS = (
    *("model=segformer-b0", "weights=none", "crop_hw=[64,64]", "batch_size=2"),
    *(f"iterations={ITERATIONS}", "validation_interval=10"),
)
LONGEST_WAIT_S = 25.0


def main() -> None:
    """Kill, go on, and print what is left."""
    try:
        check_optuna()
    except UsageError as missing:
        print(json.dumps({"left_out": str(missing)}))
        return
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        data, space, out = Path(folder, "data"), Path(folder, "space.yaml"), Path(folder, "sweep")
        draw_dataset(data, images=20, size_px=64, seed=0, threads=2)
        space.write_text("lr: {low: 1e-5, high: 1e-2, log: true}\nema_decay: [0, 0.9]\n", encoding="utf-8")
        chosen = [part for setting in SETTINGS for part in ("--set", setting)]
        command = [sys.executable, "-m", "maskwright", "sweep", str(data), "--space", str(space), "-o", str(out)]
        command += ["--trials", str(TRIALS), "--workers", "2", "--finalists", "0", "--offline", *chosen]
        done: dict[str, int] = {"driver": 0, "worker": 0}
        resumes, driver = 0, _started(command, out)
        while driver.poll() is None and sum(done.values()) < kills:
            time.sleep(draw.uniform(1.0, LONGEST_WAIT_S))
            if sum(done.values()) % 2 == 0:
                driver.kill()
                driver.wait()
                done["driver"] += 1
                resumes += 1
                driver = _started(command, out)
            elif workers := _workers(out):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(draw.choice(workers), signal.SIGKILL)
                    done["worker"] += 1
            print(f"killed: {done}", file=sys.stderr, flush=True)
        if driver.wait():
            sys.exit(f"the sweep ended with {driver.returncode}")
        print(json.dumps({"killed": done, "resumes": resumes, **_left(out)}, indent=1))


def _started(command: list[str], out: Path) -> subprocess.Popen[bytes]:
    resume = ["--resume"] if out.exists() else []
    return subprocess.Popen([*command, *resume], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _workers(out: Path) -> list[int]:
    """The processes that train now."""
    held = [run for run in (out / "trials").glob("*/") if is_training(run)]  # what a dead one has left is passed over
    holders = [run / "state" / "training.json" for run in held]
    return [int(read_json(path)["process"]) for path in holders if path.is_file()]


def _left(out: Path) -> dict[str, Any]:
    """What the sweep has in the end, and whether that is every trial once."""
    logs = [read_training_log(path) for path in sorted((out / "trials").glob("*/log.jsonl"))]
    validations = [[int(event["iteration"]) for event in log.validations] for log in logs]
    with sqlite3.connect(out / "study.db") as base:
        told = base.execute("SELECT number, state FROM trials ORDER BY number").fetchall()
    base.close()
    once = told == [(number, "COMPLETE") for number in range(TRIALS)]
    whole = all(each == list(range(10, ITERATIONS + 1, 10)) for each in validations) and len(logs) == TRIALS
    return {
        "trials": len(told),
        "complete": sum(log.end is not None for log in logs),
        "resumed_trainings": sum(log.resumes for log in logs),
        "every_trial_once": once and whole,
    }


if __name__ == "__main__":
    main()
