"""What a comparison says, in whole sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from maskwright.evaluation.verdicts import FEWEST_SEEDS, Pair, RecipePair
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.evaluation.compare import Comparison, DataDifference

MOST_NEEDED = 1_000_000
"""More photos than that are the same as none: the runs are as good as equal."""


def verdicts(comparison: Comparison, lang: str = "en") -> list[str]:
    """What may be concluded, the most important first: of recipes, of weights, and how far that goes.

    Args:
        comparison: the comparison.
        lang: "en" or "ru".
    """
    words = [recipe_verdict(pair, comparison, lang) for pair in comparison.recipe_pairs]
    if len(comparison.pairs) == 1:
        words.append(pair_verdict(comparison.pairs[0], comparison.photos, lang))
    else:
        differ = sum(pair.verdict != "undecided" for pair in comparison.pairs)
        words.append(say("compare.summary", lang, pairs=len(comparison.pairs), differ=differ))
    same = sum(pair.same_recipe and pair.verdict != "undecided" for pair in comparison.pairs)
    if same:
        words.append(say("compare.same_recipe", lang, pairs=same))
    words.append(say("compare.scope", lang, seeds=FEWEST_SEEDS))
    return words


def pair_verdict(pair: Pair, photos: int, lang: str = "en") -> str:
    """What may be said of two trained models."""
    facts = {"one": pair.one, "other": pair.other, **_facts(pair, lang)}
    if pair.verdict != "undecided":
        return say(f"compare.{pair.verdict}", lang, **facts)
    needed = pair.photos_needed
    if not needed <= MOST_NEEDED:
        return say("compare.equal", lang, photos=photos, **facts)
    return say("compare.undecided", lang, photos=photos, needed=rounded(needed), **facts)


def recipe_verdict(pair: RecipePair, comparison: Comparison, lang: str = "en") -> str:
    """What may be said of two recipes."""
    groups = {group.name: group for group in comparison.recipes}
    facts = {
        "one": pair.one,
        "other": pair.other,
        "seeds": len(groups[pair.one].runs),
        "other_seeds": len(groups[pair.other].runs),
        "share": round(100 * pair.seeds_share),
        **_facts(pair, lang),
    }
    if pair.verdict != "undecided":
        return say(f"compare.recipe_{pair.verdict}", lang, **facts)
    if pair.seeds_needed <= MOST_NEEDED:
        return say(
            "compare.recipe_undecided_seeds", lang, needed=rounded(max(FEWEST_SEEDS, pair.seeds_needed)), **facts
        )
    if pair.photos_needed <= MOST_NEEDED:
        needed = rounded(pair.photos_needed)
        return say("compare.recipe_undecided_photos", lang, photos=comparison.photos, needed=needed, **facts)
    return say("compare.recipe_equal", lang, **facts)


def data_words(difference: DataDifference, lang: str = "en") -> str:
    """How a run's training data differ from the first run's."""
    facts = {"run": difference.run, "first": difference.first}
    if not difference.known:
        return say("compare.data_unknown", lang, **facts)
    if difference.only_here is None or difference.only_there is None:
        return say("compare.data_differ", lang, **facts)
    if difference.only_here == difference.only_there == 0:
        return say("compare.data_masks", lang, **facts)
    return say("compare.data_photos", lang, here=difference.only_here, there=difference.only_there, **facts)


def overfit_words(comparison: Comparison, lang: str = "en") -> list[str]:
    """Which runs were trained past their best."""
    return [
        say(
            "compare.overfit",
            lang,
            run=each.run,
            best=each.best_iteration,
            iterations=each.iterations,
            lost=number(100 * each.lost, lang),
        )
        for each in comparison.overfits
    ]


def number(value: float, lang: str, *, signed: bool = False) -> str:
    """A number with two decimals, as the language writes it; a dash for nan."""
    if math.isnan(value):
        return "–"
    value = round(value, 2) + 0.0  # -0.0 becomes 0.0
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    return (text.replace(".", ",") if lang == "ru" else text).replace("-", "−")


def p_text(p: float, lang: str) -> str:
    """A p-value with three decimals: "0.031", or "<0.001"."""
    text = "<0.001" if p < 0.0005 else f"{p:.3f}"
    return text.replace(".", ",") if lang == "ru" else text


def rounded(needed: float) -> int:
    """A count that is known roughly, with two digits that say something."""
    whole = math.ceil(needed)
    step = int(10 ** max(0, len(str(whole)) - 2))
    return -(-whole // step) * step


def _facts(pair: Pair | RecipePair, lang: str) -> dict[str, str]:
    difference = pair.difference
    return {
        "points": number(100 * abs(difference.value), lang),
        "difference": number(100 * difference.value, lang, signed=True),
        "low": number(100 * difference.low, lang, signed=True),
        "high": number(100 * difference.high, lang, signed=True),
        "p": p_text(pair.p_holm, lang),
    }
