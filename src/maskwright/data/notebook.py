"""Values as a notebook shows them: tables and thumbnails in plain HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
from markupsafe import Markup, escape

from maskwright.data.sample import Image

THUMBNAIL_PX = 96
"""Longest side of a thumbnail: ten of them fit on a screen beside their sentences."""


def html_title(text: str, *, small: str = "") -> Markup:
    """A line that says what follows.

    Args:
        text: in bold.
        small: after it, in normal type.
    """
    return Markup("<p><b>{}</b> {}</p>").format(text, small)


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table; whatever is not `Markup` is escaped.

    Args:
        head: the columns' names.
        rows: as many cells each.
    """
    cell = '<td style="text-align:left;vertical-align:top;overflow-wrap:anywhere">'
    names = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'{cell}{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return Markup(f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>")


def html_swatch(colour: Sequence[int]) -> Markup:
    """A small square in a class's colour.

    Args:
        colour: RGB, each in 0..255.
    """
    square = "display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.4em;background:rgb({},{},{})"
    return Markup(f'<i style="{square}"></i>').format(*colour)


def html_thumbnail(image: Image) -> Markup:
    """A picture, made small, inside of the page.

    Args:
        image: `(H, W, 3) uint8` RGB.
    """
    height, width = image.shape[:2]
    scale = THUMBNAIL_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small[..., ::-1])
    content = base64.b64encode(encoded.tobytes()).decode("ascii")
    return Markup('<img src="data:image/jpeg;base64,{}" width="{}" height="{}" alt="">').format(content, *size)
