"""The thresholds of the audit, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from maskwright.declared import Setting, declared, problems, setting
from maskwright.errors import RecipeError


class AuditSettings(BaseModel):
    """From where on something in the data is said to be wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    speck_frac: float = setting(
        0.0005,
        "Separate pieces of a class below this share of the photo are specks.",
        reason="6 x 6 px on 256 x 256: smaller than any object that a person would outline there",
        unit="of the photo",
        ge=0,
        lt=1,
    )
    hole_frac: float = setting(
        0.0005,
        "Holes in a class below this share of the photo are slips of the pen.",
        reason="as for specks",
        unit="of the photo",
        ge=0,
        lt=1,
    )
    tiny_z: float = setting(
        3.5,
        "A class that covers a share this many robust deviations (of its logarithm) below the others is a scrap.",
        reason="Iglewicz and Hoaglin 1993: the usual limit; on the reference case only scraps of objects lie beyond it",
        unit="deviations",
        gt=0,
    )
    cut_frac: float = setting(
        0.09,
        "An outline with a straight piece of this share of it, weighted by how little the photo shows there, is cut.",
        reason="99 of 100 whole objects stay below 0.08, half of the cut ones are above 0.14: docs/audit.md",
        unit="of the outline",
        gt=0,
        lt=1,
    )
    edge_least: float = setting(
        0.2,
        "Outlines with less edge than this are off: log of the photo's gradient across them over that beside them.",
        reason="right outlines had at least 0.2, shifted and resized ones nearly all less: docs/audit.md",
        unit="log of a ratio",
    )
    edge_z: float = setting(
        1.5,
        "They must also have this many robust deviations less edge than the other outlines of the dataset.",
        reason="where no outline finds an edge, as in blurred scans, nothing is said of any",
        unit="deviations",
        ge=0,
    )
    coarse_z: float = setting(
        4.0,
        "Outlines with corners this many robust deviations further apart than the others' are coarse.",
        reason="above the usual 3.5: a coarse outline is a lesser fault",
        unit="deviations",
        gt=0,
    )
    ragged_z: float = setting(
        4.0,
        "Outlines this many robust deviations rougher than the others are ragged.",
        reason="above the usual 3.5: a ragged outline is a lesser fault",
        unit="deviations",
        gt=0,
    )
    photo_z: float = setting(
        4.5,
        "Photos this many robust deviations from the rest in size, colour, sharpness or exposure differ.",
        reason="photos vary; 4.5 leaves about one in 10 000 of a normal distribution on each side",
        unit="deviations",
        gt=0,
    )
    rare_images: int = setting(
        10,
        "A class in fewer masks of a split than this hardly occurs.",
        reason="below ten its score depends on single photos",
        unit="masks",
        ge=1,
    )
    near_similarity: float = setting(
        0.9,
        "Two photos are the same when their aligned details correlate at least this much.",
        reason="planted copies had at least 0.97, other pairs at most 0.8: docs/audit.md",
        gt=0,
        le=1,
    )
    twin_iou: float = setting(
        0.85,
        "Masks of one photo, laid over each other, that agree less than this differ.",
        reason="two careful persons agree by more than 0.9 on cats and dogs; recompression and cropping cost some",
        unit="IoU",
        gt=0,
        le=1,
    )
    swap_accuracy: float = setting(
        0.8,
        "Class values are called mixed up only where colour, place and size tell the classes apart this well.",
        reason="below four in five, a mix-up cannot be told from chance",
        gt=0.5,
        le=1,
    )
    difference_p: float = setting(
        0.01,
        "Splits differ where chance would do the same less often than this, over all tests together (Holm).",
        reason="the usual 1 %",
        gt=0,
        lt=1,
    )

    issue_severity: float = setting(
        0.15,
        "With a model: an object whose label is worse than the model's own by this much expected Dice is a finding.",
        reason="on the reference case sound masks stay below it",
        unit="Dice",
        gt=0,
        le=1,
    )
    object_frac: float = setting(
        0.0005,
        "With a model: what is smaller than this share of the photo is no object.",
        reason="6 x 6 px on 256 x 256, as for specks",
        unit="of the photo",
        ge=0,
        lt=1,
    )
    joined_frac: float = setting(
        0.05,
        "Labelled and predicted pieces are one object where they share this much of the smaller one.",
        reason="a scrap of overlap is the contour of one object at the contour of another",
        unit="of the smaller piece",
        gt=0,
        le=1,
    )
    unmet_frac: float = setting(
        0.2,
        "An object of which no more than this is labelled has no label; one of which no more is seen is not there.",
        reason="less than a fifth is no mask of it",
        unit="of the object",
        ge=0,
        lt=1,
    )
    part_frac: float = setting(
        0.15,
        "From this share of an object on, what lies outside its mask is a missing part.",
        reason="a leg or a head; less is the contour's",
        unit="of the object",
        gt=0,
        lt=1,
    )
    deep_frac: float = setting(
        0.06,
        "What lies deeper than this times the square root of the object's area is more than a contour off.",
        reason="6 px on an object of 100 x 100: no contour is drawn so loosely",
        unit="of the root of the area",
        gt=0,
        lt=1,
    )
    mislabelled_frac: float = setting(
        0.034,
        "This share of objects is taken to carry the wrong name: a model that renames more is believed less.",
        reason="the mean over ten data sets of Northcutt, Athalye and Mueller 2021",
        unit="of the objects",
        gt=0,
        lt=1,
    )
    invented_frac: float = setting(
        0.01,
        "This share of masks is taken to lie where there is nothing: a model that overlooks more is believed less.",
        reason="fewer than have a wrong name, for a mask has to be drawn",
        unit="of the objects",
        gt=0,
        lt=1,
    )
    weak_dice: float = setting(
        0.4,
        "A model whose outlines reach no more than this over all masks accuses nobody.",
        reason="on the reference case one of 0.51 saw 209 forgotten objects",
        unit="Dice",
        ge=0,
        lt=1,
    )
    strong_dice: float = setting(
        0.75,
        "One whose outlines reach this is believed fully; between the two in proportion.",
        reason="on the reference case one of 0.80 named 74 masks, most of them rightly",
        unit="Dice",
        gt=0,
        le=1,
    )
    weak_weight: float = setting(
        0.3,
        "How much the ranking by a weak model counts.",
        reason="behind what is found without one, which it would only stir up",
        ge=0,
        le=1,
    )
    evidence_weight: float = setting(
        0.7,
        "How much what is found without a model counts beside the model's word.",
        reason="on planted faults and the reference case the order was best with 0.5 to 1",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _weak_below_strong(self) -> AuditSettings:
        if self.weak_dice >= self.strong_dice:
            raise ValueError(f"weak_dice ({self.weak_dice:g}) has to be below strong_dice ({self.strong_dice:g})")
        return self


def make_settings(values: Mapping[str, Any] | None = None) -> AuditSettings:
    """Settings from values by name; those left out take their defaults.

    Raises:
        RecipeError: a name is unknown, a value is of the wrong type or out of range.
    """
    try:
        return AuditSettings.model_validate(dict(values or {}))
    except ValidationError as error:
        raise RecipeError(
            f"--set: {problems(AuditSettings, error)}", do="All thresholds: docs/audit-thresholds.md"
        ) from None


def thresholds() -> list[Setting]:
    """All settings in the order in which they are declared."""
    return declared(AuditSettings)
