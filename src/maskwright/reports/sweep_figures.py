"""A sweep as plotly figures that the page's script draws: a slice for each setting, and the course of the search."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

import plotly.graph_objects as go

from maskwright.experiments.importance import Importance, judged, judged_percent
from maskwright.experiments.space import Choice, Range
from maskwright.experiments.study import Trial
from maskwright.experiments.sweeps import Sweep
from maskwright.reports.colours import SERIES
from maskwright.reports.figure import finished, safe
from maskwright.reports.language import Language

STATE_COLOURS = {"complete": SERIES[0], "pruned": "#cf8a1d", "stopped": "#87919b", "failed": "#d0553a"}
_BAND = "rgba(135,145,155,.16)"


def sweep_figures(sweep: Sweep, language: Language) -> dict[str, Any]:
    """The figures of a sweep.

    Args:
        sweep: the sweep.
        language: what the figures are labelled in.

    Returns:
        By name ("slice-<setting>", "search", "courses") the figure as JSON values; what has nothing to show is left
        out.
    """
    found = {entry.name: entry for entry in sweep.importances()}
    figures = {f"slice-{name}": _slice(sweep, name, found.get(name), language) for name in sweep.space.searched}
    figures |= {"search": _search(sweep, language), "courses": _courses(sweep, language)}
    return {name: finished(figure, language) for name, figure in figures.items() if figure.data}


def _slice(sweep: Sweep, name: str, found: Importance | None, language: Language) -> go.Figure:
    """Each trial's score over the value of one setting, what was fitted, and the band that a seed alone moves in."""
    figure, each = go.Figure(), sweep.space.searched[name]
    compared = judged(sweep.trials)
    if not compared:
        return figure
    for state in ("complete", "pruned"):
        points = [(trial, score) for trial, score in compared if trial.state == state]
        if points:
            figure.add_scatter(
                x=[_shown(trial.settings[name], each) for trial, _ in points],
                y=[score for _, score in points],
                mode="markers",
                marker={"size": 8, "color": STATE_COLOURS[state], "opacity": 0.85},
                hovertemplate=[_hover(trial, language) + " %{y:.2%}<extra></extra>" for trial, _ in points],
            )
    if found is not None:
        line = {"color": SERIES[1], "width": 2, "dash": "solid" if found.matters else "dot"}
        figure.add_scatter(
            x=[_shown(value, each) for value, _ in found.curve],
            y=[score for _, score in found.curve],
            mode="lines+markers" if isinstance(each, Choice) else "lines",
            line=line,
            marker={"size": 12, "symbol": "line-ew", "line": {"width": 2.5, "color": SERIES[1]}},
            hoverinfo="skip",
        )
    if sweep.noise is not None:
        top = max(score for _, score in compared)
        figure.add_hrect(y0=top - 2 * sweep.noise, y1=top, fillcolor=_BAND, line_width=0, layer="below")
    axis: dict[str, Any] = {"title": {"text": f"{name}"}, "nticks": 6}
    if isinstance(each, Range) and each.log:
        axis |= {"type": "log"} | (_whole_log_ticks(each) if each.whole else {"exponentformat": "power", "dtick": 1})
    elif isinstance(each, Range) and each.whole:
        axis |= _whole_ticks([trial.settings[name] for trial, _ in compared], each.step or 1, most=6)
    elif isinstance(each, Choice):
        axis |= {"type": "category", "categoryarray": [_shown(option, each) for option in each.options]}
        axis |= {"categoryorder": "array"}
    figure.update_layout(height=280, xaxis=axis, yaxis={"tickformat": ".1%", "nticks": 6})
    return figure


def _search(sweep: Sweep, language: Language) -> go.Figure:
    """What each trial reached, in the order in which they were begun, and the best so far."""
    figure = go.Figure()
    reached = [(trial, score) for trial in sweep.trials if (score := _score(trial)) is not None]
    for state, colour in STATE_COLOURS.items():
        points = [(trial, score) for trial, score in reached if trial.state == state]
        if points:
            figure.add_scatter(
                x=[trial.number for trial, _ in points],
                y=[score for _, score in points],
                mode="markers",
                name=language.t(f"state_{state}"),
                marker={"size": 9, "color": colour},
                hovertemplate=[_hover(trial, language) + " %{y:.2%}<extra></extra>" for trial, _ in points],
                meta={"key": state},
            )
    best, line = 0.0, []
    for trial in sweep.trials:
        if trial.value is not None and trial.value > best:
            best = trial.value
        if best:
            line.append((trial.number, best))
    if line:
        figure.add_scatter(
            x=[place for place, _ in line],
            y=[score for _, score in line],
            mode="lines",
            line={"shape": "hv", "width": 1.6, "color": "#87919b"},
            hoverinfo="skip",
            meta={"key": "best"},
        )
    for number, scores in sweep.scores_again().items():
        figure.add_scatter(
            x=[number] * len(scores),
            y=list(scores),
            mode="markers",
            marker={"size": 8, "symbol": "line-ew-open", "color": SERIES[3], "line": {"width": 2}},
            hovertemplate=language.t("again_of", n=number) + " %{y:.2%}<extra></extra>",
            meta={"key": "again"},
        )
    figure.update_layout(
        height=340,
        xaxis={
            "title": {"text": language.t("axis_trial")},
            "nticks": 12,
            **_whole_ticks([trial.number for trial in sweep.trials], 1, most=12),
        },
        yaxis={"tickformat": ".0%", "nticks": 7},
    )
    return figure


def _courses(sweep: Sweep, language: Language) -> go.Figure:
    """How far each trial had come after which share of its training."""
    figure = go.Figure()
    scores = [score for trial in sweep.trials if (score := _score(trial)) is not None]
    middle = mean(scores) if scores else 0.0
    for trial in sweep.trials:
        if not trial.course:
            continue
        good = trial.value is not None and trial.value >= middle
        figure.add_scatter(
            x=[percent for percent, _ in trial.course],
            y=[score for _, score in trial.course],
            mode="lines+markers" if len(trial.course) == 1 else "lines",
            line={"color": STATE_COLOURS.get(trial.state, "#87919b"), "width": 1.8 if good else 1.1},
            opacity=0.95 if good else 0.55,
            hovertemplate=_hover(trial, language) + " %{x}" + " % · %{y:.2%}<extra></extra>",
            meta={"key": trial.state},
        )
    percent = judged_percent(sweep.trials)
    if percent < 100:
        figure.add_vline(x=percent, line={"color": "#87919b", "width": 1, "dash": "dot"}, layer="below")
    figure.update_layout(
        height=340,
        xaxis={"title": {"text": language.t("axis_percent")}, "range": [0, 101], "ticksuffix": " %"},
        yaxis={"tickformat": ".0%", "nticks": 7},
    )
    return figure


def _whole_ticks(values: Sequence[int], step: float, *, most: int) -> dict[str, Any]:
    """Ticks at whole numbers only: where there are few, plotly would set some between them."""
    few = bool(values) and max(values) - min(values) <= most * step
    return {"tickformat": "d"} | ({"tick0": min(values), "dtick": step} if few else {})


def _whole_log_ticks(each: Range) -> dict[str, Any]:
    places = sorted({round(each.low * (each.high / each.low) ** (part / 4)) for part in range(5)})
    return {"tickmode": "array", "tickvals": places, "ticktext": [str(place) for place in places]}


def _score(trial: Trial) -> float | None:
    return trial.value if trial.value is not None or not trial.course else trial.course[-1][1]


def _shown(value: Any, each: Range | Choice) -> Any:
    return value if isinstance(each, Range) else safe(str(value))


def _hover(trial: Trial, language: Language) -> str:
    settings = [f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in
                trial.settings.items()]  # fmt: skip
    return language.t("trial_of", n=trial.number) + "<br>" + "<br>".join(map(safe, settings)) + "<br>"
