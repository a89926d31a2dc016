"""The loop: replays, goes on after a kill, keeps to its budget, logs what evaluation says."""

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from listed_runs import contents
from maskwright.data.dataset import Dataset
from maskwright.errors import Interrupted, RunError, UsageError
from maskwright.metrics.scores import scores
from maskwright.progress import Progress
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import Recipe, make_recipe, with_settings
from maskwright.training.batches import batches, batches_ahead, make_batch
from maskwright.training.loop import fit, make_learner, train_step
from maskwright.training.run import Run, append_log, cut_log, make_run, open_run, read_log
from maskwright.training.validation import validation_counts
from maskwright.workflow.train import train
from tiny import tiny_dataset

SETTINGS = {
    "crop_hw": (64, 64),
    "batch_size": 2,
    "iterations": 12,
    "validation_interval": 4,
    "warmup_iterations": 2,
    "threads": 1,
    "seed": 5,
}


def started(folder: Path, recipe: Recipe) -> Run:
    run = make_run(folder)
    write_recipe(recipe, folder / "recipe.yaml")
    return run


def trained(folder: Path, recipe: Recipe, data: Dataset) -> dict[str, torch.Tensor]:
    fit(data, recipe, started(folder, recipe))
    return load_file(folder / "weights" / "last.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    data = tiny_dataset()
    recipe = make_recipe(SETTINGS, source="test")
    first = trained(tmp_path / "a", recipe, data)
    assert same(first, trained(tmp_path / "b", read_recipe(tmp_path / "a" / "recipe.yaml"), data))
    other = with_settings(recipe, {"seed": 6}, source="test", reason="test")
    assert not same(first, trained(tmp_path / "c", other, data))


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "fp32"},
        {"precision": "bf16"},
        {"model": "mlp-mobilenetv2", "precision": "bf16", "encoder_lr_multiplier": 0.2},
        {"model": "mlp-mobilenetv2", "optimiser": "sgd", "lr": 0.01, "encoder_norm": "frozen"},
        {"model": "deeplabv3plus-r18", "optimiser": "adam", "ema_decay": 0.0},
        {"model": "mlp-mobilenetv2", "soup_iterations": 4},
    ],
)
def test_training_after_ctrl_c_goes_on_to_the_same_weights(tmp_path: Path, settings: dict[str, object]) -> None:
    data = tiny_dataset()
    recipe = make_recipe({**SETTINGS, **settings}, source="test")
    whole = trained(tmp_path / "whole", recipe, data)
    run = started(tmp_path / "cut", recipe)

    def stop_at_six(progress: Progress) -> None:
        if progress.done == 6:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match=r"after 6 of 12 iterations; nothing is lost.*\n.*--resume"):
        fit(data, recipe, run, on_progress=stop_at_six)
    fit(data, recipe, run)
    assert same(whole, load_file(run.folder / "weights" / "last.safetensors"))
    events = [entry["event"] for entry in run.log()]
    assert events.count("validation") == 3 and events.count("resume") == 1 and events[-1] == "end"


def test_a_log_that_a_kill_cut_off_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for event, iteration in [("start", 0), ("validation", 4), ("length", 8), ("validation", 8), ("end", 8)]:
        append_log(log, {"event": event, "iteration": iteration})
    with log.open("a") as file:
        file.write('{"event": "train", "iter')
    cut_log(log, after=4)
    append_log(log, {"event": "resume", "iteration": 4})
    assert [entry["event"] for entry in read_log(log)] == ["start", "validation", "length", "resume"]
    assert len(log.read_text().splitlines()) == 4
    cut_log(log, after=-1)
    assert log.read_text() == ""


def test_lines_that_say_no_iteration_are_cut_as_those_that_are_no_entries(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = ['{"event": "start", "iteration": 0}', '{"event": "train"}', '{"event": "train", "iteration": "x"}', "[1]"]
    log.write_text("".join(f"{line}\n" for line in lines))
    cut_log(log, after=4)
    assert read_log(log) == [{"event": "start", "iteration": 0}]


FULL = """
import resource, sys
from pathlib import Path
from maskwright.errors import DiskError
from maskwright.training.run import append_log, cut_log, read_log
log, most = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
try:
    for iteration in range(9):
        append_log(log, {"event": "train", "iteration": iteration})
except DiskError as error:
    print(error)
assert log.stat().st_size == 100 and len(read_log(log)) == 2, "the third line is there in part"
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
cut_log(log, after=8)
append_log(log, {"event": "resume", "iteration": 8})
assert [entry["event"] for entry in read_log(log)] == ["train", "train", "resume"]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no largest size of a file")
def test_a_log_for_which_there_is_no_room_says_so_and_goes_on(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FULL, str(tmp_path / "log.jsonl")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "log.jsonl: there is no room for it." in done.stdout and "--resume" in done.stdout


def test_the_budget_is_kept_and_its_changes_replay_exactly(tmp_path: Path) -> None:
    data = tiny_dataset()
    recipe = make_recipe({**SETTINGS, "iterations": 100_000, "validation_interval": 5}, source="test")
    run = started(tmp_path / "budget", recipe)
    began = time.monotonic()
    standing = fit(data, recipe, run, deadline=began + 6)
    assert 3 < time.monotonic() - began < 9
    changed = run.recipe
    assert changed.length_changes and changed.final_length == standing.iteration < 100_000
    assert [entry["iterations"] for entry in run.log() if entry["event"] == "length"][-1] == standing.iteration
    replayed = trained(tmp_path / "replayed", changed, data)
    assert same(replayed, load_file(run.folder / "weights" / "last.safetensors"))


def test_a_soup_keeps_to_its_budget_and_replays_exactly(tmp_path: Path) -> None:
    data = tiny_dataset()
    settings = {"model": "mlp-mobilenetv2", "iterations": 100_000, "soup_iterations": 10, "validation_interval": 5}
    run = started(tmp_path / "budget", make_recipe({**SETTINGS, **settings}, source="test"))
    began = time.monotonic()
    standing = fit(data, run.recipe, run, deadline=began + 6)
    assert 3 < time.monotonic() - began < 9
    assert standing.members > 1 and run.recipe.final_length == standing.iteration < 100_000
    replayed = trained(tmp_path / "replayed", run.recipe, data)
    assert same(replayed, load_file(run.folder / "weights" / "last.safetensors"))


def test_more_time_does_not_make_a_training_longer_than_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, recipe = tiny_dataset(), make_recipe(SETTINGS, source="test")
    asked: list[tuple[str, int]] = []

    def longest(recipe: Recipe, photos: int) -> int:
        asked.append((recipe.weights, photos))
        return 20

    monkeypatch.setattr("maskwright.training.loop.longest_training", longest)
    assert fit(data, recipe, started(tmp_path / "run", recipe), deadline=time.monotonic() + 3600).iteration == 20
    assert set(asked) == {("none", len(data.split("train")))}


def test_more_time_makes_no_more_members_of_a_soup_than_are_good(tmp_path: Path) -> None:
    recipe = make_recipe({**SETTINGS, "iterations": 6, "soup_iterations": 3, "validation_interval": 1}, source="test")
    standing = fit(tiny_dataset(), recipe, started(tmp_path / "run", recipe), deadline=time.monotonic() + 3600)
    assert (standing.iteration, standing.members) == (15, 5)


def test_a_machine_that_becomes_busy_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_dataset()
    recipe = make_recipe({**SETTINGS, "iterations": 100, "validation_interval": 50}, source="test")
    run = started(tmp_path / "busy", recipe)

    def slow(*given: object) -> tuple[float, bool]:
        time.sleep(0.5)
        return train_step(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("maskwright.training.loop.train_step", slow)
    began = time.monotonic()
    standing = fit(data, recipe, run, deadline=began + 3)
    assert time.monotonic() - began < 6
    assert run.recipe.length_changes == ((standing.iteration, standing.iteration),)
    events = [entry["event"] for entry in run.log()]
    assert events.count("validation") == 1 and events[-1] == "end"
    monkeypatch.undo()
    assert same(
        trained(tmp_path / "replayed", run.recipe, data), load_file(run.folder / "weights" / "last.safetensors")
    )


def test_the_log_says_what_the_weights_score(tmp_path: Path) -> None:
    data = tiny_dataset(train=8, val=5)
    recipe = make_recipe({**SETTINGS, "iterations": 60, "validation_interval": 60, "lr": 2e-3}, source="test")
    run = started(tmp_path / "run", recipe)
    fit(data, recipe, run)
    learner = make_learner(recipe, 3)
    learner.model.load_state_dict(load_file(run.best_weights))
    judged = scores(validation_counts(learner.model, data.split("val"), recipe))
    logged = [entry for entry in run.log() if entry["event"] == "validation"][-1]
    assert judged.summary() == pytest.approx(logged["metrics"], abs=1e-12)
    about = json.loads((run.folder / "weights" / "best.json").read_text())
    assert about["iteration"] == 60 and about["val_mDice"] == pytest.approx(judged.mDice)
    entries = [entry for entry in run.log() if entry["event"] == "train"]
    assert entries[-1]["loss"] < entries[0]["loss"]
    assert all(0 <= entry["data_wait_frac"] <= 1 and entry["iteration_s"] > 0 for entry in entries)


def test_patience_ends_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskwright.training.loop.validation_counts", lambda *_: np.diag([5, 5, 5]))
    recipe = make_recipe({**SETTINGS, "iterations": 40, "patience": 2}, source="test")
    run = started(tmp_path / "run", recipe)
    standing = fit(tiny_dataset(), recipe, run)
    assert (standing.iteration, standing.best_iteration) == (12, 4)
    assert run.log()[-1]["why"] == "patience"


def test_an_update_with_an_infinite_gradient_is_skipped() -> None:
    recipe = make_recipe(SETTINGS, source="test")
    learner = make_learner(recipe, 3)
    batch = make_batch(tiny_dataset().split("train"), recipe, 0)
    with torch.no_grad():
        learner.model.head.classifier.bias.fill_(float("inf"))
    before = {name: tensor.clone() for name, tensor in learner.model.named_parameters()}
    _, finite = train_step(learner, batch, recipe, 0, 0.1)
    assert not finite
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.model.named_parameters())


def test_batches_do_not_depend_on_who_makes_them() -> None:
    data = tiny_dataset().split("train")
    recipe = make_recipe(SETTINGS, source="test")
    first, again = make_batch(data, recipe, 7), make_batch(data, recipe, 7)
    assert np.array_equal(first.images, again.images) and np.array_equal(first.masks, again.masks)
    assert first.images.shape == (2, 64, 64, 3) and first.masks.shape == (2, 64, 64)
    assert not np.array_equal(first.images, make_batch(data, recipe, 8).images)


def test_batches_made_ahead_are_those_made_in_turn() -> None:
    data = tiny_dataset().split("train")
    recipe = make_recipe(SETTINGS, source="test")
    with closing(batches_ahead(data, recipe, start=3, workers=3)) as ahead:
        for iteration in range(3, 12):
            made = next(ahead)
            assert np.array_equal(made.images, make_batch(data, recipe, iteration).images)


@pytest.mark.parametrize(("cores", "device", "workers"), [(2, "cpu", 0), (4, "cpu", 2), (8, "cuda", 4), (1, "cuda", 0)])
def test_batches_are_made_ahead_where_cores_are_left(
    cores: int, device: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("maskwright.training.batches.usable_cores", lambda: cores)
    monkeypatch.setattr("maskwright.training.batches.batches_ahead", lambda *_, workers, **__: asked.append(workers))
    batches(tiny_dataset(), make_recipe({**SETTINGS, "threads": 2, "device": device}, source="test"), start=0)
    assert asked == [workers] * (workers > 0)


def test_an_epoch_shows_every_sample_once() -> None:
    from maskwright.training.batches import _index

    for epoch in (0, 3):
        assert sorted(_index(7, 0, epoch * 7 + place) for place in range(7)) == list(range(7))


def test_run_folders_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        open_run(tmp_path / "missing")
    with pytest.raises(RunError, match="no file named format"):
        open_run(tmp_path)
    started(tmp_path / "run", Recipe())
    with pytest.raises(UsageError, match="--resume"):
        make_run(tmp_path / "run")
    (tmp_path / "run" / "format").write_text("maskwright run 99\n")
    with pytest.raises(RunError, match="newer Maskwright"):
        open_run(tmp_path / "run")


def test_a_run_whose_state_is_gone_keeps_what_it_has_made(tmp_path: Path) -> None:
    run = started(tmp_path / "run", make_recipe({**SETTINGS, "iterations": 8}, source="test"))
    fit(tiny_dataset(), run.recipe, run)
    shutil.rmtree(run.folder / "state")
    before = contents(run.folder)

    def refused(*, found: str, do: str) -> None:
        with pytest.raises(RunError, match="the state that it would go on from is gone") as error:
            fit(tiny_dataset(), run.recipe, run)
        assert error.value.found == found and do in error.value.do

    weights = run.folder / "weights"
    refused(
        found="weights/best.safetensors, weights/last.safetensors, log.jsonl",
        do=f"--weights {weights / 'best.safetensors'} -o NEW",
    )
    with pytest.raises(RunError, match="nothing is overwritten"):
        train(tiny_dataset(), out=run.folder, resume=True)
    shutil.rmtree(run.folder / "state")
    assert {name: digest for name, (digest, _) in contents(run.folder).items()} == {
        name: digest for name, (digest, _) in before.items()
    }
    (run.folder / "log.jsonl").write_text("")
    (weights / "best.json").unlink()
    (weights / "last.safetensors").unlink()
    refused(found="weights/best.safetensors", do="-o NEW")
    (weights / "best.safetensors").unlink()
    append_log(run.folder / "log.jsonl", {"event": "train", "iteration": 4})
    refused(found="log.jsonl", do="start another run: -o NEW")


def test_a_run_that_was_killed_before_its_first_state_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(tmp_path / "run", make_recipe({**SETTINGS, "iterations": 2}, source="test"))

    def killed(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("maskwright.training.loop.save_state", killed)
    with pytest.raises(MemoryError):
        fit(tiny_dataset(), run.recipe, run)
    assert (run.folder / "weights" / "last.json").is_file() and run.log()
    monkeypatch.undo()
    (run.folder / "weights" / "last.json").unlink()  # the kill came a moment earlier
    assert fit(tiny_dataset(), run.recipe, run).iteration == 2


def test_what_a_killed_training_left_half_written_is_taken_away(tmp_path: Path) -> None:
    data, recipe = tiny_dataset(), make_recipe(SETTINGS | {"iterations": 2}, source="test")
    trained(tmp_path / "run", recipe, data)
    left = [tmp_path / "run" / name for name in ("state/.state.safetensors.0badcafe.tmp", "weights/.last.0badcafe.tmp")]
    for path in left:
        path.write_bytes(b"half")
    fit(data, recipe, open_run(tmp_path / "run"))
    assert not any(path.exists() for path in left)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    run = started(tmp_path / "run", make_recipe({**SETTINGS, "iterations": 2}, source="test"))
    fit(tiny_dataset(), run.recipe, run)
    state = run.folder / "state" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"state\.safetensors: cannot be read"):
        fit(tiny_dataset(), run.recipe, run)
