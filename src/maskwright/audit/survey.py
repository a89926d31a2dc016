"""The audit without a model: look at each sample once, keep a few numbers of it, then look at all numbers together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from maskwright.audit.audit import Audit, worst_first
from maskwright.audit.checks import DATASET_CHECKS, SAMPLE_CHECKS, SampleCheck
from maskwright.audit.gathering import gather
from maskwright.audit.measures import MaskMeasures, PhotoMeasures, measure_mask, measure_photo
from maskwright.audit.part import parts
from maskwright.audit.same_photos import resplit, same_photos
from maskwright.audit.seen import Seen
from maskwright.audit.settings import AuditSettings
from maskwright.audit.view import view
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.pixels import let_go
from maskwright.data.sample import Sample
from maskwright.data.workers import in_order, workers
from maskwright.progress import OnProgress, Progress, silent

LET_GO_EVERY = 500
"""Samples after which mapped pixels are given back: 500 photos of 256 x 256 with masks are 125 MiB."""


def survey(
    dataset: Dataset,
    *,
    split: str | None = None,
    settings: AuditSettings | None = None,
    checks: Sequence[SampleCheck] = (),
    on_progress: OnProgress = silent,
) -> Audit:
    """Look for everything in a dataset that can be seen without a model.

    Photos and masks are looked at one by one, in threads; what is kept of each is a few kilobytes, so that memory does
    not grow with their size.

    Args:
        dataset: the samples, perhaps none, and what was found while reading them (`data.reading.look_over`).
        split: look at this split only; None looks at all.
        settings: the thresholds; None takes the declared ones.
        checks: checks of one's own, beside those of the tables (see `audit.checks.own`).
        on_progress: told how many samples are done.

    Returns:
        The audit, without label issues.

    Raises:
        DataError: there is no such split.
    """
    began = time.monotonic()
    settings = settings or AuditSettings()
    part = dataset if split is None else dataset.split(split)
    looks = _look_at_all(part, settings, (*SAMPLE_CHECKS, *checks), on_progress)
    photos, masks = [look.photo for look in looks], [look.mask for look in looks]
    thumbs = np.stack([photo.thumb for photo in photos]) if photos else np.zeros((0, 1, 1), np.uint8)
    groups = same_photos(part, thumbs, settings, on_progress)
    splits = parts(part, photos, masks)
    statistics = gather(part, splits, settings)
    seen = Seen(part, settings, tuple(photos), tuple(masks), splits, statistics, groups)
    findings = [
        *_while_reading(dataset, split),
        *(finding for look in looks for finding in look.findings),
        *(finding for check in DATASET_CHECKS for finding in check(seen)),
    ]
    return Audit(
        classes=dataset.classes,
        root=str(dataset.root or ""),
        splits=part.splits,
        images=len(part),
        findings=worst_first(findings),
        statistics=statistics,
        duplicates=groups,
        resplit=resplit(part, groups, masks),
        settings=settings,
        seconds=time.monotonic() - began,
        digests={sample.id: sample.digest for sample in part},
    )


@dataclass(frozen=True)
class _Look:
    photo: PhotoMeasures
    mask: MaskMeasures | None
    findings: tuple[Finding, ...]


def _look_at_all(
    part: Dataset, settings: AuditSettings, checks: Sequence[SampleCheck], on_progress: OnProgress
) -> list[_Look]:
    def look(sample: Sample) -> _Look:
        seen = view(sample, part.classes, settings)
        found: Iterable[Finding] = (finding for check in checks for finding in check(seen))
        return _Look(measure_photo(seen), measure_mask(seen), tuple(found))

    looks = []
    with ThreadPoolExecutor(workers()) as pool:
        for done, each in enumerate(in_order(pool, look, part), start=1):
            looks.append(each)
            on_progress(Progress("stage.audit", done, len(part)))
            if done % LET_GO_EVERY == 0:
                let_go()
    return looks


def _while_reading(dataset: Dataset, split: str | None) -> list[Finding]:
    """What the reader found, of one split or of all."""
    if split is None:
        return list(dataset.findings)
    ids = {sample.id for sample in dataset if sample.split == split}
    return [
        finding
        for finding in dataset.findings
        if finding.sample in ids
        or finding.sample.partition("/")[0] == split
        or split in (finding.facts.get("split"), finding.facts.get("other_split"))
    ]
