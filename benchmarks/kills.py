"""Runs that are killed at random moments, or find the disk full, and go on, as JSON.

    python benchmarks/kills.py [--kills 50] [--disks 20] [--stages 8] [--soup]      # POSIX

Each time a process of `maskwright train` is ended by SIGKILL: at any time, before it trains, or while a checkpoint is
being written; every fifth is killed once more while it goes on. Then the same command with --resume trains to the end,
and weights, optimiser, log and best score are compared bit by bit with those of a training that nobody disturbed.
A disk is made full by a small file system of its own (where root may mount one), else and in every other case by the
largest size that a file may have. `maskwright run` is killed in its later stages, too: what it ends with is compared.

Each process is forked from this one, which has imported everything: a start takes no seconds. The exit
code is 1 where one ended otherwise: it did not go on, is not bit-equal, or a process failed before it was killed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch._dynamo  # noqa: F401 - torch imports it when an optimiser is made, in seconds: here once, before any fork
from safetensors import safe_open

from maskwright.cli.main import answer
from maskwright.data.pets.write import draw_dataset
from maskwright.inference.load import load
from maskwright.training import loop  # noqa: F401 - likewise
from maskwright.training.run import is_begun, read_log
from maskwright.workflow import run as workflow_run  # noqa: F401 - likewise

INTERVAL, VALIDATIONS = 3, 5
SETTINGS = (
    *(f"iterations={INTERVAL * VALIDATIONS}", f"validation_interval={INTERVAL}", "crop_hw=[32,32]", "batch_size=2"),
    *("weights=none", "lr=0.002"),
)
OPTIONS = ["--threads", "1", *(word for setting in SETTINGS for word in ("--set", setting))]
DISK_MIB, DISK_BYTES = 160, 160 * 2**20
TIMES = ("seconds", "iteration_s", "data_wait_frac", "validation_s", "time")
"""What the log says of the clock: two trainings never agree on it."""

Moment = tuple[str, Callable[[], bool], float]
"""When to kill: its name, whether it has come, and seconds to wait then."""


def main() -> None:
    """Kill, go on, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--disks", type=int, default=20)
    parser.add_argument("--stages", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soup", action="store_true", help="trainings that make a soup of three members")
    asked = parser.parse_args()
    OPTIONS.extend(["--set", f"soup_iterations={2 * INTERVAL}"] if asked.soup else [])
    rng = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(MASKWRIGHT_CACHE=f"{folder}/cache", MASKWRIGHT_OFFLINE="1")
        data, whole = Path(folder) / "data", Path(folder) / "whole"
        code = ended(forked(lambda: draw_dataset(data, images=12, size_px=32, threads=1), whole.with_suffix(".txt")))
        refuse_failed(code, whole.with_suffix(".txt"))
        began = time.monotonic()
        refuse_failed(carried_out("train", data, whole), whole.with_suffix(".txt"))
        seconds = time.monotonic() - began
        shown(f"undisturbed: {seconds:.1f} s, {sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]):.1f} s of a core")
        kills: list[dict[str, Any]] = []
        while count_of(kills) < asked.kills and len(kills) < 2 * asked.kills:
            kills.append(killed(data, whole, rng, seconds, times=2 if len(kills) % 5 == 4 else 1))
        disks = [full_disk(data, whole, rng, mounted=number % 2 == 1) for number in range(asked.disks)]
        stages = killed_later(data, Path(folder), rng, asked.stages) if asked.stages else []
    result = told(kills, disks, stages)
    print(json.dumps(result, indent=1))
    sys.exit(1 if result["ended_otherwise"] else 0)


def refuse_failed(code: int, said: Path) -> None:
    """End where what nobody disturbed failed: there is nothing to compare with."""
    if code:
        sys.exit(f"Undisturbed, it ended with {code}:\n{said.read_text()}")


def told(kills: list[dict[str, Any]], disks: list[dict[str, Any]], stages: list[dict[str, Any]]) -> dict[str, Any]:
    """All that was seen, its sums first."""
    tried = [*kills, *disks, *stages]
    moments = [kill for each in [*kills, *stages] for kill in each["kills"] if kill["code"] == -signal.SIGKILL]
    return {
        "benchmark": "kills",
        "kills": count_of(kills),
        "kills_in_later_stages": count_of(stages),
        "full_disks": len(disks),
        "full_disks_told": sum(each["exit_code"] == 2 and "there is no room for" in each["said"] for each in disks),
        "ended_otherwise": sum(map(is_otherwise, tried)),
        "fell": dict(Counter(kill["stage"] for kill in moments)),
        "while_writing": dict(Counter(name for kill in moments for name in kill["unfinished"])),
        "trainings": kills,
        "disks": disks,
        "runs": stages,
    }


def is_otherwise(each: dict[str, Any]) -> bool:
    """Whether it did not go on to the same bits, or a process failed that nobody had killed yet."""
    failed = any(kill["code"] not in (0, -signal.SIGKILL) for kill in each.get("kills", ()))
    return failed or each["resumed"] != 0 or bool(each["differs"])


def count_of(trainings: list[dict[str, Any]]) -> int:
    """How many kills came before the process had ended."""
    return sum(kill["code"] == -signal.SIGKILL for each in trainings for kill in each["kills"])


def shown(result: Any) -> Any:
    """The same, shown to whoever waits."""
    print(result, file=sys.stderr, flush=True)
    return result


def forked(work: Callable[[], object], said: Path, *, largest_bytes: int | None = None) -> int:
    """A process that does the work and ends with its exit code; what it prints goes to a file."""
    process = os.fork()
    if process:
        return process
    with said.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if largest_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, largest_bytes))
    code = 70
    try:
        result = work()
        code = result if isinstance(result, int) else 0
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """Its exit code, -9 after a kill."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def begun(
    verb: str, data: Path, run: Path, *more: str, said: Path | None = None, largest_bytes: int | None = None
) -> int:
    """A process that carries out one command line; what it prints goes beside the run, or where `said` says."""
    words = [verb, str(data), "-o", str(run), *OPTIONS, *more]
    if largest_bytes is None:  # else the file of what it says has little room, too
        words.append("--debug")
    return forked(lambda: answer(words), said or run.with_suffix(".txt"), largest_bytes=largest_bytes)


def carried_out(verb: str, data: Path, run: Path, *more: str, said: Path | None = None) -> int:
    """The exit code of one command line."""
    return ended(begun(verb, data, run, *more, said=said))


def killed(data: Path, whole: Path, rng: np.random.Generator, seconds: float, *, times: int) -> dict[str, Any]:
    """One training that is killed once or more, goes on to its end, and is compared."""
    with tempfile.TemporaryDirectory(dir=whole.parent) as folder:
        run, fell = Path(folder) / "run", []
        for number in range(times):
            process = begun("train", data, run, *["--resume"] * (number > 0))
            fell.append(kill(process, run, moment(run, rng, seconds)))
        resumed = carried_out("train", data, run, "--resume")
        differs = differing(run, whole)
        return shown(
            {
                "kills": fell,
                "resumed": resumed,
                "differs": differs,
                "said": last_words(run.with_suffix(".txt"), resumed),
            }
        )


def moment(run: Path, rng: np.random.Generator, seconds: float) -> Moment:
    """When to kill: at the start, before training, in training, or when a file of the checkpoint is begun."""
    began, kind = time.monotonic(), str(rng.choice(["start", "before", "train", "train", "state", "last", "best"]))
    part_s, wanted = seconds / VALIDATIONS, int(rng.integers(0, VALIDATIONS))
    if kind == "start":
        after = float(rng.uniform(0, 2 * part_s))
        return kind, lambda: time.monotonic() - began > after, 0.0
    if kind == "before":
        return kind, run.exists, float(rng.uniform(0, part_s))
    if kind == "train":
        reached = INTERVAL * wanted
        return kind, lambda: last_iteration(run) >= reached, float(rng.uniform(0, part_s))
    seen: set[Path] = set()
    place, count = ("state" if kind == "state" else "weights"), (0 if kind == "best" else wanted)

    def written() -> bool:
        seen.update((run / place).glob(f".{kind}.*.tmp"))
        return len(seen) > count

    return kind, written, float(rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.1)]))


def last_iteration(run: Path) -> int:
    """The iteration of the last line of a log, -1 without one."""
    log = read_log(run / "log.jsonl")
    return int(log[-1]["iteration"]) if log else -1


def kill(process: int, run: Path, when: Moment) -> dict[str, Any]:
    """End a process at a moment, unless it ends before; and where that fell."""
    name, has_come, wait_s = when
    while not has_come():
        gone, status = os.waitpid(process, os.WNOHANG)
        if gone:
            code = os.waitstatus_to_exitcode(status)
            return {"moment": name, "code": code, "stage": "it had ended", "unfinished": []}
        time.sleep(0.0003)
    time.sleep(wait_s)
    os.kill(process, signal.SIGKILL)
    code = ended(process)
    return {"moment": name, "code": code, **fallen(run)}


def fallen(run: Path) -> dict[str, Any]:
    """What a kill left: the stage, files half written, the last iterations of the log and of the state."""
    log, state = read_log(run / "log.jsonl"), run / "state" / "state.safetensors"
    stage = "in training" if log else "before training" if is_begun(run) else "while the run was set up"
    later = [name for name in ("bundle", "evaluation", "diagnosis", "tuning.json") if (run / name).exists()]
    if log and log[-1]["event"] == "end":
        stage = f"after {later[0]}" if later else "after training"
    return {
        "stage": stage if run.exists() else "before the folder",
        "unfinished": sorted(path.name.split(".")[1] for path in run.rglob(".*.tmp")),
        "log": log[-1]["iteration"] if log else None,
        "state": iteration_of(state) if state.exists() else None,
    }


def iteration_of(state: Path) -> int:
    with safe_open(state, framework="np") as file:
        return int(json.loads(file.metadata()["standing"])["iteration"])


def differing(run: Path, whole: Path) -> list[str]:
    """What of a training is not bit by bit that of the undisturbed one."""
    files = ("weights/best.safetensors", "weights/last.safetensors", "state/state.safetensors")
    found = [name for name in files if not (run / name).exists() or tensors(run / name) != tensors(whole / name)]
    found += [name for name in ("weights/best.json", "weights/last.json") if not same_text(run / name, whole / name)]
    if timeless(run) != timeless(whole):
        found.append("log.jsonl")
    return [*found, *(str(path.relative_to(run)) for path in run.rglob(".*.tmp"))]


def tensors(file: Path) -> dict[str, tuple[str, bytes]]:
    """Every tensor of a file, bit by bit."""
    with safe_open(file, framework="np") as opened:
        return {name: (str(array.dtype), array.tobytes()) for name, array in arrays(opened)}


def arrays(opened: Any) -> Iterator[tuple[str, Any]]:
    yield from ((name, opened.get_tensor(name)) for name in opened.keys())  # noqa: SIM118 - it is no mapping


def same_text(one: Path, other: Path) -> bool:
    return one.exists() and one.read_bytes() == other.read_bytes()


def timeless(run: Path) -> list[dict[str, Any]]:
    """The log without what it says of the clock and of going on."""
    kept = [entry for entry in read_log(run / "log.jsonl") if entry["event"] != "resume"]
    return [{name: value for name, value in entry.items() if name not in TIMES} for entry in kept]


def full_disk(data: Path, whole: Path, rng: np.random.Generator, *, mounted: bool) -> dict[str, Any]:
    """One training that finds no room, is told to go on when there is some, and is compared."""
    with tempfile.TemporaryDirectory(dir=whole.parent) as folder, disk(Path(folder) / "disk", mounted) as (place, real):
        run, said_in, largest = place / "run", Path(folder) / "run.txt", None
        room = int(rng.choice([rng.uniform(0, 6e4), rng.uniform(0, 3e6), rng.uniform(0, 1.2e8)]))
        if real:
            (place / "ballast").write_bytes(bytes(DISK_BYTES - room))
        else:
            largest = int(rng.choice([rng.uniform(50, 4e3), rng.uniform(4e3, 2e5), rng.uniform(2e5, 5e7)]))
        code = ended(begun("train", data, run, said=said_in, largest_bytes=largest))
        said, fell = last_words(said_in, code), fallen(run)
        (place / "ballast").unlink(missing_ok=True)
        resumed = carried_out("train", data, run, "--resume", said=said_in)
        about = {"disk": "file system" if real else "largest file", "bytes": room if largest is None else largest}
        after = {"resumed": resumed, "differs": differing(run, whole)}
        return shown({**about, "exit_code": code, "said": said, **fell, **after, "then": last_words(said_in, resumed)})


@contextmanager
def disk(place: Path, mounted: bool) -> Iterator[tuple[Path, bool]]:
    """A small file system of its own where that is wanted and may be made; and whether it is one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place)]
    real = mounted and os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield place, real
    finally:
        if real:
            subprocess.run(["umount", str(place)], check=True)


def last_words(said: Path, code: int) -> str:
    """What a command that failed said at last: the paragraph of an error that is told, else its traceback, too."""
    text = said.read_text(errors="replace") if said.exists() else ""
    return (
        "" if code == 0 else "\n".join(text.splitlines()[-3 if code == 2 and "there is no room for" in text else -40 :])
    )


def killed_later(data: Path, folder: Path, rng: np.random.Generator, times: int) -> list[dict[str, Any]]:
    """Whole runs that are killed after training, go on, and are compared with one that was not."""
    whole = folder / "whole-run"
    process, began, trained_s = begun("run", data, whole), time.monotonic(), 0.0
    gone, status = os.waitpid(process, os.WNOHANG)
    while not gone:
        if not trained_s and "after" in fallen(whole)["stage"]:
            trained_s = time.monotonic() - began
        time.sleep(0.01)
        gone, status = os.waitpid(process, os.WNOHANG)
    refuse_failed(os.waitstatus_to_exitcode(status), whole.with_suffix(".txt"))
    rest_s, results = time.monotonic() - began - trained_s, []
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            run = Path(place) / "run"
            process = begun("run", data, run)
            has_ended = lambda run=run: "after" in fallen(run)["stage"]  # noqa: E731
            fell = kill(process, run, ("later", has_ended, float(rng.uniform(0, rest_s))))
            resumed = carried_out("run", data, run, "--resume")
            differs = [*differing(run, whole), *incomplete(run, whole)]
            said = last_words(run.with_suffix(".txt"), resumed)
            results.append(shown({"kills": [fell], "resumed": resumed, "differs": differs, "said": said}))
    shutil.rmtree(whole)
    return results


def incomplete(run: Path, whole: Path) -> list[str]:
    """Files of a whole run that are missing, scores and post-processing that are others, and a bundle that fails."""
    names = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    found = sorted(names - {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()})
    judged = ("evaluation/val/metrics.json", "evaluation/test/metrics.json", "postprocess.yaml")
    found += [name for name in judged if name in names and not same_text(run / name, whole / name)]
    load(run / "bundle")
    return found


if __name__ == "__main__":
    main()
