"""Colours that can be told apart on a white and on a black page."""

from __future__ import annotations

import colorsys
from collections import defaultdict
from collections.abc import Mapping, Sequence

ACCENT = "#15958a"
FAINT = "rgba(21, 149, 138, 0.35)"
SERIES = ("#15958a", "#4a86d8", "#cf8a1d", "#9a70cf", "#d0553a", "#87919b")
"""Of splits, recipes and the like, in their order; from the seventh on they come again."""
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
    if saturation < 0.08:  # a grey is drawn as a cool one, which sits better beside the other colours
        hue, saturation = 0.58, 0.07
    channels = colorsys.hls_to_rgb(hue, min(max(lightness, 0.47), 0.6), min(saturation, 0.75))
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def class_colours(colours: Mapping[str, Sequence[int]]) -> Mapping[str, str]:
    """`page_colour` of each class by name; `ACCENT` for one that is asked for and has none."""
    return defaultdict(lambda: ACCENT, {name: page_colour(rgb) for name, rgb in colours.items()})


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a "#rrggbb" (relative luminance of WCAG 2.2)."""
    linear = [(int(colour[place : place + 2], 16) / 255) ** 2.2 for place in (1, 3, 5)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#14181b" if luminance > 0.3 else "#ffffff"
