"""A comparison as plotly figures that the page's script draws: differences with their intervals, learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from maskwright.evaluation.compare_words import interval_text, number
from maskwright.evaluation.comparison import Comparison
from maskwright.evaluation.verdicts import Pair, RecipePair
from maskwright.reports.colours import SERIES
from maskwright.reports.figure import finished, safe
from maskwright.reports.language import Language

MOST_PAIRS = 40
"""More rows are looked through by nobody; those with the smallest p are drawn."""
VERDICT_COLOURS = {"better": "#15958a", "worse": "#d0553a", "undecided": "#87919b"}
_ROW_PX = 26


def compare_figures(comparison: Comparison, language: Language) -> dict[str, Any]:
    """The figures of a comparison.

    Args:
        comparison: the comparison.
        language: what the figures are labelled in.

    Returns:
        By name ("recipes", "weights", "curves") the figure as JSON values; what has nothing to show is left out. A
        trace of "curves" has the recipe's name as `meta["key"]`.
    """
    figures = {
        "recipes": _forest(comparison.recipe_pairs, language),
        "weights": _forest(shown_pairs(comparison), language),
        "curves": _curves(comparison, language),
    }
    return {name: finished(figure, language) for name, figure in figures.items() if figure.data}


def shown_pairs(comparison: Comparison) -> list[Pair]:
    """The pairs that are drawn: those that differ most certainly, in the order of the runs."""
    chosen = sorted(comparison.pairs, key=lambda pair: pair.p_holm)[:MOST_PAIRS]
    return [pair for pair in comparison.pairs if pair in chosen]


def recipe_colour(comparison: Comparison, name: str) -> str:
    """The colour of a recipe, on the page and in its figures."""
    place = [group.name for group in comparison.recipes].index(name)
    return SERIES[place % len(SERIES)]


def _forest(pairs: Sequence[Pair | RecipePair], language: Language) -> go.Figure:
    """A point and its interval in a row for each pair, in points of mDice; nothing is a line from top to bottom."""
    figure = go.Figure()
    if not pairs:
        return figure
    values = [100 * pair.difference.value for pair in pairs]
    names = [safe(f"{pair.one} − {pair.other}") for pair in pairs]
    colours = [VERDICT_COLOURS[pair.verdict] for pair in pairs]
    for place, pair in enumerate(pairs):
        bar = [100 * pair.difference.low, 100 * pair.difference.high]
        line = {"color": colours[place], "width": 2.4}
        figure.add_scatter(x=bar, y=[names[place]] * 2, mode="lines", line=line, hoverinfo="skip")
    figure.add_scatter(
        x=values,
        y=names,
        mode="markers",
        marker={"size": 9, "color": colours},
        customdata=[_ends(pair, language) for pair in pairs],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    ends = [100 * end for pair in pairs for end in (0.0, pair.difference.low, pair.difference.high)]
    margin = 0.08 * (max(ends) - min(ends)) or 1.0
    figure.add_vline(x=0, line={"color": "#87919b", "width": 1, "dash": "dot"}, layer="below")
    figure.update_layout(
        height=96 + _ROW_PX * len(pairs),
        xaxis={
            "title": {"text": language.t("axis_points")},
            "nticks": 9,
            "range": [min(ends) - margin, max(ends) + margin],
        },
        yaxis={"autorange": "reversed", "showgrid": False, "ticks": "", "ticklabelstandoff": 12, "type": "category"},
    )
    return figure


def _ends(pair: Pair | RecipePair, language: Language) -> str:
    value = number(100 * pair.difference.value, language.code, signed=True)
    return f"{value} ({interval_text(pair.difference.low, pair.difference.high, language.code)})"


def _curves(comparison: Comparison, language: Language) -> go.Figure:
    """The validation mDice of every run over its iterations, coloured by recipe, the best validation ringed."""
    figure = go.Figure()
    for run in comparison.runs:
        if run.log.best is None:
            continue
        recipe = comparison.recipe_of[run.name]
        colour = recipe_colour(comparison, recipe)
        events = run.log.validations
        figure.add_scatter(
            x=[event["iteration"] for event in events],
            y=[event["metrics"]["mDice"] for event in events],
            mode="lines",
            name=safe(run.name),
            line={"color": colour, "width": 1.8},
            hovertemplate=f"{safe(run.name)}, %{{x}}: %{{y:.2%}}<extra></extra>",
            meta={"key": recipe},
        )
        figure.add_scatter(
            x=[run.log.best["iteration"]],
            y=[run.log.best["metrics"]["mDice"]],
            mode="markers",
            marker={"size": 9, "color": colour, "symbol": "circle-open", "line": {"width": 2}},
            hoverinfo="skip",
            meta={"key": recipe},
        )
    figure.update_layout(
        height=380,
        xaxis={"title": {"text": language.t("axis_iteration")}, "rangemode": "tozero"},
        yaxis={"tickformat": ".0%", "nticks": 7},
    )
    return figure
