"""The findings of an audit as cards: what each says, what it shows, what the page filters by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from maskwright.audit.audit import Audit
from maskwright.audit.duplicates import DuplicateGroup
from maskwright.audit.probabilities import read_probs
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.sample import Sample
from maskwright.errors import DataError, RunError
from maskwright.reports.audit_concerns import concern_of
from maskwright.reports.audit_pictures import (
    Evidence,
    evidence,
    file_evidence,
    outlined,
    part_evidence,
    side_by_side,
)
from maskwright.reports.language import Language
from maskwright.reports.pictures import embedded_pixels
from maskwright.reports.rendering import PICTURE_BYTES
from maskwright.sentences import table

MOST_CARDS = 300
"""What a person leafs through in one sitting; the others stand on the review page."""
MOST_GROUPS = 24
"""Groups of duplicates that are shown with pictures; beyond that they are rows of a table."""
_MOST_TWINS = 4
_GROUP_BYTES = 12_000
_SMALL_PX = 144
CARDS_BYTES = PICTURE_BYTES - MOST_GROUPS * _GROUP_BYTES
"""What the cards' pictures may weigh together."""
QUALITIES = (84, 78, 72, 66, 60, 52)
"""WebP qualities that are tried, the best first."""
_TRIED = 12
_MOST_TRIED = 60
_PANELS_PX = ((60_000, 448), (0, 304))
"""Longest side of a panel by the bytes that its picture may take: few cards are shown larger than many."""


_Shown = tuple[Evidence | None, dict[str, Any] | None]


@dataclass(frozen=True)
class Card:
    """One finding as the page shows it.

    Args:
        number: its place among all findings, from 1.
        finding: what was found.
        sentence: the finding in the page's language.
        check: the check's name there.
        concern: a key of `CONCERNS`.
        split: of its sample, "" where it has none.
        class_ids: the classes that are labelled in its photo, or seen there.
        picture: `src`, `width` and `height` of its evidence, or None.
        panels: what is seen in the picture, from left to right: see `Evidence`.
    """

    number: int
    finding: Finding
    sentence: str
    check: str
    concern: str
    split: str
    class_ids: tuple[int, ...]
    picture: dict[str, Any] | None
    panels: tuple[str, ...]


@dataclass(frozen=True)
class ShownGroup:
    """Samples that show one photo, with a picture of them or None."""

    group: DuplicateGroup
    picture: dict[str, Any] | None


def cards(audit: Audit, dataset: Dataset, language: Language, probs: Path | None) -> tuple[Card, ...]:
    """The worst findings as cards, worst first; only their photos are decoded.

    Args:
        audit: the findings.
        dataset: the samples that they are about.
        language: what sentences are said in.
        probs: the folder of a model's probabilities, or None.
    """
    worst = audit.findings[:MOST_CARDS]
    album = _Album(dataset, probs, count=len(worst))
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        shown = album.show_all(worst, pool)
    return tuple(
        Card(
            number=number,
            finding=finding,
            sentence=said(finding, language),
            check=check_name(finding.check, language),
            concern=concern_of(finding),
            split=split_of(finding, album.by_id, audit.splits),
            class_ids=drawn.class_ids if drawn else (),
            picture=picture,
            panels=drawn.names if drawn else (),
        )
        for number, (finding, (drawn, picture)) in enumerate(zip(worst, shown, strict=True), start=1)
    )


def shown_groups(groups: Sequence[DuplicateGroup], dataset: Dataset) -> tuple[ShownGroup, ...]:
    """The first groups of duplicates, each with a picture of its photos beside each other."""
    by_id = {sample.id: sample for sample in dataset}
    return tuple(ShownGroup(group, _group_picture(group, by_id, dataset)) for group in groups[:MOST_GROUPS])


def said(finding: Finding, language: Language) -> str:
    """A finding's sentence without the file's name, which stands under it; the check's name where there is none."""
    template = table(language.code).get(f"finding.{finding.check}")
    try:
        sentence = template.format(**finding.facts) if template is not None else ""
    except (KeyError, IndexError):
        sentence = ""
    sentence = sentence.removeprefix(f"{finding.facts.get('file')}: ")
    return sentence[:1].upper() + sentence[1:] or check_name(finding.check, language)


def check_name(check: str, language: Language) -> str:
    """What a check is called; the name of a check of the user's own is taken as it is."""
    return language.named(f"check.{check}", check.replace("_", " "))


def split_of(finding: Finding, by_id: dict[str, Sample], splits: Iterable[str]) -> str:
    """The split of a finding's sample; of a sample that was left out, as its id says; "" where nothing tells."""
    if finding.sample in by_id:
        return by_id[finding.sample].split
    named = finding.sample.partition("/")[0]
    return named if named in splits else ""


class _Album:
    """Draws findings, and knows where their samples are."""

    def __init__(self, dataset: Dataset, probs: Path | None, *, count: int) -> None:
        self.dataset, self.probs = dataset, probs
        self.by_id = {sample.id: sample for sample in dataset}
        self.by_file = {file: each for each in dataset for file in (each.image_file, each.mask_file) if file}
        self.limit_bytes = CARDS_BYTES // max(count, 1)
        self.panel_px = next(pixels for least, pixels in _PANELS_PX if self.limit_bytes >= least)

    def show_all(self, findings: Sequence[Finding], pool: Executor) -> list[_Shown]:
        """All findings in the best quality in which they fit into the page together."""
        for quality in QUALITIES[:-1]:
            look = partial(self.show, quality=quality, limit_bytes=3 * self.limit_bytes)
            some = list(pool.map(look, findings[:: max(1, len(findings) // _TRIED)]))
            if _bytes(some) <= self.limit_bytes * len(some):
                shown = list(pool.map(look, findings))
                if _bytes(shown) <= CARDS_BYTES:
                    return shown
        return list(pool.map(partial(self.show, quality=QUALITIES[-1], limit_bytes=self.limit_bytes), findings))

    def show(self, finding: Finding, quality: int, limit_bytes: int) -> _Shown:
        """A finding's evidence and its picture; None where nothing can be shown."""
        drawn = self._evidence(finding)
        return drawn, None if drawn is None else _embedded(drawn.panels, quality, limit_bytes)

    def _evidence(self, finding: Finding) -> Evidence | None:
        sample = self.by_id.get(finding.sample)
        if sample is None:
            return self._part_evidence(finding) or self._file_evidence(finding)
        named = str(finding.facts.get("other", ""))
        other = self.by_id.get(named) or self.by_file.get(named)
        try:
            return evidence(
                finding,
                sample,
                self.dataset.classes,
                other=other,
                probs=self._probs(finding),
                panel_px=self.panel_px,
            )
        except (DataError, OSError):  # the files are gone or changed since the audit; the sentence still stands
            return None

    def _part_evidence(self, finding: Finding) -> Evidence | None:
        """Two photos with the class that a finding about a split or a folder names."""
        name, names = finding.facts.get("class_name"), self.dataset.classes.names
        members = [each for each in self.dataset if each.id.startswith(f"{finding.sample}/") and each.labelled]
        if name not in names or not finding.sample:
            return None
        try:
            return part_evidence(members[:_MOST_TRIED], names.index(name), self.dataset.classes, self.panel_px)
        except (DataError, OSError):
            return None

    def _file_evidence(self, finding: Finding) -> Evidence | None:
        root = self.dataset.root
        return None if root is None else file_evidence(finding, root, panel_px=self.panel_px)

    def _probs(self, finding: Finding) -> Any:
        if self.probs is None or concern_of(finding) != "labels":
            return None
        try:
            return read_probs(self.probs, finding.sample)
        except RunError:
            return None


def _group_picture(group: DuplicateGroup, by_id: dict[str, Sample], dataset: Dataset) -> dict[str, Any] | None:
    samples = [by_id[each] for each in group.samples[:_MOST_TWINS] if each in by_id]
    try:
        panels = tuple(
            outlined(each.image(), each.mask(), classes=dataset.classes, panel_px=_SMALL_PX) for each in samples
        )
    except (DataError, OSError):
        return None
    return _embedded(panels, QUALITIES[2], _GROUP_BYTES) if panels else None


def _embedded(panels: tuple[Any, ...], quality: int, limit_bytes: int) -> dict[str, Any]:
    src, width, height = embedded_pixels(side_by_side(panels), quality=quality, limit_bytes=limit_bytes)
    return {"src": src, "width": width, "height": height}


def _bytes(shown: Iterable[_Shown]) -> int:
    return sum(3 * len(picture["src"]) // 4 for _, picture in shown if picture is not None)
