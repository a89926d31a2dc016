"""What a tracker already has of a run: `RUN/trackers/<name>.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from maskwright.errors import RunError, shown
from maskwright.storage import read_json, write_json
from maskwright.trackers.facts import Fact, Scalar, digest_of

FORMAT = 1


@dataclass(frozen=True)
class Sent:
    """What a tracker has.

    Args:
        asked: where it was to be sent, without a password; "" where nothing was said.
        destination: where that is in full, without a password; "" before the first time.
        project: of the tracker, that it was sent into; "" where the tracker has none, or before the first time.
        remote: what finds the run there again.
        curves: of each curve, the iteration of the last point; its points are sent in order.
        digests: of every other fact by its key, what it told.
        trouble: why the latest attempt was broken off; "" where it was not.
    """

    asked: str = ""
    destination: str = ""
    project: str = ""
    remote: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    def lacking(self, facts: Iterable[Fact]) -> Iterator[tuple[Fact, str]]:
        """Those that the tracker does not have yet, or as they were before they were made anew, with their digests."""
        for fact in facts:
            if isinstance(fact, Scalar):
                if fact.iteration > self.curves.get(fact.curve, -1):
                    yield fact, ""
            elif (digest := digest_of(fact)) != self.digests.get(fact.key):
                yield fact, digest

    def with_facts(self, facts: Iterable[tuple[Fact, str]]) -> Sent:
        """This and more facts, as `lacking` gives them."""
        curves, digests = dict(self.curves), dict(self.digests)
        for fact, digest in facts:
            if isinstance(fact, Scalar):
                curves[fact.curve] = fact.iteration
            else:
                digests[fact.key] = digest
        return replace(self, curves=curves, digests=digests)


def sent_path(folder: Path, to: str) -> Path:
    """Where it is noted down what a tracker has of a run."""
    return folder / "trackers" / f"{to}.json"


def read_sent(path: Path) -> Sent:
    """What was noted down; nothing where no file is.

    Raises:
        RunError: the file is damaged or of another format version.
    """
    if not path.exists():
        return Sent()
    told = {"project": "", **read_json(path, format_version=FORMAT)}  # notes of earlier versions have none
    try:
        return Sent(**{name: told[name] for name in Sent.__dataclass_fields__})
    except KeyError as error:
        raise RunError(
            f"{shown(path)}: this is not what was noted down of a tracker.",
            expected=", ".join(Sent.__dataclass_fields__),
            found=f"no {error}",
            do="Delete the file; the run is then found in the tracker again.",
        ) from None


def write_sent(sent: Sent, path: Path) -> None:
    """Note down what a tracker has, whole or not at all."""
    write_json(path, {"format": FORMAT, **vars(sent)})
