"""Where the weights of SAM 2 lie, if somebody has fetched them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

NAMES = tuple(f"facebook/sam2.1-hiera-{size}" for size in ("tiny", "small", "base-plus", "large"))
"""The repositories of the hub, the fastest first; Apache-2.0, commercial use allowed."""

FILES = ("config.json", "model.safetensors")

GET = f"maskwright weights get hf:{NAMES[0]}"
"""What fetches the fastest of them."""


def fetched_sam() -> Path | None:
    """The folder of a SAM 2 in the hub's cache, or None where there is none or the extra `hf` is missing.

    Nothing is downloaded; see `ways_to_sam`.
    """
    return _cached() if _has_extra() else None


def ways_to_sam() -> tuple[str, ...]:
    """The commands that are still needed to have a SAM 2, none where it is there."""
    extra = () if _has_extra() else ('pip install "maskwright[hf]"',)
    return extra if _cached() else (*extra, GET)


def _has_extra() -> bool:
    return importlib.util.find_spec("transformers") is not None


def _cached() -> Path | None:
    return next((folder for folder in map(_folder, NAMES) if folder is not None), None)


def _folder(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = [try_to_load_from_cache(name, file) for file in FILES]
    return Path(found[0]).parent if isinstance(found[0], str) and isinstance(found[1], str) else None
