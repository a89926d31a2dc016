"""The commands, one after the other, as a person would say them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn import CLASSES, draw_folder
from maskwright.cli.main import answer
from maskwright.errors import shown
from maskwright.inference.load import load
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import with_settings

pytestmark = pytest.mark.training

SHORT = [part for one in ("iterations=6", "validation_interval=3", "threads=1") for part in ("--set", one)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn dataset in which one photo of 13 cannot be used."""
    folder = draw_folder(tmp_path_factory.mktemp("data") / "photos", train=12)
    (folder / "img" / "train" / "odd.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def answered(photos: Path) -> Any:
    """What a finished run answered with --json."""
    out = photos.parent / "out"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        arguments = ["run", str(photos), "--classes", CLASSES, "-o", str(out), "--budget", "60s", "--json", *SHORT]
        assert answer(arguments) == 0
    return json.loads(printed.getvalue())


@pytest.fixture(scope="module")
def made(answered: Any) -> Path:
    """A finished run."""
    return Path(answered["run"])


def test_run_tells_what_it_read_and_what_it_made(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(photos)
    assert answer(["run", str(photos), "-o", str(tmp_path / "a"), "--lang", "ru", *SHORT]) == 0
    printed = capsys.readouterr().out
    for part in ("train: 12 (с масками: 12)", "odd.png", "Имена классов не заданы", "mlp-mobilenetv2", "report.html"):
        assert part in printed
    assert printed.index("odd.png") < printed.index("mDice_foreground")
    assert digests(photos) == before
    assert answer(["run", str(photos), "-o", str(tmp_path / "a"), *SHORT]) == 2
    assert "--resume" in capsys.readouterr().err


def test_run_answers_in_json(answered: Any) -> None:
    assert (answered["left_out"], answered["findings"]) == (1, 1)
    assert answered["evaluation"]["val"]["images"] == 4
    assert Path(answered["report"]).is_file()
    assert Path(answered["bundle"]).is_dir()


def test_evaluate_prints_the_scores_that_the_run_keeps(
    made: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["evaluate", str(made), str(photos), "--split", "val", "--json"]) == 0
    value = one_json(capsys)
    assert list(value) == ["eval_digest", "split", "images", "groups", "metrics", "per_class", "intervals"]
    assert list(value["metrics"]) == ["aAcc", "mIoU", "mAcc", "mDice", "mDice_foreground"]
    names = ["name", "dice", "iou", "acc", "precision", "recall", "predicted_px", "labelled_px"]
    assert [list(row) for row in value["per_class"]] == [names] * 3
    kept = json.loads((made / "evaluation" / "val" / "metrics.json").read_text())
    assert {key: kept[key] for key in value} == value
    assert answer(["evaluate", str(made / "bundle"), str(photos), "--json"]) == 0
    assert one_json(capsys) == value


def test_scores_on_other_data_are_kept_only_where_asked(
    made: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = draw_folder(tmp_path / "other", train=3, val=2)
    kept = digests(made / "evaluation")
    assert answer(["evaluate", str(made), str(other)]) == 0
    because = f"Not kept, because {shown(other)} is other data than those that {shown(made)} has as its split val;"
    assert because in capsys.readouterr().out
    assert answer(["evaluate", str(made), str(other), "--lang", "ru"]) == 0
    assert "другие данные" in capsys.readouterr().out
    assert answer(["evaluate", str(made), str(photos), "--no-postprocess"]) == 0
    assert "because they are without the run's post-processing, of one look" in capsys.readouterr().out
    assert answer(["evaluate", str(made), str(photos), "--no-tta"]) == 0
    assert "of one look at each photo, of an export, or of several runs together;" in capsys.readouterr().out
    for others in ([], ["--with", str(made)]):
        assert answer(["evaluate", str(made), str(photos), *others, "--json"]) == 0
    alone, twice = map(json.loads, capsys.readouterr().out.splitlines())
    assert alone["metrics"] == twice["metrics"]
    assert digests(made / "evaluation") == kept
    assert answer(["evaluate", str(made), str(other), "-o", str(tmp_path / "scores")]) == 0
    assert (tmp_path / "scores" / "per_image.csv").is_file()


def test_a_run_that_looks_in_several_ways_can_look_once(made: Path, tmp_path: Path) -> None:
    run = shutil.copytree(made, tmp_path / "run")
    plain, photo = load(run), np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    recipe = with_settings(read_recipe(run / "recipe.yaml"), {"tta_scales": (1.0, 1.5)}, source="test", reason="test")
    write_recipe(recipe, run / "recipe.yaml")
    several, once = load(run, postprocess=False), load(run, postprocess=False, tta=False)
    assert not np.allclose(several(photo), once(photo), atol=1e-4)
    np.testing.assert_array_equal(once(photo), load(made, postprocess=False, tta=False)(photo))
    assert len({plain.digest, several.digest, once.digest}) == 3


def test_diagnose_keeps_its_page_in_the_run(
    made: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["diagnose", str(made), str(photos), "--json"]) == 0
    value, folder = one_json(capsys), made / "diagnosis" / "val"
    assert value["report"] == str(folder / "report.html")
    kept = json.loads((folder / "diagnosis.json").read_text())
    assert {key: kept[key] for key in value if key != "report"} == {key: value[key] for key in value if key != "report"}
    assert value["metrics"] == json.loads((made / "evaluation" / "val" / "metrics.json").read_text())["metrics"]
    assert (folder / "gallery" / "photo_00.jpg").is_file()
    assert answer(["diagnose", str(made / "bundle"), str(photos), "--lang", "ru"]) == 0
    printed = capsys.readouterr().out
    assert "Не сохранено: " in printed and "это пакет" in printed and "Не хватает части" in printed
    assert answer(["diagnose", str(made), str(photos), "--split", "train", "-o", str(tmp_path / "seen")]) == 0
    assert "Labels that the model is sure against" not in capsys.readouterr().out, "the model has seen them"
    assert (tmp_path / "seen" / "report.html").is_file()


def test_predict_compares_names_what_is_broken_and_goes_on(
    made: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").mkdir()
    for path in (photos / "img" / "val").iterdir():
        (tmp_path / "new" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "new" / "broken.jpg").write_text("no picture")
    command = ["predict", str(made), str(tmp_path / "new"), "-o", str(tmp_path / "out")]
    assert answer([*command, "--labels", str(photos / "labels" / "val")]) == 0
    printed = capsys.readouterr().out
    assert "Photos predicted: 4; done before: 0; not readable: 1" in printed
    assert "broken.jpg" in printed
    assert "all labelled photos together: 4" in printed
    assert answer([*command, "--json"]) == 0
    value = one_json(capsys)
    assert (value["done"], value["skipped"], len(value["failed"]), value["metrics"]) == (0, 4, 1, None)
    assert answer(["predict", str(made), str(tmp_path / "new" / "broken.jpg"), "-o", str(tmp_path / "none")]) == 2
    assert "No photo could be predicted" in capsys.readouterr().err


def test_report_is_written_anew_in_another_language(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["report", str(made), "--lang", "ru", "--json"]) == 0
    page = Path(one_json(capsys)["report"])
    assert 'lang="ru"' in page.read_text(encoding="utf-8")


def test_a_planned_recipe_is_trained_as_it_stands(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    plan = ["plan", str(photos), "--classes", CLASSES, "--budget", "30s", "-o", str(recipe), *SHORT, "--seed", "3"]
    assert answer([*plan, "--json"]) == 0
    value = one_json(capsys)
    assert value["settings"]["seed"]["value"] == 3
    assert all(setting["reason"] for setting in value["settings"].values())
    assert Path(value["pictures"]).is_file()
    assert answer(plan) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    train = ["train", str(photos), "--classes", CLASSES, "--recipe", str(recipe), "--set", "flip_prob=0", "--json"]
    assert answer([*train, "-o", str(tmp_path / "run")]) == 0
    value = one_json(capsys)
    assert value["iteration"] == 6
    assert Path(value["weights"]).is_file()


def test_demo_tells_what_it_planted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert answer(["demo", "-o", str(out), "--budget", "25s", "--faults", "0.3", "--lang", "ru"]) == 0
    printed = capsys.readouterr().out
    planted = json.loads((out / "data" / "planted.json").read_text())
    assert planted
    assert "planted.json" in printed
    assert str(out / "run" / "report.html") in printed
    assert (out / "run" / "report.html").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process")
def test_ctrl_c_loses_nothing(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "maskwright", "train", str(photos), "--classes", CLASSES, "-o", str(run)]
    long = ["--set", "iterations=100000", "--set", "validation_interval=5"]
    with subprocess.Popen([*command, *long], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(run / "weights" / "best.safetensors", process)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 130, errors
    assert "nothing is lost" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert (run / "state").is_dir()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there, at most four minutes."""
    until = time.monotonic() + 240
    while not path.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert path.exists()


def one_json(capsys: pytest.CaptureFixture[str]) -> Any:
    """What was printed, which must be one JSON value."""
    return json.loads(capsys.readouterr().out)


def digests(folder: Path) -> dict[str, str]:
    """The content of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
