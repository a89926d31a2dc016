"""What is wrong with the trials of a sweep, as far as that is known before one is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.errors import DataError, RecipeError, WeightsError, shown
from maskwright.experiments.space import Range, Space
from maskwright.models import check_architecture, check_options
from maskwright.recipe.recipe import GIVEN, Recipe, with_settings
from maskwright.workflow.plan import check_class_weights
from maskwright.workflow.start import DEFAULT_MODEL, check_weights

Tried = Mapping[str, tuple[Any, ...]]


def check_trials(tried: Space, same: Mapping[str, Any], base: Recipe | None, path: Path) -> None:
    """Refuse architectures and weights that are not there, and settings that an architecture does not have.

    Args:
        tried: the space.
        same: the settings that are the same in all trials.
        base: all other settings; None plans them.
        path: of the space, for the message.

    Raises:
        RecipeError: all that is wrong.
    """
    values = _values(tried, same)
    _refuse([*_weights_problems(values), *_model_problems(values, same, base)], path)


def check_class_weights_of(tried: Space, same: Mapping[str, Any], dataset: Dataset, path: Path) -> None:
    """Refuse class weights that are not as many as the classes.

    Raises:
        RecipeError: all that is wrong.
    """
    problems = []
    for weights in _values(tried, same).get("class_weights", ()):
        try:
            check_class_weights(with_settings(Recipe(), {"class_weights": weights}, source="", reason=GIVEN), dataset)
        except DataError as error:
            problems.append(str(error))
    _refuse(problems, path)


def _values(tried: Space, same: Mapping[str, Any]) -> Tried:
    """By the name of each setting the values that trials have: of a range its ends."""
    ends = {
        name: (each.low, each.high) if isinstance(each, Range) else each.options
        for name, each in tried.searched.items()
    }
    return {**{name: (value,) for name, value in same.items()}, **ends}


def _weights_problems(values: Tried) -> Iterator[str]:
    for wanted in values.get("weights", ()):
        try:
            check_weights(str(wanted))
        except WeightsError as error:
            yield str(error)


def _model_problems(values: Tried, same: Mapping[str, Any], base: Recipe | None) -> Iterator[str]:
    for model in values.get("model", _chosen_models(values, base)):
        try:
            check_architecture(str(model))
        except RecipeError as error:
            yield str(error)
        else:
            yield from _option_problems(str(model), values, same, base)


def _chosen_models(values: Tried, base: Recipe | None) -> tuple[str, ...]:
    """The architecture of trials that name none; weights that are named choose one of their own."""
    if base is not None:
        return (base.model,)
    return (DEFAULT_MODEL,) if {*values.get("weights", ("auto",))} <= {"auto", "none"} else ()


def _option_problems(model: str, values: Tried, same: Mapping[str, Any], base: Recipe | None) -> Iterator[str]:
    kept = {name: value for name, value in same.items() if name != "weights"} | {"model": model}
    plain = with_settings(base or Recipe(), {"form": "own"}, source="", reason="rule: that of the weights")
    for name, each in values.items():
        for value in each if name not in ("weights", "model") else ():
            try:
                recipe = with_settings(plain, {**kept, name: value}, source="", reason=GIVEN)
            except RecipeError:
                continue  # it depends on another setting that is varied, too
            try:
                check_options(recipe)
            except RecipeError as error:
                yield str(error)


def _refuse(problems: list[str], path: Path) -> None:
    if problems:
        raise RecipeError("\n  ".join([f"{shown(path)}: trials that cannot be trained.", *dict.fromkeys(problems)]))
