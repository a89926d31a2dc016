"""The recipes that stand ready: what each of them changes, and how they fit other data and other lengths."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from maskwright.data.statistics import describe
from maskwright.errors import RecipeError
from maskwright.models import check_architecture, check_options
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.fingerprint import differing
from maskwright.recipe.plan import with_derived_weights
from maskwright.recipe.ready import READY, at_length, recipe_of
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.training.optimiser import lr_at
from tiny import tiny_dataset


def test_each_changes_what_it_says_and_nothing_else() -> None:
    base, head, dropout = map(recipe_of, READY)
    assert differing([base, head]) == {"lr": (6e-4, 6e-5), "head_lr_multiplier": (1.0, 10.0)}
    assert differing([base, dropout]) == {"head_dropout": (0.0, 0.1)}
    assert (base.model, base.weights, base.batch_size, base.crop_hw) == ("segformer-b0", "none", 4, (256, 256))
    assert (base.iterations, base.validation_interval) == (8000, 1000)
    assert (base.optimiser, base.schedule, base.dice_share) == ("adamw", "poly", 0.0)
    for recipe in (base, head, dropout):
        check_architecture(recipe.model)
        check_options(recipe)


def test_they_speak_of_each_other_by_name() -> None:
    for name in READY:
        text = (resources.files("maskwright") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
        assert not re.search(r"experiment \d|\b(second|third) experiment", text), name
        named = set(re.findall(r"\bfirst-user(?:-[a-z]+)*", text))
        assert named <= set(READY) and named - {name}, "another one is named, and each name is one"


def test_the_weights_of_the_classes_are_those_of_the_data() -> None:
    statistics = describe(tiny_dataset())
    for name in READY:
        assert with_derived_weights(recipe_of(name), statistics).class_weights == (0.1, 1.0, 1.0)
    kept = with_settings(Recipe(), {"class_weights": (1.0, 2.0, 3.0)}, source="test", reason="given")
    assert with_derived_weights(kept, statistics) == kept


def test_another_length_walks_the_same_schedule() -> None:
    base = recipe_of("first-user")
    short = at_length(base, 800, reason="measured: the budget")
    assert (short.iterations, short.warmup_iterations, short.validation_interval) == (800, 150, 100)
    assert short.reason("iterations") == "measured: the budget"
    assert differing([base, short]).keys() == {"iterations", "warmup_iterations", "validation_interval"}
    assert lr_at(475, short) == pytest.approx(lr_at(4750, base), rel=1e-6)


def test_a_file_goes_before_a_name_and_neither_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert recipe_of("first-user").lr == 6e-4
    write_recipe(with_settings(Recipe(), {"lr": 0.5}, source="test", reason="given"), tmp_path / "first-user")
    assert recipe_of("first-user") == read_recipe(tmp_path / "first-user")
    with pytest.raises(RecipeError, match=r"(?s)--recipe first-usr: neither a file.*first-user-dropout.*Did you mean"):
        recipe_of("first-usr")
