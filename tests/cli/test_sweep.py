"""maskwright sweep: what it prints, and what it refuses before anything is trained."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maskwright.cli.main import answer
from maskwright.cli.sweep import sweep_text
from maskwright.errors import RunError, UsageError
from maskwright.experiments.sweeps import SweepPlan, check_plan, read_plan, refuse_other_plan, write_plan
from maskwright.storage import json_text
from swept import swept, trials_of


def test_it_prints_trials_what_matters_and_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = swept(Path("sweep"), trials_of(24, pruned=True))
    lines = sweep_text(sweep, "en").splitlines()
    assert lines[0] == "24 trials: 9 complete, 15 stopped early as worse"
    assert lines[1].split() == ["Trial", "State", "mDice", "Trained", "Time", "lr", "model", "weight_decay"]
    assert len(lines[3:23]) == 20 and lines[23] == ""  # the page has the others
    assert any(line.startswith("lr ") and " 0.001 " in line for line in lines)
    best = next(iter(sweep.scores_again()))
    assert lines[-1] == f"Use a recipe: maskwright train DATA --recipe sweep/finalists/{best:04}.yaml"
    value = json.loads(json_text(sweep.to_json()))
    assert value["importances"][0]["name"] == "lr" and value["noise"] > 0
    assert value["comparison"]["recipe_pairs"] and len(value["trials"]) == 24


def test_without_optuna_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert answer(["sweep", str(tmp_path), "--space", "space.yaml", "-o", str(tmp_path / "out")]) == 2
    assert "pip install 'maskwright[optuna]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_resume_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["sweep", str(tmp_path), "--space", "space.yaml", "--resume"]) == 2
    assert "--resume: which sweep?" in capsys.readouterr().err


def test_a_plan_is_kept_and_what_would_change_trials_is_refused(tmp_path: Path) -> None:
    plan = SweepPlan({"train": "a", "val": "b"}, settings={"crop_hw": (64, 64)}, budget_s=60.0)
    write_plan(plan, tmp_path)
    kept = read_plan(tmp_path)
    same = {"space": True, "recipe": True}
    refuse_other_plan(kept, replace(plan, budget_s=120.0, workers=4, trials=9, seeds=5), files=same)
    with pytest.raises(UsageError, match=r"changed: sampler, trial_budget, space\."):
        refuse_other_plan(
            kept, replace(plan, sampler="random", trial_budget_s=5.0), files={"space": False, "recipe": True}
        )
    with pytest.raises(UsageError, match="changed: data"):
        refuse_other_plan(kept, replace(plan, data={"train": "other", "val": "b"}), files=same)
    with pytest.raises(RunError, match="not the folder of a sweep"):
        read_plan(tmp_path / "nothing")
    (tmp_path / "sweep.yaml").write_text("format: 2\n")
    with pytest.raises(RunError, match=r"found: format 2"):
        read_plan(tmp_path)
    with pytest.raises(UsageError, match=r"--metric mdice: no such score\.\n  Did you mean mDice"):
        check_plan(replace(plan, metric="mdice"))
