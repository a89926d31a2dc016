"""How far a model's word on labels is believed, in view of all that it says of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.settings import AuditSettings


@dataclass(frozen=True)
class ClassVote:
    """What a model says of the class of an object that it sees too.

    Args:
        margin: how much more probable, of the classes that are objects, it thinks the first than the second; in [0, 1].
        disputed: whether the first is another than the label's.
    """

    margin: float
    disputed: bool


@dataclass(frozen=True, eq=False)
class Trust:
    """How far the model's word is believed.

    Args:
        margins: `(V,)` of the votes on all objects that are labelled and seen.
        disputed: `(V,) bool`, likewise.
        mislabelled_frac: share of objects that usually carry the wrong name.
        absence: where it sees nothing of a labelled object, in [0, 1].
        objects: about single objects, in [0, 1]: the more the better its outlines are on the whole.
    """

    margins: NDArray[np.float64]
    disputed: NDArray[np.bool_]
    mislabelled_frac: float
    absence: float = 1.0
    objects: float = 1.0

    def in_class(self, margin: float) -> float:
        """How far it is believed where it is so sure of another class.

        The share of its disputes that are label errors, if among the objects of whose class it is at least as sure as
        many are labelled wrongly as is usual, and at least one: a model that disputes one class in seven is mostly
        wrong itself, and may be right where it is surest.

        Args:
            margin: see `ClassVote`.
        """
        as_sure = self.disputed[self.margins >= margin]
        return believed(self.mislabelled_frac, len(as_sure), int(as_sure.sum()))


def believed(usual_frac: float, objects: int, disputes: int) -> float:
    """The share of disputes that can be label errors, where `usual_frac` of all objects are, and at least one."""
    return min(1.0, max(1.0, usual_frac * objects) / max(1, disputes))


def outlines_believed(dice: float, settings: AuditSettings) -> float:
    """From 0 to 1 as the Dice of a model's outlines over all masks grows from weak to strong."""
    return float(np.interp(dice, (settings.weak_dice, settings.strong_dice), (0.0, 1.0)))
