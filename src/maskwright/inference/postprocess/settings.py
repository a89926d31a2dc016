"""Every setting of the post-processing, declared once, and its file in a run: postprocess.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from maskwright.declared import Setting, declared, problems, reason, reasons_in, setting, setting_line
from maskwright.errors import RecipeError, shown
from maskwright.storage import write_text

FORMAT = 1
FILE = "postprocess.yaml"
OFF = "fixed: off until maskwright tune finds that it helps"

Offset = Annotated[float, Field(ge=-10, le=10)]
Frac = Annotated[float, Field(ge=0, lt=1)]


class PostProcess(BaseModel):
    """What is done with a model's probabilities before they become masks, in this order; as made, nothing is done.

    `reasons` holds why settings have their values; the others have the reason of their declaration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    colour_weight: float = setting(
        0.0,
        "How much the colours that the network's sure pixels of a class have in the photo count near outlines, beside "
        "the network, which counts 1; 0 does not look at them.",
        reason=OFF,
        ge=0,
        le=2,
    )
    edge_radius_frac: float = setting(
        0.0,
        "Radius within which probabilities are smoothed along the photo's edges; 0 does not smooth.",
        reason=OFF,
        unit="of the photo's short side",
        ge=0,
        le=0.25,
    )
    logit_offsets: tuple[Offset, ...] = setting(
        (), "Added to the logit of each class, in their order; an empty list adds nothing.", reason=OFF, unit="logits"
    )
    photo_vote_share: float = setting(
        0.0,
        "All objects of a photo take the class that has at least this share of them, 0.5 to 1; 0 does not vote.",
        reason=OFF,
        ge=0,
        le=1,
    )
    object_vote_share: float = setting(
        0.0,
        "Each object takes the class that has at least this share of it, 0.5 to 1; 0 does not vote.",
        reason=OFF,
        ge=0,
        le=1,
    )
    object_score_share: float = setting(
        0.0,
        "Objects whose score is below this share of the best one's in their photo become the first class; the score is "
        "an object's mean probability of all classes but the first. 0.5 to 1; 0 keeps all.",
        reason=OFF,
        ge=0,
        le=1,
    )
    smallest_frac: tuple[Frac, ...] = setting(
        (),
        "Regions below this size take the class around them, by class in their order; an empty list keeps all.",
        reason=OFF,
        unit="of the photo's area",
    )
    largest_hole_frac: float = setting(
        0.0,
        "Holes in objects up to this size take the class around them; 0 fills none.",
        reason=OFF,
        unit="of the photo's area",
        ge=0,
        lt=1,
    )
    temperature: float = setting(
        1.0,
        "Divides the logits last: above 1 the probabilities become less sure, masks stay as they are.",
        reason=OFF,
        ge=0.05,
        le=20,
    )
    reasons: dict[str, str] = Field(default_factory=dict, exclude=True, description="Why settings have their values.")

    @field_validator("photo_vote_share", "object_vote_share", "object_score_share")
    @classmethod
    def _at_least_half(cls, share: float) -> float:
        if 0 < share < 0.5:
            raise ValueError("below a half more than one class could have it, and all objects do")
        return share

    def reason(self, name: str) -> str:
        """Why a setting has its value."""
        return self.reasons.get(name) or reason(PostProcess, name)

    def steps(self) -> Iterator[tuple[str, Any]]:
        """The settings that do something, as (name, value), in the order in which they are taken."""
        for name, field in PostProcess.model_fields.items():
            value = getattr(self, name)
            if name != "reasons" and value != field.default and (not isinstance(value, tuple) or any(value)):
                yield name, value

    def with_settings(self, **values: Any) -> PostProcess:
        """The same with some settings replaced."""
        return PostProcess.model_validate({**self.model_dump(), "reasons": self.reasons, **values})


def settings() -> list[Setting]:
    """All settings in the order in which they are taken."""
    return declared(PostProcess)


def write_postprocess(post: PostProcess, path: Path, *, classes: tuple[str, ...], predictor: str | None) -> None:
    """Write `postprocess.yaml`, whole or not at all: a setting a line, its reason behind it.

    Args:
        post: the settings.
        path: the file.
        classes: names of the classes, by id.
        predictor: digest of the predictor that they were fitted for.
    """
    lines = [
        "# What is done with the probabilities of this model before they become masks, in this order.",
        "# maskwright tune writes it; without it, or with --no-postprocess, masks are what the network says.",
        f"format: {FORMAT}",
        *([yaml.safe_dump({"predictor": predictor}).strip()] if predictor else []),
        yaml.safe_dump({"classes": list(classes)}, default_flow_style=None, width=10**6, allow_unicode=True).strip(),
    ]
    lines += [setting_line(each.name, getattr(post, each.name), post.reason(each.name)) for each in settings()]
    write_text(path, "\n".join(lines) + "\n")


def read_postprocess(path: Path, *, classes: tuple[str, ...], predictor: str | None) -> PostProcess:
    """Read what `write_postprocess` wrote, or what a person wrote; settings that it does not name are off.

    Args:
        path: the file.
        classes: names of the classes that the predictor tells apart, by id.
        predictor: its digest; a file that was fitted for another one is refused, one that names none is taken. None
            for somebody who only reads what is done.

    Raises:
        RecipeError: the file is not flat YAML, is of another format version, holds wrong settings, or was made for
            other classes or other weights.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RecipeError(
            f"{shown(path)}: cannot be read.",
            expected="lines like  temperature: 1.2",
            found=" ".join(str(error).split())[:200],
            do=_WAY_OUT,
        ) from None
    if not isinstance(values, dict):
        raise RecipeError(f"{shown(path)}: holds no settings.", expected="lines like  temperature: 1.2", do=_WAY_OUT)
    fitted_for = values.pop("predictor", None)
    _check(path, "is of a format version that is not known here", FORMAT, values.pop("format", FORMAT))
    _check(path, "was made for other classes", list(classes), values.pop("classes", list(classes)))
    _check(path, "was fitted for other weights or another recipe", predictor, (predictor and fitted_for) or predictor)
    try:
        post = PostProcess.model_validate({**values, "reasons": reasons_in(text)})
    except ValidationError as error:
        raise RecipeError(f"{shown(path)}: {problems(PostProcess, error)}", do=_WAY_OUT) from None
    for name in ("logit_offsets", "smallest_frac"):
        found = len(getattr(post, name))
        _check(path, f"{name} is not of as many classes", len(classes), found or len(classes))
    return post


_WAY_OUT = (
    "Make it anew: maskwright tune RUN DATA; or delete it. predict, evaluate and load do without it: --no-postprocess, "
    "postprocess=False."
)


def _check(path: Path, what: str, expected: object, found: object) -> None:
    if found != expected:
        raise RecipeError(f"{shown(path)}: {what}.", expected=str(expected), found=str(found), do=_WAY_OUT)
