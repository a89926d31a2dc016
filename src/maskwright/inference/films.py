"""Films as photos: every n-th frame is one, and a film of overlays is made of what was predicted.

Frames are decoded by OpenCV in their order. A frame is known by how many come before it, damaged ones included.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from maskwright.data.decode import MAX_PIXELS
from maskwright.data.sample import Image
from maskwright.errors import DataError, UsageError, shown
from maskwright.inference.photo import PhotoFile
from maskwright.sentences import say
from maskwright.storage import replacing

FILMS = (".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv")
"""What films are called, in lower case."""

_STARTS = (b"RIFF", b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"\x47\x40", b"\x30\x26\xb2\x75")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""How films begin. Playlists, which could name any file or address, are none."""

BAD_END = 50
"""Damaged frames in a row after which a film without a count of frames is at its end."""

FRAME_RATE = 25.0
"""Frames a second of a film that does not say."""


@dataclass(frozen=True)
class Film:
    """A film as what its frames lie in.

    Args:
        path: the file.
    """

    path: str

    def image(self, photo: PhotoFile) -> Image:
        """A frame, `(H, W, 3) uint8` RGB, turned as the film says.

        Raises:
            DataError: the frame is damaged, or the film ends before it.
        """
        frame = _reader(self.path, photo.mtime_ns).frame(photo.entry)
        if frame is None:
            raise DataError(say("archive.frame", file=photo.shown))
        return frame


def is_film(path: Path) -> bool:
    """Whether a file is called like a film."""
    return path.suffix.lower() in FILMS


def frames_in(path: Path, every: int = 1) -> Iterator[PhotoFile]:
    """Every n-th frame of a film, the first included.

    Args:
        path: the film.
        every: n.

    Returns:
        The frames; where the film cannot be read one with a `problem`.
    """
    status = path.stat()
    source, below = path.as_posix(), len(path.parent.as_posix().rstrip("/")) + 1
    count = _count(path)
    if not count:
        yield PhotoFile(source, below, status.st_size, status.st_mtime_ns, say("archive.film", file=shown(path)))
    film = Film(source)
    for place in range(0, count, every):
        yield PhotoFile(f"{source}/{place:06}", below, status.st_size, status.st_mtime_ns, "", film, place)


def frame_rate(path: str) -> float:
    """Frames a second of a film."""
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    capture.release()
    return rate if 0.1 <= rate <= 1000 else FRAME_RATE


def write_film(path: Path, pictures: Iterable[Path], rate: float) -> None:
    """Write pictures as a film (MPEG-4), whole or not at all.

    Args:
        path: the film, `.mp4`.
        pictures: JPEG files; those that are not there are left out, others than the first's size are fitted to it.
        rate: frames a second; MPEG-4 counts in fractions of at most 65535, so it is rounded to hundredths, 0.1 to 600.

    Raises:
        UsageError: this OpenCV cannot write such films.
    """
    rate = round(min(max(rate, 0.1), 600.0), 2)
    with replacing(path) as temporary:
        named = temporary.with_name(f"{temporary.name}.mp4")  # OpenCV goes by the extension
        writer: cv2.VideoWriter | None = None
        try:
            for picture in pictures:
                image = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR) if picture.is_file() else None
                if image is None:
                    continue
                if writer is None:
                    size = image.shape[1] // 2 * 2, image.shape[0] // 2 * 2
                    writer = cv2.VideoWriter(str(named), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
                    if not writer.isOpened():
                        raise UsageError(
                            f"{shown(path)}: this OpenCV writes no films.", do="Leave films out of --write."
                        )
                writer.write(cv2.resize(image, size) if image.shape[1::-1] != size else image)
        finally:
            if writer is not None:
                writer.release()
        if named.is_file():
            named.replace(temporary)


class _Reader:
    """A film that is read from its beginning to its end."""

    def __init__(self, path: str) -> None:
        self._path, self._place = path, 0
        self._capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)

    def frame(self, place: int) -> Image | None:
        if place < self._place:
            self._capture.open(self._path, cv2.CAP_FFMPEG)
            self._place = 0
        while self._place < place:
            self._capture.grab()
            self._place += 1
        self._place += 1
        there, frame = self._capture.read()
        return np.ascontiguousarray(frame[..., ::-1], np.uint8) if there and frame is not None else None


@functools.lru_cache(maxsize=1)
def _reader(path: str, _mtime_ns: int) -> _Reader:
    return _Reader(path)  # kept, since a film can only be read from its beginning


def _count(path: Path) -> int:
    """How many frames a film has, 0 where it is none that can be read."""
    with path.open("rb") as file:
        start = file.read(12)
    if not start.startswith(_STARTS) and start[4:8] not in _BOXES:
        return 0
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if not capture.isOpened() or not 0 < width * height <= MAX_PIXELS:
            return 0
        told = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return told if told > 0 else _counted(capture)
    finally:
        capture.release()


def _counted(capture: cv2.VideoCapture) -> int:
    place = last = 0
    while place - last <= BAD_END:
        place += 1
        last = place if capture.grab() else last
    return last
