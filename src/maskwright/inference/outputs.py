"""Where predictions lie, and the record that lets an interrupted prediction go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from maskwright.data.classes import Classes
from maskwright.data.encode import write_jpeg, write_mask_png
from maskwright.data.pictures import overlay
from maskwright.data.sample import Image, Mask
from maskwright.errors import RunError, UsageError, shown
from maskwright.inference.inputs import PhotoFile
from maskwright.inference.predictor import Probs
from maskwright.inference.quality import write_quality
from maskwright.storage import read_json, write_json

FORMAT = 1
RECORD = "predictions.json"
FOLDERS = ("masks", "overlays", "uncertainty")
"""Where what is made of the photos lies, in the folder of the predictions."""


@dataclass(frozen=True)
class Job:
    """One photo and where its prediction goes.

    Args:
        photo: the photo.
        mask_file: the index PNG.
        overlay_file: the photo with the mask drawn on, or None where none is wanted.
        quality_file: the map of uncertainty, or None where none is wanted.
        label_file: the mask that the prediction is compared with, or None.
    """

    photo: PhotoFile
    mask_file: Path
    overlay_file: Path | None
    quality_file: Path | None
    label_file: Path | None

    @property
    def finished(self) -> bool:
        """Whether the files are there, from this photo as it is now: `plan_outputs` takes older ones away."""
        wanted = (self.mask_file, self.overlay_file, self.quality_file)
        return all(file.is_file() for file in wanted if file is not None)

    def write(self, image: Image, mask: Mask, classes: Classes, probs: Probs | None = None) -> None:
        """Write the prediction; the mask last, since its being there says that all is there."""
        if self.quality_file is not None and probs is not None:
            write_quality(self.quality_file, probs)
        if self.overlay_file is not None:
            write_jpeg(self.overlay_file, overlay(image, mask, classes))
        write_mask_png(self.mask_file, mask, classes)


def plan_outputs(
    photos: Sequence[PhotoFile],
    out: Path,
    *,
    digest: str | None,
    classes: Classes,
    labels: Mapping[Path | str, Path],
    with_overlay: bool = True,
    with_quality: bool = False,
    overwrite: bool = False,
) -> list[Job]:
    """Give every photo an output of its own, and find what is there already.

    `out/predictions.json` holds which predictor wrote what from which file, and is written before the first mask, so
    that names stay the same when a prediction goes on, whatever paths are given then. A photo that has changed
    since loses its old output and is predicted again.

    Args:
        photos: the photos.
        out: the folder of the predictions.
        digest: which predictor, or None where that is not known.
        classes: what it predicts.
        labels: as `find_labels` gives them.
        with_overlay: whether overlays are wanted too.
        with_quality: whether maps of uncertainty are.
        overwrite: predict all photos again, also where another predictor wrote the folder.

    Returns:
        One job for each photo, in their order.

    Raises:
        UsageError: the folder holds predictions of another predictor, or masks that no `predict` wrote.
        RunError: the record is damaged or of another format version.
    """
    signature = {"predictor": digest, "classes": list(classes.names), "values": list(classes.values)}
    earlier = _earlier(out, signature, overwrite=overwrite)
    names = _names(photos, {str(source): name for name, (source, _, _) in earlier.items()})
    jobs = []
    for photo in photos:
        mask_file = out / "masks" / f"{names[photo.source]}.png"
        overlay_file = out / "overlays" / f"{names[photo.source]}.jpg"
        same = earlier.get(names[photo.source]) == _origin(photo)
        if not same or overwrite:
            mask_file.unlink(missing_ok=True)
        quality_file = out / "uncertainty" / f"{names[photo.source]}.png"
        jobs.append(
            Job(
                photo,
                mask_file,
                overlay_file if with_overlay else None,
                quality_file if with_quality else None,
                labels.get(photo.source),
            )
        )
    files = earlier | {names[photo.source]: _origin(photo) for photo in photos}
    write_json(out / RECORD, {"format": FORMAT, **signature, "files": files})
    return jobs


def _earlier(out: Path, signature: dict[str, Any], *, overwrite: bool) -> dict[str, list[Any]]:
    """What the folder's record says: name -> [source, bytes, time of change]."""
    path = out / RECORD
    if not path.is_file():
        _refuse_foreign(out)
        return {}
    record = read_json(path, format_version=FORMAT)
    files = record.get("files")
    if not isinstance(files, dict) or not all(_is_entry(name, entry) for name, entry in files.items()):
        raise RunError(f"{shown(path)}: the record of these predictions is damaged.", do="Predict into another folder.")
    if {key: record.get(key) for key in signature} == signature:
        return files
    if overwrite:
        return {}
    raise UsageError(
        f"{shown(out)}: this folder holds the predictions of another model.",
        expected=_told(signature),
        found=_told(record),
        do="Predict into another folder (-o), or delete this one first.",
    )


def _refuse_foreign(out: Path) -> None:
    held = [name for name in FOLDERS if (out / name).is_dir() and any((out / name).iterdir())]
    if held:
        raise UsageError(
            f"{shown(out / held[0])}: this folder holds files that no prediction wrote.",
            expected="a new folder, or one that predict wrote",
            do="Predict into another folder (-o): nothing of yours is ever written over.",
        )


def _is_entry(name: str, entry: Any) -> bool:
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name
    return inside and isinstance(entry, list) and len(entry) == 3


def _told(record: dict[str, Any]) -> str:
    return f"predictor {record.get('predictor') or 'unknown'} for {', '.join(record.get('classes') or [])}"


def _origin(photo: PhotoFile) -> list[Any]:
    return [photo.address, photo.size, photo.mtime_ns]


def _names(photos: Iterable[PhotoFile], earlier: dict[str, str]) -> dict[Path | str, str]:
    """A name for each photo that no other photo has, also where upper and lower case are one."""
    names: dict[Path | str, str] = {}
    taken = {name.casefold() for name in earlier.values()}
    for photo in photos:
        name = earlier.get(photo.address)
        if name is None:
            name = next(name for name in _candidates(photo) if name.casefold() not in taken)
            taken.add(name.casefold())
        names[photo.source] = name
    return names


def _candidates(photo: PhotoFile) -> Iterable[str]:
    yield photo.stem
    yield photo.relative
    number = 2
    while True:
        yield f"{photo.relative}-{number}"
        number += 1
