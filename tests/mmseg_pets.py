"""The ten configs of MMSegmentation in `experiments/mmseg_configs`, translated, as they are or with changes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from maskwright.experiments.mmsegmentation.config import Config, read_config
from maskwright.experiments.mmsegmentation.rows import Row
from maskwright.experiments.mmsegmentation.translate import Translation, translate

PETS = Path(__file__).parent / "experiments" / "mmseg_configs" / "configs" / "pets"


TEN = sorted(path.stem for path in PETS.glob("*.py"))


def translated(name: str) -> Translation:
    """One of the ten as it is."""
    return translate(read_config(PETS / f"{name}.py"))


def changed(name: str, **changes: Any) -> Translation:
    """A config with entries changed by their dotted path, `__` for a dot; `...` takes one away."""
    values = copy.deepcopy(read_config(PETS / f"{name}.py").values)
    for path, value in changes.items():
        *parents, last = path.split("__")
        entries: Any = values
        for parent in parents:
            entries = entries[int(parent) if isinstance(entries, list) else parent]
        if value is ...:
            del entries[last]
        else:
            entries[last] = value
    return translate(Config(PETS / f"{name}.py", values))


def row(translation: Translation, what: str) -> Row:
    """The one row about an entry."""
    found = [row for row in translation.rows if row.what == what]
    assert len(found) == 1, f"{len(found)} rows {what}"
    return found[0]
