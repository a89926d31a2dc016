"""The thresholds of the audit, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

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


def make_settings(values: Mapping[str, Any] | None = None) -> AuditSettings:
    """Settings from values by name; those left out take their defaults.

    Raises:
        RecipeError: a name is unknown, a value is of the wrong type or out of range.
    """
    try:
        return AuditSettings.model_validate(dict(values or {}))
    except ValidationError as error:
        raise RecipeError(f"--set: {problems(AuditSettings, error)}", do="All thresholds: docs/audit.md") from None


def thresholds() -> list[Setting]:
    """All settings in the order in which they are declared."""
    return declared(AuditSettings)
