"""Architectures of extras where the extra is not there: named, refused with the fix, and never somebody's own code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maskwright.errors import RecipeError, RunError
from maskwright.inference.load import load
from maskwright.models import FAMILIES, build_model, check_architecture, family_of, installed
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.training.run import make_run

NAMES = {"smp": "smp:Unet/resnet18", "hf": "hf:own/it"}


def test_what_belongs_to_a_family() -> None:
    assert {name: family_of(name) for name in ("segformer-b0", "own.module:function")} == {
        "segformer-b0": None,
        "own.module:function": None,
    }
    assert {prefix: family_of(name) for prefix, name in NAMES.items()} == FAMILIES


@pytest.mark.parametrize("prefix", FAMILIES)
def test_a_missing_extra_is_named_with_the_fix(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not installed(FAMILIES[prefix])
    for act in (check_architecture, lambda name: build_model(name, classes=3)):
        with pytest.raises(RecipeError) as caught:
            act(NAMES[prefix])
        assert str(caught.value) == (
            f"model={NAMES[prefix]}: the package {FAMILIES[prefix].package} is not installed.\n"
            f'  pip install "maskwright[{prefix}]"'
        )


def test_a_run_may_name_an_extras_model_and_no_code_of_ones_own(tmp_path: Path) -> None:
    for name, message in (
        ("own.module:function", "is not one of Maskwright's"),
        ("smpx:Unet/resnet18", "is not one of"),
    ):
        run = make_run(tmp_path / name[:4])
        (run.folder / "classes.yaml").write_text("names: [a, b]")
        (run.folder / "weights").mkdir(exist_ok=True)
        (run.folder / "weights" / "best.safetensors").touch()
        write_recipe(Recipe(model=name), run.folder / "recipe.yaml")
        with pytest.raises(RunError, match=message):
            load(run.folder)


def test_importing_loads_no_package_of_an_extra() -> None:
    packages = [family.package for family in FAMILIES.values()]
    code = (
        "import sys, maskwright.models, maskwright.cli.main, maskwright.workflow.train\n"
        "maskwright.build_model('mlp-r18', classes=3)\n"
        f"import json; print(json.dumps([one for one in {packages} if one in sys.modules]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []
