"""Annotation files: opened, understood, and the photos that they name found inside of the dataset."""

from __future__ import annotations

import functools
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from maskwright.data.annotation import broken
from maskwright.data.decode import Undecodable
from maskwright.data.finding import Finding
from maskwright.data.listing import IMAGE_FOLDERS, SPLIT_NAMES, Listing, Note, Pair, left_out, note, split_id
from maskwright.data.tree import File, Tree
from maskwright.errors import DataError

Model = TypeVar("Model", bound=BaseModel)
Content = TypeVar("Content")

NAMED = 5
"""Places in a file that a finding names, where there are more."""

KEPT = 4
"""Parsed files that are kept: a dataset has one per split."""


@dataclass(frozen=True)
class Document:
    """A JSON file of a dataset.

    Args:
        file: which.
        content: what is in it; None where it cannot be read. The bytes of embedded photos are left out.
        error: why it cannot be read.
    """

    file: File
    content: Any
    error: Undecodable | None = None


def parsed_once(read: Callable[[Path, str], Content]) -> Callable[[Path, str], Content]:
    """A reader of an annotation file that reads it once, as long as it is the same, however many samples ask.

    Args:
        read: (file, how messages call it) -> what is in it.
    """
    lock = threading.Lock()

    @functools.lru_cache(maxsize=KEPT)
    def known(path: Path, name: str, _mtime_ns: int, _size: int) -> Content:
        return read(path, name)

    @functools.wraps(read)
    def parsed(path: Path, name: str) -> Content:
        try:
            status = path.stat()
        except OSError:
            raise Undecodable("file_gone", file=name) from None
        with lock:  # several threads want the same file at the same moment
            return known(path, name.partition(" (")[0], status.st_mtime_ns, status.st_size)

    return parsed


@functools.lru_cache(maxsize=1)
def json_documents(tree: Tree) -> tuple[Document, ...]:
    """All JSON files of a folder; those of one listing are opened once."""
    return tuple(_document(tree, file) for file in tree.files if file.extension == ".json" and file.kind == "file")


def understood(content: Any, model: type[Model], name: str, *, key: str = "") -> Model:
    """A part of an annotation file as a value with known fields.

    Args:
        content: what the file holds.
        model: the fields that are needed.
        name: how messages call the file.
        key: where in the file the part stands.

    Raises:
        Undecodable: a field is missing or wrong; the message names its key.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise broken(name, *_first(error, key)) from None


def load_json(path: Path, name: str) -> Any:
    """The content of a JSON file.

    Raises:
        Undecodable: it cannot be opened, or is no JSON; the message names the line.
    """
    try:
        return from_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except FileNotFoundError:
        raise Undecodable("file_gone", file=name) from None
    except (OSError, ValueError) as error:
        raise broken(name, "", error) from None


def split_in(path: str) -> str:
    """The split that a folder on the way to a file names, "" for none."""
    return next(
        (SPLIT_NAMES[part.lower()] for part in PurePosixPath(path).parts[:-1] if part.lower() in SPLIT_NAMES), ""
    )


def split_in_name(path: str) -> str:
    """The split that the words of a file's name name, as in `instances_val2017.json`, else that of its folders."""
    words = re.findall(r"[a-z]+", PurePosixPath(path).stem.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), split_in(path))


@dataclass(frozen=True)
class Photos:
    """The photos of a dataset, to be found by what an annotation file calls them."""

    tree: Tree
    by_path: dict[str, File]
    by_name: dict[str, list[File]]

    @classmethod
    def of(cls, tree: Tree) -> Photos:
        """All photos of a folder."""
        by_name = defaultdict(list)
        for file in tree.pictures(""):
            by_name[PurePosixPath(file.path).name].append(file)
        return cls(tree, {file.path: file for file in tree.pictures("")}, dict(by_name))

    def find(self, name: str, *, beside: str = "", split: str = "") -> File | Finding:
        """The photo that an annotation file means.

        Args:
            name: the path that stands in it.
            beside: the annotation file, relative to the dataset.
            split: the split that is known already: of several photos of one name, the one in its folder is meant.

        Returns:
            The photo, or the finding that says why there is none: `path_outside` for an absolute path, one with `..`,
            or one that leaves the dataset through a link; `listed_photo_missing` otherwise.
        """
        plain = name.replace("\\", "/")
        facts = {"file": beside, "name": name[:200]}
        if plain.startswith("/") or re.match(r"^[A-Za-z]:", plain) or ".." in plain.split("/") or "\0" in plain:
            return left_out("path_outside", self._sample(name, split), **facts)
        path = str(PurePosixPath(plain))
        folder = str(PurePosixPath(beside).parent)
        at_once = [str(PurePosixPath(start) / path) for start in (folder, ".")]
        found = next((self.by_path[each] for each in at_once if each in self.by_path), None) or self._named(path, split)
        if found is None:
            return left_out("listed_photo_missing", self._sample(name, split), **facts)
        if found.kind == "link_outside":
            return left_out("path_outside", self._sample(name, split), **facts)
        return found

    def _named(self, path: str, split: str) -> File | None:
        """The one photo whose path ends like this, else the one of that name, in the folder of the split."""
        alike = self.by_name.get(PurePosixPath(path).name, [])
        for chosen in ([file for file in alike if f"/{file.path}".endswith(f"/{path}")], alike):
            ours = [file for file in chosen if split_in(file.path) in ("", split)] if split else chosen
            if len(ours) == 1:
                return ours[0]
        return None

    def _sample(self, name: str, split: str) -> str:
        path = PurePosixPath(name.replace("\\", "/"))
        return split_id(split, str(path.with_suffix("")) if path.name else name or "?")


def sample_of(photo: File, split: str) -> str:
    """The id of a sample: its split, and the photo's path without extension and without the usual folders."""
    parts = PurePosixPath(photo.stem()).parts
    kept = [part for part in parts[:-1] if part.lower() not in (*IMAGE_FOLDERS, *SPLIT_NAMES)]
    return split_id(split, "/".join([*kept, parts[-1]]))


def listed(
    layout: str,
    tree: Tree,
    pairs: Sequence[Pair],
    findings: Sequence[Finding],
    classes: tuple[str, ...],
    notes: Sequence[Note] = (),
) -> Listing:
    """The listing of a folder with annotation files.

    Args:
        layout: the layout's name.
        tree: what lies in the folder.
        pairs: the photos that annotation files name; those named twice are found out here.
        findings: what could not be paired.
        classes: the names of the classes, the background among them.
        notes: what was assumed.
    """
    first: dict[str, Pair] = {}
    again = []
    for pair in pairs:
        if pair.id in first:
            others = (first[pair.id].mask or first[pair.id].image).where
            again.append(
                left_out("annotated_twice", pair.id, file=(pair.mask or pair.image).where, others=others)
                if first[pair.id].image.path == pair.image.path
                else left_out("image_twice", pair.id, file=pair.image.path, others=first[pair.id].image.path)
            )
        else:
            first[pair.id] = pair
    named = {pair.split for pair in first.values()} - {""}
    chosen = [
        pair if pair.split or not named else Pair(split_id("train", pair.id), "train", pair.image, pair.mask)
        for pair in first.values()
    ]
    unlisted = len({file.path for file in tree.pictures("")} - {pair.image.path for pair in first.values()})
    also = [note("unannotated", count=unlisted)] if unlisted else []
    ordered = sorted(chosen, key=lambda pair: pair.id)
    return Listing(layout, tuple(ordered), (*findings, *again), (*notes, *also), classes)


def entries_broken(file: File, places: Sequence[str]) -> list[Finding]:
    """The finding about entries of an annotation file that can belong to no photo, none where there are no such.

    Args:
        file: the annotation file.
        places: where in it they stand, e.g. "annotations.3".
    """
    if not places:
        return []
    named = ", ".join(places[:NAMED]) + (", ..." if len(places) > NAMED else "")
    return [Finding(file.path, "entries_broken", 0.6, {"file": file.path, "count": len(places), "places": named})]


def unread(layout: str, file: File, error: object) -> Finding:
    """The finding about an annotation file of which nothing can be used: what it says of its photos is missing.

    Args:
        layout: the layout's name.
        file: the annotation file.
        error: what is wrong with it.
    """
    return left_out("annotations_unread", file.path, file=file.path, layout=layout, error=error)


def unread_documents(layout: str, tree: Tree) -> list[Finding]:
    """The findings about the JSON files of a folder that are no JSON."""
    return [
        unread(layout, one.file, one.error.facts.get("error", one.error)) for one in json_documents(tree) if one.error
    ]


def refusal(error: Undecodable) -> DataError:
    """What is wrong with the one file that all samples depend on."""
    return DataError(str(error))


def _document(tree: Tree, file: File) -> Document:
    try:
        content = load_json(tree.root / file.path, file.path)
    except Undecodable as error:
        return Document(file, None, error)
    if isinstance(content, dict) and isinstance(content.get("imageData"), str):
        content["imageData"] = True
    return Document(file, content)


def _first(error: ValidationError, key: str) -> tuple[str, str]:
    first = error.errors(include_url=False, include_context=False)[0]
    return ".".join([*([key] if key else []), *(str(part) for part in first["loc"])]), first["msg"]
