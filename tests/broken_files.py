"""Bytes and files that no dataset should hold, for the tests of reading."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from small_folders import photo, save


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, rows: bytes, *, bits: int = 8, colour_type: int = 0) -> bytes:
    """A PNG whose header may promise anything."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def encoded(pixels: Any, kind: str, **options: Any) -> bytes:
    """Pixels as a file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def cut(path: Path, kind: str, **options: Any) -> None:
    """A file that ends after half of its bytes."""
    whole = encoded(photo(1, (64, 64)), kind, **options)
    path.write_bytes(whole[: len(whole) // 2])


def huge_tiff() -> bytes:
    """A TIFF header that promises 40000 x 40000 pixels."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "TIFF")
    return (
        buffer.getvalue()
        .replace(struct.pack("<HHII", 256, 4, 1, 8), struct.pack("<HHII", 256, 4, 1, 40000))
        .replace(struct.pack("<HHII", 257, 4, 1, 8), struct.pack("<HHII", 257, 4, 1, 40000))
    )


def huge_webp() -> bytes:
    """A lossless WebP header that promises 16383 x 16383 pixels."""
    whole = bytearray(encoded(np.zeros((8, 8, 3), np.uint8), "WEBP", lossless=True))
    start = whole.index(b"VP8L") + 9
    (word,) = struct.unpack_from("<I", whole, start)
    struct.pack_into("<I", whole, start, (word & ~0xFFFFFFF) | 16382 | 16382 << 14)
    return bytes(whole)


def huge_bmp() -> bytes:
    """A BMP header that promises 30000 x 30000 pixels."""
    whole = bytearray(encoded(np.zeros((8, 8, 3), np.uint8), "BMP"))
    struct.pack_into("<ii", whole, 18, 30000, 30000)
    return bytes(whole)


def frames(path: Path, **options: Any) -> None:
    """Two pictures in one file."""
    first, second = Image.fromarray(photo(1)), Image.fromarray(photo(2))
    first.save(path, save_all=True, append_images=[second], **options)


def turned(path: Path, orientation: int, seed: int, size_hw: tuple[int, int]) -> None:
    """A JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(path, photo(seed, size_hw), exif=exif)
