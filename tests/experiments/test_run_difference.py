"""In what two runs differ, and all that is known of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from listed_runs import ended_run
from maskwright.errors import RecipeError
from maskwright.experiments.details import read_details
from maskwright.experiments.run_difference import SettingDifference, SplitDifference, diff_runs
from maskwright.storage import write_json


def test_settings_differ_with_their_reasons(tmp_path: Path) -> None:
    one = ended_run(tmp_path / "one", settings={"lr": 0.001})
    other = ended_run(tmp_path / "other", settings={"lr": 0.002, "seed": 3})
    text = (other / "recipe.yaml").read_text(encoding="utf-8")
    lines = [line.split("  #")[0] + "  # given" if line.startswith("lr:") else line for line in text.splitlines()]
    (other / "recipe.yaml").write_text("\n".join(lines), encoding="utf-8")
    found = diff_runs(one, other)
    assert found.settings == (
        SettingDifference("lr", (0.001, 0.002), ("fixed: for newly drawn weights", "given")),
        SettingDifference("seed", (0, 3), ("fixed: any", "fixed: any")),
    )
    assert (found.same_recipe, found.data, found.environment) == (False, (), {})
    assert json.loads(json.dumps(found.to_json()))["settings"][1]["values"] == [0, 3]


def test_runs_of_one_recipe_differ_in_their_seed(tmp_path: Path) -> None:
    found = diff_runs(ended_run(tmp_path / "one"), ended_run(tmp_path / "other", settings={"seed": 1, "threads": 8}))
    assert found.same_recipe
    assert [each.name for each in found.settings] == ["seed", "threads"]


def test_weights_are_the_same_wherever_their_file_lies(tmp_path: Path) -> None:
    weights = [{"weights": f"/{place}/w.safetensors", "weights_digest": "a" * 64} for place in "xy"]
    one, other = (ended_run(tmp_path / str(number), settings=each) for number, each in enumerate(weights))
    assert diff_runs(one, other).settings == ()


@pytest.mark.parametrize(
    ("train", "only"),
    [
        ({"photos": "a b d", "digest": "t2"}, (1, 1)),
        ({"photos": "a b c", "digest": "t2"}, (0, 0)),
        ({"digest": "t2"}, None),
    ],
)
def test_data_differ_by_photos_or_by_masks(tmp_path: Path, train: dict[str, str], only: tuple[int, int] | None) -> None:
    one = ended_run(tmp_path / "one", train={"photos": "a b c"})
    assert diff_runs(one, ended_run(tmp_path / "other", train=train)).data == (
        SplitDifference("train", ("t1", "t2"), only),
    )


def test_versions_and_computers_differ(tmp_path: Path) -> None:
    one, other = ended_run(tmp_path / "one"), ended_run(tmp_path / "other")
    write_json(
        other / "environment.json", {"format": 1, "device": "cuda", "cpu": "Testor <b>9000</b>", "torch": "2.13.0"}
    )
    assert diff_runs(one, other).environment == {"torch": (None, "2.13.0")}
    (other / "recipe.yaml").unlink()
    with pytest.raises(RecipeError, match=r"recipe\.yaml"):
        diff_runs(one, other)


def test_all_that_is_known_of_a_run(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "run", best=0.8)
    details = read_details(run, name="mine")
    assert (details.summary.name, details.recipe is not None, details.environment["device"]) == ("mine", True, "cpu")
    assert details.log.best is not None and details.log.best["metrics"]["mDice"] == 0.8
    assert list(details.scores) == ["val"]
    assert details.files["weights/"] == 1000 + (run / "weights" / "best.json").stat().st_size
    assert sum(details.files.values()) == sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    value = json.loads(json.dumps(details.to_json()))
    assert [each["iteration"] for each in value["validations"]] == [100, 200, 300]
    assert value["settings"]["seed"] == {"value": 0, "reason": "fixed: any"}


def test_of_a_damaged_run_only_the_trouble_is_told(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "run")
    (run / "recipe.yaml").write_text("model")
    details = read_details(run, name="mine")
    assert (details.summary.status, details.recipe, dict(details.scores)) == ("damaged", None, {})
    assert "recipe.yaml" in details.files
