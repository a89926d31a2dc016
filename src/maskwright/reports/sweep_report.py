"""One self-contained page about a sweep."""

from __future__ import annotations

from pathlib import Path

from maskwright.experiments.sweeps import Sweep


def sweep_report(sweep: Sweep, path: Path, *, lang: str = "en") -> Path:
    return path
