"""What the plotly figures of all pages have in common."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

from maskwright.reports.curves import FONTS
from maskwright.reports.language import Language


def finished(figure: go.Figure, language: Language) -> Any:
    """The figure as JSON values, in the look of the page.

    Args:
        figure: with its traces; a height of its own is kept.
        language: whose decimal comma is used.
    """
    figure.update_layout(
        template="none",
        height=figure.layout.height or 300,
        margin={"l": 46, "r": 22, "t": 26, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 12, "family": FONTS},
        separators=language.separators,
        showlegend=False,
        hovermode="closest",
    )
    figure.update_xaxes(
        zeroline=False, automargin=True, fixedrange=True, showgrid=False, title={"standoff": 8, "font": {"size": 12}}
    )
    figure.update_yaxes(zeroline=False, automargin=True, fixedrange=True, title={"standoff": 8, "font": {"size": 12}})
    return figure.to_plotly_json()


def safe(name: str) -> str:
    """A user's name as plotly may show it, which reads a part of HTML."""
    return html.escape(name)
