"""What weights may be called in the cache."""

from __future__ import annotations

import re
from pathlib import Path

from maskwright.errors import WeightsError

RESERVED = ("auto", "none")
"""What `--weights` understands as something else than a name."""


def safe_name(text: str) -> str:
    """A name of weights made from any text; "weights" added where nothing or something reserved would be left."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")[:100]
    return f"{name}-weights".strip("-") if name in ("", *RESERVED) else name


def refuse_name(name: str | None) -> None:
    """Refuse a name that the user gave and that cannot be used; None is no name.

    Raises:
        WeightsError: it has other letters than a name may have, or means something else.
    """
    if name is not None and (safe_name(name) != name or name in RESERVED):
        raise WeightsError(
            f"--name {name}: weights cannot be called so.",
            expected=f"small letters, digits, dots, dashes and underscores; not {' or '.join(RESERVED)}",
            do=f"For instance: --name {safe_name(name)}",
        )


def file_name(path: Path) -> str:
    """What the file of weights is called in the cache: its suffix is kept, in small letters."""
    suffix = path.suffix.lower()
    return f"weights{suffix}" if re.fullmatch(r"\.[a-z0-9]{1,12}", suffix) else "weights"
