"""Masks that persons painted, as files beside the journal."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

from maskwright.data.class_values import NO_CLASS, to_ids
from maskwright.data.classes import IGNORE, Classes
from maskwright.data.decode import read_raw_mask
from maskwright.data.sample import Mask
from maskwright.errors import RunError, shown
from maskwright.review.decision import Decision


def paintable(classes: Classes) -> Classes:
    """The classes with a value on disk for pixels that are not judged, where one is free."""
    if classes.ignore is None and IGNORE not in classes.values:
        return replace(classes, ignore=IGNORE)
    return classes


def mask_path(sample: str, version: str, mask: Mask) -> str:
    """Where the mask of a version of a sample lies, relative to the journal's folder.

    Its name holds what is in it, so that two journals in one folder never write over each other's masks.
    """
    content = hashlib.blake2b(mask.tobytes(), digest_size=6).hexdigest()
    return str(PurePosixPath("masks", f"{sample}.{version}-{content}.png"))


def mask_bytes(journal: Path, decision: Decision) -> bytes:
    """The file of a painted mask, which has to be the one that was decided on.

    Args:
        journal: the journal's path.
        decision: a decision with a mask.

    Raises:
        RunError: the file is missing, another one, or lies elsewhere than in `masks/` beside the journal.
    """
    folder, file = (journal.parent / "masks").resolve(), journal.parent / decision.mask_file
    problem = ""
    if not file.resolve().is_relative_to(folder):
        problem = "it lies outside of masks/ beside the journal"
    elif not file.is_file():
        problem = "no such file"
    else:
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() == decision.mask_digest:
            return content
        problem = "another file than the one that was decided on"
    raise RunError(
        f"{shown(file)}: the mask of decision {decision.sequence} cannot be used.",
        found=problem,
        do="Copy the journal together with masks/ beside it.",
    )


def read_mask(journal: Path, decision: Decision, classes: Classes, size_hw: tuple[int, int]) -> Mask:
    """The pixels of a painted mask, `(H, W) uint8` class ids.

    Raises:
        RunError: as `mask_bytes`; or the mask does not fit the photo or the classes.
    """
    mask_bytes(journal, decision)
    file = journal.parent / decision.mask_file
    mask = to_ids(read_raw_mask(file, name=decision.mask_file), classes)
    if mask.shape != size_hw or (mask == NO_CLASS).any():
        raise RunError(f"{shown(file)}: this mask does not fit the photo of {decision.sample}.")
    return mask
