"""The ladder on small data: stopped and resumed, finished rungs kept, one table at the end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from drawn import CLASSES, draw_folder
from maskwright.cli.main import answer
from maskwright.data.reading import read
from maskwright.errors import Interrupted, UsageError
from maskwright.progress import Progress
from maskwright.recipe.ready import recipe_of
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.training.run import open_run
from maskwright.workflow.ladder import RUNGS, ladder

FOLDERS = ["01-first-user", "02-first-user-head-lr", "03-first-user-dropout", "04-ours"]


def small(name: str) -> Recipe:
    return with_settings(recipe_of(name), {"crop_hw": (32, 32), "batch_size": 2}, source="test", reason="test")


@pytest.mark.training
def test_a_ladder_goes_on_after_ctrl_c_and_ends_in_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("maskwright.workflow.ladder.recipe_of", small)
    data, out = draw_folder(tmp_path / "data"), tmp_path / "ladder"
    dataset = read(data, classes=CLASSES.split(","))
    told = []

    def stop_in_the_second(progress: Progress) -> None:
        if progress.note is not None:
            told.append(progress.note("en"))
        if progress.stage == "stage.train" and len(told) == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match=r"(?s)nothing is lost.*--resume.*02-first-user-head-lr"):
        ladder(dataset, out, budget_s=12, threads=1, on_progress=stop_in_the_second)
    assert [line.partition(":")[0] for line in told] == FOLDERS[:2] and "6e-5" in told[1]
    first = open_run(out / FOLDERS[0])
    weights = (first.folder / "weights" / "last.safetensors").stat().st_mtime_ns
    assert first.recipe.class_weights == (0.1, 1.0, 1.0) and first.recipe.threads == 1
    assert 8 <= first.recipe.iterations != 8000
    with pytest.raises(UsageError, match="go on with that ladder: --resume"):
        ladder(dataset, out, budget_s=12)

    words = ["ladder", str(data), "-o", str(out), "--budget", "12s", "--threads", "1", "--resume"]
    assert answer([*words, "--classes", CLASSES]) == 0
    printed = capsys.readouterr().out
    for part in (*FOLDERS, "head_dropout", "ladder.html", "dropout 0.1 in the head"):
        assert part in printed
    assert (first.folder / "weights" / "last.safetensors").stat().st_mtime_ns == weights
    assert all(open_run(out / name).log()[-1]["event"] == "end" for name in FOLDERS)
    assert "02-first-user-head-lr" in (out / "ladder.html").read_text(encoding="utf-8")

    assert answer([*words, "--json", "--lang", "ru"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in value["runs"]] == FOLDERS and len(value["pairs"]) == 6
    assert value["settings"]["head_lr_multiplier"] == [1.0, 10.0, 1.0, 1.0]
    assert len(RUNGS) == len(FOLDERS)
