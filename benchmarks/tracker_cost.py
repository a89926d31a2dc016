"""What a tracker costs the training that it follows, as JSON lines: one per case.

    python benchmarks/tracker_cost.py [ROUNDS ITERATIONS]

The same short training of drawn pets on all cores, alone and followed by MLflow (extra `mlflow`) that works, whose
server takes connections and never answers, whose server refuses them, and whose exporter is killed with kill -9.
The cases take turns, so that whatever else the computer does meets all of them. The weights must be the same bit by
bit, and `runs push` must complete each run afterwards.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from maskwright.data.pets.write import draw_dataset
from maskwright.storage import file_digest
from maskwright.trackers.push import push
from maskwright.trackers.story import story
from maskwright.training.run import open_run

SETTINGS = ("model=mlp-mobilenetv2", "crop_hw=[96,96]", "batch_size=8", "validation_interval=50")


def main() -> None:
    """Train in turns and print."""
    rounds, iterations = (int(value) for value in (sys.argv[1:] or ("3", "150")))
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0), backlog=64) as hanging:
        root = Path(name)
        draw_dataset(root / "data", images=40, size_px=96)
        with socket.create_server(("127.0.0.1", 0)) as closed:
            refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
        trackers = {
            "none": None,
            "works": "mlflow",
            "hangs": f"mlflow=http://127.0.0.1:{hanging.getsockname()[1]}",
            "refuses": f"mlflow={refusing}",
            "killed": "mlflow",
        }
        rows: dict[str, list[dict[str, Any]]] = {case: [] for case in trackers}
        for turn in range(rounds):
            for case, tracker in trackers.items():
                rows[case].append(_train(root, root / "runs" / f"{case}-{turn}", iterations, tracker, case == "killed"))
        whole = {row["weights"] for measured in rows.values() for row in measured}
        for case, measured in rows.items():
            print(json.dumps(_told(case, measured, whole)), flush=True)


def _train(root: Path, folder: Path, iterations: int, tracker: str | None, kill: bool) -> dict[str, Any]:
    """One training: its time, its weights, and what a push has to complete afterwards."""
    command = [sys.executable, "-m", "maskwright", "train", str(root / "data"), "-o", str(folder), "--weights", "none"]
    for setting in (f"iterations={iterations}", *SETTINGS):
        command += ["--set", setting]
    environment = {**os.environ, "MASKWRIGHT_OFFLINE": "1", "MASKWRIGHT_CACHE": str(root / "cache")}
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, *(["--track", tracker] if tracker else [])],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if kill:
        _kill_exporter(process.pid)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    run = open_run(folder)
    steps = [entry["iteration_s"] for entry in run.log() if entry["event"] == "train"]
    row = {
        "wall_s": wall_s,
        "training_s": run.timings()["train"],
        "cpu_s": used.ru_utime + used.ru_stime,
        "iteration_ms": 1000 * statistics.median(steps),
        "weights": file_digest(folder / "weights" / "best.safetensors"),
        "said": [line for line in output.splitlines() if line.startswith("Tracker")],
    }
    if tracker:
        _end_exporters(folder)
        pushed = push(folder, "mlflow", uri=f"sqlite:///{root / 'runs' / 'mlflow.db'}")
        row["completed"] = pushed.sent
        row["whole"] = push(folder, "mlflow").sent == 0 and len(list(story(run))) >= pushed.sent
    return row


def _kill_exporter(training: int) -> None:
    """Kill the exporter with kill -9 three seconds after it was started."""
    while not (found := _exporters(f"-P {training}")) and Path(f"/proc/{training}").exists():
        time.sleep(0.1)
    time.sleep(3)
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def _exporters(whose: str) -> list[int]:
    listed = subprocess.run(
        ["pgrep", *whose.split(), "-f", "maskwright.trackers.exporter"], capture_output=True, text=True
    )
    return [int(pid) for pid in listed.stdout.split()]


def _end_exporters(folder: Path) -> None:
    """Wait for an exporter that works; end one that hangs, as `maskwright runs push` has to have the run alone."""
    log = folder / "trackers" / "mlflow.log"
    until = time.monotonic() + 60
    while time.monotonic() < until and "all is sent" not in log.read_text(encoding="utf-8"):
        if not [pid for pid in _exporters("-u " + str(os.getuid())) if _follows(pid, log)]:
            return
        time.sleep(0.5)
    for pid in _exporters("-u " + str(os.getuid())):
        if _follows(pid, log):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)


def _follows(pid: int, log: Path) -> bool:
    """Whether an exporter writes into this log: those of other trainings are none of ours."""
    try:
        return Path(f"/proc/{pid}/fd/1").resolve() == log.resolve()
    except OSError:
        return False


def _told(case: str, measured: list[dict[str, Any]], whole: set[str]) -> dict[str, Any]:
    def mean(name: str) -> float:
        return round(statistics.mean(row[name] for row in measured), 2)

    def spread(name: str) -> float:
        return round(statistics.stdev(row[name] for row in measured), 2) if len(measured) > 1 else 0.0

    names = ("wall_s", "training_s", "cpu_s", "iteration_ms")
    return {
        "tracker": case,
        **{name: mean(name) for name in names},
        **{f"{name}_sd": spread(name) for name in names},
        "same_weights": len(whole) == 1,
        "said": sorted({line.split(":")[1][:60] for row in measured for line in row["said"]}),
        "completed_by_push": all(row.get("whole", True) for row in measured),
        "sent_by_that_push": [row.get("completed", 0) for row in measured],
    }


if __name__ == "__main__":
    main()
