"""On a CUDA device: trained there, read everywhere; a kill loses nothing; the audit's folds too."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import maskwright
from maskwright.errors import Interrupted
from maskwright.progress import Progress
from tiny import tiny_dataset

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA: torch sees no device here")

SETTINGS = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 40, "validation_interval": 20, "weights": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cuda") / "run"
    maskwright.train(tiny_dataset(), out=made, settings=SETTINGS)
    return made


def test_auto_trains_on_cuda_in_bfloat16(folder: Path) -> None:
    recipe = maskwright.load(folder, device="cuda").recipe
    assert (recipe.device, recipe.precision) == ("cuda", "bf16")


def test_the_weights_say_the_same_on_the_cpu(folder: Path) -> None:
    there, here = (maskwright.load(folder, device=device) for device in ("cuda", "cpu"))
    assert there.digest == here.digest
    for sample in tiny_dataset():
        np.testing.assert_allclose(there(sample.image()), here(sample.image()), atol=0.05)


def test_what_it_learned_is_scored(folder: Path) -> None:
    scored = maskwright.evaluate(maskwright.load(folder, device="cuda"), tiny_dataset(), split="val")
    assert 0 < scored.scores.mDice <= 1


def test_a_run_goes_on_after_an_interrupt(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "stage.train" and progress.done == 25:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        maskwright.train(tiny_dataset(), out=tmp_path / "run", settings=SETTINGS, on_progress=stop)
    run = maskwright.train(tiny_dataset(), out=tmp_path / "run", resume=True)
    assert maskwright.evaluate(maskwright.load(run.folder), tiny_dataset(), split="val").scores.mDice > 0


def test_folds_judge_labels(tmp_path: Path) -> None:
    data = tiny_dataset(train=12).split("train")
    made = maskwright.audit(data, out=tmp_path / "audit", budget_s=60, training={**SETTINGS, "iterations": 20})
    assert {issue.sample for issue in made.label_issues} == {sample.id for sample in data}
