"""The ladder on small data: stopped and resumed, finished rungs kept, one table at the end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from compared_runs import counts_of, judged_run
from drawn import CLASSES, draw_folder
from maskwright.cli.main import answer
from maskwright.data.reading import read
from maskwright.errors import Interrupted, UsageError
from maskwright.evaluation.compare import compare
from maskwright.progress import Progress
from maskwright.recipe.files import write_recipe
from maskwright.recipe.ready import recipe_of
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.training.run import open_run
from maskwright.workflow.ladder import RUNGS, Ladder, best_rung, ladder, ladder_lines, too_short

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
    ours = open_run(out / FOLDERS[3]).recipe
    start = "without pretrained weights" if ours.weights == "none" else f"from the weights {ours.weights}"
    for part in (*FOLDERS, "head_dropout", "ladder.html", "dropout 0.1 in the head", f"{ours.model} {start}."):
        assert part in printed
    assert "Too short to say anything of these recipes" in printed and "its warm-up wants 1500" in printed
    assert (first.folder / "weights" / "last.safetensors").stat().st_mtime_ns == weights
    assert all(open_run(out / name).log()[-1]["event"] == "end" for name in FOLDERS)
    page = (out / "ladder.html").read_text(encoding="utf-8")
    for part in ("02-first-user-head-lr", "Too short to say anything of these recipes", "its warm-up wants 1500"):
        assert part in page

    assert answer([*words, "--json", "--lang", "ru"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in value["runs"]] == FOLDERS and len(value["pairs"]) == 6
    assert set(FOLDERS[:3]) <= set(value["too_short"])
    assert value["settings"]["head_lr_multiplier"] == [1.0, 10.0, 1.0, 1.0]
    assert len(RUNGS) == len(FOLDERS)


def climbed(folder: Path, qualities: tuple[float, ...], *, validations: int) -> Ladder:
    """A ladder of runs without weights, each validated once in 100 iterations."""
    course = tuple(0.3 + number / 100 for number in range(validations))
    settings = [{"lr": 0.001 + number / 1e4, "warmup_iterations": 50} for number in range(4)]
    rungs = [
        judged_run(folder / name, counts_of(quality, number), course=course, settings=settings[number])
        for number, (name, quality) in enumerate(zip(FOLDERS, qualities, strict=True))
    ]
    return Ladder(folder, tuple(map(open_run, rungs)), compare(rungs))


def test_a_best_one_is_named_only_where_it_differs(tmp_path: Path) -> None:
    clear = climbed(tmp_path / "clear", (0.6, 0.3, 0.5, 0.95), validations=16)
    best = best_rung(clear)
    assert best is not None and best.name == "04-ours"
    assert too_short(clear) == {}
    same = climbed(tmp_path / "same", (0.8, 0.8, 0.8, 0.8), validations=16)
    assert all(pair.verdict == "undecided" for pair in same.comparison.pairs)
    assert best_rung(same) is None


def test_rungs_that_are_too_short_are_told_with_their_figures(tmp_path: Path) -> None:
    short = too_short(climbed(tmp_path / "a", (0.8,) * 4, validations=14))
    assert list(short) == FOLDERS[:3], "less than the warm-up of 1500 iterations"
    assert short[FOLDERS[0]].startswith("01-first-user: iterations 1400 (its warm-up wants 1500), validations 14 (")
    assert list(too_short(climbed(tmp_path / "b", (0.8,) * 4, validations=2), "ru")) == FOLDERS


@pytest.mark.parametrize("weights", ["none", "imagenet-somewhere"])
def test_the_last_rung_is_told_from_its_recipe(tmp_path: Path, weights: str) -> None:
    made = climbed(tmp_path, (0.8,) * 4, validations=2)
    recipe = with_settings(made.runs[-1].recipe, {"weights": weights}, source="test", reason="test")
    write_recipe(recipe, made.runs[-1].folder / "recipe.yaml")
    start = {"none": "without pretrained weights", "imagenet-somewhere": "from the weights imagenet-somewhere"}
    assert ladder_lines(made)[-1].endswith(f"this time. segformer-b0 {start[weights]}.")
    assert "segformer-b0" in ladder_lines(made, "ru")[-1]
