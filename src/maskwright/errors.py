"""The exception tree. Every message says where, what was expected, what was found and what to do next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path


class MaskwrightError(Exception):
    """Anything Maskwright refuses, as one readable paragraph.

    Args:
        where: the file, setting or argument that is wrong, and what is wrong with it, in one sentence.
        expected: what would have been right.
        found: what was there instead.
        do: the way out, as an instruction.
    """

    exit_code = 2

    def __init__(self, where: str, *, expected: str = "", found: str = "", do: str = "") -> None:
        self.where, self.expected, self.found, self.do = where, expected, found, do
        details = "  ".join(f"{label}: {text}" for label, text in (("expected", expected), ("found", found)) if text)
        super().__init__("\n  ".join(part for part in (where, details, do) if part))


class UsageError(MaskwrightError):
    """A command line or an argument that cannot be meant."""


class DataError(MaskwrightError):
    """A dataset that cannot be used as it is."""


class RecipeError(MaskwrightError):
    """A setting with an unknown name or a value out of its range."""


class RunError(MaskwrightError):
    """A run folder or bundle that is missing, damaged or of another format version."""


class DiskError(MaskwrightError, OSError):
    """A file for which the disk, or what one may use of it, has no room."""


class WeightsError(MaskwrightError):
    """Weights that do not fit the model or are not what they say."""


class TrackerError(MaskwrightError):
    """A tracker that is not installed, does not answer, or refuses."""


class GateError(MaskwrightError):
    """Work refused by a gate that the user set (exit code 1)."""

    exit_code = 1


class Interrupted(MaskwrightError):
    """Work stopped by the user with nothing lost; the message says how to go on."""

    exit_code = 130


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint naming the most similar known names, for a message about an unknown one.

    Args:
        name: what was given.
        known: what would have been right.

    Returns:
        "Did you mean a or b?", or the sorted list of known names when nothing is similar.
    """
    close = get_close_matches(name, known, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(sorted(known))}."


def shown(path: Path | str) -> str:
    """A path as messages show it: relative to the working directory where it lies there. Links are not followed."""
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))  # noqa: PTH100  resolve() would follow links
    except ValueError:
        return str(path)
