"""Models of the Hugging Face hub: their files, through the hub's own library and its cache, at one commit."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from maskwright.errors import WeightsError, shown
from maskwright.progress import OnProgress, Progress, silent
from maskwright.sentences import say
from maskwright.storage import file_digest
from maskwright.weights.download import CONNECT_S, MB, SILENCE_S, offline
from maskwright.weights.store import COMMERCIAL, NOT_STATED, Stored
from maskwright.weights.table import ENTRIES, HUB, NVIDIA, Commercial, terms

OF_NVIDIA = ("nvidia/segformer-", "nvidia/mit-")
"""All of these have the one licence, which their cards call "other"."""

PREFIX = "hf:"
"""How the names of weights begin that lie in a repository of the hub."""

WEIGHTS_FILES = ("model.safetensors", "pytorch_model.bin")
"""What the weights of a repository are called, the preferred first."""


@dataclass(frozen=True)
class Repository:
    """A repository of the hub at a revision.

    Args:
        name: owner/name.
        revision: commit, branch or tag.
    """

    name: str
    revision: str = "main"

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"{HUB}/{self.name}"


def repository(text: str) -> Repository:
    """The repository that a setting names.

    Args:
        text: owner/name or owner/name@revision, with "hf:" before it or not.

    Raises:
        WeightsError: it is no such name.
    """
    word = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
    match = re.fullmatch(rf"(?:{PREFIX})?({word}/{word})(?:@({word}))?", text)
    if match is None or ".." in text or "--" in text:
        raise WeightsError(
            f"{text}: is no repository of the Hugging Face hub.",
            expected="hf:owner/name, or hf:owner/name@commit",
            do="A browser shows owner and name behind huggingface.co/.",
        )
    return Repository(match[1], match[2] or "main")


def hub_weights(text: str, *, on_progress: OnProgress = silent) -> Stored:
    """The weights of a repository, downloaded where they are not in the hub's cache.

    Args:
        text: see `repository`.
        on_progress: told before a download.

    Returns:
        As if it were in the cache of weights, under a name that says the commit.

    Raises:
        WeightsError: there are none, or they cannot be had.
    """
    wanted = repository(text)
    path = hub_file(wanted, WEIGHTS_FILES, on_progress=on_progress)
    sha256 = file_digest(path)
    _refuse_damaged(path, sha256)
    pinned = Repository(wanted.name, path.parent.name)
    licence, commercial = _terms(pinned)
    return Stored(
        name=f"{PREFIX}{pinned.name}@{pinned.revision}",
        path=path,
        sha256=sha256,
        size_bytes=path.stat().st_size,
        mtime_ns=path.stat().st_mtime_ns,
        licence=licence,
        commercial=commercial,
        source=wanted.address,
        commit=pinned.revision,
        added=datetime.now(UTC).isoformat(timespec="seconds"),
        part="whole",
    )


def hub_file(wanted: Repository, names: Sequence[str], *, on_progress: OnProgress = silent) -> Path:
    """A file of a repository: the first of these names that is there.

    Args:
        wanted: the repository; of a branch or tag the newest commit is taken, offline the newest that was seen.
        names: of the file.
        on_progress: told before a download.

    Returns:
        The file in the hub's cache; the folder that it lies in is called like the commit.

    Raises:
        WeightsError: there is no such repository, revision or file, or it cannot be had.
    """
    from huggingface_hub import errors

    problem: Exception | None = None
    for name in names:
        try:
            return _had(wanted, name, on_progress)
        except errors.LocalEntryNotFoundError as error:  # not cached, and the network is forbidden or not there
            problem = error
        except errors.EntryNotFoundError as error:
            problem = problem or error
        except (errors.HfHubHTTPError, errors.HFValidationError, ConnectionError) as error:
            raise _refused(wanted, names, error) from None
    assert problem is not None
    raise _refused(wanted, names, problem) from None


def _had(wanted: Repository, name: str, on_progress: OnProgress) -> Path:
    from huggingface_hub import errors, hf_hub_download

    asked: dict[str, Any] = {
        "repo_id": wanted.name,
        "filename": name,
        "revision": wanted.revision,
        "endpoint": _endpoint(),
    }
    if re.fullmatch(r"[0-9a-f]{40}", wanted.revision):
        with contextlib.suppress(errors.LocalEntryNotFoundError):  # a commit never changes: nobody needs to be asked
            return Path(hf_hub_download(**asked, local_files_only=True))
    if offline() or not _reachable():
        return Path(hf_hub_download(**asked, local_files_only=True))
    about = hf_hub_download(**asked, dry_run=True)
    if about.will_download and name in WEIGHTS_FILES:
        note = partial(_announcement, wanted, about.file_size, Path(about.local_path))
        on_progress(Progress("stage.download", 0, max(1, about.file_size // MB), note=note))
    return Path(hf_hub_download(**asked))


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or HUB


def _reachable() -> bool:
    """Whether the hub answers at all: its library would try for minutes where a wall swallows everything."""
    from huggingface_hub import get_session

    try:
        get_session().head(_endpoint(), timeout=(CONNECT_S, SILENCE_S, SILENCE_S, CONNECT_S))
    except Exception:  # the library's client is httpx in some versions and httpx2 in others
        return False
    return True


def _announcement(wanted: Repository, size_bytes: int, path: Path, lang: str = "en") -> str:
    return say(
        "weights.announced",
        lang,
        name=wanted.name,
        mb=f"{size_bytes / MB:.0f}",
        terms=terms(*_terms(wanted), lang),
        source=wanted.address,
        folder=shown(path.parent),
    )


def _terms(wanted: Repository) -> tuple[str, Commercial]:
    """Licence and commercial use: from the table of weights, else from the repository's model card."""
    for entry in ENTRIES:
        if entry.hub and entry.hub.repo == wanted.name:
            return entry.licence, entry.commercial
    if wanted.name.startswith(OF_NVIDIA):
        return NVIDIA, "no"
    try:
        card = hub_file(wanted, ("README.md",)).read_text(encoding="utf-8")
        said = yaml.safe_load(card.split("---")[1]) if card.startswith("---") else {}
    except (WeightsError, ValueError, yaml.YAMLError):
        said = {}
    said = said if isinstance(said, dict) else {}
    licence = str(said.get("license_name") or said.get("license") or NOT_STATED)
    known = next((one for one in COMMERCIAL if one.lower() == licence.lower()), licence)
    return known, COMMERCIAL.get(known, "not stated")


def _refuse_damaged(path: Path, sha256: str) -> None:
    """Compare a file with the hub's digest of it, which its cache calls the file by."""
    promised = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", promised) and promised != sha256:
        raise WeightsError(
            f"{shown(path)}: this file is damaged in the hub's cache.",
            expected=f"SHA-256 {promised}",
            found=f"SHA-256 {sha256}",
            do=f"Remove {shown(path.resolve())} and try again.",
        )


def _refused(wanted: Repository, names: Sequence[str], error: Exception) -> WeightsError:
    from huggingface_hub import errors

    where, files = f"{PREFIX}{wanted.name}", " or ".join(names)
    by_hand = f"Or fetch it where there is a network, and bring the hub's cache along: hf download {wanted.name}"
    if isinstance(error, errors.GatedRepoError):
        return WeightsError(
            f"{where}: its owner asks for an agreement before anybody may download it.",
            do=f"Agree at {wanted.address}, then: hf auth login",
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return WeightsError(
            f"{where}: there is no such repository on the hub, or it is private.",
            do=f"Look at {wanted.address}; for a private one: hf auth login",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return WeightsError(f"{where}: has no revision {wanted.revision}.", do=f"See {wanted.address}/commits/main")
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled) and offline():
        return WeightsError(
            f"{where}: {files} is not in the hub's cache, and the network is forbidden.",
            found=f"--offline, or {offline()} is set",
            do=f"Allow it: leave --offline out, unset {offline()}.\n  {by_hand}",
        )
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return WeightsError(
            f"{where}: has no {files}.",
            found=f"revision {wanted.revision}",
            do="Weights in several parts or in other formats cannot be used; take another repository.",
        )
    unreachable = isinstance(error, errors.LocalEntryNotFoundError)
    return WeightsError(
        f"{where}: the hub cannot be reached, or does not give {files}.",
        found=f"no answer from {_endpoint()}"
        if unreachable
        else " ".join(f"{type(error).__name__}: {error}".split())[:200],
        do=f"Is there a network, does it want a proxy (HTTPS_PROXY)?\n  {by_hand}",
    )
