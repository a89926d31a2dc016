"""From one layout to another: a dataset read, and written as another tool wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maskwright.data.classes import IGNORE, Classes, classes_yaml
from maskwright.data.dataset import Dataset
from maskwright.data.formats import WRITERS
from maskwright.data.formats.target import Target
from maskwright.data.reading import CLASSES_FILE, read
from maskwright.errors import UsageError, nearest
from maskwright.progress import OnProgress, silent
from maskwright.storage import becoming, refuse_inside, refuse_occupied, write_text


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Args:
        folder: where.
        to: the format, a name of `WRITERS`.
        samples: split -> how many photos were written.
        left_out: samples of DATA that were not written: unusable ones, and those without a mask where the format would
            take them for empty ones.
        changed_px: pixels that the shapes give to another class than the masks; 0 in all but odd cases.
    """

    folder: Path
    to: str
    samples: dict[str, int]
    left_out: int
    changed_px: int


def convert(
    data: str | Path | Dataset,
    *,
    to: str,
    out: str | Path,
    classes: Classes | Sequence[str] | None = None,
    link: bool = False,
    strict: bool = False,
    allow_leak: bool = False,
    on_progress: OnProgress = silent,
) -> Conversion:
    """Write a dataset in another format, into a new folder that is whole or not there.

    Photos are copied byte by byte, or linked. Nothing in DATA is changed.

    Args:
        data: a folder in any known layout, or a dataset.
        to: "folders", "voc", "coco", "labelme", "yolo", "cvat", "label-studio" or "ultralytics".
        out: a new or empty folder, not inside of DATA.
        classes: as in `read`.
        link: make hard links of the photos instead of copies; both folders must be on one drive.
        strict: as in `read`.
        allow_leak: as in `read`.
        on_progress: is told how many photos are done.

    Returns:
        What was written.

    Raises:
        UsageError: the format is not known, or `out` is inside of DATA or not empty.
        DataError: the dataset cannot be read, or a photo cannot be linked.
    """
    if to not in WRITERS:
        raise UsageError(f"--to {to}: no such format.", expected=", ".join(WRITERS), do=nearest(to, [*WRITERS]))
    folder = Path(out)
    refuse_inside(folder, data.root if isinstance(data, Dataset) else Path(data))
    refuse_occupied(folder)
    if not isinstance(data, Dataset):
        data = read(data, classes=classes, strict=strict, allow_leak=allow_leak, on_progress=on_progress)
    with becoming(folder) as temporary:
        conversion = _written(data, temporary, to, link, on_progress)
    return replace(conversion, folder=folder)


def _written(dataset: Dataset, folder: Path, to: str, link: bool, on_progress: OnProgress) -> Conversion:
    splits = {name: dataset.split(name).samples for name in dataset.splits}
    plain = replace(dataset.classes, values=tuple(range(len(dataset.classes))), ignore=IGNORE)
    target = Target(folder, plain, splits, _any_ignored(dataset), link, on_progress)
    written = WRITERS[to](target)
    write_text(folder / CLASSES_FILE, classes_yaml(plain))
    unusable = len({finding.sample for finding in dataset.findings if finding.left_out})
    return Conversion(folder, to, dict(target.photos), unusable + written.left_out, written.changed_px)


def _any_ignored(dataset: Dataset) -> bool:
    masks = (sample.mask() for sample in dataset)
    return any(mask is not None and bool((mask == IGNORE).any()) for mask in masks)
