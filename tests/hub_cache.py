"""Repositories in the cache of the Hugging Face hub, laid out as its library lays them out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

COMMIT = "5eed" + "0" * 36


def use_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder the hub's cache, here and in programs that are started; nothing is asked over the network."""
    from huggingface_hub import constants

    cache = folder / "hub"
    monkeypatch.setenv("HF_HOME", str(folder))
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    return cache


def write_repository(cache: Path, name: str, files: Mapping[str, bytes], *, commit: str = COMMIT) -> Path:
    """Put a repository into the cache.

    Args:
        cache: see `use_cache`.
        name: owner/name.
        files: bytes by name.
        commit: what "main" is.

    Returns:
        The folder of the commit.
    """
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    for folder in (repository / "refs", repository / "blobs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    for file, content in files.items():
        blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / file).unlink(missing_ok=True)
        (snapshot / file).symlink_to(Path("..", "..", "blobs", blob.name))
    return snapshot
