"""Every photo is judged by a model that has not seen it, within a budget, and a kill loses one fold at most."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from maskwright.audit.folder import AuditFolder
from maskwright.audit.probabilities import read_probs, sources
from maskwright.data.dataset import Dataset
from maskwright.experiments import out_of_fold as module
from maskwright.experiments.folds import draw_folds, seen_by
from maskwright.experiments.out_of_fold import out_of_fold
from maskwright.progress import Progress
from maskwright.recipe.recipe import Recipe, make_recipe
from tiny import tiny_dataset

SETTINGS = {"model": "segformer-b0", "iterations": 3, "validation_interval": 3, "batch_size": 2, "crop_hw": (64, 64)}


def test_each_sample_is_held_out_once_and_classes_are_shared_out() -> None:
    dataset = tiny_dataset(train=40, val=0)
    folds = draw_folds(dataset.samples, 4)
    assert Counter(name for fold in folds for name in fold.held_out) == Counter(sample.id for sample in dataset)
    squares = {sample.id for sample in dataset if (sample.mask() == 1).any()}
    shares = [len(fold.held_out & squares) for fold in folds]
    assert max(shares) - min(shares) <= 1
    assert draw_folds(dataset.samples, 4) == folds
    assert draw_folds(dataset.samples, 4, seed=1) != folds


def test_groups_stay_together_and_unseen() -> None:
    dataset = tiny_dataset(train=12, val=4)
    samples = [replace(each, group="twins") if each.id in ("train/0", "train/7", "val/1") else each for each in dataset]
    dataset = replace(dataset, samples=tuple(samples))
    folds = draw_folds(dataset.split("train").samples, 3)
    (holds,) = [fold for fold in folds if "train/0" in fold.held_out]
    assert "train/7" in holds.held_out
    seen = {sample.id for sample in seen_by(holds, dataset)}
    assert not seen & {*holds.held_out, "val/1"}
    assert "val/0" in seen  # other splits help
    assert set(seen_by(holds, dataset).splits) == {"train", "val"}


@pytest.mark.training
def test_all_targets_are_judged_and_a_kill_loses_one_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, folder = tiny_dataset(train=8, val=3), AuditFolder(tmp_path)
    targets = [sample.id for sample in dataset.split("train")]
    planned: list[float] = []

    def plan(seen: Dataset, seconds: float) -> Recipe:
        planned.append(seconds)
        assert len(seen.split("train")) == 7  # of 8 training photos 4 are held out, and 3 more are in val
        return make_recipe(SETTINGS, source="the test")

    told: list[Progress] = []

    def make() -> None:
        out_of_fold(
            dataset, targets, plan, folder, folds=2, budget_s=600, settings={"seed": 0}, on_progress=told.append
        )

    judge = module.judge_fold
    with monkeypatch.context() as patch:
        patch.setattr(
            module, "judge_fold", lambda fold, *rest, **more: judge(fold, *rest, **more) if fold.number == 0 else 1 / 0
        )
        with pytest.raises(ZeroDivisionError):
            make()
    assert json.loads((tmp_path / "folds" / "index.json").read_text())["done"] == [0]
    assert sources(folder.probs) == ()
    kept = (tmp_path / "folds" / "fold-0" / "recipe.yaml").stat().st_mtime_ns
    make()
    assert planned == [pytest.approx(300, abs=1)]  # once, half of the time for the first of two folds
    assert not (tmp_path / "folds").exists() and kept
    judging = [(each.done, each.total) for each in told if each.stage == "stage.judge"]
    assert judging == 2 * [(done, 8) for done in range(1, 9)], "of each fold four photos and their mirror images"
    for name in targets:
        probs = read_probs(folder.probs, name)
        assert probs is not None and probs.shape == (3, 64, 64)
        assert probs.sum(0) == pytest.approx(1, abs=0.01)
    assert read_probs(folder.probs, "val/0") is None
    before = (folder.probs / "index.json").stat().st_mtime_ns
    make()  # is there already
    assert (folder.probs / "index.json").stat().st_mtime_ns == before
