"""Colours that can be told apart on a white and on a black page."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

ACCENT = "#15958a"
METRIC_COLOURS = {
    "mDice": ACCENT,
    "mIoU": "#4a86d8",
    "mAcc": "#9a70cf",
    "aAcc": "#87919b",
    "mDice_foreground": "#cf8a1d",
}


def page_colour(rgb: Sequence[int]) -> str:
    """A class's colour as bars and lines use it: its own hue, neither too dark nor too light for the page.

    Args:
        rgb: the class's colour, each channel in 0..255.

    Returns:
        "#rrggbb" with a lightness in [0.45, 0.6], so black becomes a grey that is seen in both themes.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in rgb))
    channels = colorsys.hls_to_rgb(hue, min(max(lightness, 0.45), 0.6), min(saturation, 0.75))
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)
