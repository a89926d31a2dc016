"""The training curves, as plotly figures that the page's script draws."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from maskwright.metrics.scores import PER_CLASS
from maskwright.reports.colours import ACCENT, FAINT, METRIC_COLOURS
from maskwright.reports.contents import json_number
from maskwright.reports.language import Language
from maskwright.training.training_log import Event, TrainingLog

_MOST_POINTS = 800
_MOST_LINES = 12
FONTS = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"


def curves(log: TrainingLog, colours: dict[str, str], language: Language) -> dict[str, Any]:
    """The figures of one training.

    Args:
        log: the training's log.
        colours: the page colour of each class, by name.
        language: what the figures are labelled in.

    Returns:
        By name ("loss", "learning_rate", "metrics", "per_class") the figure as JSON values. Each trace's `meta` holds
        its other x values (`minutes`) and y values (`dice`, `iou`, ...), each layout's `meta` the iteration and
        minute of the best weights. A figure without points is left out.
    """
    figures = {
        "loss": _loss(log, language),
        "learning_rate": _learning_rate(log, language),
        "metrics": _metrics(log, language),
        "per_class": _per_class(log, colours),
    }
    return {name: _finished(figure, log, language) for name, figure in figures.items() if figure.data}


def _loss(log: TrainingLog, language: Language) -> go.Figure:
    steps = _thinned([step for step in log.steps if step.get("loss") is not None])
    figure = go.Figure()
    if steps:
        loss = [json_number(step["loss"]) for step in steps]
        faint = {"color": FAINT, "width": 1}
        figure.add_trace(_line(steps, loss, language.t("loss_raw"), faint, hoverinfo="skip"))
        bold = {"color": ACCENT, "width": 2.2}
        figure.add_trace(_line(steps, _smooth(loss), language.t("loss_smooth"), bold, mode=_mode(steps)))
        figure.update_layout(yaxis={"rangemode": "tozero", "hoverformat": ".3f"})
    return figure


def _learning_rate(log: TrainingLog, language: Language) -> go.Figure:
    steps = _thinned([step for step in log.steps if step.get("lr") is not None])
    figure = go.Figure()
    if steps:
        line = {"color": METRIC_COLOURS["mIoU"], "width": 2.2}
        rates = [json_number(step["lr"]) for step in steps]
        figure.add_trace(_line(steps, rates, language.t("term_learning_rate"), line, mode=_mode(steps)))
        figure.update_layout(
            yaxis={"rangemode": "tozero", "hoverformat": ".2e", "tickformat": ".2~g", "nticks": 5},
        )
    return figure


def _metrics(log: TrainingLog, language: Language) -> go.Figure:
    figure = go.Figure()
    for name, colour in METRIC_COLOURS.items():
        events = [event for event in log.validations if (event.get("metrics") or {}).get(name) is not None]
        if not events:
            continue
        line = {"color": colour, "width": 2.8 if name == "mDice" else 1.6}
        scores = [json_number(event["metrics"][name]) for event in events]
        figure.add_trace(_line(events, scores, language.t(f"term_{name}"), line, mode=_mode(events)))
    if log.best is not None and figure.data:
        figure.add_trace(_best_point(log.best))
        _name_best(figure, log.best, log, language)
    figure.update_layout(yaxis=_share_axis())
    return figure


def _per_class(log: TrainingLog, colours: dict[str, str]) -> go.Figure:
    figure = go.Figure()
    events = [event for event in log.validations if event.get("per_class")]
    names = [entry["name"] for entry in events[-1]["per_class"]] if events else []
    for place, name in enumerate(names):
        by_event = [_entry(event, name) for event in events]
        series = {key: [_or_none(entry.get(key)) for entry in by_event] for key in PER_CLASS}
        line = {"color": colours.get(name, ACCENT), "width": 2.2}
        trace = _line(events, series["dice"], html.escape(name), line, mode=_mode(events))
        trace.meta = {**trace.meta, **series}
        trace.visible = True if place < _MOST_LINES else "legendonly"
        figure.add_trace(trace)
    figure.update_layout(yaxis=_share_axis())
    return figure


def _best_point(best: Event) -> go.Scatter:
    return go.Scatter(
        x=[best["iteration"]],
        y=[json_number(best["metrics"]["mDice"])],
        mode="markers",
        marker={"size": 11, "color": ACCENT, "symbol": "circle-open", "line": {"width": 2.4}},
        hoverinfo="skip",
        cliponaxis=False,
        meta={"minutes": [_minutes(best)], "label": ""},
    )


def _mark_best(figure: go.Figure, best: Event) -> None:
    """A dotted line at the best weights."""
    x = best["iteration"]
    line = {"color": ACCENT, "width": 1, "dash": "dot"}
    figure.add_shape(type="line", xref="x", yref="paper", x0=x, x1=x, y0=0, y1=1, line=line, layer="below")


def _name_best(figure: go.Figure, best: Event, log: TrainingLog, language: Language) -> None:
    """The best score at the foot of its line, on the side where there is more room."""
    x = best["iteration"]
    late = log.last is not None and 2 * x > log.last["iteration"]
    figure.add_annotation(
        x=x,
        xref="x",
        y=0.01,
        yref="paper",
        yanchor="bottom",
        xanchor="right" if late else "left",
        text=language.t("best_label", mdice=language.percent(best["metrics"]["mDice"])),
        showarrow=False,
        font={"size": 12, "color": ACCENT},
    )


def _line(
    events: Sequence[Event], y: Sequence[float | None], name: str, line: dict[str, Any], **more: Any
) -> go.Scatter:
    return go.Scatter(
        x=[event["iteration"] for event in events],
        y=[None if value is None or np.isnan(value) else float(f"{value:.6g}") for value in y],
        name=name,
        line={**line, "shape": "linear"},
        marker={"size": 5},
        meta={"minutes": [_minutes(event) for event in events], "label": html.unescape(name)},
        **{"mode": "lines", **more},
    )


def _mode(events: Sequence[Event]) -> str:
    return "lines+markers" if len(events) <= 40 else "lines"


def _finished(figure: go.Figure, log: TrainingLog, language: Language) -> Any:
    best = log.best
    axis = {"showgrid": True, "gridwidth": 1, "zeroline": False, "automargin": True, "fixedrange": True}
    figure.update_layout(
        template="none",
        height=290,
        margin={"l": 46, "r": 14, "t": 14, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={
            "size": 12,
            "family": FONTS,
        },
        hovermode="x unified",
        separators=language.separators,
        showlegend=False,
        xaxis={
            **axis,
            "showgrid": False,
            "nticks": 7,
            "ticks": "outside",
            "ticklen": 4,
            "hoverformat": ",.4~r",
            "spikethickness": -2,
        },
    )
    figure.update_yaxes(**{"nticks": 6, **axis})
    last = log.last
    meta = dict(figure.layout.meta or {})
    if last is not None:
        meta["end"] = {"iteration": last["iteration"], "minutes": _minutes(last)}
    if best is not None:
        _mark_best(figure, best)
        meta["best"] = {"iteration": best["iteration"], "minutes": _minutes(best)}
    figure.update_layout(meta=meta)
    return figure.to_plotly_json()


def _share_axis() -> dict[str, Any]:
    return {"tickformat": ".0%", "hoverformat": ".1%", "range": [0, 1.04], "dtick": 0.2}


def _smooth(values: Sequence[float]) -> list[float]:
    """The moving average over a fortieth of the curve, on the points that there are."""
    half = max(1, len(values) // 80)
    array = np.asarray(values, float)
    return [float(np.nanmean(array[max(0, i - half) : i + half + 1])) for i in range(len(array))]


def _thinned(events: list[Event]) -> list[Event]:
    step = max(1, len(events) // _MOST_POINTS)
    return events[::step]


def _entry(event: Event, name: str) -> dict[str, Any]:
    return next((entry for entry in event["per_class"] if entry["name"] == name), {})


def _minutes(event: Event) -> float:
    return round(float(event["seconds"]) / 60, 3)


def _or_none(value: Any) -> float | None:
    return None if value is None else round(float(value), 5)
