"""Checks of the folder of caches, environment variables and encodings."""

from __future__ import annotations

import codecs
from difflib import get_close_matches

from maskwright.doctor.ailment import Ailment
from maskwright.doctor.folder import LITTLE_BYTES
from maskwright.doctor.world import World, typed

NOTHING_BYTES = 100 << 20
"""With less, not even a recipe and a report are sure to be written."""

PREFIX = "MASKWRIGHT_"
SWITCHES = ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE")
VARIABLES = ("MASKWRIGHT_CACHE", "MASKWRIGHT_CACHE_GIB", *SWITCHES, "MASKWRIGHT_SHARED", "HF_ENDPOINT")
"""What means something to Maskwright; `doctor.variable_<name>` says what."""


def usable_cache(world: World) -> tuple[Ailment, ...]:
    """The folder of caches can be written, its files renamed and mapped, and its disk is not full."""
    cache = world.cache
    free = cache.free_bytes
    facts = {
        "folder": cache.folder,
        "size": f"{cache.size_bytes / 2**30:.1f}",
        "free": "–" if free is None else f"{free / 2**30:.1f}",
        "error": cache.error,
    }
    if cache.failed:
        return (Ailment("cache", "broken", f"cache_{cache.failed}", facts, _another_cache(world)),)
    if free is not None and free < NOTHING_BYTES:
        return (Ailment("cache", "broken", "cache_full", facts, _emptied(world)),)
    if free is not None and free < LITTLE_BYTES:
        return (Ailment("cache", "warning", "cache_little", facts, _emptied(world)),)
    return (Ailment("cache", "ok", "cache_ok", facts),)


def known_variables(world: World) -> tuple[Ailment, ...]:
    """Environment variables that mean something here, and those that were meant to."""
    found = []
    for name, value in world.variables.items():
        facts = {"name": name, "value": value}
        if name.startswith(PREFIX) and name not in VARIABLES:
            facts["known"] = " / ".join(get_close_matches(name, VARIABLES, n=2) or VARIABLES)
            found.append(Ailment("variables", "warning", "variable_unknown", facts, (world.unset_variable(name),)))
        elif name == "MASKWRIGHT_CACHE_GIB" and not _is_size(value):
            found.append(Ailment("variables", "warning", "variable_no_size", facts, (world.set_variable(name, 20),)))
        elif name in SWITCHES:
            forbids = name == world.offline or value.strip().lower() not in ("", "0", "false", "no", "off")
            fix = (world.unset_variable(name),) if forbids else ()
            found.append(Ailment("variables", "ok", "variable_offline" if forbids else "variable_online", facts, fix))
        elif name in VARIABLES:
            found.append(Ailment("variables", "ok", f"variable_{name}", facts))
    return tuple(found)


def unicode_texts(world: World) -> tuple[Ailment, ...]:
    """Texts and file names are written in UTF-8, so that every letter can be."""
    kinds = {"locale": world.encoding.locale, "files": world.encoding.files, "terminal": world.encoding.terminal}
    other = {kind: name for kind, name in kinds.items() if name and not _is_utf8(name)}
    if not other:
        return (Ailment("encoding", "ok", "encoding_ok"),)
    facts = {"found": ", ".join(f"{kind} {name}" for kind, name in other.items())}
    return (Ailment("encoding", "warning", "encoding_other", facts, (world.set_variable("PYTHONUTF8", 1),)),)


def _another_cache(world: World) -> tuple[str, ...]:
    folder = typed(world.cache.folder)
    if world.cache.failed == "write" and world.cache.of_another:
        return (f'sudo chown -R "$USER" {folder}',)
    return (world.set_variable("MASKWRIGHT_CACHE", world.cache.instead),) if world.cache.instead else ()


def _emptied(world: World) -> tuple[str, ...]:
    """Decoded photos are made again when they are wanted; weights would have to be downloaded again."""
    if world.cache.size_bytes < NOTHING_BYTES:  # the room is taken by others
        return _another_cache(world)
    if world.system.platform == "win32":
        return (rf'rmdir /s /q "{world.cache.folder}\decoded"',)
    return (f"rm -r {typed(world.cache.folder + '/decoded')}",)


def _is_size(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False


def _is_utf8(name: str) -> bool:
    try:
        return codecs.lookup(name).name == "utf-8"
    except LookupError:
        return False
