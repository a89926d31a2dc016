"""Fifty and more ways in which a folder is wrong, and what is to be said of each."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from broken_files import cut, encoded, frames, huge_bmp, huge_tiff, huge_webp, png, turned
from small_folders import mask, photo, save

PHOTO = "images/train/003.png"
MASK = "masks/train/003.png"


def _bytes(path: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / path).write_bytes(content)


def _saved(path: str, pixels: object, **options: object) -> Callable[[Path], object]:
    return lambda root: save(root / path, np.asarray(pixels), **options)


def _instead(path: str, old: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Put `path` in the place of the file `old`."""

    def build(root: Path) -> None:
        (root / old).unlink()
        make(root / path)

    return build


def _blurred() -> object:
    return Image.open(io.BytesIO(encoded(mask(1, 2) * 100, "JPEG", quality=30)))


def _link(path: str) -> Callable[[Path], object]:
    return _instead(path, path, lambda file: file.symlink_to("nowhere.png"))


def _link_out(path: str) -> Callable[[Path], object]:
    """The file moved beside the dataset, and a link to it in its place."""

    def build(root: Path) -> None:
        elsewhere = root.parent / "elsewhere.png"
        (root / path).rename(elsewhere)
        (root / path).symlink_to(elsewhere)

    return build


def _many_bad(root: Path) -> None:
    for number in range(3):
        (root / f"images/train/{number:03d}.png").write_bytes(b"")


def _turned(orientation: int, size_hw: tuple[int, int], mask_hw: tuple[int, int]) -> Callable[[Path], object]:
    def build(root: Path) -> None:
        (root / PHOTO).unlink()
        turned(root / "images/train/003.jpg", orientation, 3, size_hw)
        save(root / MASK, mask(1, size_hw=mask_hw))

    return build


def _lists(train: str, val: str = "010\n011\n012\n") -> Callable[[Path], object]:
    def build(root: Path) -> None:
        for folder in ("images", "masks"):
            shutil.rmtree(root / folder / "val")
            for file in (root / folder / "train").iterdir():
                file.rename(root / folder / file.name)
            (root / folder / "train").rmdir()
        (root / "train.txt").write_bytes(train.encode("cp1251"))
        (root / "val.txt").write_text(val)

    return build


def _copied(source: str, target: str) -> Callable[[Path], object]:
    return lambda root: shutil.copy(root / source, root / target)


def _both(*builds: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda root: [build(root) for build in builds]


def _only(*names: str) -> Callable[[Path], object]:
    """Keep nothing of the dataset but these."""

    def build(root: Path) -> None:
        for entry in root.iterdir():
            if entry.name not in names:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    return build


DECLARED = "0 background, 1 cat, 2 dog"
SEEN_THROUGH = np.dstack([mask(1)] * 3 + [mask(255)])
WRONG_COLOUR = np.dstack([mask(200), mask(10), mask(90)])

FOUND: dict[str, tuple[Callable[[Path], object], str, str, tuple[str, ...]]] = {
    # name: (what is done, check, file, what the sentence says and the way out)
    "empty photo": (_bytes(PHOTO, b""), "empty_file", PHOTO, ("0 bytes", "Copy it again")),
    "empty mask": (_bytes(MASK, b""), "empty_file", MASK, ("0 bytes", "Copy it again")),
    "renamed text photo": (_bytes(PHOTO, b"a note\n" * 9), "not_picture", PHOTO, ("but text", "Convert it")),
    "renamed text mask": (_bytes(MASK, b"0 0 1\n"), "not_picture", MASK, ("but text", "Convert it")),
    "web page": (_bytes(PHOTO, b"<!DOCTYPE html><html>404</html>"), "not_picture", PHOTO, ("HTML", "delete it")),
    "JSON mask": (_bytes(MASK, b'{"shapes": []}'), "not_picture", MASK, ("JSON", "Convert it")),
    "PDF": (_bytes(PHOTO, b"%PDF-1.7\n%\xe2\xe3"), "not_picture", PHOTO, ("PDF", "Convert it")),
    "ZIP": (_bytes(PHOTO, b"PK\x03\x04\x14\0\0\0"), "not_picture", PHOTO, ("ZIP", "Convert it")),
    "renamed GIF": (_bytes(PHOTO, encoded(photo(3), "GIF")), "not_picture", PHOTO, ("GIF", "Expected JPEG, PNG")),
    "HEIC called png": (_bytes(PHOTO, b"\0\0\0\x18ftypheic" + b"\0" * 50), "not_picture", PHOTO, ("HEIC", "Convert")),
    "NumPy array": (_bytes(MASK, b"\x93NUMPY\x01\0" + b"\0" * 90), "not_picture", MASK, ("NumPy", "Convert it")),
    "noise": (_bytes(PHOTO, bytes(range(200, 255)) * 4), "not_picture", PHOTO, ("unknown bytes", "delete it")),
    "cut PNG": (lambda root: cut(root / PHOTO, "PNG"), "truncated", PHOTO, ("ends too early", "Copy it again")),
    "cut PNG mask": (lambda root: cut(root / MASK, "PNG"), "truncated", MASK, ("ends too early", "Copy it again")),
    "cut JPEG": (
        _instead("images/train/003.jpg", PHOTO, lambda file: cut(file, "JPEG")),
        "truncated",
        "images/train/003.jpg",
        ("ends too early", "Copy it again"),
    ),
    "cut BMP": (
        _instead("images/train/003.bmp", PHOTO, lambda file: cut(file, "BMP")),
        "truncated",
        "images/train/003.bmp",
        ("ends too early", "Copy it again"),
    ),
    "cut WebP": (
        _instead("images/train/003.webp", PHOTO, lambda file: cut(file, "WEBP")),
        "damaged",
        "images/train/003.webp",
        ("damaged", "Copy it again"),
    ),
    "cut TIFF": (
        _instead("images/train/003.tif", PHOTO, lambda file: cut(file, "TIFF", compression="tiff_lzw")),
        "damaged",
        "images/train/003.tif",
        ("damaged", "Copy it again"),
    ),
    "JPEG of its first bytes": (
        _bytes(PHOTO, b"\xff\xd8\xff\xe0" + b"\x07" * 90),
        "truncated",
        PHOTO,
        ("Copy it again",),
    ),
    "PNG with a wrong checksum": (
        _bytes(PHOTO, encoded(photo(3), "PNG").replace(b"IHDR\0\0\0\x10", b"IHDR\0\0\0\x11")),
        "damaged",
        PHOTO,
        ("damaged", "save it as PNG"),
    ),
    "PNG with garbage for pixels": (
        _bytes(PHOTO, encoded(photo(3), "PNG")[:60] + b"\xaa" * 200 + encoded(photo(3), "PNG")[260:]),
        "damaged",
        PHOTO,
        ("damaged", "Copy it again"),
    ),
    "PNG bomb": (_bytes(PHOTO, png(50000, 50000, b"")), "too_large", PHOTO, ("50000 x 50000", "178 million", "tiles")),
    "PNG bomb for a mask": (
        _bytes(MASK, png(99999, 9999, b"")),
        "too_large",
        MASK,
        ("99999 x 9999", "Make it smaller"),
    ),
    "TIFF bomb": (_bytes(PHOTO, huge_tiff()), "too_large", PHOTO, ("40000 x 40000", "Make it smaller")),
    "WebP bomb": (_bytes(PHOTO, huge_webp()), "too_large", PHOTO, ("178 million", "Make it smaller")),
    "BMP bomb": (_bytes(PHOTO, huge_bmp()), "too_large", PHOTO, ("30000 x 30000", "Make it smaller")),
    "no pixels": (_bytes(PHOTO, png(0, 0, b"")), "zero_size", PHOTO, ("no pixels (0 x 0)", "Export it again")),
    "no pixels in a mask": (_bytes(MASK, png(0, 7, b"")), "zero_size", MASK, ("no pixels (0 x 7)", "Export it again")),
    "animated WebP": (
        _instead("images/train/003.webp", PHOTO, lambda file: frames(file)),
        "many_frames",
        "images/train/003.webp",
        ("2 pictures", "Save the one you mean"),
    ),
    "animated PNG": (lambda root: frames(root / PHOTO), "many_frames", PHOTO, ("2 pictures", "Save the one")),
    "pages of TIFF": (
        _instead("masks/train/003.tiff", MASK, lambda file: frames(file)),
        "many_frames",
        "masks/train/003.tiff",
        ("2 pictures", "Save the one you mean"),
    ),
    "GIF": (
        _instead("images/train/003.gif", PHOTO, lambda file: file.write_bytes(encoded(photo(3), "GIF"))),
        "format_not_read",
        "images/train/003.gif",
        (".gif files are not read", "Convert it to PNG"),
    ),
    "HEIC": (
        _instead("images/train/003.HEIC", PHOTO, lambda file: file.write_bytes(b"\0\0\0\x18ftypheic")),
        "format_not_read",
        "images/train/003.HEIC",
        (".heic files are not read", "Convert it to PNG"),
    ),
    "array for a mask": (
        _instead("masks/train/003.npy", MASK, lambda file: np.save(file, mask(1))),
        "format_not_read",
        "masks/train/003.npy",
        (".npy files are not read", "Convert it to PNG"),
    ),
    "float photo": (
        _instead("images/train/003.tif", PHOTO, lambda file: save(file, photo(3)[..., 0].astype(np.float32))),
        "depth_unknown",
        "images/train/003.tif",
        ("kind F", "Save it as 8-bit PNG"),
    ),
    "float mask": (
        _instead("masks/train/003.tif", MASK, lambda file: save(file, mask(1).astype(np.float32))),
        "depth_unknown",
        "masks/train/003.tif",
        ("kind F", "masks: 8 or 16 bits"),
    ),
    "32-bit mask": (
        _instead("masks/train/003.tif", MASK, lambda file: save(file, mask(1).astype(np.int32) * 70000)),
        "depth_unknown",
        "masks/train/003.tif",
        ("kind 32 bits", "masks: 8 or 16 bits"),
    ),
    "mask of another size": (
        _saved(MASK, mask(1, size_hw=(24, 32))),
        "mask_size",
        MASK,
        ("32 x 24", f"{PHOTO} has 16 x 12", "the same size"),
    ),
    "mask one pixel off": (_saved(MASK, mask(1, size_hw=(12, 15))), "mask_size", MASK, ("15 x 12", "16 x 12")),
    "mask of the unturned photo": (
        _turned(6, (12, 16), (12, 16)),
        "mask_unrotated",
        MASK,
        ("16 x 12", "12 x 16", "EXIF", "Turn the mask"),
    ),
    "photo upside down": (
        _turned(3, (12, 16), (12, 16)),
        "rotation_unchecked",
        MASK,
        ("images/train/003.jpg has an EXIF tag", "Look at this pair"),
    ),
    "square photo on its side": (_turned(8, (16, 16), (16, 16)), "rotation_unchecked", MASK, ("EXIF", "Look at this")),
    "JPEG mask": (
        _instead("masks/train/003.jpg", MASK, lambda file: save(file, mask(1))),
        "mask_lossy",
        "masks/train/003.jpg",
        ("saved as lossy JPEG", "as PNG"),
    ),
    "JPEG mask called png": (
        _bytes(MASK, encoded(mask(1), "JPEG")),
        "mask_lossy",
        MASK,
        ("saved as lossy JPEG", "as PNG"),
    ),
    "lossy WebP mask": (
        _instead("masks/train/003.webp", MASK, lambda file: save(file, mask(1), quality=50)),
        "mask_lossy",
        "masks/train/003.webp",
        ("lossy WEBP", "as PNG"),
    ),
    "JPEG inside a TIFF mask": (
        _instead("masks/train/003.tif", MASK, lambda file: save(file, mask(1), compression="jpeg")),
        "mask_lossy",
        "masks/train/003.tif",
        ("lossy TIFF", "as PNG"),
    ),
    "mask that was a JPEG once": (_saved(MASK, _blurred()), "mask_smeared", MASK, ("different values", "as PNG")),
    "photo for a mask": (_saved(MASK, photo(3)), "mask_smeared", MASK, ("192 different values", "as PNG")),
    "see-through mask": (_saved(MASK, SEEN_THROUGH), "mask_see_through", MASK, ("see-through", "without an alpha")),
    "no mask": (lambda root: (root / MASK).unlink(), "mask_missing", PHOTO, (f"Put it at {MASK}", "remove the photo")),
    "no photo": (lambda root: (root / PHOTO).unlink(), "image_missing", MASK, ("images/train", "remove the mask")),
    "two photos of one name": (
        _saved("images/train/003.JPG", photo(77)),
        "image_twice",
        "images/train/003.JPG",
        (PHOTO, "Remove or rename one"),
    ),
    "two masks of one name": (
        _saved("masks/train/003.tif", mask(1)),
        "mask_twice",
        PHOTO,
        ("masks/train/003.tif", MASK, "Remove the wrong one"),
    ),
    "two masks by suffix": (
        _saved("masks/train/003_mask.png", mask(1)),
        "mask_twice",
        PHOTO,
        ("003_mask.png", "Remove"),
    ),
    "broken link": (_link(PHOTO), "link_broken", PHOTO, ("not there", "Mend the link")),
    "broken link for a mask": (_link(MASK), "link_broken", MASK, ("not there", "Mend the link")),
    "link out of the folder": (_link_out(PHOTO), "link_outside", PHOTO, ("leads out", "Put a copy")),
    "link out for a mask": (_link_out(MASK), "link_outside", MASK, ("leads out", "hard link")),
    "folder called png": (
        _instead(PHOTO, PHOTO, lambda file: file.mkdir()),
        "is_folder",
        PHOTO,
        ("a folder", "Rename the folder"),
    ),
    "folder for a mask": (_instead(MASK, MASK, lambda file: file.mkdir()), "is_folder", MASK, ("Rename the folder",)),
    "pipe": (_instead(PHOTO, PHOTO, os.mkfifo), "not_file", PHOTO, ("not an ordinary file", "Remove it")),
    "name in cp1251": (
        lambda root: (root / PHOTO).rename(os.fsdecode(os.fsencode(root / "images/train") + b"/\xea\xee\xf2.png")),
        "name_unreadable",
        "images/train/\\xea\\xee\\xf2.png",
        ("not UTF-8", "Rename the file"),
    ),
    "photo beside the splits": (
        _saved("images/preview.png", photo(99)),
        "outside_splits",
        "images/preview.png",
        ("belongs to none", "Move it"),
    ),
    "PNG called jpg": (
        _instead("images/train/003.jpg", PHOTO, lambda file: file.write_bytes(encoded(photo(3), "PNG"))),
        "extension_wrong",
        "images/train/003.jpg",
        ("content is PNG", "Rename it"),
    ),
    "nothing to judge": (_saved(MASK, mask() + np.uint8(255)), "mask_all_ignored", MASK, ("every pixel", "Label it")),
    "photo twice": (
        _both(_copied(PHOTO, "images/train/x.png"), _copied(MASK, "masks/train/x.png")),
        "duplicate",
        "images/train/x.png",
        (f"the same photo as {PHOTO}", "Remove one"),
    ),
    "photo twice with another mask": (
        _both(_copied(PHOTO, "images/train/x.png"), _saved("masks/train/x.png", mask(2, 2))),
        "duplicate_differs",
        "images/train/x.png",
        (PHOTO, "with another mask", "Keep the better mask"),
    ),
    "list with a name that is not there": (
        _lists("\n".join(f"{number:03d}" for number in range(10)) + "\nghost\n"),
        "listed_missing",
        "train.txt",
        ("line 11", "no photo ghost in images", "Mend the name"),
    ),
    "list with a name twice": (
        _lists("000\n001\n002\n001\n"),
        "listed_twice",
        "train.txt",
        ("line 4", "001", "Remove the line"),
    ),
}

KEPT = {"rotation_unchecked", "extension_wrong", "mask_all_ignored", "duplicate", "duplicate_differs", "listed_twice"}
"""Checks that leave the sample in."""


def _yaml(text: str | bytes) -> Callable[[Path], object]:
    return _bytes("classes.yaml", text if isinstance(text, bytes) else text.encode())


REFUSED: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    # name: (what is done, what the message says: where, what was found, the way out)
    "undeclared value": (
        _saved(MASK, mask(1, 7)),
        (f"{MASK}: pixel value 7 belongs to no class", DECLARED, "0, 1, 7 (7 on 10.4 % of the pixels)", "ignore: 7"),
    ),
    "undeclared value in two masks": (
        _both(_saved(MASK, mask(1, 7)), _saved("masks/val/004.png", mask(9))),
        (MASK, "1 more: masks/val/004.png (9)", DECLARED, "ignore: 7"),
    ),
    "undeclared value beside a broken file": (
        _both(_saved(MASK, mask(7)), _bytes("images/val/001.png", b"")),
        (f"{MASK}: pixel value 7", "images/val/001.png: the file is empty"),
    ),
    "undeclared 16-bit value": (
        _saved(MASK, mask(1).astype(np.uint16) * 3000),
        (MASK, "3000", DECLARED, "mend the masks"),
    ),
    "undeclared colour": (
        _saved(MASK, WRONG_COLOUR),
        (f"{MASK}: colour #c80a5a belongs to no class", "colours:", "ignore_colour"),
    ),
    "leak": (
        _both(_copied(PHOTO, "images/val/x.png"), _copied(MASK, "masks/val/x.png")),
        ("images/val/x.png (val)", f"{PHOTO} (train)", "--allow-leak"),
    ),
    "leak in another format": (
        _both(_saved("images/val/x.bmp", photo(3)), _saved("masks/val/x.png", mask(2))),
        ("images/val/x.bmp (val)", f"{PHOTO} (train)", "--allow-leak"),
    ),
    "leak through lists": (
        _lists("000\n001\n002\n", "002\n003\n"),
        ("images/002.png (val)", "images/002.png (train)", "--allow-leak"),
    ),
    "over a tenth broken": (
        _many_bad,
        ("3 of 20 samples of the split train", "10 %", "images/train/000.png", "images/train/002.png", "Mend these"),
    ),
    "no masks for train": (
        lambda root: shutil.rmtree(root / "masks/train"),
        ("20 of 20", "split train", PHOTO, f"Put it at {MASK}"),
    ),
    "no masks at all": (
        lambda root: shutil.rmtree(root / "masks"),
        ("which of these files are photos", "images/ (32 pictures)", "images/train/a.jpg and masks/train/a.png"),
    ),
    "no photos": (lambda root: shutil.rmtree(root / "images"), ("masks/ (32 pictures)", "Lay the files out")),
    "nothing usable": (
        lambda root: [file.write_bytes(b"") for file in (root / "images").rglob("*.png")],
        ("no usable pair", PHOTO, "images/val/000.png", "Mend these files"),
    ),
    "val twice": (
        lambda root: shutil.copytree(root / "images/val", root / "images/valid"),
        ("images/val and images/valid are both the split val", "Move the other one"),
    ),
    "photos twice": (
        lambda root: shutil.copytree(root / "images", root / "img"),
        ("images and img could both be the folder of photos", "Move the other one"),
    ),
    "masks twice": (
        lambda root: shutil.copytree(root / "masks", root / "labels"),
        ("labels and masks could both be the folder of masks", "Move the other one"),
    ),
    "classes.yaml that is no YAML": (_yaml("names: [a, b"), ("classes.yaml", "cannot be read", "names: [background")),
    "empty classes.yaml": (_yaml(""), ("classes.yaml", "cannot be read", "Write one name per class")),
    "classes.yaml in cp1251": (_yaml("names: [фон]".encode("cp1251")), ("classes.yaml", "Write one name per class")),
    "class twice": (_yaml("names: [cat, cat, dog]"), ("classes.yaml", "name cat is used twice", "one name")),
    "class value twice": (_yaml("classes: {a: 0, b: 0}"), ("classes.yaml", "pixel value 0 is used twice")),
    "class value too large": (_yaml("classes: {a: 0, b: 70000}"), ("classes.yaml", "outside 0..65535")),
    "unknown key": (_yaml("names: [a]\nclors: []"), ("classes.yaml", "unknown key clors", "Write one name per class")),
    "colours for some classes": (
        _yaml("names: [a, b]\ncolours: [[0, 0, 0]]"),
        ("classes.yaml", "2 names but 1 colours"),
    ),
    "list in cp1251": (_lists("кот\n"), ("train.txt", "UTF-8", "Save it as UTF-8")),
    "empty folder": (_only(), ("no photos in this folder", "an empty folder", "a.jpg beside a_mask.png")),
    "folder of text": (_only("classes.yaml"), ("no photos in this folder", "1 x .yaml", "Give the folder")),
    "photos alone": (
        _both(_only("images"), lambda root: (root / "images").rename(root / "stuff")),
        ("stuff/ (32 pictures)", "Lay the files out"),
    ),
}


def _many_values(root: Path) -> None:
    (root / "classes.yaml").unlink()
    for number in range(10, 14):
        ids = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16) % 20 + 20 * (number - 10)
        save(root / f"masks/train/{number:03d}.png", ids.astype(np.uint8))


def _colours_alone(root: Path) -> None:
    (root / "classes.yaml").unlink()
    save(root / MASK, WRONG_COLOUR)


LOOKED_OVER: dict[str, tuple[Callable[[Path], object], str, tuple[str, ...]]] = {
    # check: (what is done, the sample, what its sentence says)
    "mask_value_unknown": (_saved(MASK, mask(1, 7)), "train/003", (MASK, "values 7 on 10.4 %", "2 dog")),
    "mask_colours_unknown": (_colours_alone, "train/003", (MASK, "#c80a5a", "classes.yaml")),
    "mask_values_many": (_many_values, "train/010", ("masks/train/010.png", "80 different values", "--classes")),
}
"""What `read` refuses the whole dataset for and `look_over` says of each mask."""
