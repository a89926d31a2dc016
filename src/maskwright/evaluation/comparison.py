"""Runs side by side, as one value: what differs between them, and whether their scores do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from maskwright.data.notebook import html_table, html_title
from maskwright.evaluation.compare_words import (
    interval_text,
    number,
    p_text,
    pair_verdict,
    recipe_verdict,
    run_label,
)
from maskwright.evaluation.contenders import Contender
from maskwright.evaluation.differences import DataDifference, Overfit, RecipeGroup
from maskwright.evaluation.verdicts import FEWEST_SEEDS, Pair, RecipePair
from maskwright.sentences import say

MOST_PAIRS = 15
"""What fits on a screen: the pairs of six runs."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs on the same photos, and which of them differ by more than chance.

    Args:
        split: the split that they were judged on.
        runs: in the order in which they were given.
        recipes: their recipes; single runs are groups of one.
        pairs: each run against each later one; about these weights.
        recipe_pairs: each recipe of three or more seeds against each later one; about new seeds, too.
        settings: the settings that differ, with the value of each recipe.
        data: runs whose training data are not known to be those of the first.
        overfits: runs that were trained past their best.
    """

    split: str
    runs: tuple[Contender, ...]
    recipes: tuple[RecipeGroup, ...]
    pairs: tuple[Pair, ...]
    recipe_pairs: tuple[RecipePair, ...]
    settings: Mapping[str, tuple[Any, ...]]
    data: tuple[DataDifference, ...]
    overfits: tuple[Overfit, ...]

    @property
    def photos(self) -> int:
        """How many photos were judged."""
        return len(self.runs[0].evaluation.sample_ids)

    @property
    def groups(self) -> int:
        """How many independent groups they come in: as many where each stands alone."""
        return len(self.runs[0].evaluation.independent)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.runs[0].evaluation.classes

    @cached_property
    def recipe_of(self) -> dict[str, str]:
        """The name of each run's recipe."""
        return {run: group.name for group in self.recipes for run in group.runs}

    def verdicts(self, lang: str = "en") -> list[str]:
        """What may be concluded, in sentences, the most important first: of recipes, of weights, and how far that goes.

        Args:
            lang: "en" or "ru".
        """
        current = all(run.current is not False for run in self.runs)
        seeds = {group.name: len(group.runs) for group in self.recipes}
        words = [
            recipe_verdict(pair, seeds[pair.one], seeds[pair.other], self.photos, lang) for pair in self.recipe_pairs
        ]
        if len(self.pairs) == 1:
            words.append(pair_verdict(self.pairs[0], self.photos, lang, current=current))
        else:
            differ = sum(pair.verdict != "undecided" for pair in self.pairs)
            words.append(say("compare.summary", lang, pairs=len(self.pairs), differ=differ))
        luck = sum(pair.same_recipe and pair.verdict != "undecided" for pair in self.pairs)
        if luck:
            words.append(say("compare.same_recipe", lang, pairs=luck))
        scope = "compare.scope" if current else "compare.scope_judged"
        return [*words, say(scope, lang, seeds=FEWEST_SEEDS)]

    def _repr_html_(self) -> str:
        judged = say("compare.judged", split=self.split, photos=self.photos)
        title = html_title(say("compare.title"), small=judged)
        return title + _runs_html(self) + _pairs_html(self) + html_title("", small=" ".join(self.verdicts()))

    def to_json(self) -> dict[str, Any]:
        """The comparison as `maskwright compare --json` prints it: fractions in [0, 1], None for nan and infinity."""
        return {
            "split": self.split,
            "eval_digest": self.runs[0].evaluation.eval_digest,
            "images": self.photos,
            "groups": self.groups,
            "classes": list(self.classes),
            "runs": [_run_json(run, self.recipe_of[run.name]) for run in self.runs],
            "recipes": [asdict(group) for group in self.recipes],
            "pairs": [{**asdict(pair), "verdict": pair.verdict} for pair in self.pairs],
            "recipe_pairs": [{**asdict(pair), "verdict": pair.verdict} for pair in self.recipe_pairs],
            "settings": {name: list(values) for name, values in self.settings.items()},
            "data": [asdict(each) for each in self.data],
            "overfits": [asdict(each) for each in self.overfits],
        }


def _run_json(run: Contender, recipe: str) -> dict[str, Any]:
    best, scores = run.log.best, run.evaluation.scores
    return {
        "name": run.name,
        "folder": str(run.folder),
        "recipe": recipe,
        "seed": run.recipe.seed,
        "postprocess": run.tuned,
        "current": run.current,
        "iterations": run.iterations,
        "best_iteration": None if best is None else best["iteration"],
        "lost": run.log.lost,
        "iteration_s": run.log.iteration_s,
        "machine": run.machine,
        "weights_bytes": run.weights_bytes,
        "latency_ms": run.latency_ms,
        "train_digest": run.data["train"].digest if "train" in run.data else None,
        "metrics": scores.summary(),
        "per_class": scores.per_class(run.evaluation.classes),
    }


def _runs_html(comparison: Comparison) -> Markup:
    head = [say("compare.run"), say("compare.recipe"), "aAcc", "mIoU", "mDice", *comparison.classes]
    rows = []
    for run in comparison.runs:
        scores = run.evaluation.scores
        values = [scores.aAcc, scores.mIoU, scores.mDice, *scores.dice.tolist()]
        rows.append([run_label(run), comparison.recipe_of[run.name], *(number(100 * value) for value in values)])
    return html_table(head, rows)


def _pairs_html(comparison: Comparison) -> Markup:
    head = [say(f"compare.{key}") for key in ("pair", "difference", "interval", "p", "verdict")]
    return html_table(head, pair_rows(comparison))


def pair_rows(comparison: Comparison, lang: str = "en") -> list[list[str]]:
    """The pairs that differ most certainly, as rows of a table: pair, difference, interval, p, verdict.

    Args:
        comparison: the comparison.
        lang: "en" or "ru".
    """
    return [
        [
            f"{pair.one} − {pair.other}",
            number(100 * pair.difference.value, lang, signed=True),
            interval_text(pair.difference.low, pair.difference.high, lang),
            p_text(pair.p_holm, lang),
            say(f"compare.verdict_{pair.verdict}", lang),
        ]
        for pair in sorted(comparison.pairs, key=lambda pair: pair.p_holm)[:MOST_PAIRS]
    ]
