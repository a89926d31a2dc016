"""What lies in a folder: names, sizes and times, no content."""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maskwright.data.decode import EXTENSIONS
from maskwright.errors import DataError, shown


@dataclass(frozen=True, slots=True)
class File:
    """One name in a dataset's folder.

    Args:
        path: POSIX path relative to the dataset's root, as the file system spells it.
        kind: "file", "folder" (named like a picture), "link_broken", "link_outside" (it leads out of the folder),
            "not_file" (a pipe, a device) or "name_unreadable" (bytes that are not UTF-8).
        size: in bytes.
        mtime_ns: time of the last change.
    """

    path: str
    kind: str = "file"
    size: int = 0
    mtime_ns: int = 0

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def where(self) -> str:
        """How messages call it."""
        return self.path

    @property
    def extension(self) -> str:
        """In lower case, with its dot."""
        return PurePosixPath(self.path).suffix.lower()

    @property
    def is_picture(self) -> bool:
        """Whether it is called like a picture that can be read."""
        return self.extension in EXTENSIONS

    def stem(self, below: str = "") -> str:
        """The path below a folder without extension, in composed letters so that macOS and Linux names match."""
        relative = PurePosixPath(self.path).relative_to(below) if below else PurePosixPath(self.path)
        return unicodedata.normalize("NFC", str(relative.with_suffix("")))


@dataclass(frozen=True)
class Tree:
    """All names below a folder, in the order of their paths; hidden files and `__MACOSX` are left out.

    Args:
        root: the folder.
        files: what is in it and in its folders.
        folders: their paths.
        outside: links that lead out of the folder and are not followed: folders, and files that are no pictures.
            Pictures stand among the files, so that their samples can be named.
    """

    root: Path
    files: tuple[File, ...]
    folders: tuple[str, ...]
    outside: tuple[str, ...] = ()

    def below(self, folder: str) -> tuple[File, ...]:
        """The files in a folder and its sub-folders; "" is the root."""
        prefix = f"{folder}/" if folder else ""
        return tuple(file for file in self.files if file.path.startswith(prefix))

    def pictures(self, folder: str) -> tuple[File, ...]:
        """The files of a folder and its sub-folders that are called like pictures."""
        return tuple(file for file in self.below(folder) if file.is_picture)

    def children(self, folder: str) -> tuple[str, ...]:
        """The paths of the folders directly in a folder."""
        depth = folder.count("/") + 1 if folder else 0
        prefix = f"{folder}/" if folder else ""
        return tuple(path for path in self.folders if path.startswith(prefix) and path.count("/") == depth)


def list_tree(root: Path, *, links_out: bool = False) -> Tree:
    """List a dataset's folder, following links to folders once.

    Args:
        root: an existing folder; it may be a link itself.
        links_out: whether links that lead out of the folder are followed: a dataset that somebody else made could show
            and copy any file of this computer.

    Raises:
        DataError: the folder cannot be listed.
    """
    files: list[File] = []
    folders: list[str] = []
    outside: list[str] = []
    top = None if links_out else root.resolve()
    visited: set[tuple[int, int]] = set()

    def walk(folder: Path, prefix: str) -> None:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in visited:
            return
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    continue
                file = _file(entry, prefix + entry.name, top)
                if file.kind == "link_outside" and not (file.is_picture and entry.is_file()):
                    outside.append(file.path)
                    continue
                if file.kind == "folder":
                    folders.append(file.path)
                    walk(folder / entry.name, file.path + "/")
                if file.kind != "folder" or file.is_picture:
                    files.append(file)

    try:
        walk(root, "")
    except OSError as error:
        raise DataError(
            f"{shown(root)}: this folder cannot be listed.",
            found=f"{error.strerror}: {error.filename}",
            do="Check its permissions and that the drive is there.",
        ) from None
    return Tree(root, tuple(sorted(files, key=lambda file: file.path)), tuple(sorted(folders)), tuple(sorted(outside)))


def _file(entry: os.DirEntry[str], path: str, top: Path | None) -> File:
    try:
        path.encode()
    except UnicodeEncodeError:
        return File(path.encode(errors="surrogateescape").decode(errors="backslashreplace"), "name_unreadable")
    try:
        status = entry.stat()
    except OSError:
        return File(path, "link_broken")
    if top is not None and entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(top):
        return File(path, "link_outside")
    kind = "folder" if stat.S_ISDIR(status.st_mode) else "file" if stat.S_ISREG(status.st_mode) else "not_file"
    return File(path, kind, status.st_size, status.st_mtime_ns)
