"""Where predictions lie, and the record that lets an interrupted prediction go on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from maskwright.data.classes import Classes
from maskwright.data.encode import write_mask_png
from maskwright.errors import RunError, UsageError, shown
from maskwright.inference.photo import PhotoFile
from maskwright.inference.written import FOLDERS, WRITERS, Prediction
from maskwright.storage import json_text, read_json, replacing

FORMAT = 1
RECORD = "predictions.json"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written, and where.

    Args:
        out: the folder of the predictions.
        write: names of `WRITERS` and of `WHOLE`, see `maskwright.inference.written`; masks are always written.
    """

    out: Path
    write: tuple[str, ...]

    @property
    def per_photo(self) -> tuple[str, ...]:
        """What has a file of its own for each photo, beside the mask."""
        return tuple(kind for kind in self.write if kind in WRITERS)


@dataclass(frozen=True, slots=True)
class Job:
    """One photo and where its prediction goes; small, since there may be a million of them.

    Args:
        place: which of the photos it is, from 0.
        photo: the photo.
        name: what its files are called, without extension.
        outputs: what is written, shared by all jobs.
        label_file: the mask that the prediction is compared with, or None.
    """

    place: int
    photo: PhotoFile
    name: str
    outputs: Outputs
    label_file: Path | None

    @property
    def mask_file(self) -> Path:
        """The index PNG."""
        return self.outputs.out / "masks" / f"{self.name}.png"

    def file(self, kind: str) -> Path | None:
        """The photo's file of a kind of `WRITERS`, or None where that is not wanted."""
        if kind not in self.outputs.write:
            return None
        return self.outputs.out / kind / f"{self.name}{WRITERS[kind][0]}"

    @property
    def finished(self) -> bool:
        """Whether the files are there, from this photo as it is now: `plan_outputs` takes older ones away."""
        wanted = (self.mask_file, *map(self.file, self.outputs.per_photo))
        return all(file.is_file() for file in wanted if file is not None)

    def write(self, made: Prediction, classes: Classes) -> None:
        """Write the prediction; the mask last, since its being there says that all is there."""
        for kind in self.outputs.per_photo:
            path = self.file(kind)
            if path is not None:
                WRITERS[kind][1](path, made, classes)
        write_mask_png(self.mask_file, made.mask, classes)


def plan_outputs(
    photos: Sequence[PhotoFile],
    outputs: Outputs,
    *,
    digest: str | None,
    classes: Classes,
    labels: Mapping[str, Path],
    overwrite: bool = False,
) -> list[Job]:
    """Give every photo an output of its own, and find what is there already.

    `out/predictions.json` holds which predictor wrote what from which file, and is written before the first mask, so
    that names stay the same when a prediction goes on, whatever paths are given then. A photo that has changed
    since loses its old output and is predicted again.

    Args:
        photos: the photos.
        outputs: what is written, and into which folder.
        digest: which predictor, or None where that is not known.
        classes: what it predicts.
        labels: as `find_labels` gives them.
        overwrite: predict all photos again, also where another predictor wrote the folder.

    Returns:
        One job for each photo, in their order.

    Raises:
        UsageError: the folder is a file, or holds predictions of another predictor, or masks that no `predict` wrote.
        RunError: the record is damaged or of another format version.
    """
    out = outputs.out
    refuse_file(out)
    signature = {"predictor": digest, "classes": list(classes.names), "values": list(classes.values)}
    earlier = _earlier(out, signature, overwrite=overwrite)
    jobs = []
    for place, (photo, name) in enumerate(zip(photos, _names(photos, earlier), strict=True)):
        job = Job(place, photo, name, outputs, labels.get(photo.source))
        if overwrite or earlier.get(name) != _origin(photo):
            job.mask_file.unlink(missing_ok=True)
        jobs.append(job)
    _write_record(out / RECORD, signature, earlier, jobs)
    return jobs


def refuse_file(out: Path) -> None:
    """Refuse to write predictions to where a file lies.

    Raises:
        UsageError: OUT, or what it would lie in, is a file.
    """
    file = next((place for place in (out, *out.parents) if place.is_file()), None)
    if file is not None:
        raise UsageError(
            f"{shown(out)}: predictions cannot be written there.",
            expected="a folder, or one to be made",
            found=f"a file, {shown(file)}",
            do="Name a folder (-o).",
        )


def _write_record(path: Path, signature: dict[str, Any], earlier: dict[str, list[Any]], jobs: Sequence[Job]) -> None:
    """Write the record entry by entry: as one text it would take several times the memory of the photos."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        head = json_text({"format": FORMAT, **signature}, indent=1).removesuffix("\n}")
        file.write(f'{head},\n "files": {{')
        for place, (name, origin) in enumerate(_entries(earlier, jobs)):
            entry = f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(origin, ensure_ascii=False)}"
            file.write(f"{',' * bool(place)}\n  {entry}")
        file.write("\n }\n}\n")


def _entries(earlier: dict[str, list[Any]], jobs: Sequence[Job]) -> Iterator[tuple[str, list[Any]]]:
    now = {job.name for job in jobs} if earlier else set()
    yield from ((name, origin) for name, origin in earlier.items() if name not in now)
    yield from ((job.name, _origin(job.photo)) for job in jobs)


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
        f"{shown(out)}: this folder holds the predictions of another model, or by other settings.",
        expected=_told(signature),
        found=_told(record),
        do="Predict into another folder (-o); --runtime, --tta, --postprocess, --with and tiles count too.",
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
    return [photo.source, photo.size, photo.mtime_ns]


def _names(photos: Iterable[PhotoFile], earlier: dict[str, list[Any]]) -> Iterator[str]:
    """A name for each photo that no other photo has, also where upper and lower case are one."""
    known = {str(source): name for name, (source, _, _) in earlier.items()}
    taken = {name.casefold() for name in earlier}
    for photo in photos:
        name = known.get(photo.source)
        if name is None:
            name = next(name for name in _candidates(photo) if name.casefold() not in taken)
            taken.add(name.casefold())
        yield name


def _candidates(photo: PhotoFile) -> Iterable[str]:
    yield photo.stem.translate(_PLAIN)
    relative = photo.relative.translate(_PLAIN)
    yield relative
    number = 2
    while True:
        yield f"{relative}-{number}"
        number += 1


_PLAIN = str.maketrans(":\\", "__")
"""Letters that are no part of a name everywhere, and that `_is_entry` refuses."""
