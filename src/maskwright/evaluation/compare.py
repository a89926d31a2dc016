"""Whether runs differ by more than chance, and in what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.errors import UsageError
from maskwright.evaluation.comparison import Comparison
from maskwright.evaluation.contenders import Contender, contenders
from maskwright.evaluation.differences import RecipeGroup, data_differences, groups_of, overfits_of
from maskwright.evaluation.verdicts import dice_drawn, pairs_of, recipe_pairs_of
from maskwright.progress import OnProgress, silent
from maskwright.recipe.fingerprint import differing


def compare(
    runs: Sequence[Path | str],
    *,
    split: str = "val",
    data: Dataset | None = None,
    threads: int | None = None,
    model: str | None = None,
    on_progress: OnProgress = silent,
) -> Comparison:
    """Whether runs differ by more than chance, and in what.

    Each pair of runs gets the difference of their mDice with a 95 % interval (paired bootstrap over photos, 10,000
    resamples) and a p-value (paired permutation, corrected for all pairs by Holm). That speaks of these weights.
    Recipes that were trained with at least three seeds each are compared, too, over seeds and photos.

    Args:
        runs: at least two run folders or bundles.
        split: the split that they are judged on.
        data: judge all of them anew on this, as after mending validation masks; None takes the evaluations that lie
            in the runs.
        threads: threads of torch; None leaves them as they are.
        model: `package.module:function` of one's own that a run may have imported; None allows none.
        on_progress: told how far each evaluation is.

    Returns:
        The comparison.

    Raises:
        RunError: a folder is neither a run nor a bundle, or was not judged on this split.
        UsageError: fewer than two runs, one of them twice, or they were judged on other photos, masks or classes.
    """
    if len(runs) < 2:
        raise UsageError(
            "A comparison needs at least two runs.",
            found=f"{len(runs)}",
            do="maskwright compare RUN RUN [RUN ...]",
        )
    folders = [Path(run) for run in runs]
    found = contenders(folders, split, data, threads=threads, model=model, on_progress=on_progress)
    _refuse_other_photos(found)
    found = _in_known_groups(found)
    evaluations = {each.name: each.evaluation for each in found}
    groups = groups_of(found)
    recipe_of = {run: group.name for group in groups for run in group.runs}
    drawn = {name: dice_drawn(evaluation) for name, evaluation in evaluations.items()}
    return Comparison(
        split=split,
        runs=found,
        recipes=groups,
        pairs=tuple(pairs_of(evaluations, recipe_of, drawn)),
        recipe_pairs=tuple(recipe_pairs_of(evaluations, {group.name: group.seeds for group in groups}, drawn)),
        settings=_differing(found, groups),
        data=tuple(data_differences(found)),
        overfits=tuple(overfits_of(found)),
    )


def _in_known_groups(found: Sequence[Contender]) -> tuple[Contender, ...]:
    """The same photos come in the same groups: those that older evaluations did not keep are known from the others."""
    groups = next((each.evaluation.groups for each in found if each.evaluation.groups), ())
    return tuple(replace(each, evaluation=replace(each.evaluation, groups=groups)) for each in found)


def _differing(found: Sequence[Contender], groups: Sequence[RecipeGroup]) -> dict[str, tuple[Any, ...]]:
    """The settings that differ between recipes, and whether post-processing was fitted for their runs."""
    firsts = [next(each for each in found if each.name == group.runs[0]) for group in groups]
    tuned = tuple(each.tuned for each in firsts)
    return differing([each.recipe for each in firsts]) | ({"postprocess": tuned} if len(set(tuned)) > 1 else {})


def _refuse_other_photos(found: Sequence[Contender]) -> None:
    first = found[0]
    for other in found[1:]:
        one, two = first.evaluation, other.evaluation
        if one.eval_digest == two.eval_digest:
            continue
        what = "photos or masks"
        if one.classes != two.classes:
            what = f"classes ({', '.join(one.classes)} against {', '.join(two.classes)})"
        elif set(one.sample_ids) != set(two.sample_ids):
            what = f"photos ({len(set(one.sample_ids) ^ set(two.sample_ids))} of them were judged for one run only)"
        raise UsageError(
            f"{first.name} and {other.name} were judged on other {what}, so that their scores cannot be compared.",
            expected=f"the same photos, masks and classes in the split {one.split!r} (digest {one.eval_digest[:8]})",
            found=f"digest {two.eval_digest[:8]}",
            do="Judge all of them anew on the same data: --data DATA",
        )
