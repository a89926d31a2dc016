"""What a comparison says, in whole sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from maskwright.errors import shown
from maskwright.evaluation.contenders import Contender
from maskwright.evaluation.differences import DataDifference, Overfit
from maskwright.evaluation.verdicts import Pair, RecipePair
from maskwright.sentences import say

MOST_NEEDED = 1_000_000
"""More photos than that are the same as none: the runs are as good as equal."""


def pair_verdict(pair: Pair, photos: int, lang: str = "en", *, current: bool = True) -> str:
    """What may be said of two trained models.

    Args:
        pair: the two.
        photos: how many photos they were judged on.
        lang: "en" or "ru".
        current: whether the weights that were judged are, as far as known, those that lie in the runs now.
    """
    weights = say("compare.these_weights" if current else "compare.judged_weights", lang)
    facts = {"weights": weights, **_facts(pair, lang)}
    if pair.verdict != "undecided":
        return say("compare.better", lang, **facts)
    if not pair.photos_needed <= MOST_NEEDED:
        return say("compare.equal", lang, photos=photos, **facts)
    needed = rounded(max(photos + 1, pair.photos_needed))
    return say("compare.undecided", lang, photos=photos, needed=needed, **facts)


def recipe_verdict(pair: RecipePair, seeds: int, other_seeds: int, photos: int, lang: str = "en") -> str:
    """What may be said of two recipes.

    Args:
        pair: the two.
        seeds: how many runs of the first there are.
        other_seeds: how many of the second.
        photos: how many photos they were judged on.
        lang: "en" or "ru".
    """
    if pair.verdict == "worse":
        seeds, other_seeds = other_seeds, seeds
    facts = {"seeds": seeds, "other_seeds": other_seeds, "share": round(100 * pair.seeds_share), **_facts(pair, lang)}
    if pair.verdict != "undecided":
        return say("compare.recipe_better", lang, **facts)
    if math.isfinite(pair.seeds_needed):
        return say("compare.recipe_undecided_seeds", lang, needed=rounded(pair.seeds_needed), **facts)
    if pair.photos_needed <= MOST_NEEDED:
        needed = rounded(pair.photos_needed)
        return say("compare.recipe_undecided_photos", lang, photos=photos, needed=needed, **facts)
    return say("compare.recipe_equal", lang, **facts)


def data_words(difference: DataDifference, lang: str = "en") -> str:
    """How a run's training data differ from the first run's."""
    facts = {"run": difference.run, "first": difference.first}
    if not difference.known:
        return say("compare.data_unknown", lang, **facts)
    if difference.only_here is None or difference.only_there is None:
        return say("compare.data_differ", lang, **facts)
    masks = {"masks": difference.other_masks, "photos": difference.shared}
    if difference.only_here == difference.only_there == 0:
        key = "compare.data_masks" if difference.other_masks is None else "compare.data_masks_of"
        return say(key, lang, **masks, **facts)
    words = say("compare.data_photos", lang, here=difference.only_here, there=difference.only_there, **facts)
    return f"{words} {say('compare.data_shared', lang, **masks)}" if difference.other_masks else words


def run_label(run: Contender, lang: str = "en") -> str:
    """What a row calls a run: its name, and that its evaluation is outdated where it is.

    Args:
        run: what is compared.
        lang: "en" or "ru".
    """
    return say("compare.run_outdated", lang, run=run.name) if run.current is False else run.name


def doubts_words(runs: Sequence[Contender], lang: str = "en") -> list[str]:
    """Which evaluations are not of what lies in their runs now, or may not be.

    Args:
        runs: what is compared.
        lang: "en" or "ru".
    """
    words = [
        say("compare.outdated", lang, run=run.name, folder=shown(run.folder)) for run in runs if run.current is False
    ]
    unknown = [run.name for run in runs if run.current is None and run.weights_bytes is not None]
    return [*words, *([say("compare.perhaps_outdated", lang, runs=", ".join(unknown))] if unknown else [])]


def overfit_words(overfit: Overfit, lang: str = "en") -> str:
    """That a run was trained past its best."""
    return say(
        "compare.overfit",
        lang,
        run=overfit.run,
        best=overfit.best_iteration,
        iterations=overfit.iterations,
        lost=number(100 * overfit.lost, lang),
    )


def number(value: float, lang: str = "en", *, signed: bool = False) -> str:
    """A number with two decimals, as the language writes it; a dash for nan."""
    if math.isnan(value):
        return "–"
    value = round(value, 2) + 0.0  # -0.0 becomes 0.0
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    return (text.replace(".", ",") if lang == "ru" else text).replace("-", "−")


def interval_text(low: float, high: float, lang: str = "en", *, scale: float = 100) -> str:
    """The interval of a difference, in points unless `scale` says otherwise: "−0.56 to +3.62"."""
    ends = {"low": number(scale * low, lang, signed=True), "high": number(scale * high, lang, signed=True)}
    return say("compare.from_to", lang, **ends)


def p_text(p: float, lang: str = "en") -> str:
    """A p-value with three decimals: "0.031", or "<0.001"."""
    text = "<0.001" if p < 0.0005 else f"{p:.3f}"
    return text.replace(".", ",") if lang == "ru" else text


def rounded(needed: float) -> int:
    """A count that is known roughly, with two digits that say something."""
    whole = math.ceil(needed)
    step = int(10 ** max(0, len(str(whole)) - 2))
    return -(-whole // step) * step


def _facts(pair: Pair | RecipePair, lang: str) -> dict[str, str]:
    """The facts of a verdict, the better one first where there is one."""
    one, other, difference = pair.one, pair.other, pair.difference
    value, low, high = difference.value, difference.low, difference.high
    if pair.verdict == "worse":
        one, other, value, low, high = other, one, -value, -high, -low
    return {
        "one": one,
        "other": other,
        "points": number(100 * value, lang),
        "difference": number(100 * value, lang, signed=True),
        "interval": interval_text(low, high, lang),
        "p": p_text(pair.p_holm, lang),
    }
