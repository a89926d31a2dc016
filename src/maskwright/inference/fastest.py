"""Which runtime computes a network fastest on this machine: measured once, and remembered in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.cgroups import cpu_name, usable_cores
from maskwright.data.cache import cache_folder
from maskwright.errors import MaskwrightError
from maskwright.inference.exports import ABOUT, FOLDER, PACKAGES, exports_in
from maskwright.inference.predictor import Loaded
from maskwright.storage import file_digest, json_text, read_if_there, write_json

REMEMBERED = "speeds"
FORMAT = 1

WARMING, TIMED, LONGEST_S = 4, 9, 2.0
"""Photos before the clock starts, by when all is compiled; photos that are timed, and the seconds they may take."""

CLEARLY = 0.95
"""int8 loses a little; it is taken where it needs at most this share of the time of the fastest in float32."""


def fastest(folder: Path, opened: Callable[[str], Loaded], *, digest: str, threads: int | None = None) -> str:
    """The fastest runtime for a run or a bundle.

    Args:
        folder: the run or the bundle.
        opened: gives the predictor of a runtime, of one look at each photo.
        digest: of the weights: others are measured anew, as exports are that were made again.
        threads: threads to compute with; None takes all cores.

    Returns:
        "torch", or the name of an export; "torch" without measuring where there is no export.

    Raises:
        MaskwrightError: as `opened`, where none of them can be opened.
    """
    there = exports_in(folder)
    if not there:
        return "torch"
    machine = _machine(threads)
    made = {name: file_digest(folder / FOLDER / name / ABOUT) for name in there}
    key = hashlib.blake2b(json_text([machine, digest, made]).encode(), digest_size=16).hexdigest()
    place = cache_folder() / REMEMBERED / f"{key}.json"
    ms = _remembered(place)
    if not ms:
        ms = _measured(("torch", *there), opened)
        with contextlib.suppress(OSError):  # where nothing may be written, it is measured again next time
            write_json(place, {"format": FORMAT, "machine": machine, "ms": ms})
    return chosen(ms)


def chosen(ms: Mapping[str, float]) -> str:
    """The runtime to take, of what each takes for a photo; int8 only where it wins clearly."""
    exact = min((name for name in ms if not name.endswith("int8")), key=ms.__getitem__, default=None)
    quick = min((name for name in ms if name.endswith("int8")), key=ms.__getitem__, default=None)
    if exact is None or (quick is not None and ms[quick] <= CLEARLY * ms[exact]):
        assert quick is not None
        return quick
    return exact


def _measured(names: tuple[str, ...], opened: Callable[[str], Loaded]) -> dict[str, float]:
    """Milliseconds for a mask, by runtime; one that cannot be opened is left out unless none can."""
    found, problem = {}, None
    for name in names:
        try:
            found[name] = 1000 * _seconds(opened(name))
        except MaskwrightError as error:
            problem = problem or error
    if not found and problem is not None:
        raise problem
    return found


def _seconds(predictor: Loaded) -> float:
    """The shortest time for a photo: whatever else the machine does only ever adds to it."""
    photo = np.random.default_rng(0).integers(0, 256, (*predictor.recipe.crop_hw, 3), dtype=np.uint8)
    for _ in range(WARMING):
        predictor.mask(photo)
    taken: list[float] = []
    while len(taken) < TIMED and sum(taken) < LONGEST_S:
        began = time.perf_counter()
        predictor.mask(photo)
        taken.append(time.perf_counter() - began)
    return min(taken)


def _remembered(place: Path) -> dict[str, float]:
    """What was measured before; nothing where the file is missing or cannot be used."""
    try:
        return dict(read_if_there(place, format_version=FORMAT).get("ms") or {})
    except MaskwrightError:
        return {}


def _machine(threads: int | None) -> dict[str, Any]:
    """What the speed depends on."""
    versions = {}
    for name in ("torch", *sorted(set(PACKAGES.values()))):
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {"cpu": cpu_name(), "cores": usable_cores(), "threads": threads or usable_cores(), "versions": versions}
