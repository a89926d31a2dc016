"""Models of segmentation_models_pytorch, with its own encoders and timm's: `smp:Architecture/encoder`.

Needs the extra `smp`. Newly drawn unless weights are asked for: nothing is downloaded when a model is built.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from maskwright.errors import RecipeError, WeightsError, nearest
from maskwright.models.foreign import adopt_norms, at_size
from maskwright.models.importers.rules import Mapped, Origin
from maskwright.models.layers import BatchNorm, channels_last
from maskwright.weights.hub import Repository, hub_file

if TYPE_CHECKING:
    from maskwright.models import Architecture
    from maskwright.recipe.recipe import Channels

TIMM = "tu-"
"""How the package calls timm's encoders: this, then their name."""

OPERATORS = ("nms", "qnms")
"""What torchvision wants to exist when it is imported, and what is not there where it was built for another torch."""

PAIRS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_definitions: list[torch.library.Library] = []
"""They last as long as this list."""


def smp_model(name: str, classes: int) -> SmpSegmenter:
    """A model with newly drawn weights.

    Args:
        name: Architecture/encoder, e.g. Unet/resnet34 or FPN/tu-convnext_tiny.
        classes: number of classes C.

    Raises:
        RecipeError: there is no such architecture or encoder, or the two do not go together.
    """
    check_name(name)
    architecture, _, encoder = name.partition("/")
    build = partial(
        package().create_model, architecture, encoder_name=encoder, encoder_weights=None, in_channels=3, classes=classes
    )
    about = _timm_about(encoder) if encoder.startswith(TIMM) else None
    try:
        if about is None or not about.fixed_input_size:
            return SmpSegmenter(build, encoder)
        try:
            return SmpSegmenter(partial(build, dynamic_img_size=True), encoder)
        except TypeError:  # most transformers of timm's take any size when they are told so, some know no such option
            return SmpSegmenter(build, encoder, fixed_hw=about.input_size[1:])
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError, AssertionError) as error:
        raise RecipeError(
            f"model=smp:{name}: this encoder does not go with this architecture.",
            found=" ".join(str(error).split())[:300],
            do="DPT wants a vision transformer of timm's (tu-vit_...), the others maps of several sizes.",
        ) from None


def check_name(name: str) -> None:
    """Refuse an architecture or encoder that is not there.

    Raises:
        RecipeError: which is not, and what is like it.
    """
    smp = package()
    architecture, slash, encoder = name.partition("/")
    known = sorted(one.__name__ for one in smp.MODEL_ARCHITECTURES_MAPPING.values())
    if not slash:
        raise RecipeError(
            f"model=smp:{name}: names no encoder.", expected="smp:Architecture/encoder, for instance smp:Unet/resnet34"
        )
    if architecture not in known:
        raise RecipeError(
            f"model=smp:{name}: segmentation_models_pytorch has no architecture {architecture}.",
            do=nearest(architecture, known),
        )
    if encoder.startswith(TIMM):
        import timm

        there = timm.is_model(encoder.removeprefix(TIMM)) and _tag_is_there(encoder)
        names = [TIMM + one for one in timm.list_models(pretrained="." in encoder)]
    else:
        there, names = encoder in smp.encoders.encoders, list(smp.encoders.encoders)
    if not there:
        close = nearest(encoder, names)
        raise RecipeError(
            f"model=smp:{name}: there is no encoder {encoder}.",
            do=close if close.startswith("Did") else f"timm's are called {TIMM}NAME, for instance tu-convnext_tiny.",
        )


def imagenet(name: str) -> tuple[Repository, Channels, Channels]:
    """Where the ImageNet weights of an encoder lie, and how they want their photos.

    Args:
        name: as in `smp_model`.

    Returns:
        The repository; what to take off each channel and what to divide it by, in grey levels.

    Raises:
        WeightsError: there are none, or they cannot be had.
    """
    encoder = name.partition("/")[2]
    if encoder.startswith(TIMM):
        about = _timm_about(encoder)
        if about is None or not about.hf_hub_id:
            raise _without_imagenet(name, "timm has none of it on the hub")
        return Repository(about.hf_hub_id), *_normalisation(about.to_dict())
    there = package().encoders.encoders[encoder]["pretrained_settings"]
    if "imagenet" not in there:
        raise _without_imagenet(name, f"published are only {', '.join(there)}")
    place = Repository(there["imagenet"]["repo_id"], there["imagenet"]["revision"])
    return place, *_normalisation(json.loads(hub_file(place, ("config.json",)).read_text(encoding="utf-8")))


class SmpSegmenter(nn.Module):
    """Normalised images `(B, 3, H, W)` to logits `(B, C, H, W)`, for any H and W.

    Args:
        build: makes the package's model; its keyword arguments may be changed.
        encoder: what the package calls the encoder.
        fixed_hw: the only size that the encoder takes, where there is one.
    """

    architecture: Architecture | None = None
    origin = Origin(name="the encoder's authors", told_by=(), rules=(), family="smp:")

    def __init__(
        self, build: Callable[..., nn.Module], encoder: str, *, fixed_hw: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        model: Any = build()
        self.encoder, self.decoder, self.head = model.encoder, model.decoder, model.segmentation_head
        self.fixed_hw, self.step = fixed_hw, max(32, model.encoder.output_stride)
        self._build, self._encoder_name = build, encoder
        adopt_norms(self)
        _adopt_timm_norms(self)
        channels_last(self)

    def forward(self, images: Tensor) -> Tensor:
        return at_size(self._logits, images, step=self.step, fixed_hw=self.fixed_hw)

    def _logits(self, images: Tensor) -> Tensor:
        maps = self.encoder(images)
        # A vision transformer gives its maps and its other tokens, and its decoder wants both.
        logits: Tensor = self.head(self.decoder(*maps) if isinstance(maps, tuple) else self.decoder(maps))
        return logits

    def translated(self, tensors: Mapping[str, Tensor], source: str) -> Mapped:
        """An encoder's published weights, or a whole model of the package, under our names; see `Foreign`."""
        if any(name.startswith("segmentation_head.") for name in tensors):
            ours = {name.replace("segmentation_head.", "head.", 1): one for name, one in tensors.items()}
            out = [name for name in ours if name.startswith("classification_head.")]
            return Mapped(
                {name: one for name, one in ours.items() if name not in out},
                dict.fromkeys(out, "classifies whole images"),
            )
        try:
            encoder = self._filled(tensors)
        except (RuntimeError, KeyError, ValueError) as error:
            raise WeightsError(
                f"{source}: these weights do not fit the encoder.",
                found=" ".join(str(error).split())[:300],
                do="Give what was published for this very encoder, or a run of the same model.",
            ) from None
        taken = encoder.state_dict()
        unused = [name for name, one in tensors.items() if not any(_same(one, other) for other in taken.values())]
        return Mapped(
            {f"encoder.{name}": one for name, one in taken.items()}, dict.fromkeys(unused, "not used by the encoder")
        )

    def _filled(self, tensors: Mapping[str, Tensor]) -> nn.Module:
        """Another encoder, filled as its package does."""
        if not self._encoder_name.startswith(TIMM):
            encoder: nn.Module = copy.deepcopy(self.encoder)
            encoder.load_state_dict(dict(tensors))
            return encoder
        import timm

        # timm minds gaps only in whole models, so one of these is filled first.
        name = self._encoder_name.removeprefix(TIMM)
        timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"state_dict": dict(tensors)})
        model: Any = self._build(encoder_weights=True, pretrained_cfg_overlay={"state_dict": dict(tensors)})
        return model.encoder  # type: ignore[no-any-return]


def package() -> ModuleType:
    """The package, imported."""
    import_torchvision()
    import segmentation_models_pytorch

    return segmentation_models_pytorch  # type: ignore[no-any-return]


def import_torchvision() -> None:
    """Import torchvision even where it was built for another torch: both packages ask for it, and need little of it.

    The index has torchvision for CUDA only. Next to a torch for CPUs its compiled part cannot be loaded, and importing
    it ends at two operators of that part that are to be described. Where they are the reason, they are declared here,
    without anything that computes them: importing goes through, and calling them fails as it did before.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if not re.search(rf"operator torchvision::({'|'.join(OPERATORS)}) does not exist", str(error)):
            raise
        definition = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for operator in OPERATORS:
            definition.define(f"{operator}{PAIRS}")  # type: ignore[no-untyped-call]
        _definitions.append(definition)
        import torchvision  # noqa: F401


def _timm_about(encoder: str) -> Any:
    """What timm says of an encoder and its published weights; None where it has published none."""
    import timm

    return timm.get_pretrained_cfg(encoder.removeprefix(TIMM))


def _tag_is_there(encoder: str) -> bool:
    """Whether timm knows what stands behind the dot, which says whose weights they are."""
    try:
        _timm_about(encoder)
    except RuntimeError:
        return False
    return True


def _normalisation(about: Mapping[str, Any]) -> tuple[Channels, Channels]:
    """Mean and deviation in grey levels; what is published is in parts of the range that the weights want."""
    scale = 255.0 / float(about.get("input_range", (0, 1))[1])
    mean, std = ([scale * float(one) for one in about[key]] for key in ("mean", "std"))
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def _without_imagenet(name: str, found: str) -> WeightsError:
    return WeightsError(
        f"weights=imagenet: there are none for the encoder of smp:{name}.",
        found=found,
        do="Take another encoder, a file of your own (--weights FILE), or newly drawn weights (--weights none).",
    )


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.to(other.dtype), other)


class _NormAct(BatchNorm):
    """Ours in the place of timm's batch norm that an activation belongs to."""

    act: nn.Module
    drop: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        acted: Tensor = self.act(self.drop(super().forward(x)))
        return acted


def _adopt_timm_norms(module: nn.Module) -> None:
    from timm.layers import BatchNormAct2d

    for part in module.modules():
        if type(part) is BatchNormAct2d:
            part.__class__ = _NormAct
