"""The main job, end to end, on a small folder."""

import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import maskwright
from maskwright.data.dataset import Dataset
from maskwright.errors import DataError, RecipeError, RunError, UsageError, WeightsError
from maskwright.experiments.runs import summarise
from maskwright.training.run import open_run
from tiny import tiny_dataset

SMALL = {"crop_hw": [64, 64], "batch_size": 4, "iterations": 60, "validation_interval": 20, "lr": 2e-3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset on disk: 12 photos to train on, 5 to validate, 3 to test."""
    root = tmp_path_factory.mktemp("data")
    counts = {"train": 12, "val": 5, "test": 3}
    for seed, (split, count) in enumerate(counts.items()):
        for kind in ("img", "labels"):
            (root / kind / split).mkdir(parents=True)
        for number, sample in enumerate(tiny_dataset(train=count, val=0, seed=seed)):
            cv2.imwrite(str(root / "img" / split / f"{number}.png"), sample.image()[..., ::-1])
            cv2.imwrite(str(root / "labels" / split / f"{number}.png"), sample.mask())
    return root


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "run"
    maskwright.run(folder, out, classes=["background", "square", "disc"], settings=SMALL, threads=2)
    return out


@pytest.mark.training
def test_the_run_folder_holds_what_the_design_names(made: Path) -> None:
    for name in (
        "format",
        "recipe.yaml",
        "environment.json",
        "data.json",
        "log.jsonl",
        "findings.jsonl",
        "timings.json",
        "weights/best.safetensors",
        "weights/last.safetensors",
        "state/state.safetensors",
        "evaluation/val/counts.npz",
        "evaluation/val/metrics.json",
        "evaluation/val/per_image.csv",
        "evaluation/test/metrics.json",
        "diagnosis/val/diagnosis.json",
        "tuning.json",
        "postprocess.yaml",
        "pictures/augmented.jpg",
        "report.html",
        "bundle/bundle.json",
    ):
        assert (made / name).is_file(), name
    assert not list(made.rglob("*.tmp"))
    assert set(open_run(made).timings()) == {"read", "audit", "plan", "train", "tune", "evaluate", "bundle"}


@pytest.mark.training
def test_what_training_logged_is_what_evaluate_says(made: Path, folder: Path) -> None:
    data = maskwright.read(folder, classes=["background", "square", "disc"])
    once = maskwright.load(made, device="auto", postprocess=False, tta=False)
    evaluation = maskwright.evaluate(once, data, split="val")
    best = max(
        (entry for entry in open_run(made).log() if entry["event"] == "validation"),
        key=lambda entry: entry["metrics"]["mDice"],
    )
    assert evaluation.scores.summary() == pytest.approx(best["metrics"], abs=1e-9)
    saved = json.loads((made / "evaluation" / "val" / "metrics.json").read_text())
    shipped = maskwright.evaluate(maskwright.load(made, device="auto"), data, split="val")
    assert saved["metrics"] == pytest.approx(shipped.scores.summary(), abs=1e-9)
    assert best["metrics"]["mDice"] > 0.5  # squares and discs are easy


@pytest.mark.training
def test_a_bundle_predicts_like_its_run_and_is_verified(made: Path, tmp_path: Path) -> None:
    import shutil

    image = tiny_dataset(size_hw=(70, 45)).samples[0].image()
    run, bundle = maskwright.load(made), maskwright.load(made / "bundle")
    probs = run(image)
    assert probs.shape == (3, 70, 45) and probs.dtype == np.float32
    assert np.allclose(probs.sum(0), 1, atol=1e-5)
    assert np.array_equal(probs, bundle(image))
    assert np.array_equal(run.mask(image), probs.argmax(0))
    assert np.array_equal(run.masks([image, image[:64]])[1], run.mask(image[:64]))
    copied = tmp_path / "bundle"
    shutil.copytree(made / "bundle", copied)
    with (copied / "weights.safetensors").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x01\x02")
    with pytest.raises(RunError, match=r"damaged, or was changed.*\n.*weights\.safetensors has another digest"):
        maskwright.load(copied)


@pytest.mark.training
def test_weights_that_do_not_fit_are_refused(made: Path, tmp_path: Path) -> None:
    import shutil

    copied = tmp_path / "run"
    shutil.copytree(made, copied)
    classes = (copied / "classes.yaml").read_text()
    (copied / "classes.yaml").write_text(
        classes.replace("classes: {background: 0, square: 1, disc: 2}", "names: [a, b]")
    )
    (copied / "classes.yaml").write_text("names: [a, b]\n")
    with pytest.raises(WeightsError, match="do not fit"):
        maskwright.load(copied)
    (copied / "recipe.yaml").write_text((copied / "recipe.yaml").read_text().replace("mlp-mobilenetv2", "os:system"))
    with pytest.raises(RunError, match="imported only if you name it"):
        maskwright.load(copied)


@pytest.mark.training
def test_a_run_goes_on_only_with_its_own_data(made: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="--resume"):
        maskwright.run(folder, made)
    other: Dataset = tiny_dataset(seed=9)
    with pytest.raises(RunError, match="other photos, masks or classes"):
        maskwright.run(other, made, resume=True)
    again = maskwright.run(folder, made, classes=["background", "square", "disc"], resume=True, budget_s=60)
    assert again.log()[-1]["event"] == "end"


@pytest.mark.training
def test_the_budget_is_the_time_of_the_whole_command(folder: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    run = maskwright.run(folder, tmp_path / "run", budget_s=40, settings={"crop_hw": [64, 64], "batch_size": 4})
    # 5 % is the promise on a quiet machine; tests share theirs.
    assert 20 < time.monotonic() - began < 60
    assert (run.folder / "report.html").is_file()


def test_data_that_cannot_be_judged_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'val' has no labelled photo"):
        maskwright.run(tiny_dataset(val=0), tmp_path / "run")
    with pytest.raises(DataError, match="2 weights for 3 classes"):
        maskwright.train(tiny_dataset(), out=tmp_path / "run", settings={"class_weights": [1, 2]})
    assert not (tmp_path / "run").exists()


def test_predicting_needs_no_training_code() -> None:
    code = "import sys, maskwright; maskwright.load; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_that_were_given_are_kept(tmp_path: Path) -> None:
    settings = {"crop_hw": [64, 64], "batch_size": 2, "iterations": 4}
    run = maskwright.train(tiny_dataset(), out=tmp_path / "run", settings=settings, budget_s=60, threads=1)
    assert run.log()[-1]["iteration"] == 4 and run.recipe.length_changes == ()
    assert (run.recipe.threads, run.recipe.reason("threads")) == (1, "given")
    again = maskwright.train(tiny_dataset(), out=run.folder, settings=settings, budget_s=60, threads=1, resume=True)
    assert [entry["event"] for entry in again.log()].count("end") == 1
    with pytest.raises(UsageError, match=r"--threads, --set lr"):
        maskwright.train(tiny_dataset(), out=run.folder, resume=True, threads=2, settings={"lr": 1e-5})


def test_a_run_killed_before_training_begins_anew(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "format").write_text("maskwright run 1\n")
    settings = {"crop_hw": [64, 64], "batch_size": 2, "iterations": 2}
    run = maskwright.train(tiny_dataset(), out=out, settings=settings, threads=1, resume=True)
    assert run.log()[-1]["iteration"] == 2
    barely = tmp_path / "barely"
    barely.mkdir()
    (barely / ".format.0123abcd.tmp").touch()
    run = maskwright.train(tiny_dataset(), out=barely, settings=settings, threads=1, resume=True)
    assert not list(barely.rglob("*.tmp")) and run.log()[-1]["iteration"] == 2
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        maskwright.train(tiny_dataset(), out=foreign, settings=settings, threads=1, resume=True)


def test_nobody_resumes_a_run_while_it_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, out, refused = tiny_dataset(), tmp_path / "run", []

    def resumed_meanwhile(*_: object, **__: object) -> None:
        with pytest.raises(RunError, match="another process is at work on this run"):
            maskwright.run(dataset, out, resume=True)
        refused.append(summarise(out, name="run").status)

    monkeypatch.setattr("maskwright.training.presence.WAIT_S", 0.1)
    monkeypatch.setattr("maskwright.workflow.run.judge", resumed_meanwhile)
    settings = {"crop_hw": [64, 64], "batch_size": 2, "iterations": 2, "warmup_iterations": 0}
    maskwright.run(dataset, out, settings=settings, threads=1)
    assert refused == ["ended"]


def test_nothing_is_written_into_the_data(folder: Path) -> None:
    with pytest.raises(UsageError, match="inside the data"):
        maskwright.run(folder, folder / "out")
    with pytest.raises(UsageError, match="inside the data"):
        maskwright.train(maskwright.read(folder), out=folder / "img" / "out")


def test_a_wrong_setting_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="lr: expected number"):
        maskwright.run(tmp_path / "nothing-here", tmp_path / "run", settings={"lr": "abc"})


def test_devices_that_are_not_there_are_refused(made: Path) -> None:
    import torch

    assert maskwright.load(made, device="auto").mask(tiny_dataset()[0].image()).shape == (64, 64)
    with pytest.raises(UsageError, match="there is no such device"):
        maskwright.load(made, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="torch sees no CUDA device"):
            maskwright.plan(tiny_dataset(), settings={"device": "cuda"})
