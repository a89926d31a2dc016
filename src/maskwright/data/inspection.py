"""The one pass over a dataset's files: decode each pair once, check it, digest it, put it into the cache."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import PIL

from maskwright.data import cache as store
from maskwright.data.annotation import Annotation, Embedded, rasterise
from maskwright.data.class_values import id_table, is_smeared, settle_classes, strange_masks
from maskwright.data.classes import IGNORE, Classes, make_classes
from maskwright.data.decode import MaskValues, Photo, RawMask, Undecodable, read_photo, read_raw_mask
from maskwright.data.finding import Finding
from maskwright.data.listing import Note, Pair, left_out, note
from maskwright.data.pixels import FilePixels
from maskwright.data.sample import Image, Mask
from maskwright.data.tree import File
from maskwright.data.workers import in_order, workers
from maskwright.errors import DataError
from maskwright.progress import OnProgress, Progress

T = TypeVar("T")

Strange = Literal["refuse", "leave_out"]
"""What is done about masks with values that are no class: refuse the dataset, or leave these masks out."""


@dataclass(frozen=True)
class Inspected:
    """A pair that can be used.

    Args:
        id: the sample's id.
        size_hw: height and width in pixels.
        photo_digest: hex digest of the photo's pixels.
        mask_digest: hex digest of the class ids, "" without a mask.
        class_ids: the classes present.
        offset: where the photo starts in the cache, -1 when it is not there.
    """

    id: str
    size_hw: tuple[int, int]
    photo_digest: str
    mask_digest: str
    class_ids: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Inspection:
    """What the pass over the files found.

    Args:
        classes: the classes, declared or inferred.
        samples: the usable pairs.
        findings: what is wrong with the others, and lesser things.
        notes: what was assumed.
        blob: the cache's file of pixels, or None.
    """

    classes: Classes
    samples: tuple[Inspected, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    blob: Path | None


def inspect(
    root: Path,
    pairs: Sequence[Pair],
    declared: Classes | Sequence[str] | None,
    *,
    cache: bool,
    on_progress: OnProgress,
    strange: Strange = "refuse",
) -> Inspection:
    """Decode, check and digest each pair once; nothing is decoded when the cache holds these very files.

    Args:
        root: the dataset's folder.
        pairs: what to look at.
        declared: classes, names, or None to infer them.
        cache: whether the decoded cache is used.
        on_progress: is told how many pairs are done.
        strange: what is done when a mask holds values that are no class: "refuse" all, or "leave_out" these masks.

    Raises:
        DataError: a mask value belongs to no class, or no classes can be inferred.
    """
    key = _key(root, pairs, declared, strange)
    entry = store.find(key) if cache else None
    if entry is not None:
        remembered = _from_index(entry)
        if remembered is not None:
            on_progress(Progress("stage.read", len(pairs), len(pairs)))
            return remembered
    with store.Building(key, wanted=cache) as building, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # what is wrong with a file becomes a finding
        inspection = _inspect(root, pairs, declared, building, on_progress, strange)
        blob = building.finish(_to_index(inspection))
        if building.problem:
            inspection = replace(inspection, notes=(*inspection.notes, note("no_cache", why=building.problem)))
        return replace(inspection, blob=blob)


@dataclass(frozen=True)
class _Look:
    """A pair with what decoding it gave; arrays are there only until they are in the cache."""

    pair: Pair
    findings: tuple[Finding, ...]
    size_hw: tuple[int, int] = (0, 0)
    photo_digest: str = ""
    found: MaskValues | None = None
    offset: int = -1
    image: Image | None = None
    raw: RawMask | None = None


def _inspect(
    root: Path,
    pairs: Sequence[Pair],
    declared: Classes | Sequence[str] | None,
    building: store.Building,
    on_progress: OnProgress,
    strange: Strange,
) -> Inspection:
    looks: list[_Look] = []
    findings: list[Finding] = []
    with ThreadPoolExecutor(workers()) as pool:
        for done, look in enumerate(in_order(pool, lambda pair: _look(root, pair), pairs), start=1):
            findings += look.findings
            if not any(finding.left_out for finding in look.findings):
                looks.append(_stored(look, building))
            on_progress(Progress("stage.read", done, len(pairs)))
        smeared = _smeared(looks, declared)
        findings += smeared.values()
        looks = [look for look in looks if look.pair.id not in smeared]
        if strange == "leave_out":
            without = _strange(looks, declared)
            findings += without.values()
            looks = [look for look in looks if look.pair.id not in without]
        classes, notes = _settled(declared, looks, findings)
        samples = []
        for sample, weak in in_order(pool, lambda look: _settle(root, look, classes, building), looks):
            samples.append(sample)
            findings += weak
    return Inspection(classes, tuple(samples), tuple(findings), notes, None)


def _look(root: Path, pair: Pair) -> _Look:
    findings: list[Finding] = []
    extract = pair.image.extract if isinstance(pair.image, Embedded) else None
    photo = _tried(pair, pair.image, findings, lambda name: read_photo(root / name, name=name, extract=extract))
    raw = _raw_mask(root, pair, photo, findings) if pair.mask else None
    if photo is None or (raw is None and pair.mask is not None):
        return _Look(pair, tuple(findings))
    size_hw = photo.image.shape[0], photo.image.shape[1]
    findings += _misnamed(pair, pair.image, photo.format)
    if raw is not None and pair.mask is not None:
        findings += _misnamed(pair, pair.mask, raw.format)
        findings += _misfit(pair, pair.mask, photo, (raw.places.shape[0], raw.places.shape[1]))
    found = raw.found if raw is not None else None
    return _Look(pair, tuple(findings), size_hw, _digest(photo.image), found, image=photo.image, raw=raw)


def _raw_mask(root: Path, pair: Pair, photo: Photo | None, findings: list[Finding]) -> RawMask | None:
    mask = pair.mask
    if not isinstance(mask, Annotation):
        return _tried(pair, mask, findings, lambda name: read_raw_mask(root / name, name=name)) if mask else None
    drawing = _tried(pair, mask, findings, lambda name: mask.drawing(root / name))
    if drawing is None or photo is None:
        return None
    findings += drawing.findings(pair.id)
    photo_hw = photo.image.shape[0], photo.image.shape[1]
    if (drawing.size_hw or photo_hw) != photo_hw:  # not drawn first: a foreign file may promise any size
        findings += _misfit(pair, mask, photo, drawing.size_hw or photo_hw)
        return None
    return _tried(pair, mask, findings, lambda _: rasterise(drawing, photo_hw, name=mask.where))


def _tried(pair: Pair, file: File, findings: list[Finding], read: Callable[[str], T]) -> T | None:
    try:
        if file.kind != "file":
            raise Undecodable("is_folder" if file.kind == "folder" else file.kind, file=file.path)
        return read(file.path)
    except Undecodable as error:
        findings.append(left_out(error.check, pair.id, **error.facts))
        return None


def _misnamed(pair: Pair, file: File, kind: str) -> list[Finding]:
    if isinstance(file, Annotation | Embedded):
        return []
    usual = {"JPEG": (".jpg", ".jpeg"), "TIFF": (".tif", ".tiff")}.get(kind, (f".{kind.lower()}",))
    facts = {"file": file.path, "format": kind, "extension": file.extension}
    return [] if file.extension in usual else [Finding(pair.id, "extension_wrong", 0.1, facts)]


def _misfit(pair: Pair, mask: File, photo: Photo, mask_hw: tuple[int, int]) -> list[Finding]:
    (height, width), orientation = mask_hw, photo.orientation
    size_hw, unrotated_hw = (photo.image.shape[0], photo.image.shape[1]), photo.unrotated_hw
    facts = {
        "file": mask.where,
        "size": f"{width} x {height}",
        "image": pair.image.path,
        "image_size": f"{size_hw[1]} x {size_hw[0]}",
    }
    if (height, width) != size_hw:
        unrotated = (height, width) == unrotated_hw
        return [left_out("mask_unrotated" if unrotated else "mask_size", pair.id, **facts)]
    if orientation > 1 and size_hw == unrotated_hw:
        return [Finding(pair.id, "rotation_unchecked", 0.3, facts | {"orientation": orientation})]
    return []


def _stored(look: _Look, building: store.Building) -> _Look:
    if look.image is None:
        return look
    parts = [look.image.reshape(-1).data] + ([look.raw.places.reshape(-1).data] if look.raw else [])
    return replace(look, offset=building.append(*parts), image=None, raw=None)


def _smeared(looks: Sequence[_Look], declared: Classes | Sequence[str] | None) -> dict[str, Finding]:
    classes = declared if isinstance(declared, Classes) or declared is None else make_classes(declared)
    return {
        look.pair.id: left_out("mask_smeared", look.pair.id, file=look.pair.mask.where, count=len(look.found.counts))
        for look in looks
        if look.pair.mask and look.found and (is_smeared(look.found, None) or is_smeared(look.found, classes))
    }


def _strange(looks: Sequence[_Look], declared: Classes | Sequence[str] | None) -> dict[str, Finding]:
    masks = {look.pair.mask.where: look for look in looks if look.pair.mask and look.found}
    found = strange_masks(declared, {file: look.found for file, look in masks.items() if look.found})
    ids = {file: masks[file].pair.id for file in found}
    return {ids[file]: left_out(check, ids[file], **facts) for file, (check, facts) in found.items()}


def _settled(
    declared: Classes | Sequence[str] | None, looks: Sequence[_Look], findings: Sequence[Finding]
) -> tuple[Classes, tuple[Note, ...]]:
    masks = {look.pair.mask.where: look.found for look in looks if look.pair.mask and look.found}
    if not masks:
        return (declared if isinstance(declared, Classes) else make_classes(declared or ["background"])), ()
    try:
        return settle_classes(declared, masks)
    except DataError as error:
        lost = [finding.sentence() for finding in findings if finding.left_out]
        if not lost:
            raise
        also = f"{error.do}\n  Besides, these cannot be used:\n    " + "\n    ".join(lost)
        raise DataError(error.where, expected=error.expected, found=error.found, do=also) from None


def _settle(root: Path, look: _Look, classes: Classes, building: store.Building) -> tuple[Inspected, list[Finding]]:
    """Give a mask its class ids, in the cache where it is there."""
    if look.pair.mask is None or look.found is None:
        return Inspected(look.pair.id, look.size_hw, look.photo_digest, "", (), look.offset), []
    height, width = look.size_hw
    start = look.offset + 3 * height * width
    if look.offset >= 0:
        places = np.frombuffer(building.read(start, height * width), np.uint8).reshape(height, width)
    else:
        places = FilePixels.of(root, look.pair, classes, look.size_hw).raw_mask().places
    ids: Mask = id_table(look.found, classes)[places]
    if look.offset >= 0:
        building.rewrite(start, ids.reshape(-1).data)
    present = np.flatnonzero(np.bincount(ids.ravel(), minlength=256)[:IGNORE]).tolist()
    weak = [] if present else [Finding(look.pair.id, "mask_all_ignored", 0.6, {"file": look.pair.mask.where})]
    return (
        Inspected(look.pair.id, look.size_hw, look.photo_digest, _digest(ids), tuple(present), look.offset),
        weak,
    )


def _digest(array: Image | Mask) -> str:
    hasher = hashlib.blake2b(repr(array.shape).encode(), digest_size=16)
    hasher.update(np.ascontiguousarray(array).data)
    return hasher.hexdigest()


def _key(root: Path, pairs: Sequence[Pair], declared: Classes | Sequence[str] | None, strange: Strange) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    mode = () if strange == "refuse" else (strange,)
    hasher.update(repr((2, PIL.__version__, str(root), declared, *mode)).encode(errors="surrogateescape"))
    for pair in pairs:
        hasher.update(repr(pair).encode())
    return hasher.hexdigest()


def _to_index(inspection: Inspection) -> dict[str, Any]:
    return {
        "classes": asdict(inspection.classes),
        "samples": [list(asdict(sample).values()) for sample in inspection.samples],
        "findings": [asdict(finding) for finding in inspection.findings],
        "notes": inspection.notes,
    }


def _from_index(entry: store.Entry) -> Inspection | None:
    """What an index says, or None when it makes no sense: then it is made again."""
    try:
        index = entry.index
        stored = index["classes"]
        classes = Classes(
            tuple(stored["names"]),
            tuple((int(r), int(g), int(b)) for r, g, b in stored["colours"]),
            tuple(stored["values"]),
            stored["ignore"],
            None if stored["ignore_colour"] is None else tuple(stored["ignore_colour"]),
        )
        samples = tuple(
            Inspected(id_, (size[0], size[1]), photo, mask, tuple(present), offset)
            for id_, size, photo, mask, present, offset in index["samples"]
        )
        notes = tuple((key, tuple((name, fact) for name, fact in facts)) for key, facts in index["notes"])
        return Inspection(classes, samples, tuple(Finding(**each) for each in index["findings"]), notes, entry.blob)
    except (KeyError, TypeError, ValueError, DataError):
        store.discard(entry.blob.parent)
        return None
