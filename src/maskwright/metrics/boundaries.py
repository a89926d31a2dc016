"""Contours: how well the outline of a prediction follows the outline of the label, class by class.

A contour is the pixels of an area that touch, by one of their four sides, a pixel outside of it or the photo's edge.
A pixel that is not judged is taken to be right: the label there is what the prediction says. It is counted where it is
as near to a judged one as two contours that agree; farther in, contours are only what others may lie near to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.errors import UsageError
from maskwright.metrics.confusion import IGNORED
from maskwright.metrics.scores import Floats, ratio

BAND_FRAC = 0.02
"""Width of the band of boundary IoU as a share of the photo's diagonal: that of Cheng et al. 2021."""

TOLERANCE_FRAC = 0.008
"""How far two contours may lie apart and still agree, as a share of the diagonal: that of the DAVIS benchmark (Perazzi
et al., CVPR 2016), whose rounding up is taken too: 3 px on 256x256."""

PERCENTILE = 95

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)

Bools = NDArray[np.bool_]
Area = NDArray[np.uint8]
"""`(H, W) uint8`, 1 where an area is."""


@dataclass(frozen=True, eq=False)
class Boundaries:
    """The contours of one photo, or with a leading `N` of many, as counts.

    Args:
        band_px: `(..., C, 2) int64`, pixels in both bands and in either band.
        surface_px: `(..., C, 2) int64`, pixels of both contours that lie within the tolerance of the other contour,
            and all of them.
        hausdorff_px: `(..., C)`, 95 % Hausdorff distance in pixels; nan where the class is neither labelled nor
            predicted on a judged pixel, the photo's diagonal where it is only one of the two.
    """

    band_px: NDArray[np.int64]
    surface_px: NDArray[np.int64]
    hausdorff_px: Floats

    @property
    def boundary_iou(self) -> Floats:
        """`(C,)` in [0, 1] from pixels summed over photos (Cheng et al. 2021, section 5); nan for absent classes."""
        sums = self._summed(self.band_px)
        return ratio(sums[:, 0], sums[:, 1])

    @property
    def surface_dice(self) -> Floats:
        """`(C,)` in [0, 1] likewise (normalised surface Dice; Nikolov et al. 2018); nan for absent classes."""
        sums = self._summed(self.surface_px)
        return ratio(sums[:, 0], sums[:, 1])

    @property
    def hausdorff95_px(self) -> Floats:
        """`(C,)`, the median over the photos that have the class, labelled or predicted; nan where none has."""
        rows = self.hausdorff_px.reshape(-1, self.hausdorff_px.shape[-1])
        return np.array([np.median(own) if (own := row[~np.isnan(row)]).size else np.nan for row in rows.T])

    @staticmethod
    def _summed(counts: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(counts.reshape(-1, *counts.shape[-2:]).sum(axis=0))


def stacked(photos: Sequence[Boundaries]) -> Boundaries:
    """The contours of several photos as one value with a leading axis `N`."""
    fields = ([getattr(photo, name) for photo in photos] for name in ("band_px", "surface_px", "hausdorff_px"))
    return Boundaries(*map(np.stack, fields))


def boundaries(
    mask: NDArray[Any],
    prediction: NDArray[Any],
    n_classes: int,
    *,
    band_px: int | None = None,
    tolerance_px: float | None = None,
) -> Boundaries:
    """Compare the contours of one photo.

    Boundary IoU takes of each area the band along the inside of its contour and is the IoU of the two bands (Cheng,
    Girshick, Dollár, Berg, Kirillov: "Boundary IoU", CVPR 2021, section 5; the band is eroded by a square, as in the
    authors' program). Normalised surface Dice is the share of both contours that lies within a tolerance of the other
    one (Nikolov et al., arXiv:1809.04430, 2018, section "Metrics"), in pixels of the contours. The Hausdorff
    distance is the larger of the 95 % quantiles of the distances from either contour to the other (Huttenlocher,
    Klanderman, Rucklidge, PAMI 1993, equation 5).

    Args:
        mask: `(H, W)` class ids, 255 where nothing is judged.
        prediction: `(H, W)` class ids in 0..C-1.
        n_classes: `C`.
        band_px: width of the band, at least 1; None takes 2 % of the diagonal.
        tolerance_px: from 0; None takes 0.8 % of the diagonal, rounded up.

    Returns:
        The counts of the photo.

    Raises:
        UsageError: the shapes differ.
    """
    if mask.shape != prediction.shape or mask.ndim != 2:
        raise UsageError(
            "Contours can be compared on masks of one photo only.",
            expected=f"(H, W) = {mask.shape}",
            found=str(prediction.shape),
            do="Predict at the photo's own size; do not resize the mask.",
        )
    diagonal = float(np.hypot(*mask.shape))
    band = max(1, round(BAND_FRAC * diagonal)) if band_px is None else band_px
    tolerance = float(np.ceil(TOLERANCE_FRAC * diagonal)) if tolerance_px is None else tolerance_px
    judged = mask != IGNORED
    label = np.where(judged, mask, prediction)
    counted = None if judged.all() else _near(judged, tolerance)
    band_counts, surface_counts = np.zeros((n_classes, 2), np.int64), np.zeros((n_classes, 2), np.int64)
    hausdorff = np.full(n_classes, np.nan)
    for class_id in range(n_classes):
        given, own = ((ids == class_id).astype(np.uint8) for ids in (label, prediction))
        if not (judged & (given | own)).any():
            continue
        box = _box(given | own)
        given, own = given[box], own[box]
        part = np.ones(given.shape, np.bool_) if counted is None else counted[box]
        band_counts[class_id] = _overlap(_band(given, band), _band(own, band), part)
        distances = _distances(_contour(given), _contour(own), part, farthest=diagonal)
        surface_counts[class_id] = (
            (distances[0] <= tolerance).sum() + (distances[1] <= tolerance).sum(),
            (distances[0].size + distances[1].size),
        )
        known = [float(np.percentile(each, PERCENTILE)) for each in distances if each.size]
        hausdorff[class_id] = max(known) if known else np.nan
    return Boundaries(band_counts, surface_counts, hausdorff)


def _box(area: Area) -> tuple[slice, slice]:
    """The bounding box of an area: what lies outside of it changes no distance between contours in it."""
    x, y, width, height = cv2.boundingRect(area)
    return slice(y, y + height), slice(x, x + width)


def _near(judged: Bools, reach_px: float) -> Bools:
    """The pixels that are judged, or not farther than this from one that is; none where none is."""
    if not judged.any():
        return judged
    return np.asarray(cv2.distanceTransform((~judged).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= reach_px)


def _band(area: Area, width_px: int) -> Bools:
    """The pixels of an area from which a square of `2 width_px + 1` reaches out of it."""
    return area > _eroded(area, np.ones((2 * width_px + 1, 2 * width_px + 1), np.uint8))


def _contour(area: Area) -> Bools:
    return area > _eroded(area, _CROSS)


def _eroded(area: Area, shape: Area) -> Area:
    return np.asarray(cv2.erode(area, shape, borderType=cv2.BORDER_CONSTANT, borderValue=0), np.uint8)


def _overlap(given: Bools, own: Bools, counted: Bools) -> tuple[int, int]:
    return int(np.count_nonzero(given & own & counted)), int(np.count_nonzero((given | own) & counted))


def _distances(
    given: Bools, own: Bools, counted: Bools, *, farthest: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """From the counted pixels of each contour the distances to the whole other one; `farthest` where there is none."""
    return _to(own, given & counted, farthest), _to(given, own & counted, farthest)


def _to(target: Bools, places: Bools, farthest: float) -> NDArray[np.float32]:
    count = np.count_nonzero(places)
    if not count or not target.any():
        return np.full(count, farthest, np.float32)
    outside = (~target).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[places], np.float32)
