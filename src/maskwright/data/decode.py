"""Safe decoding: a photo or a mask out of a file that may hold anything."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL import Image as PilImage

from maskwright.data.sample import Image
from maskwright.errors import DataError
from maskwright.sentences import say

MAX_PIXELS = 178_956_970
"""512 MiB as RGB: more than any camera makes, little enough for one worker, and where Pillow itself refuses."""

MAX_MASK_VALUES = 64
"""More different values than that in one mask are blurred edges or a photo, not classes (ADE20K has up to 40)."""

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
"""What photos and masks may be called, in lower case. What is inside decides how they are read."""


T = TypeVar("T")

Extract = Callable[[Path, str], bytes]
"""Gives the bytes of a photo that lies inside of another file; takes the file and how messages call it."""


class Undecodable(DataError):
    """A file that cannot be used, as the check that found it and the facts that its sentence needs."""

    def __init__(self, check: str, **facts: Any) -> None:
        self.check, self.facts = check, facts
        super().__init__(say(f"finding.{check}", **facts))

    def __reduce__(self) -> tuple[Callable[..., Undecodable], tuple[str, dict[str, Any]]]:
        return _undecodable, (self.check, self.facts)


@dataclass(frozen=True)
class Photo:
    """A decoded photo.

    Args:
        image: `(H, W, 3) uint8` RGB, after EXIF rotation.
        orientation: the EXIF orientation that was applied, 1..8; 1 is none.
        format: "JPEG", "PNG", "WEBP", "BMP" or "TIFF", by content.
    """

    image: Image
    orientation: int
    format: str

    @property
    def unrotated_hw(self) -> tuple[int, int]:
        """Height and width as stored in the file, before EXIF rotation."""
        height, width = self.image.shape[:2]
        return (width, height) if self.orientation >= 5 else (height, width)


@dataclass(frozen=True)
class MaskValues:
    """What is in a mask file, before anyone says what it means.

    Args:
        counts: how many pixels each different value or colour has.
        values: the index values, empty where the mask has only colours.
        colours: the colours as 0xRRGGBB, empty where the mask has only index values.
        colours_first: whether declared colours are tried before index values (an RGB mask, not a palette).
        labels: the names of the classes where the mask is drawn from shapes, "" for what lies under none.
    """

    counts: tuple[int, ...]
    values: tuple[int, ...]
    colours: tuple[int, ...] = ()
    colours_first: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawMask:
    """A decoded mask whose values are not yet class ids.

    Args:
        places: `(H, W) uint8`; each pixel's place in the tuples of `found`.
        found: the values.
        format: as in `Photo`.
    """

    places: NDArray[np.uint8]
    found: MaskValues
    format: str


def read_image(path: Path, *, name: str = "", extract: Extract | None = None) -> Image:
    """Decode a photo: rotated as its EXIF tag says, any colour space made RGB.

    Alpha is laid on white, 16 bits become 8 by dividing by 257, CMYK is converted without a colour profile.

    Args:
        path: the file.
        name: how messages call it; by default its path.
        extract: gives the photo's bytes where it lies inside of another file.

    Returns:
        `(H, W, 3) uint8` RGB.

    Raises:
        DataError: the file is missing, damaged, too large, animated, or no picture; the message says which.
    """
    return read_photo(path, name=name or str(path), extract=extract).image


def read_photo(path: Path, *, name: str, extract: Extract | None = None) -> Photo:
    """Decode a photo with what is worth knowing about its file; see `read_image`.

    Raises:
        Undecodable: likewise.
    """
    return _decoded(path, name, _photo, extract)


def decode_photo(content: bytes, *, name: str) -> Photo:
    """Decode a photo that lies in memory; see `read_image`.

    Args:
        content: the bytes of its file.
        name: how messages call it.

    Raises:
        Undecodable: likewise.
    """
    return read_photo(Path(name), name=name, extract=lambda *_: content)


def promised_size(content: bytes, *, name: str) -> tuple[int, int]:
    """The height and width that a photo in memory promises, before its pixels are decoded and turned.

    Args:
        content: the bytes of its file.
        name: how messages call it.

    Raises:
        Undecodable: it is no picture, or one that is never decoded.
    """
    return _decoded(Path(name), name, lambda picture, _: (picture.height, picture.width), lambda *_: content)


def read_raw_mask(path: Path, *, name: str) -> RawMask:
    """Decode a mask: 8-bit or 16-bit index, palette, grey or RGB. Values stay as they are on disk.

    Raises:
        Undecodable: as `read_image`; also a lossy JPEG, a see-through mask, more than 64 different values.
    """
    return _decoded(path, name, _raw_mask)


@dataclass(frozen=True)
class _Header:
    """What must be known of a file before its pixels are loaded, since Pillow forgets it then."""

    name: str
    format: str
    tiff_orientation: int
    grey_step: int
    lossy: bool


def _decoded(
    path: Path, name: str, convert: Callable[[PilImage.Image, _Header], T], extract: Extract | None = None
) -> T:
    try:
        with path.open("rb") if extract is None else io.BytesIO(extract(path, name)) as file:
            picture, header = _opened(file, name)
            with picture:
                return convert(picture, header)
    except Undecodable:
        raise
    except FileNotFoundError:
        raise Undecodable("link_broken" if path.is_symlink() else "file_gone", file=name) from None
    except (IsADirectoryError, PermissionError) as error:
        check = "is_folder" if path.is_dir() else "unreadable"
        raise Undecodable(check, file=name, error=_plain(error)) from None
    except PilImage.DecompressionBombError:
        raise Undecodable("too_large", file=name, size="more", limit_mpx=MAX_PIXELS // 10**6) from None
    except Exception as error:  # decoders of foreign bytes raise anything: SyntaxError, struct.error, KeyError ...
        check = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise Undecodable(check, file=name, error=_plain(error)) from None


def _opened(file: BinaryIO, name: str) -> tuple[ImageFile.ImageFile, _Header]:
    start = file.read(64)
    if not start:
        raise Undecodable("empty_file", file=name)
    opener = next((opener for fits, opener in _FORMATS if fits(start)), None)
    if opener is None:
        raise Undecodable("not_picture", file=name, found=_looks_like(start))
    file.seek(0)
    if opener is PngImagePlugin.PngImageFile and 0 in (
        promised := struct.unpack_from(">II", start.ljust(24, b"x"), 16)
    ):
        raise Undecodable("zero_size", file=name, size=f"{promised[0]} x {promised[1]}")
    picture = opener(file, name)
    width, height = picture.size
    if width * height > MAX_PIXELS:
        size = f"{width} x {height}"
        raise Undecodable("too_large", file=name, size=size, limit_mpx=MAX_PIXELS // 10**6)
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise Undecodable("many_frames", file=name, frames=frames)
    return picture, _Header(
        name, str(picture.format), _tiff_orientation(picture), _grey_step(picture), _is_lossy(picture, file)
    )


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[..., ImageFile.ImageFile]], ...] = (
    (lambda start: start[:3] == b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (lambda start: start[:8] == b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (lambda start: start[:4] == b"RIFF" and start[8:12] == b"WEBP", WebPImagePlugin.WebPImageFile),
    (lambda start: start[:2] == b"BM", BmpImagePlugin.BmpImageFile),
    (lambda start: start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
)
"""First bytes of a format and its decoder. Asked directly, not through `Image.open`: fewer formats, fewer holes."""


def _photo(picture: PilImage.Image, header: _Header) -> Photo:
    picture.load()
    image = np.asarray(_rgb(picture, header.name))
    orientation, turn = _orientations(picture, header)
    return Photo(np.ascontiguousarray(_turned(image, turn)), orientation, header.format)


def _rgb(picture: PilImage.Image, name: str) -> PilImage.Image:
    if picture.mode in ("I", "F"):
        raise Undecodable("depth_unknown", file=name, mode=picture.mode)
    if picture.mode.startswith("I;16"):
        sixteen = np.asarray(picture).astype(np.uint32)
        return PilImage.fromarray(((sixteen + 128) // 257).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        white = PilImage.new("RGBA", seen.size, (255, 255, 255, 255))
        return PilImage.alpha_composite(white, seen).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _raw_mask(picture: PilImage.Image, header: _Header) -> RawMask:
    picture.load()
    if header.lossy:
        raise Undecodable("mask_lossy", file=header.name, format=header.format)
    _, turn = _orientations(picture, header)
    if picture.mode in ("RGBA", "LA", "PA"):
        if np.asarray(picture.getchannel("A")).min() < 255:
            raise Undecodable("mask_see_through", file=header.name)
        picture = picture.convert("L" if picture.mode == "LA" else "RGB")
    if picture.mode == "RGB":
        return _colour_mask(_turned(np.asarray(picture), turn), header)
    if picture.mode not in ("1", "L", "P", "I") and not picture.mode.startswith("I;16"):
        raise Undecodable("depth_unknown", file=header.name, mode=picture.mode)
    indices = _turned(np.asarray(picture), turn) // header.grey_step
    return _index_mask(indices, header, _palette(picture) if picture.mode == "P" else None)


def _index_mask(indices: NDArray[Any], header: _Header, palette: NDArray[np.uint32] | None) -> RawMask:
    if indices.min() < 0 or indices.max() > 65535:
        raise Undecodable("depth_unknown", file=header.name, mode="32 bits")
    counts = np.bincount(indices.ravel())
    values = np.flatnonzero(counts)
    if len(values) > MAX_MASK_VALUES:
        raise Undecodable("mask_smeared", file=header.name, count=len(values))
    table = np.zeros(len(counts), np.uint8)
    table[values] = np.arange(len(values))
    colours = () if palette is None else tuple(palette[values].tolist())
    found = MaskValues(tuple(counts[values].tolist()), tuple(values.tolist()), colours)
    return RawMask(np.ascontiguousarray(table[indices]), found, header.format)


def _colour_mask(rgb: NDArray[np.uint8], header: _Header) -> RawMask:
    packed = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    colours, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    if len(colours) > MAX_MASK_VALUES:
        raise Undecodable("mask_smeared", file=header.name, count=len(colours))
    grey = bool(np.all(colours % 0x010101 == 0))
    values = tuple((colours & 255).tolist()) if grey else ()
    found = MaskValues(tuple(counts.tolist()), values, tuple(colours.tolist()), colours_first=True)
    return RawMask(places.reshape(packed.shape).astype(np.uint8), found, header.format)


def _palette(picture: PilImage.Image) -> NDArray[np.uint32]:
    channels = np.zeros(768, np.uint32)
    stored = (picture.getpalette("RGB") or [])[:768]
    channels[: len(stored)] = stored
    return channels.reshape(256, 3) @ np.array([65536, 256, 1], np.uint32)


def _turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation (EXIF 2.32, tag 0x0112)."""
    if orientation >= 5:
        array = np.swapaxes(array, 0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array


def _orientations(picture: PilImage.Image, header: _Header) -> tuple[int, int]:
    """The orientation that the file asks for, and the one still to be undone: Pillow turns a TIFF by itself."""
    if header.tiff_orientation:
        return header.tiff_orientation, 1
    orientation = _exif_orientation(picture.info.get("exif"))
    return orientation, orientation


def _tiff_orientation(picture: ImageFile.ImageFile) -> int:
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return 0
    orientation = picture.tag_v2.get(0x0112, 1)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _grey_step(picture: ImageFile.ImageFile) -> int:
    # Pillow stretches PNG grey of 2 and 4 bits to 0..255; a mask's ids are wanted as they were written.
    rawmode = picture.tile[0][3] if picture.tile else None
    return {"L;2": 85, "L;4": 17}.get(rawmode, 1) if isinstance(rawmode, str) else 1


def _is_lossy(picture: ImageFile.ImageFile, file: BinaryIO) -> bool:
    """Whether the compression changes values: JPEG, JPEG inside TIFF, and WebP with a `VP8 ` chunk."""
    if picture.format != "WEBP":
        return picture.format == "JPEG" or picture.info.get("compression") in ("jpeg", "tiff_jpeg")
    file.seek(12)
    while len(chunk := file.read(8)) == 8:
        if chunk[:3] == b"VP8" and chunk[3:4] in b" L":
            return chunk[3:4] == b" "
        size = int.from_bytes(chunk[4:], "little")
        file.seek(size + size % 2, os.SEEK_CUR)
    return False


def _exif_orientation(exif: bytes | None) -> int:
    """The orientation tag of an EXIF block, 1 where there is none or it makes no sense."""
    tiff = (exif or b"").removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    try:
        if order is None:
            return 1
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for position in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * position)
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _looks_like(start: bytes) -> str:
    for magic, kind in _FOREIGN:
        if start.startswith(magic) or start[4:12].startswith(magic):
            return kind
    for cut in range(4):  # the last letter may be cut in the middle
        with contextlib.suppress(UnicodeDecodeError):
            text = start[: len(start) - cut].decode()
            return (
                "text" if text and all(letter.isprintable() or letter.isspace() for letter in text) else "unknown bytes"
            )
    return "unknown bytes"


_FOREIGN = (
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"{", "JSON"),
    (b"8BPS", "Photoshop"),
    (b"ftypheic", "HEIC"),
    (b"ftypmif1", "HEIC"),
    (b"ftypavif", "AVIF"),
    (b"\x93NUMPY", "NumPy array"),
)


def _undecodable(check: str, facts: dict[str, Any]) -> Undecodable:
    return Undecodable(check, **facts)


def _plain(error: BaseException) -> str:
    text = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return " ".join(text.split())[:120] or type(error).__name__
