"""Pictures inside the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

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
            content, width, height = _smaller(image.convert("RGB"), limit_bytes)
            return _uri("image/jpeg", content), width, height
    return _uri(_MIME[path.suffix.lower()], content), width, height


def _smaller(image: Image.Image, limit_bytes: int) -> tuple[bytes, int, int]:
    while True:
        for quality in (88, 78, 65):
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            if buffer.tell() <= limit_bytes or max(image.size) <= 64:
                return buffer.getvalue(), *image.size
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)), Image.Resampling.LANCZOS)


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
