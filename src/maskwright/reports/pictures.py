"""Pictures inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MIME = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def embedded(path: Path, *, limit_bytes: int) -> tuple[str, int, int]:
    """A picture as a data URI, made smaller where it would take too much room.

    Args:
        path: a JPEG, PNG or WebP file.
        limit_bytes: what the picture may take, before base64 makes a third more of it.

    Returns:
        The URI, the width and the height in pixels.

    Raises:
        OSError: the file cannot be read as a picture.
    """
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        if len(content) > limit_bytes or path.suffix.lower() not in _MIME:
            content, width, height = _smaller(image.convert("RGB"), limit_bytes, _as_jpeg)
            return _uri("image/jpeg", content), width, height
    return _uri(_MIME[path.suffix.lower()], content), width, height


def embedded_pixels(pixels: NDArray[np.uint8], *, quality: int, limit_bytes: int) -> tuple[str, int, int]:
    """Pixels as a data URI of a WebP picture, made smaller where it would take too much room.

    Args:
        pixels: `(H, W, 3) uint8` RGB, or `(H, W, 4) uint8` RGBA, where alpha 0 shows the page.
        quality: 1..100.
        limit_bytes: as in `embedded`.

    Returns:
        As `embedded`.
    """
    content, width, height = _smaller(Image.fromarray(pixels), limit_bytes, partial(_as_webp, quality=quality))
    return _uri("image/webp", content), width, height


def _smaller(image: Image.Image, limit_bytes: int, encode: Callable[..., Iterator[bytes]]) -> tuple[bytes, int, int]:
    while True:
        for content in encode(image):
            if len(content) <= limit_bytes or max(image.size) <= 64:
                return content, *image.size
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)), Image.Resampling.LANCZOS)


def _as_jpeg(image: Image.Image) -> Iterator[bytes]:
    for quality in (88, 78, 65):
        yield _saved(image, "JPEG", quality=quality, optimize=True, progressive=True)


def _as_webp(image: Image.Image, quality: int) -> Iterator[bytes]:
    yield _saved(image, "WEBP", quality=quality, method=2)  # 4, the default, takes twice as long for 2 % fewer bytes


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
