"""A comparison as a notebook shows it: the runs as a table, the pairs below, and what may be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskwright.data.notebook import html_table, html_title
from maskwright.evaluation.compare_words import number, p_text, verdicts
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.evaluation.compare import Comparison

MOST_PAIRS = 15
"""What fits on a screen: the pairs of six runs."""


def comparison_html(comparison: Comparison, *, lang: str = "en") -> str:
    """A comparison in short, as HTML.

    Args:
        comparison: the comparison.
        lang: "en" or "ru".
    """
    head = [say("compare.run", lang), say("compare.recipe", lang), "aAcc", "mIoU", "mDice", *comparison.classes]
    rows = []
    for run in comparison.runs:
        scores = run.evaluation.scores
        values = [scores.aAcc, scores.mIoU, scores.mDice, *scores.dice.tolist()]
        rows.append([run.name, comparison.recipe_of[run.name], *(number(100 * value, lang) for value in values)])
    pairs = sorted(comparison.pairs, key=lambda pair: pair.p_holm)[:MOST_PAIRS]
    pair_head = [say(f"compare.{key}", lang) for key in ("pair", "difference", "interval", "p", "verdict")]
    pair_rows = [
        [
            f"{pair.one} − {pair.other}",
            number(100 * pair.difference.value, lang, signed=True),
            f"{number(100 * pair.difference.low, lang, signed=True)} … "
            f"{number(100 * pair.difference.high, lang, signed=True)}",
            p_text(pair.p_holm, lang),
            say(f"compare.verdict_{pair.verdict}", lang),
        ]
        for pair in pairs
    ]
    title = html_title(
        say("compare.title", lang), small=say("compare.judged", lang, split=comparison.split, photos=comparison.photos)
    )
    said = html_title("", small=" ".join(verdicts(comparison, lang)))
    return title + html_table(head, rows) + html_table(pair_head, pair_rows) + said
