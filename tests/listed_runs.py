"""A folder of runs as they lie about: trained, stopped, new, imported, in sweeps; made in a moment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compared_runs import counts_of, judged_run
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.storage import write_json
from maskwright.training.run import append_log, make_run

STARTED = 1_780_000_000.0


def ended_run(
    folder: Path,
    *,
    best: float = 0.7,
    started: float = STARTED,
    settings: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    digest: str = "d1",
    data: str = "/somewhere/else/pets",
) -> Path:
    """A run that was trained to its end.

    Args:
        folder: new.
        best: its best mDice, at iteration 200 of 300.
        started: unix time.
        settings: of its recipe.
        train: what its data.json says of "train".
        digest: of its validation photos.
        data: the folder that it was trained on.
    """
    run = judged_run(
        folder, counts_of(0.7, 1), digest=digest, settings=settings, train=train, course=(best - 0.2, best, best - 0.1)
    )
    log, about = run / "log.jsonl", run / "data.json"
    start, *rest = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text(start.replace("}\n", f', "time": {started}}}\n') + "".join(rest), encoding="utf-8")
    end = {"event": "end", "iteration": 300, "why": "length", "best_iteration": 200, "best_mDice": best}
    append_log(log, end)
    about.write_text(about.read_text(encoding="utf-8").replace("{", f'{{"path": "{data}", ', 1), encoding="utf-8")
    write_json(run / "weights" / "best.json", {"format": 1, "iteration": 200, "val_mDice": best})
    (run / "weights" / "best.safetensors").write_bytes(bytes(1000))
    return run


def stopped_run(folder: Path) -> Path:
    """A run that was stopped after 200 of 300 iterations; its state is a mere name."""
    run = ended_run(folder)
    (run / "state").mkdir()
    (run / "state" / "state.safetensors").touch()
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (run / "log.jsonl").write_text("".join(lines[:-3]), encoding="utf-8")
    return run


def new_run(folder: Path) -> Path:
    """A run that was set up and has not begun."""
    make_run(folder)
    write_recipe(make_recipe({}, source="test"), folder / "recipe.yaml")
    return folder


def imported_run(folder: Path) -> Path:
    """A run that came from elsewhere."""
    write_json(new_run(folder) / "import.json", {"format": 1})
    write_json(folder / "weights" / "best.json", {"format": 1, "iteration": 0, "imported_from": "iter_8000.pth"})
    return folder


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of change of every file below a folder, and of its folders the time."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }
