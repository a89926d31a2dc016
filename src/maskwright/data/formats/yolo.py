"""YOLO-seg of Ultralytics: one text file per photo, a line per object: class and polygon, in fractions of the photo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from maskwright.data.annotation import Canvas, Drawing, Shape, annotation_of, broken, not_drawn, with_background
from maskwright.data.decode import Undecodable
from maskwright.data.finding import Finding
from maskwright.data.formats.documents import listed, sample_of, split_in
from maskwright.data.formats.target import Target, Written, shape_classes, stem_of
from maskwright.data.listing import Listing, Note, Pair, note
from maskwright.data.sample import Mask
from maskwright.data.shapes import Points, bridged, objects, paint_pixel_ring, pixel_rings, ring_area, within_reach
from maskwright.data.tree import File, Tree
from maskwright.errors import DataError

NAME = "YOLO-seg"


def read(tree: Tree) -> Listing | None:
    """List a folder with `images/.../a.jpg` and `labels/.../a.txt`.

    Paths in `data.yaml` are not followed: the splits are folders, and names come from it, or from `classes.txt`.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no photo in a folder `images` has a text file in the folder `labels` beside it.

    Raises:
        DataError: `data.yaml` cannot be understood.
    """
    texts = {file.path: file for file in tree.files if file.extension == ".txt"}
    photos = [(photo, label) for photo in tree.pictures("") if (label := _label_path(photo.path)) is not None]
    if not any(label in texts for _, label in photos):
        return None
    names, notes = _names(tree, [texts[label] for _, label in photos if label in texts])
    reader = _Reader(names)
    pairs, absent = [], 0
    for photo, label in photos:
        absent += label not in texts
        file = texts.get(label, File(label))
        split = split_in(photo.path)
        mask = annotation_of(file, "" if label in texts else "absent", reader)
        pairs.append(Pair(sample_of(photo, split), split, photo, mask))
    if absent:
        notes = (*notes, note("labels_absent", count=absent))
    return listed(NAME, tree, pairs, list[Finding](), with_background(names), notes)


class _Reader:
    """Reads one label file; it knows the names of the classes, and can be sent to other processes."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reader) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __call__(self, path: Path, entry: str, name: str) -> Drawing:
        """The objects of one photo: smaller ones lie on top, as Ultralytics draws them.

        Raises:
            Undecodable: a line is no object.
        """
        shapes, boxes = [], 0
        for number, line in enumerate(() if entry == "absent" else _lines(path, name), start=1):
            if not line.strip():
                continue
            class_id, ring = _object(line, f"line {number}", name)
            if class_id >= len(self.names):
                raise broken(name, f"line {number}", f"class {class_id}, but the last one is {len(self.names) - 1}")
            if len(ring) == 2:
                boxes += 1
                continue
            shapes.append((-ring_area(ring), number, Shape(self.names[class_id], _Fill(ring))))
        shapes.sort(key=lambda each: each[:2])
        return Drawing(tuple(shape for *_, shape in shapes), None, not_drawn(["box"] * boxes, name))


class _Fill:
    """Fills a polygon that is given in fractions of the photo."""

    def __init__(self, ring: Points) -> None:
        self.ring = ring

    def __call__(self, canvas: Canvas, value: int) -> None:
        height, width = canvas.shape
        paint_pixel_ring(canvas, within_reach(self.ring * (width, height), (height, width)), value)


def _lines(path: Path, name: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise Undecodable("file_gone", file=name) from None
    except (OSError, UnicodeDecodeError) as error:
        raise broken(name, "", error) from None


def _object(line: str, key: str, name: str) -> tuple[int, Points]:
    try:
        first, *numbers = (float(word) for word in line.split())
        points = np.array(numbers, np.float64)
    except ValueError as error:
        raise broken(name, key, error) from None
    if (
        not 0 <= first < 1e9
        or first != int(first)
        or len(points) % 2
        or len(points) < 4
        or not np.isfinite(points).all()
    ):
        raise broken(name, key, "expected a class and at least three points: 0 0.1 0.1 0.2 0.1 0.2 0.2")
    return int(first), np.clip(points, -1e6, 1e6).reshape(-1, 2)


def _label_path(path: str) -> str | None:
    """Where the label file of a photo lies: the last folder called images becomes labels."""
    parts = PurePosixPath(path).parts
    places = [place for place, part in enumerate(parts[:-1]) if part.lower() == "images"]
    if not places:
        return None
    swapped = (*parts[: places[-1]], "labels", *parts[places[-1] + 1 :])
    return str(PurePosixPath(*swapped).with_suffix(".txt"))


def data_yaml(tree: Tree) -> tuple[File, dict[str, Any]] | None:
    """The YAML file in the dataset's folder that names classes as Ultralytics does, and its content.

    Raises:
        DataError: a `data.yaml` is no such YAML.
    """
    for file in tree.files:
        if "/" in file.path or file.extension not in (".yaml", ".yml") or file.name == "classes.yaml":
            continue
        try:
            content = _plain_yaml((tree.root / file.path).read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            if file.stem() not in ("data", "dataset"):
                continue
            raise DataError(
                f"{file.path}: cannot be read as YAML.",
                expected="names: {0: cat, 1: dog}",
                found=" ".join(str(error).split())[:200],
                do="Mend it, or move it out of this folder.",
            ) from None
        if isinstance(content, dict) and isinstance(content.get("names"), list | dict):
            return file, content
    return None


def _plain_yaml(text: str) -> Any:
    """YAML without references, which could make a small file unpack to any size.

    Raises:
        ValueError: it has some.
    """
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
        raise ValueError("references (*name) are not followed")
    return yaml.safe_load(text)


def class_names(file: File, content: dict[str, Any]) -> list[str]:
    """The names under `names`, in the order of their numbers.

    Raises:
        DataError: the numbers are not 0, 1, 2, ..., or a name stands twice.
    """
    given = content["names"]
    numbered = dict(enumerate(given)) if isinstance(given, list) else given
    if sorted(numbered, key=str) != sorted(range(len(numbered)), key=str) or len({*map(str, numbered.values())}) < len(
        numbered
    ):
        raise DataError(
            f"{file.path}: names: these are no classes.",
            expected="names: {0: cat, 1: dog}",
            found=" ".join(str(given).split())[:200],
            do="Number the classes 0, 1, 2, ..., each with a name of its own.",
        )
    return [str(numbered[place]) for place in range(len(numbered))]


def _names(tree: Tree, labels: Sequence[File]) -> tuple[list[str], tuple[Note, ...]]:
    found = data_yaml(tree)
    if found is not None:
        return class_names(*found), ()
    for file in tree.files:
        if file.name in ("classes.txt", "obj.names") and file.path.count("/") <= 1:
            return [line.strip() for line in _lines(tree.root / file.path, file.path) if line.strip()], ()
    numbers = [int(number) for file in labels for number in _numbers(tree, file)]
    names = [f"class {number}" for number in range(max(numbers, default=0) + 1)][:254]
    return names, (note("names_absent", classes=", ".join(names)),)


def _numbers(tree: Tree, file: File) -> Iterator[str]:
    try:
        yield from re.findall(r"^\s*(\d{1,4})\s", (tree.root / file.path).read_text(encoding="utf-8"), re.M)
    except (OSError, UnicodeDecodeError):
        return


def write(target: Target) -> Written:
    """Write `images/<split>/`, `labels/<split>/` and `data.yaml`, a line per connected region.

    Class 0 is the first class after the background, which is what lies under no polygon. Holes are bridged to the
    outline. Points are the middles of the outermost pixels, so that both rounding down and drawing give them back.
    Samples without a mask are left out: without a label file they would count as empty.
    """
    labels = shape_classes(target)
    numbers = {class_id: place for place, class_id in enumerate(labels)}
    missing, changed = 0, 0
    for split, samples in target.splits.items():
        for sample, found in target.each(samples, lambda _, mask: _text(mask, numbers)):
            if found is None:
                missing += 1
                continue
            text, different = found
            changed += different
            target.put_photo(sample, f"images/{split}")
            target.put(f"labels/{split}/{stem_of(sample)}.txt", text)
    target.put("data.yaml", yaml_text(target, list(labels.values())))
    return Written(missing, changed)


def yaml_text(target: Target, names: Sequence[str], **more: str) -> str:
    """The text of a `data.yaml` for Ultralytics: the folders of the splits and the names of the classes."""
    folders = {split: f"images/{split}" for split in target.splits}
    folders |= {"val": folders.get("val", next(iter(folders.values())))}
    content = {**folders, **more, "names": dict(enumerate(names))}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _text(mask: Mask, numbers: dict[int, int]) -> tuple[str, int]:
    """The lines of a photo, and how many pixels they give to another class."""
    lines, canvas = [], np.zeros(mask.shape, np.uint8)
    height, width = mask.shape
    wanted = np.zeros(256, np.uint8)
    for one in objects(mask, [*numbers]):
        wanted[one.class_id] = numbers[one.class_id] + 1
        ring = bridged(*pixel_rings(one))
        paint_pixel_ring(canvas, ring.astype(np.float64), numbers[one.class_id] + 1)
        lines.append(f"{numbers[one.class_id]} {_fractions(ring, width, height)}")
    return "".join(f"{line}\n" for line in lines), int(np.count_nonzero(canvas != wanted[mask]))


def _fractions(ring: NDArray[np.int64], width: int, height: int) -> str:
    points = (ring.tolist() * 3)[: max(3, len(ring))]
    return " ".join(f"{(x + 0.5) / width:.6g} {(y + 0.5) / height:.6g}" for x, y in points)
