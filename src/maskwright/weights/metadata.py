"""What a file of weights says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskwright.errors import WeightsError, shown
from maskwright.storage import json_text

KEY = "maskwright"
"""Under this one key of a safetensors file's metadata lies all that Maskwright writes there: their order is random."""


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says about itself; nothing for any other file.

    Raises:
        WeightsError: it is called safetensors and is not.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        if path.suffix.lower() != ".safetensors":
            return {}
        raise WeightsError(
            f"{shown(path)}: cannot be read as safetensors.",
            found=" ".join(str(error).split())[:200],
            do="Copy or download the file again, whole.",
        ) from None


def as_metadata(about: Mapping[str, Any]) -> dict[str, str]:
    """What Maskwright says of weights, as metadata of a file."""
    return {KEY: json_text(about)}


def ours(said: Mapping[str, str]) -> dict[str, Any]:
    """What Maskwright wrote into a file's metadata; empty for files of others."""
    try:
        about = json.loads(said.get(KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
