"""A model soup: members begin with the same weights, have a schedule of their own, and their mean is kept."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from maskwright.models.loading import read_tensors
from maskwright.progress import Progress
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.recipe.soup import usable
from maskwright.storage import read_json
from maskwright.training.checkpoint import Standing, load_state
from maskwright.training.loop import _iteration_s, fit, make_learner
from maskwright.training.optimiser import add_member, lr_at
from maskwright.training.resumable import state_path
from maskwright.training.run import Run, make_run
from tiny import tiny_dataset

SETTINGS = {
    "model": "mlp-mobilenetv2",
    "crop_hw": (64, 64),
    "batch_size": 2,
    "iterations": 12,
    "soup_iterations": 4,
    "validation_interval": 2,
    "warmup_iterations": 1,
    "threads": 1,
    "seed": 5,
}

State = dict[str, torch.Tensor]


def made(folder: Path, **settings: object) -> Run:
    run = make_run(folder)
    write_recipe(make_recipe({**SETTINGS, **settings}, source="test"), folder / "recipe.yaml")
    return run


def trained(folder: Path, **settings: object) -> Run:
    run = made(folder, **settings)
    fit(tiny_dataset(), run.recipe, run)
    return run


def last(run: Run) -> State:
    return load_file(run.folder / "weights" / "last.safetensors")


def copied(model: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def validations(run: Run) -> list[int]:
    return [entry["iteration"] for entry in run.log() if entry["event"] == "validation"]


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """The members of the soup that is trained meanwhile, as they are added."""
    seen: list[State] = []

    def added(soup: nn.Module, member: nn.Module, number: int) -> None:
        seen.append(copied(member))
        assert number == len(seen)
        add_member(soup, member, number)

    monkeypatch.setattr("maskwright.training.loop.add_member", added)
    return seen


def assert_mean(soup: State, members: list[State]) -> None:
    for name, tensor in soup.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, torch.stack([each[name] for each in members]).mean(0))


@pytest.mark.parametrize("ema_decay", [0.5, 0.0])
def test_what_is_kept_is_the_mean_of_members(tmp_path: Path, members: list[State], ema_decay: float) -> None:
    run = trained(tmp_path / "soup", ema_decay=ema_decay)
    assert len(members) == 3 and validations(run) == [2, 4, 8, 12]
    assert_mean(last(run), members)
    alone = last(trained(tmp_path / "alone", ema_decay=ema_decay, iterations=4, soup_iterations=0))
    assert all(torch.equal(alone[name], tensor) for name, tensor in members[0].items())
    assert not all(torch.equal(members[1][name], tensor) for name, tensor in members[0].items())


def test_each_member_begins_with_the_same_weights(tmp_path: Path, members: list[State]) -> None:
    """At a rate of next to nothing nothing is learned: what was drawn is still there after each member."""
    trained(tmp_path / "still", lr=1e-12, weight_decay=0.0, ema_decay=0.0, encoder_norm="frozen")
    learned = [name for name in members[0] if "running" not in name and "num_batches" not in name]
    for member in members[1:]:
        for name in learned:
            torch.testing.assert_close(member[name], members[0][name], atol=1e-8, rtol=0)


def test_a_last_member_that_is_cut_off_counts_from_half_its_length_on(tmp_path: Path, members: list[State]) -> None:
    short = trained(tmp_path / "short", iterations=9)
    assert len(members) == 2 and validations(short) == [2, 4, 8]
    assert_mean(last(short), members)
    members.clear()
    assert_mean(last(trained(tmp_path / "half", iterations=10)), members)
    assert len(members) == 3
    members.clear()
    assert_mean(last(trained(tmp_path / "one", iterations=1)), members)
    assert len(members) == 1


def recipe(**settings: object) -> Recipe:
    return make_recipe(SETTINGS | {"schedule": "poly", "lr": 1.0, "lr_min_frac": 0.0} | settings, source="test")


def test_each_member_rises_and_falls() -> None:
    once = [0.5, 1.0, 2 / 3, 1 / 3]
    assert [lr_at(at, recipe()) for at in range(12)] == pytest.approx(once * 3)
    # A last member that was planned shorter falls within its length; the change was made when it began, or before.
    for at in (3, 8):
        changed = recipe(length_changes=[(at, 10)])
        assert [lr_at(each, changed) for each in range(10)] == pytest.approx([*once * 2, 0.5, 1.0])
    # One that is cut off has had the rates of a whole one.
    assert [lr_at(each, recipe(length_changes=[(10, 10)])) for each in range(10)] == pytest.approx(
        [*once * 2, 0.5, 1.0]
    )
    assert lr_at(12, recipe(length_changes=[(4, 16)])) == 0.5


@pytest.mark.parametrize(
    ("length", "done", "used"),
    [
        (1, 0, 1),
        (3, 1, 3),
        (4, 4, 4),
        (8, 8, 8),
        (9, 8, 8),
        (10, 8, 10),
        (11, 8, 11),
        (12, 8, 12),
        (17, 8, 16),
        (10, 9, 10),
        (9, 9, 9),
        (13, 9, 12),
    ],
)
def test_time_for_less_than_half_a_member_is_left(length: int, done: int, used: int) -> None:
    assert usable(length, done, recipe()) == used


def test_only_soups_compete_for_the_best_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([np.diag([9, 9, 9]), *[np.array([[9, 1, 1], [1, 9, 1], [each, 1, 9]]) for each in (5, 4, 6)]])
    monkeypatch.setattr("maskwright.training.loop.validation_counts", lambda *_: next(counts))
    run = trained(tmp_path / "run", patience=1)
    assert [entry["best"] for entry in run.log() if entry["event"] == "validation"] == [True, True, True, False]
    about = read_json(run.folder / "weights" / "best.json")
    assert (about["iteration"], about["members"]) == (8, 2)


def test_a_soup_with_another_member_is_kept_unless_it_is_a_point_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Than the best of all, not than the one before: losses do not add up. Patience counts what is not better."""
    wrong = iter([50, 50, 45, 52, 59])  # mDice is 1000 / (1000 + wrong): 95.7 %, then 95.1, then 94.4
    monkeypatch.setattr(
        "maskwright.training.loop.validation_counts",
        lambda *_: np.diag([1000] * 3) + next(wrong) * np.roll(np.eye(3, dtype=np.int64), 1, axis=1),
    )
    run = trained(tmp_path / "run", iterations=16)
    validated = [entry for entry in run.log() if entry["event"] == "validation"]
    assert [entry["best"] for entry in validated] == [True, True, True, True, False]
    end = run.log()[-1]
    assert (end["best_iteration"], end["best_mDice"]) == (12, validated[3]["metrics"]["mDice"])
    assert read_json(run.folder / "weights" / "best.json")["members"] == 3
    assert f"{100 * end['best_mDice']:.2f}" in run._repr_html_()
    wrong = iter([50, 50, 45, 52, 44])
    assert trained(tmp_path / "patient", iterations=20, patience=1).log()[-1]["iteration"] == 12


def test_a_state_of_before_knows_the_best_score(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", iterations=4)
    path = state_path(run.folder)
    tensors, metadata = read_tensors(path)
    standing = json.loads(metadata["standing"])
    best = standing.pop("peak_mdice")
    save_file(tensors, path, {**metadata, "standing": json.dumps(standing)})
    learner = make_learner(run.recipe, 3)
    assert load_state(path, models=learner.models, optimiser=learner.optimiser).peak_mdice == best > 0


def test_a_killed_soup_goes_on_without_the_file_that_it_began_with(tmp_path: Path) -> None:
    before = trained(tmp_path / "before", iterations=2, soup_iterations=0)
    weights = tmp_path / "weights.safetensors"
    shutil.copy(before.folder / "weights" / "last.safetensors", weights)
    settings = {"weights": str(weights), "encoder_norm": "frozen", "precision": "bf16"}
    whole = trained(tmp_path / "whole", **settings)
    run = made(tmp_path / "run", **settings)

    def killed(progress: Progress) -> None:
        if progress.done == 7:
            raise MemoryError

    with pytest.raises(MemoryError):
        fit(tiny_dataset(), run.recipe, run, on_progress=killed)
    weights.unlink()
    assert fit(tiny_dataset(), run.recipe, run).members == 3
    assert next(entry["iteration"] for entry in run.log() if entry["event"] == "resume") == 6
    assert all(torch.equal(tensor, last(whole)[name]) for name, tensor in last(run).items())
    weights = [load_file(each.folder / "weights" / "best.safetensors") for each in (run, whole)]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())
    kept = [[entry["best"] for entry in each.log() if entry["event"] == "validation"] for each in (run, whole)]
    assert kept[0] == kept[1]


def test_the_pace_spreads_a_validation_over_what_comes_between_two() -> None:
    then = (
        Standing(iteration=10, seconds=5.0),
        Standing(iteration=20, seconds=9.0),
        Standing(iteration=20, seconds=12.0),
    )
    assert _iteration_s(recipe(soup_iterations=0, validation_interval=10), *then) == pytest.approx(0.4 + 0.3)
    assert _iteration_s(recipe(soup_iterations=100, validation_interval=10), *then) == pytest.approx(0.4 + 0.03)
