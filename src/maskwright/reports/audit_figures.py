"""The data in numbers, as plotly figures that the page's script draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from maskwright.audit.statistics import AREA_EDGES, AuditStatistics, ClassDetail
from maskwright.reports.colours import SERIES, page_colour
from maskwright.reports.figure import finished, safe
from maskwright.reports.language import Language

MOST_CLASSES = 12
"""Lines and heat maps beyond that are told apart by nobody; the most frequent classes are shown."""
DASHES = ("solid", "dot", "dash", "dashdot")
_MOST_COLUMNS = 6
_CHANNELS = {"red": "#d0553a", "green": "#4c9a4f", "blue": "#4a86d8"}
_QUANTITIES = ("brightness", "saturation", "sharpness")


def statistics_figures(statistics: AuditStatistics, language: Language) -> dict[str, Any]:
    """The figures of a dataset.

    Args:
        statistics: the data in numbers.
        language: what the figures are labelled in.

    Returns:
        By name ("shares", "images", "areas", "positions", "channels", "exposure", "sizes") the figure as JSON values.
        A trace's `meta["key"]` names the button that shows and hides it. What has nothing to show is left out.
    """
    figures = {
        "shares": _shares(statistics, language),
        "images": _images(statistics, language),
        "areas": _areas(statistics, language),
        "positions": _positions(statistics),
        "channels": _channels(statistics, language),
        "exposure": _exposure(statistics, language),
        "sizes": _sizes(statistics, language),
    }
    return {name: finished(figure, language) for name, figure in figures.items() if figure.data}


def shown_classes(statistics: AuditStatistics) -> list[int]:
    """The ids of the classes that are drawn: all, or the most frequent ones in their order."""
    totals = [sum(column) for column in zip(*(split.class_px for split in _labelled(statistics).values()), strict=True)]
    largest = sorted(range(len(totals)), key=lambda class_id: -totals[class_id])[:MOST_CLASSES]
    return sorted(largest)


def _shares(statistics: AuditStatistics, language: Language) -> go.Figure:
    """Each split as one bar, from left to right the classes' shares of its labelled pixels."""
    figure, splits = go.Figure(), _labelled(statistics)
    for class_id in shown_classes(statistics):
        name = statistics.data.classes[class_id]
        shares = [split.class_frac[class_id] for split in splits.values()]
        figure.add_bar(
            y=_names(splits),
            x=shares,
            orientation="h",
            name=safe(name),
            marker={"color": page_colour(statistics.data.colours[class_id])},
            text=[language.percent(share) if share > 0.09 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "#ffffff", "size": 12},
            hovertemplate=f"{safe(name)}: %{{x:.2%}}<extra></extra>",
            meta={"key": name, "colour": page_colour(statistics.data.colours[class_id])},
        )
    figure.update_layout(barmode="stack", bargap=0.45, xaxis={"tickformat": ".0%", "range": [0, 1]})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return _sized(figure, max(300, 110 + 54 * len(splits)))


def _images(statistics: AuditStatistics, language: Language) -> go.Figure:
    """The share of each split's masks in which each class is present."""
    figure, splits, ids = go.Figure(), _labelled(statistics), shown_classes(statistics)
    names = [safe(statistics.data.classes[class_id]) for class_id in ids]
    for place, (name, split) in enumerate(splits.items()):
        counts = [split.class_images[class_id] for class_id in ids]
        figure.add_bar(
            x=names,
            y=[count / split.labelled for count in counts],
            name=safe(name),
            marker={"color": SERIES[place % len(SERIES)]},
            text=[language.count(count) for count in counts],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{safe(name)}, %{{x}}: %{{text}} (%{{y:.1%}})<extra></extra>",
            meta={"key": name, "colour": SERIES[place % len(SERIES)]},
        )
    figure.update_layout(barmode="group", bargap=0.3, yaxis={"tickformat": ".0%", "rangemode": "tozero"})
    return figure


def _areas(statistics: AuditStatistics, language: Language) -> go.Figure:
    """How large the objects are: shares of them per doubling of their area."""
    figure = go.Figure()
    centres = [math.sqrt(low * high) for low, high in itertools.pairwise(AREA_EDGES)]
    for place, name in enumerate(_labelled(statistics)):
        for class_id, detail in _details(statistics, name):
            total = sum(detail.area_counts)
            if class_id == 0 or not total:  # the rest of the photo is no object
                continue
            label = statistics.data.classes[class_id]
            figure.add_scatter(
                x=centres,
                y=[count / total for count in detail.area_counts],
                name=safe(f"{label}, {name}"),
                line={
                    "color": page_colour(statistics.data.colours[class_id]),
                    "dash": DASHES[place % len(DASHES)],
                    "width": 2.2,
                },
                mode="lines",
                hovertemplate=f"{safe(label)}, {safe(name)}: %{{y:.1%}}<extra></extra>",
                meta={
                    "key": f"{label}, {name}",
                    "colour": page_colour(statistics.data.colours[class_id]),
                    "dash": DASHES[place % len(DASHES)],
                },
            )
    ticks = [0.0001, 0.001, 0.01, 0.1, 1]
    texts = [language.percent(tick, 0 if tick >= 0.01 else 2 if tick < 0.001 else 1) for tick in ticks]
    figure.update_layout(
        yaxis={"tickformat": ".0%", "rangemode": "tozero"},
        xaxis={"type": "log", "tickvals": ticks, "ticktext": texts, "title": {"text": language.t("axis_area")}},
    )
    return figure


def _positions(statistics: AuditStatistics) -> go.Figure:
    """Where each class is in the photos: the splits of a class beside each other."""
    splits = list(_labelled(statistics))
    maps = [(class_id, name) for class_id in shown_classes(statistics) if class_id > 0 for name in splits]
    if not maps:
        return go.Figure()
    columns = max(1, _MOST_COLUMNS // len(splits)) * len(splits)
    rows, columns = -(-len(maps) // columns), min(columns, len(maps))
    titles = [safe(f"{statistics.data.classes[class_id]}, {name}") for class_id, name in maps]
    gaps = {"horizontal_spacing": 0.02, "vertical_spacing": 0.14 / rows}
    figure = make_subplots(rows, columns, subplot_titles=titles, **gaps)
    for place, (class_id, name) in enumerate(maps):
        colour = page_colour(statistics.data.colours[class_id])
        position = statistics.splits[name].classes[class_id].position
        shades = [[0, _see_through(colour, 0.06)], [1, colour]]
        heat = go.Heatmap(z=position, colorscale=shades, showscale=False, xgap=1, ygap=1, zmin=0)
        heat.hovertemplate = "%{z:.1%}<extra></extra>"
        figure.add_trace(heat, place // columns + 1, place % columns + 1)
    for place in range(1, rows * columns + 1):
        axis = "x" if place == 1 else f"x{place}"
        figure.update_layout({f"yaxis{'' if place == 1 else place}": {"scaleanchor": axis, "constrain": "domain"}})
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed")
    figure.update_annotations(font={"size": 12})
    return _sized(figure, 40 + rows * (290 if columns <= 4 else 210))


def _channels(statistics: AuditStatistics, language: Language) -> go.Figure:
    """The histograms of red, green and blue, in each split."""
    figure = go.Figure()
    for place, (name, split) in enumerate(statistics.splits.items()):
        for (channel, colour), counts in zip(_CHANNELS.items(), split.rgb_counts, strict=True):
            total = max(sum(counts), 1)
            label = language.t(f"channel_{channel}") + f", {name}"
            figure.add_scatter(
                x=[(bin_ + 0.5) * 256 / len(counts) for bin_ in range(len(counts))],
                y=[count / total for count in counts],
                name=safe(label),
                line={"color": colour, "dash": DASHES[place % len(DASHES)], "width": 1.8},
                mode="lines",
                hovertemplate=f"{safe(label)}: %{{y:.1%}}<extra></extra>",
                meta={"key": label, "colour": colour, "dash": DASHES[place % len(DASHES)]},
            )
    figure.update_layout(
        yaxis={"tickformat": ".0%", "rangemode": "tozero"},
        xaxis={"range": [0, 256], "tickvals": [0, 64, 128, 192, 255], "title": {"text": language.t("axis_value")}},
    )
    return figure


def _exposure(statistics: AuditStatistics, language: Language) -> go.Figure:
    """Brightness, saturation and sharpness of the photos of each split: percentiles as boxes."""
    titles = [language.t(f"quantity_{what}") for what in _QUANTITIES]
    figure = make_subplots(1, len(_QUANTITIES), subplot_titles=titles, horizontal_spacing=0.08)
    for column, what in enumerate(_QUANTITIES, start=1):
        for place, (name, split) in enumerate(statistics.splits.items()):
            low, first, middle, third, high = getattr(split, what)
            if not math.isfinite(middle):
                continue
            box = go.Box(
                x=[safe(name)],
                lowerfence=[low],
                q1=[first],
                median=[middle],
                q3=[third],
                upperfence=[high],
                name=safe(name),
                line={"color": SERIES[place % len(SERIES)], "width": 1.8},
                width=0.5,
            )
            figure.add_trace(box, 1, column)
    figure.update_annotations(font={"size": 12})
    return figure


def _sizes(statistics: AuditStatistics, language: Language) -> go.Figure:
    """Width and height of the photos, where they are not all of one size."""
    figure = go.Figure()
    if len({size for split in statistics.data.splits.values() for size, _ in split.sizes}) < 2:
        return figure
    for place, (name, split) in enumerate(statistics.data.splits.items()):
        sizes = split.sizes[:400]
        colour = SERIES[place % len(SERIES)]
        figure.add_scatter(
            x=[width for (_, width), _ in sizes],
            y=[height for (height, _), _ in sizes],
            text=[language.count(count) for _, count in sizes],
            name=safe(name),
            mode="markers",
            marker={
                "color": colour,
                "opacity": 0.6,
                "size": [6 + 26 * math.sqrt(count / split.images) for _, count in sizes],
            },
            hovertemplate=f"{safe(name)}: %{{x}} × %{{y}} (%{{text}})<extra></extra>",
            meta={"key": name, "colour": colour},
        )
    figure.update_layout(
        xaxis={"title": {"text": language.t("axis_width")}, "rangemode": "tozero"},
        yaxis={"title": {"text": language.t("axis_height")}, "rangemode": "tozero"},
    )
    return figure


def _sized(figure: go.Figure, height_px: int) -> go.Figure:
    figure.update_layout(height=height_px)
    return figure


def _labelled(statistics: AuditStatistics) -> dict[str, Any]:
    return {name: split for name, split in statistics.data.splits.items() if split.labelled}


def _details(statistics: AuditStatistics, split: str) -> Iterable[tuple[int, ClassDetail]]:
    ids = set(shown_classes(statistics))
    return [(place, each) for place, each in enumerate(statistics.splits[split].classes) if place in ids]


def _names(splits: Mapping[str, Any]) -> Sequence[str]:
    return [safe(name) for name in splits]


def _see_through(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"
