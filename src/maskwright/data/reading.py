"""From a folder to a Dataset: recognise the layout, look at every file once, say what is wrong."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from maskwright.data.classes import Classes, make_classes, read_classes
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.formats import recognise
from maskwright.data.gates import refuse
from maskwright.data.inspection import Inspected, Inspection, inspect
from maskwright.data.listing import Listing, Note, Pair, note
from maskwright.data.pixels import CachedPixels, FilePixels
from maskwright.data.sample import Sample
from maskwright.data.split import Drawable, draw_splits
from maskwright.data.tree import Tree, list_tree
from maskwright.errors import DataError
from maskwright.progress import OnProgress, silent

CLASSES_FILE = "classes.yaml"


def read(
    path: str | Path,
    *,
    classes: Classes | Sequence[str] | None = None,
    strict: bool = False,
    allow_leak: bool = False,
    seed: int = 0,
    cache: bool = True,
    on_progress: OnProgress = silent,
) -> Dataset:
    """Read a folder of photos and masks in any known layout.

    Nothing in the folder is changed. Each file is decoded once; later reads take the pixels from the decoded cache.

    Args:
        path: the folder.
        classes: classes, or their names in the order of their values ("background,cat,dog" works too). None takes
            `classes.yaml` of the folder, else the names in the annotation files, or infers them from the masks and
            notes that.
        strict: refuse the dataset when any sample cannot be used, rather than leave it out.
        allow_leak: accept the same photo in two splits.
        seed: of the draw, where the folder has no splits.
        cache: whether decoded pixels are kept in the cache folder.
        on_progress: is told how many pairs are done.

    Returns:
        The usable samples, with findings about the others.

    Raises:
        DataError: no layout fits, no pair can be used, a mask value is no class, more than 10 % of a split cannot be
            used, or the same photo is in two splits. The message names the files and the way out.
    """
    look = functools.partial(inspect, cache=cache, on_progress=on_progress)
    root = _checked(Path(path))
    dataset, listing = _read(root, classes, seed, look)
    refuse(root, listing, dataset.samples, dataset.findings, strict=strict, allow_leak=allow_leak)
    return dataset


def look_over(
    path: str | Path,
    *,
    classes: Classes | Sequence[str] | None = None,
    seed: int = 0,
    cache: bool = True,
    on_progress: OnProgress = silent,
) -> Dataset:
    """Read whatever can be read of a folder: what `read` refuses data for becomes findings.

    Args:
        path: the folder.
        classes: as in `read`.
        seed: likewise.
        cache: likewise.
        on_progress: likewise.

    Returns:
        The usable samples, perhaps none, with findings about the others.

    Raises:
        DataError: the folder is missing, no layout fits, or a classes.yaml cannot be read.
    """

    def look(root: Path, pairs: Sequence[Pair], declared: Classes | Sequence[str] | None) -> Inspection:
        try:
            return inspect(root, pairs, declared, cache=cache, on_progress=on_progress)
        except DataError:
            return inspect(root, pairs, declared, cache=cache, on_progress=on_progress, strange="leave_out")

    return _read(_checked(Path(path)), classes, seed, look)[0]


Look = Callable[[Path, Sequence[Pair], Classes | Sequence[str] | None], Inspection]


def _read(root: Path, classes: Classes | Sequence[str] | None, seed: int, look: Look) -> tuple[Dataset, Listing]:
    tree = list_tree(root)
    declared, class_notes = _declared(tree, classes)
    listing = recognise(tree)
    if declared is None:
        declared = listing.classes
    inspection = look(root, listing.pairs, declared)
    drawn = _drawn(listing, inspection, seed)
    pairs = {pair.id: replace(pair, split=drawn.get(pair.id, pair.split)) for pair in listing.pairs}
    samples = sorted(
        (_sample(root, pairs[each.id], each, inspection) for each in inspection.samples), key=_place_in_order
    )
    samples, repeats = _grouped(samples, inspection)
    findings = (*listing.findings, *inspection.findings, *repeats)
    notes = (*class_notes, *inspection.notes, *listing.notes, *_split_notes(samples, drawn, seed))
    return Dataset(inspection.classes, tuple(samples), root, findings, notes, listing.layout), listing


def _checked(path: Path) -> Path:
    if not path.exists():
        beside = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
        raise DataError(
            f"{path}: no such folder.",
            expected="a folder with photos and masks",
            found=f"beside it: {', '.join(beside[:8])}" if beside else "its parent folder is not there either",
            do="Check the spelling of the path.",
        )
    if not path.is_dir():
        archive = path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
        raise DataError(
            f"{path}: a file, not a folder.",
            expected="a folder with photos and masks",
            do="Unpack it and give the folder." if archive else "Give the folder that holds the photos and masks.",
        )
    return path.resolve()


def _declared(
    tree: Tree, classes: Classes | Sequence[str] | None
) -> tuple[Classes | tuple[str, ...] | None, tuple[Note, ...]]:
    file = tree.root / CLASSES_FILE
    written = read_classes(file) if file.is_file() and CLASSES_FILE not in tree.outside else None
    if isinstance(classes, str):
        classes = [name.strip() for name in classes.split(",") if name.strip()]
    if classes is None or (written is not None and not isinstance(classes, Classes) and _same(classes, written)):
        return written, ()
    if not isinstance(classes, Classes):
        make_classes(classes)
        classes = tuple(classes)
    names = classes.names if isinstance(classes, Classes) else classes
    if written is None:
        return classes, ()
    return classes, (note("classes_file_ignored", given=", ".join(names), written=", ".join(written.names)),)


def _same(names: Sequence[str], written: Classes) -> bool:
    return tuple(names) == written.names


def _drawn(listing: Listing, inspection: Inspection, seed: int) -> dict[str, str]:
    if any(pair.split for pair in listing.pairs):
        return {}
    drawable = [Drawable(each.id, each.photo_digest, each.class_ids) for each in inspection.samples]
    return draw_splits(drawable, seed=seed)


def _sample(root: Path, pair: Pair, inspected: Inspected, inspection: Inspection) -> Sample:
    files = FilePixels.of(root, pair, inspection.classes, inspected.size_hw)
    cached = inspection.blob is not None and inspected.offset >= 0
    return Sample(
        id=pair.id,
        split=pair.split,
        pixels=CachedPixels(inspection.blob, inspected.offset, inspected.size_hw, files)
        if cached and inspection.blob
        else files,
        size_hw=inspected.size_hw,
        digest=inspected.photo_digest + inspected.mask_digest,
        image_file=pair.image.path,
        mask_file=pair.mask.path if pair.mask else "",
        labelled=pair.mask is not None,
        photo_digest=inspected.photo_digest,
    )


def _place_in_order(sample: Sample) -> tuple[int, str, str]:
    return {"train": 0, "val": 1, "test": 2}.get(sample.split, 3), sample.split, sample.id


def _grouped(samples: Sequence[Sample], inspection: Inspection) -> tuple[list[Sample], list[Finding]]:
    """Give samples with equal photos one group, and say so."""
    photos = {each.id: each.photo_digest for each in inspection.samples}
    twins: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        twins[photos[sample.id]].append(sample)
    findings = [_repeat(group[0], later) for group in twins.values() for later in group[1:]]
    first = {sample.id: group[0].id for group in twins.values() if len(group) > 1 for sample in group}
    return [replace(sample, group=first.get(sample.id, "")) for sample in samples], findings


def _repeat(first: Sample, later: Sample) -> Finding:
    facts = {"file": later.image_file, "other": first.image_file, "split": later.split, "other_split": first.split}
    if later.split != first.split:
        return Finding(later.id, "leak", 0.9, facts)
    if later.digest != first.digest:
        return Finding(later.id, "duplicate_differs", 0.7, facts)
    return Finding(later.id, "duplicate", 0.3, facts)


def _split_notes(samples: Sequence[Sample], drawn: dict[str, str], seed: int) -> tuple[Note, ...]:
    notes = []
    counts = Counter(sample.split for sample in samples)
    if drawn:
        notes.append(note("splits_drawn", train=counts["train"], val=counts["val"], test=counts["test"], seed=seed))
    unlabelled = Counter(sample.split for sample in samples if not sample.labelled)
    notes += [note("split_unlabelled", split=split, count=count) for split, count in unlabelled.items()]
    if "val" not in counts:
        notes.append(note("no_val"))
    return tuple(notes)
