"""Downloading weights from the Hugging Face hub: announced, resumed, and compared with the hub's own digest.

The library's session is used, for its proxies and certificates, but not its `hf_hub_download`: that sends what is
installed here along, may ask the hub for more than the file, and does not go on with a download of an earlier process.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from maskwright import __version__
from maskwright.errors import WeightsError, shown
from maskwright.progress import OnProgress, Progress, silent
from maskwright.sentences import say
from maskwright.storage import file_digest
from maskwright.weights.store import Stored, cached, home, pin, take, write_pin
from maskwright.weights.table import HUB, Entry, Hub, terms

CONNECT_S, SILENCE_S = 2.5, 8.0
"""Longest wait for a connection, and for the next bytes. The hub has four addresses, tried one after the other: a
computer behind a wall that swallows everything hears of it within ten seconds."""

ATTEMPTS = 3
"""Broken connections in a row, none of which brought anything, after which a download is given up."""

RETRY_WAIT_S = 1.0
MB = 1_000_000
BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers that are worth another attempt."""

HEADERS = {"User-Agent": f"maskwright/{__version__}", "Accept-Encoding": "identity"}
"""All that is told about this computer; no token is sent, none of the entries needs one."""


@dataclass(frozen=True)
class Wanted:
    """What the hub says of a file.

    Args:
        url: where it lies.
        file: its name in the repository.
        commit: of the repository.
        sha256: its digest, in hex.
        size_bytes: its size.
    """

    url: str
    file: str
    commit: str
    sha256: str
    size_bytes: int


def download(entry: Entry, *, on_progress: OnProgress = silent, endpoint: str | None = None) -> Stored:
    """Download weights into the cache, or go on with a download that was broken off.

    Args:
        entry: what to download.
        on_progress: told how many MB are there.
        endpoint: the hub's address; None takes HF_ENDPOINT, else the public hub.

    Returns:
        The item in the cache; what lies there already is not downloaded again.

    Raises:
        WeightsError: the network is forbidden or not there, the hub refuses, or what it sends is not what it promised.
    """
    there = cached(entry.name)
    if there is not None:
        return there
    if entry.hub is None:
        raise _not_to_be_had(entry)
    refuse_offline(entry)
    on_progress(Progress("stage.download", 0, math.ceil(entry.mb), note=partial(announcement, entry)))
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    home().mkdir(parents=True, exist_ok=True)
    with WeakFileLock(home() / f".{entry.name}.lock"):
        there = cached(entry.name)  # another process may have downloaded it while this one waited
        return there or _download(entry, entry.hub, on_progress, endpoint or os.environ.get("HF_ENDPOINT") or HUB)


def offline() -> str:
    """The environment variable that forbids every network call, or "" where none does."""
    for variable in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE"):
        if os.environ.get(variable, "").strip().lower() not in ("", "0", "false", "no", "off"):
            return variable
    return ""


def refuse_offline(entry: Entry) -> None:
    """Refuse to download where the network is forbidden.

    Raises:
        WeightsError: it is; the message tells how to get the weights all the same.
    """
    variable = offline()
    if variable:
        raise WeightsError(
            f"{entry.name}: these weights are not in the cache, and the network is forbidden.",
            found=f"--offline, or {variable} is set",
            do=f"{_by_hand(entry)}\n  Or allow it: leave --offline out, unset {variable}.",
        )


def announcement(entry: Entry, lang: str = "en") -> str:
    """What is said before a download: name, size, licence, where from and where to."""
    return say(
        "weights.announced",
        lang,
        name=entry.name,
        mb=f"{entry.mb:.0f}",
        terms=terms(entry.licence, entry.commercial, lang),
        source=entry.source,
        folder=shown(home() / entry.name),
    )


def _download(entry: Entry, hub: Hub, on_progress: OnProgress, endpoint: str) -> Stored:
    wanted = _wanted(entry, hub, endpoint.rstrip("/"))
    part = home() / f".{entry.name}.{wanted.sha256[:16]}.partial"
    _fetch(entry, wanted, part, on_progress)
    found = file_digest(part)
    if found != wanted.sha256:
        part.unlink()
        raise WeightsError(
            f"{entry.name}: what was downloaded is not the file that the hub promised, and was removed.",
            expected=f"SHA-256 {wanted.sha256}",
            found=f"SHA-256 {found}",
            do=f"Try again; where that does not help, something between here and {wanted.url} changes the file.",
        )
    item = take(part, entry, sha256=found, commit=wanted.commit, source=wanted.url)
    write_pin(entry.name, commit=wanted.commit, file=wanted.file, sha256=found)
    for left in home().glob(f".{entry.name}.*.partial"):
        left.unlink(missing_ok=True)
    return item


def _wanted(entry: Entry, hub: Hub, endpoint: str) -> Wanted:
    """Ask the hub for commit, size and digest of the file."""
    from huggingface_hub import get_session

    pinned = pin(entry.name)
    if hub.revision not in ("main", pinned.get("commit")):  # the table has moved on since
        pinned = {}
    revision = pinned.get("commit", hub.revision)
    url = f"{endpoint}/api/models/{hub.repo}/revision/{quote(revision, safe='')}"
    try:
        answer = get_session().get(url, params={"blobs": "true"}, headers=HEADERS, timeout=_timeout())
        status = answer.status_code
        files = {one["rfilename"]: one.get("lfs") or {} for one in answer.json()["siblings"]} if status < 400 else {}
        commit = str(answer.json()["sha"]) if status < 400 else ""
    except Exception as error:  # the library's client is httpx in some versions and httpx2 in others
        raise _unreachable(entry, endpoint, error) from None
    if status >= 400:
        raise _refused(entry, url, status)
    name = next((name for name in (pinned.get("file"), *hub.files) if name in files), None)
    if name is None or not files[name].get("sha256"):
        raise WeightsError(
            f"{entry.name}: {hub.repo} has no such file, or the hub tells no digest of it.",
            expected=" or ".join(hub.files),
            found=", ".join(sorted(files)) or "no files",
            do="Take other weights: maskwright weights list",
        )
    wanted = Wanted(
        url=f"{endpoint}/{hub.repo}/resolve/{commit}/{quote(name)}",
        file=name,
        commit=commit,
        sha256=str(files[name]["sha256"]),
        size_bytes=int(files[name]["size"]),
    )
    _refuse_changed(entry, wanted, pinned)
    return wanted


def _refuse_changed(entry: Entry, wanted: Wanted, pinned: Mapping[str, str]) -> None:
    expected = pinned.get("sha256") or entry.sha256
    if expected and wanted.sha256 != expected:
        raise WeightsError(
            f"{entry.name}: the hub has another file than the one that is known, and it was not downloaded.",
            expected=f"SHA-256 {expected}",
            found=f"SHA-256 {wanted.sha256}",
            do="Take other weights (maskwright weights list), or add the file that you trust: "
            "maskwright weights add FILE",
        )


def _fetch(entry: Entry, wanted: Wanted, part: Path, on_progress: OnProgress) -> None:
    """Bring a part file to its full size, through broken connections."""
    total = math.ceil(wanted.size_bytes / MB)

    def report(size_bytes: int) -> None:
        on_progress(Progress("stage.download", total if size_bytes >= wanted.size_bytes else size_bytes // MB, total))

    failures = 0
    while (start := _size(part)) < wanted.size_bytes:
        report(start)
        problem = _append(entry, wanted.url, part, report)
        if _size(part) >= wanted.size_bytes:
            break
        failures = 0 if _size(part) > start else failures + 1
        if failures == ATTEMPTS:
            raise _unreachable(entry, wanted.url, problem)
        time.sleep(RETRY_WAIT_S)
    report(wanted.size_bytes)


def _append(entry: Entry, url: str, part: Path, report: Callable[[int], None]) -> str:
    """Go on with a file as far as the connection lasts.

    Returns:
        What broke the connection; "" when it ended as it should.
    """
    from huggingface_hub import get_session

    start = _size(part)
    headers = {**HEADERS, "Range": f"bytes={start}-"} if start else HEADERS
    try:
        with get_session().stream("GET", url, headers=headers, timeout=_timeout()) as answer:
            if answer.status_code in BUSY:
                return f"the hub answers {answer.status_code}"
            if answer.status_code >= 400:
                raise _refused(entry, url, answer.status_code)
            goes_on = answer.status_code == 206
            with part.open("ab" if goes_on else "wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
                    report(file.tell())
    except WeightsError:
        raise
    except ConnectionError as error:
        return _said(error)
    except OSError:  # no room on the disk
        raise
    except Exception as error:  # see _wanted
        return _said(error)
    return ""


def _timeout() -> tuple[float, float, float, float]:
    """For connecting, reading, writing, and a free connection."""
    return CONNECT_S, SILENCE_S, SILENCE_S, CONNECT_S


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _not_to_be_had(entry: Entry) -> WeightsError:
    return WeightsError(
        f"{entry.name}: these weights cannot be downloaded; they are added as a file.",
        found=entry.note,
        do=f"maskwright weights add FILE; the file is known by its SHA-256 {entry.sha256}"
        "\n  What can be downloaded instead: maskwright weights list",
    )


def _unreachable(entry: Entry, url: str, problem: Exception | str) -> WeightsError:
    return WeightsError(
        f"{entry.name}: {urlsplit(url).netloc} cannot be reached, or breaks off.",
        found=problem if isinstance(problem, str) else _said(problem),
        do="Is there a network, does it want a proxy (HTTPS_PROXY)? What has arrived is kept: the same command goes on."
        f"\n  {_by_hand(entry)}",
    )


def _refused(entry: Entry, url: str, status: int) -> WeightsError:
    meaning = {
        401: "a login is asked for, or there is no such repository",
        403: "access is forbidden",
        404: "there is no such repository, revision or file",
    }
    return WeightsError(
        f"{entry.name}: the hub does not give these weights.",
        found=f"{status}: {meaning.get(status, 'an error of the hub')}, at {url}",
        do=f"Look at {entry.source}: were they moved, is an agreement asked for?"
        f"\n  {_by_hand(entry)}\n  Other weights: maskwright weights list",
    )


def _by_hand(entry: Entry) -> str:
    return (
        f"By hand: download {entry.url} on any computer, then: maskwright weights add FILE --name {entry.name}"
        if entry.hub
        else "Add the file: maskwright weights add FILE"
    )


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
