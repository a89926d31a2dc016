"""Why a pixel is wrong: each wrong pixel of a photo has exactly one cause.

The first class is what is not an object. An object is a connected piece (8 neighbours) of one other class, labelled or
predicted; its contour is as thick as its size allows, on both sides. A wrong pixel is looked at in this order:

1. `missed`: it is labelled an object of which the prediction sees next to nothing.
2. `invented`: it is predicted as an object where next to nothing is labelled, and labelled none.
3. `contour`: it lies near the contour of the label and near that of the prediction, as objects whatever their class.
   Between two classes this holds only at an object which has the right class on the whole, near a place where it has.
4. `wrong_class`: it is labelled one object's class and predicted as another's.
5. `part_missing`: it is labelled an object, and predicted as none.
6. `part_extra`: it is labelled none, and predicted as an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from maskwright.audit.settings import AuditSettings
from maskwright.data.classes import IGNORE
from maskwright.data.sample import Mask
from maskwright.metrics.scores import ratio

CAUSES = ("missed", "invented", "wrong_class", "contour", "part_missing", "part_extra")
"""The causes; in a map of causes 0 is no error and 1 + place is a cause."""

AUDIT = AuditSettings()
"""What the audit means by an object, its contour and its parts is meant here too: docs/audit-thresholds.md."""

MET_IOU = 0.5
"""Above this IoU a labelled and a predicted object of one class are the same: no two can both be, at either side
(Kirillov, He, Girshick, Rother, Dollár: "Panoptic Segmentation", CVPR 2019, section 4.1)."""

Bools = NDArray[np.bool_]
Ids = NDArray[np.int32]

OBJECT = np.dtype(
    [
        ("photo", np.int32),
        ("labelled", np.bool_),
        ("class_id", np.uint8),
        ("area_px", np.int64),
        ("area_frac", np.float64),
        ("off_centre", np.float64),
        ("region_xywh", np.int32, 4),
        ("counted", np.bool_),
        ("met", np.bool_),
    ]
)
"""One object: of which photo, labelled or only predicted, its class, its area, also as a share of the photo, how far
its centre of mass lies from the photo's as a share of half the diagonal, the box around it in pixels, whether it is
large enough to be counted as an object, and whether it was met at `MET_IOU`."""

ERROR = np.dtype(
    [
        ("photo", np.int32),
        ("object", np.int32),
        ("cause", np.uint8),
        ("label", np.uint8),
        ("predicted", np.uint8),
        ("px", np.int64),
    ]
)
"""Wrong pixels that have everything in common: photo, object (a place in the table of objects), cause (a place in
`CAUSES`), labelled and predicted class."""


@dataclass(frozen=True)
class Explained:
    """The errors of one photo.

    Args:
        causes: `(H, W) uint8`, 0 where nothing is wrong or judged, else 1 + the place in `CAUSES`.
        objects: its objects, as `OBJECT`: the labelled ones, then the predicted ones.
        errors: its wrong pixels, counted, as `ERROR`. Those labelled an object belong to it, others to the predicted.
    """

    causes: NDArray[np.uint8]
    objects: NDArray[Any]
    errors: NDArray[Any]


def explain(mask: Mask, prediction: Mask, n_classes: int, photo: int = 0) -> Explained:
    """Give every wrong pixel of a photo its cause.

    Args:
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        prediction: `(H, W) uint8` class ids in 0..C-1; what it says of pixels that are not judged does not count.
        n_classes: `C`.
        photo: what the tables call the photo.

    Returns:
        Causes, objects and errors; `causes > 0` exactly where the mask is judged and differs from the prediction.
    """
    judged = mask != IGNORE
    given, own = np.where(judged, mask, 0).astype(np.uint8), np.where(judged, prediction, 0).astype(np.uint8)
    labelled, seen = _Pieces.of(given, n_classes), _Pieces.of(own, n_classes)
    causes = np.zeros(mask.shape, np.uint8)
    box = _around((given | own) != 0)
    if box is not None:
        causes[box] = _causes(given[box], own[box], labelled.within(box), seen.within(box))
    objects = np.concatenate([_objects(labelled, seen, photo, True), _objects(seen, labelled, photo, False)])
    owner = np.where(given != 0, labelled.ids - 1, labelled.count + seen.ids - 1)
    return Explained(causes, objects, _errors(causes, owner, given, own, photo))


@dataclass(frozen=True)
class _Pieces:
    """The connected pieces of each class but the first.

    Args:
        ids: `(H, W) int32`, 0 where there is none, else their numbers from 1.
        classes: `(1 + count,)`, the class of each number.
        areas: `(1 + count,)`, its pixels.
    """

    ids: Ids
    classes: NDArray[np.uint8]
    areas: NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.classes) - 1

    @classmethod
    def of(cls, mask: Mask, n_classes: int) -> _Pieces:
        ids, classes = np.zeros(mask.shape, np.int32), [0]
        for class_id in np.flatnonzero(np.bincount(mask.ravel(), minlength=n_classes)[1:]) + 1:
            count, pieces = cv2.connectedComponents((mask == class_id).view(np.uint8), connectivity=8)
            ids = np.where(pieces > 0, pieces + len(classes) - 1, ids).astype(np.int32)
            classes += [int(class_id)] * (count - 1)
        return cls(ids, np.asarray(classes, np.uint8), np.bincount(ids.ravel(), minlength=len(classes)))

    def within(self, box: tuple[slice, slice]) -> _Pieces:
        return _Pieces(self.ids[box], self.classes, self.areas)

    def reach_px(self) -> NDArray[np.float64]:
        """How thick the contour of each is to one side."""
        return np.asarray(np.maximum(1.0, AUDIT.deep_frac * np.sqrt(self.areas)))

    def off_centre(self) -> NDArray[np.float64]:
        """How far the centre of mass of each is from the photo's centre, as a share of half the diagonal."""
        rows, columns = np.nonzero(self.ids)
        numbers, (height, width) = self.ids[rows, columns], self.ids.shape
        ys, xs = (np.bincount(numbers, places, minlength=len(self.areas)) for places in (rows, columns))
        area = np.maximum(1, self.areas)
        return np.asarray(
            np.hypot(ys / area - (height - 1) / 2, xs / area - (width - 1) / 2) / np.hypot(height, width) * 2
        )

    def shares(self, where: Bools) -> NDArray[np.float64]:
        """The share of each that lies in `where`."""
        return ratio(np.bincount(self.ids[where], minlength=len(self.areas)), np.maximum(1, self.areas))

    def commonest(self, other: Mask, n_classes: int) -> NDArray[np.intp]:
        """The class but the first that most of each has in another mask, 0 where none has any."""
        joint = self.ids.astype(np.int64) * n_classes + other
        counts = np.bincount(joint.ravel(), minlength=len(self.areas) * n_classes).reshape(-1, n_classes)
        counts[:, 0] = 0
        return np.asarray(counts.argmax(axis=1))


def _causes(given: Mask, own: Mask, labelled: _Pieces, seen: _Pieces) -> NDArray[np.uint8]:
    """The causes in a box that holds every object and, where the photo goes on, one pixel more."""
    there, drawn, wrong = given != 0, own != 0, given != own
    missed = (labelled.shares(drawn) < AUDIT.unmet_frac)[labelled.ids] & there
    invented = (seen.shares(there) < AUDIT.unmet_frac)[seen.ids] & drawn
    # Numbered from the last question to the first: what comes later overwrites.
    cause = np.select(
        [there & drawn, there, drawn],
        [_number("wrong_class"), _number("part_missing"), _number("part_extra")],
        default=0,
    )
    cause[_on_contour(given, own, labelled, seen)] = _number("contour")
    cause[invented & ~there] = _number("invented")
    cause[missed] = _number("missed")
    return np.where(wrong, cause, 0).astype(np.uint8)


def _on_contour(given: Mask, own: Mask, labelled: _Pieces, seen: _Pieces) -> Bools:
    """Where a wrong pixel would be right if the contours were moved by no more than their thickness."""
    there, drawn = given != 0, own != 0
    reach = np.where(there, labelled.reach_px()[labelled.ids], seen.reach_px()[seen.ids])
    missing, extra = there & ~drawn, drawn & ~there
    near = np.zeros(given.shape, np.bool_)
    if missing.any():
        near |= missing & (_distance_to(~there) <= reach) & (_distance_to(drawn) <= reach)
    if extra.any():
        near |= extra & (_distance_to(there) <= reach) & (_distance_to(~drawn) <= reach)
    swapped = there & drawn & (given != own)
    right = labelled.commonest(own, int(max(given.max(), own.max())) + 1) == labelled.classes
    for class_id in np.unique(given[swapped & right[labelled.ids]]):
        inside, met = given == class_id, own == class_id
        here = swapped & inside & right[labelled.ids]
        near |= here & (_distance_to(~inside) <= reach) & (_distance_to(met) <= reach)
    return near


def _distance_to(target: Bools) -> NDArray[np.float32]:
    """From each pixel to the nearest one of a target; infinite where there is none."""
    if not target.any():
        return np.full(target.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~target).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _around(area: Bools) -> tuple[slice, slice] | None:
    """The bounding box of an area and one pixel more, as far as the photo goes: distances in it are those of all."""
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    return (slice(max(0, y - 1), y + height + 1), slice(max(0, x - 1), x + width + 1)) if width else None


def _objects(pieces: _Pieces, others: _Pieces, photo: int, labelled: bool) -> NDArray[Any]:
    table = np.zeros(pieces.count, OBJECT)
    table["photo"], table["labelled"], table["class_id"] = photo, labelled, pieces.classes[1:]
    table["area_px"], table["area_frac"] = pieces.areas[1:], pieces.areas[1:] / pieces.ids.size
    table["off_centre"] = pieces.off_centre()[1:]
    for place, (rows, columns) in enumerate(find_objects(pieces.ids)):
        size_wh = columns.stop - columns.start, rows.stop - rows.start
        table["region_xywh"][place] = columns.start, rows.start, *size_wh
    table["counted"] = pieces.areas[1:] >= max(4, round(AUDIT.object_frac * pieces.ids.size))
    for one, other, shared in _overlaps(pieces, others):
        if pieces.classes[one] == others.classes[other]:
            union = pieces.areas[one] + others.areas[other] - shared
            table["met"][one - 1] |= shared > MET_IOU * union
    return table


def _overlaps(pieces: _Pieces, others: _Pieces) -> Iterator[tuple[int, int, int]]:
    """Every two pieces of which some pixels are the same, and how many."""
    both = (pieces.ids > 0) & (others.ids > 0)
    joint = pieces.ids[both].astype(np.int64) * (others.count + 1) + others.ids[both]
    for pair, shared in zip(*np.unique(joint, return_counts=True), strict=True):
        yield *divmod(int(pair), others.count + 1), int(shared)


def _errors(causes: NDArray[np.uint8], owner: NDArray[Any], given: Mask, own: Mask, photo: int) -> NDArray[Any]:
    wrong = causes > 0
    joint = owner[wrong].astype(np.int64)  # mixed radix, each digit a byte but the first
    for column in (causes[wrong] - 1, given[wrong], own[wrong]):
        joint = joint << 8 | column
    kinds, counts = np.unique(joint, return_counts=True)
    table = np.zeros(len(counts), ERROR)
    table["photo"], table["px"], table["object"] = photo, counts, kinds >> 24
    for shift, name in ((16, "cause"), (8, "label"), (0, "predicted")):
        table[name] = kinds >> shift & 255
    return table


def _number(cause: str) -> int:
    return 1 + CAUSES.index(cause)
