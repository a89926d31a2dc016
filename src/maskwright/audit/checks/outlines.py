"""Outlines that do not follow their object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from maskwright.audit.measures import ObjectMeasures
from maskwright.audit.outlines import Outline
from maskwright.audit.robust import between, robust_z
from maskwright.audit.seen import Seen, named
from maskwright.data.finding import Finding
from maskwright.data.sample import Sample

FEWEST = 20
"""With fewer outlines one cannot say what the others look like."""

FULLY_OFF = -0.5
"""An outline with so little edge (log of a ratio) runs where the photo is smooth: it cannot be worse."""

Judged = tuple[Sample, ObjectMeasures, Outline]


def cut(seen: Seen) -> Iterator[Finding]:
    """Objects that end in a straight line where the photo shows no edge: a part of them was cut off."""
    limit = seen.settings.cut_frac
    for sample, each, outline in _worst_of_each(_judged(seen), lambda judged: judged[2].cut):
        if outline.cut >= limit:
            severity = between(outline.cut, limit, 3 * limit, 0.9, 0.45)
            facts = _facts(seen, sample, each) | {"percent": f"{100 * outline.cut:.0f}"}
            yield Finding(sample.id, "mask_cut", severity, facts, each.cut_xywh or each.region_xywh)


def off(seen: Seen) -> Iterator[Finding]:
    """Outlines beside the edges of the photo, where those of the others lie on them."""
    judged = _judged(seen)
    if len(judged) < FEWEST:
        return
    scores = -robust_z([outline.edge_log for _, _, outline in judged], least_spread=0.1)
    suspect = [one for one, score in zip(judged, scores.tolist(), strict=True) if score >= seen.settings.edge_z]
    for sample, each, outline in _worst_of_each(suspect, lambda judged: -judged[2].edge_log):
        least = seen.settings.edge_least
        if outline.edge_log < least:
            severity = between(least - outline.edge_log, 0, least - FULLY_OFF, 0.9, 0.45)
            yield Finding(sample.id, "outline_off", severity, _facts(seen, sample, each), each.region_xywh)


def _worst_of_each(judged: Sequence[Judged], badness: Callable[[Judged], float]) -> Iterator[Judged]:
    """The worst outline of each sample: one finding tells a person to look."""
    worst: dict[str, Judged] = {}
    for one in judged:
        if one[0].id not in worst or badness(one) > badness(worst[one[0].id]):
            worst[one[0].id] = one
    yield from worst.values()


def coarse(seen: Seen) -> Iterator[Finding]:
    """Outlines drawn with far fewer corners than the others."""
    least = seen.settings.coarse_z
    for sample, each, outline, score in _unusual(seen, lambda outline: outline.corner_gap_px):
        if score >= least:
            facts = _facts(seen, sample, each) | {"corners": round(outline.length_px / outline.corner_gap_px)}
            yield Finding(
                sample.id, "outline_coarse", between(score, least, 3 * least, 0.5, 0.25), facts, each.region_xywh
            )


def ragged(seen: Seen) -> Iterator[Finding]:
    """Outlines far rougher than the others."""
    least = seen.settings.ragged_z
    for sample, each, _, score in _unusual(seen, lambda outline: outline.roughness):
        if score >= least:
            facts = _facts(seen, sample, each)
            yield Finding(
                sample.id, "outline_ragged", between(score, least, 3 * least, 0.5, 0.25), facts, each.region_xywh
            )


def _judged(seen: Seen) -> list[Judged]:
    return [(sample, each, each.outline) for sample, each in seen.objects() if each.outline is not None]


def _unusual(
    seen: Seen, measure: Callable[[Outline], float]
) -> Iterator[tuple[Sample, ObjectMeasures, Outline, float]]:
    """Each outline with the robust deviation of the logarithm of a measure, among outlines of its class."""
    judged = _judged(seen)
    for class_id in range(1, len(seen.dataset.classes)):
        own = [entry for entry in judged if entry[1].class_id == class_id]
        if len(own) < FEWEST:
            continue
        logs = np.log([max(measure(outline), 1e-3) for _, _, outline in own])
        for (sample, each, outline), score in zip(own, robust_z(logs, least_spread=0.15).tolist(), strict=True):
            yield sample, each, outline, score


def _facts(seen: Seen, sample: Sample, each: ObjectMeasures) -> dict[str, object]:
    return {"file": named(sample), "class_name": seen.class_name(each.class_id)}
