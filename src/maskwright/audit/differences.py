"""Whether two splits differ by more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from maskwright.audit.part import Part
from maskwright.audit.statistics import Difference
from maskwright.metrics.holm import holm

FEWEST = 8
"""With fewer values on a side no difference could be told."""


MOST_SIZES = 12
"""Photos of more sizes than that have no usual ones; their longest sides are compared."""


def differences(splits: Sequence[Part], names: Sequence[str], most_p: float) -> tuple[Difference, ...]:
    """Tests of the first split against each other one, the most certain differences first.

    Numbers of each photo or object are compared by the test of Mann and Whitney, its effect as Cliff's delta; how many
    masks have a class, and the photos' sizes, by a chi-squared test of the table, its effect as Cramer's V. All p
    together are corrected by Holm (1979).

    Args:
        splits: with their measures.
        names: the classes' names.
        most_p: differences with a corrected p below this are real.
    """
    found = [each for other in splits[1:] for each in _tests(splits[0], other, names)]
    corrected = holm([each.p for each in found])
    judged = [replace(each, p_holm=p, differs=p < most_p) for each, p in zip(found, corrected, strict=True)]
    return tuple(sorted(judged, key=lambda each: each.p))


def _tests(first: Part, second: Part, names: Sequence[str]) -> Iterator[Difference]:
    for what in ("brightness", "sharpness", "saturation"):
        values = [[getattr(photo, what) for photo in part.photos] for part in (first, second)]
        yield from _ranks(first.name, second.name, what, "", values[0], values[1])
    yield from _sizes(first, second)
    for class_id, name in enumerate(names):
        yield from _presence(first, second, class_id, name)
        shares = [_shares(part, class_id) for part in (first, second)]
        yield from _ranks(first.name, second.name, "class_px", name, shares[0], shares[1])
        if class_id:
            areas = [
                [each.area_frac for mask in part.labelled for each in mask.objects if each.class_id == class_id]
                for part in (first, second)
            ]
            yield from _ranks(first.name, second.name, "object_area", name, areas[0], areas[1])


def _shares(part: Part, class_id: int) -> list[float]:
    """The class's share of each mask that has it."""
    return [mask.class_px[class_id] / sum(mask.class_px) for mask in part.labelled if mask.class_px[class_id]]


def _ranks(
    first: str, second: str, what: str, name: str, values: Sequence[float], others: Sequence[float]
) -> Iterator[Difference]:
    if min(len(values), len(others)) < FEWEST:
        return
    from scipy.stats import mannwhitneyu

    tested = mannwhitneyu(values, others)
    effect = 2 * float(tested.statistic) / (len(values) * len(others)) - 1
    medians = float(np.median(values)), float(np.median(others))
    yield Difference(first, second, what, name, *medians, effect, float(tested.pvalue), 1.0, False)


def _presence(first: Part, second: Part, class_id: int, name: str) -> Iterator[Difference]:
    table = np.array(
        [
            [sum((mask.class_px[class_id] > 0) is has for mask in part.labelled) for has in (True, False)]
            for part in (first, second)
        ]
    )
    rates = [float(row[0] / max(1, row.sum())) for row in table]
    yield from _table(first.name, second.name, "class_images", name, rates, table)


def _sizes(first: Part, second: Part) -> Iterator[Difference]:
    sides = [[float(max(photo.size_hw)) for photo in part.photos] for part in (first, second)]
    counts = [Counter(photo.size_hw for photo in part.photos) for part in (first, second)]
    sizes = sorted({*counts[0], *counts[1]})
    if len(sizes) > MOST_SIZES:
        yield from _ranks(first.name, second.name, "sizes", "", sides[0], sides[1])
        return
    table = np.array([[count[size] for size in sizes] for count in counts])
    yield from _table(first.name, second.name, "sizes", "", [float(np.median(each)) for each in sides], table)


def _table(
    first: str,
    second: str,
    what: str,
    name: str,
    values: Sequence[float],
    table: np.ndarray[tuple[int, int], np.dtype[np.int64]],
) -> Iterator[Difference]:
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or table.sum(axis=1).min() < FEWEST:
        return
    from scipy.stats import chi2_contingency

    statistic, p = chi2_contingency(table)[:2]
    effect = float(np.sqrt(float(statistic) / table.sum()))
    yield Difference(first, second, what, name, values[0], values[1], effect, float(p), 1.0, False)
