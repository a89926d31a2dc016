"""How long `maskwright --help` takes, beside a bare start of Python: medians in seconds of wall time, as JSON."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

RUNS = 20


def main() -> None:
    """Measure and print."""
    commands = {"python": [sys.executable, "-c", "pass"], "help": [sys.executable, "-m", "maskwright", "--help"]}
    seconds = {name: [wall_s(command) for _ in range(RUNS + 1)][1:] for name, command in commands.items()}
    medians = {f"{name}_s": round(statistics.median(values), 4) for name, values in seconds.items()}
    print(json.dumps({"benchmark": "help", **medians, "runs": RUNS, "limit_s": 0.3}))


def wall_s(command: list[str]) -> float:
    """Seconds until a command has ended."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
