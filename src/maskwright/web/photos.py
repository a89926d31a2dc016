"""Photos as a browser shows them: the file itself where that is the same picture, else a new one."""

from __future__ import annotations

from pathlib import Path

import cv2

from maskwright.data.encode import JPEG_QUALITY
from maskwright.data.pictures import fitted
from maskwright.data.sample import Image

LOSSLESS_PIXELS = 4_000_000
"""Photos up to that size travel as PNG, which is exact; larger ones as JPEG, which is ten times as small."""


def photo_bytes(file: Path | None, image: Image) -> tuple[bytes, str]:
    """A photo's bytes and their media type.

    Args:
        file: its file, None for a photo in memory.
        image: its pixels, `(H, W, 3) uint8` RGB, turned as its EXIF tag says.

    Returns:
        The file as it is where it is a JPEG that needs no turning, else the pixels as PNG or JPEG.
    """
    if file is not None and file.suffix.lower() in (".jpg", ".jpeg"):
        content = file.read_bytes()
        if _shows_as_is(content):
            return content, "image/jpeg"
    exact = image.shape[0] * image.shape[1] <= LOSSLESS_PIXELS
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1] if exact else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, encoded = cv2.imencode(".png" if exact else ".jpg", image[..., ::-1], options)
    return encoded.tobytes(), "image/png" if exact else "image/jpeg"


def thumbnail(image: Image, side_px: int) -> bytes:
    """A photo as a small JPEG.

    Args:
        image: `(H, W, 3) uint8` RGB.
        side_px: its longest side, no larger than the photo's.
    """
    _, encoded = cv2.imencode(".jpg", fitted(image, side_px)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()


def _shows_as_is(content: bytes) -> bool:
    """Whether a JPEG has one or three channels and no EXIF block that could turn it (JFIF 1.02, EXIF 2.32)."""
    place = 2
    if content[:2] != b"\xff\xd8":
        return False
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker, size = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == 0xE1 and content[place + 4 : place + 8] == b"Exif":
            return False
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return content[place + 9] in (1, 3)
        place += 2 + size
    return False
