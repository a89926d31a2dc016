"""Semantic segmentation models of transformers: `hf:owner/name`, the architecture of a repository of the hub.

Needs the extra `hf`. Only what transformers itself defines is built, never code out of a repository. A recipe holds the
repository's configuration, so that building a model asks neither the hub nor a network.
"""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from maskwright.errors import RecipeError, WeightsError
from maskwright.models.foreign import LEAST_PX, adopt_norms, at_size
from maskwright.models.importers.rules import Mapped, Origin
from maskwright.models.layers import channels_last
from maskwright.models.smp import import_torchvision
from maskwright.weights.hub import PREFIX, Repository, hub_file, repository
from maskwright.weights.table import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from maskwright.models import Architecture
    from maskwright.recipe.recipe import Channels

NOT_ARCHITECTURE = (
    *("id2label", "label2id", "num_labels", "architectures", "transformers_version", "name_or_path"),
    *("dtype", "torch_dtype", "auto_map", "custom_pipelines", "quantization_config", "fusion_config"),
    *("transformers_weights", "return_dict", "output_attentions", "output_hidden_states"),
)
"""What of a configuration does not say how the model is built, or asks for code and arithmetic from elsewhere."""

COLOURS = "channel_order"
"""What is added to a configuration: "bgr" where the repository's photos have blue first."""


@dataclass(frozen=True)
class Published:
    """What a repository says of its model.

    Args:
        config: JSON text, see `architecture_config` in the recipe.
        mean_rgb: what is taken off each channel, in grey levels.
        std_rgb: what each channel is divided by, in grey levels.
        commit: of the repository.
    """

    config: str
    mean_rgb: Channels
    std_rgb: Channels
    commit: str


def huggingface_model(name: str, classes: int, *, architecture_config: str = "") -> HuggingFaceSegmenter:
    """A model with newly drawn weights.

    Args:
        name: owner/name of the repository.
        classes: number of classes C.
        architecture_config: see `published`.

    Raises:
        RecipeError: there is no configuration, or transformers builds no segmentation model of it.
    """
    check_name(name)
    if not architecture_config:
        raise RecipeError(
            f"model={PREFIX}{name}: architecture_config is empty, and nothing is looked up when a model is built.",
            do="Planning fills it. From Python: maskwright.models.huggingface.published(name).config",
        )
    where = f"architecture_config of {PREFIX}{name}"
    with quiet_and_offline():
        return HuggingFaceSegmenter(_config(_parsed(architecture_config, where), where, classes=classes), where)


def check_name(name: str) -> None:
    """Refuse what is no name of a repository.

    Raises:
        RecipeError: it is none.
    """
    try:
        repository(name)
    except WeightsError as error:
        raise RecipeError(f"model={PREFIX}{error.where}", expected=error.expected, do=error.do) from None


def published(name: str) -> Published:
    """What a repository says of its model, from the hub or its cache.

    Args:
        name: owner/name, or owner/name@commit.

    Raises:
        WeightsError: the repository cannot be had.
        RecipeError: it holds no semantic segmentation model of transformers.
    """
    path = hub_file(repository(name), ("config.json",))
    pinned, where = Repository(repository(name).name, path.parent.name), f"config.json of {PREFIX}{name}"
    values = _parsed(path.read_text(encoding="utf-8"), where)
    with quiet_and_offline():
        whole = _cleaned(_config(values, where, classes=2).to_dict())
    said = _preprocessing(pinned)
    if said.get("do_flip_channel_order"):
        whole[COLOURS] = "bgr"
    mean, std = _normalisation(said)
    return Published(json.dumps(whole, sort_keys=True), mean, std, pinned.revision)


class HuggingFaceSegmenter(nn.Module):
    """Normalised images `(B, 3, H, W)` to logits `(B, C, H, W)`, for any H and W.

    Args:
        config: of transformers.
        where: what messages call it.
    """

    architecture: Architecture | None = None
    origin = Origin(name="Hugging Face transformers", told_by=(), rules=(), family=PREFIX)
    _network: Any

    def __init__(self, config: Any, where: str) -> None:
        super().__init__()
        self.flipped = getattr(config, COLOURS, "rgb") == "bgr"
        network = _built(config, where)
        parts = dict(network.named_children())
        self._encoder_name = next(one for one in (network.base_model_prefix, "backbone", *parts) if one in parts)
        self.encoder = parts.pop(self._encoder_name)
        self.head = nn.ModuleDict(parts)
        # Not a module of this one: its parts are, under the names that training knows them by.
        self.__dict__["_network"] = network
        adopt_norms(self)
        channels_last(self)
        patch = _of(config, "patch_size", 1)
        self.step = patch if isinstance(patch, int) and 32 % patch else 32
        self.fixed_hw = None if self._takes_any_size() else _image_hw(config, where)

    def forward(self, images: Tensor) -> Tensor:
        return at_size(self._logits, images, step=self.step, fixed_hw=self.fixed_hw)

    def train(self, mode: bool = True) -> HuggingFaceSegmenter:
        super().train(mode)
        self._network.training = mode
        return self

    def translated(self, tensors: Mapping[str, Tensor], source: str) -> Mapped:
        """A repository's weights under our names, carried over by transformers itself; see `Foreign`."""
        try:
            with quiet_and_offline():
                filled, report = type(self._network).from_pretrained(
                    None,
                    config=copy.deepcopy(self._network.config),
                    state_dict=dict(tensors),
                    ignore_mismatched_sizes=True,
                    output_loading_info=True,
                    dtype=torch.float32,
                )
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise WeightsError(
                f"{source}: transformers cannot read these weights.",
                found=" ".join(str(error).split())[:300],
                do="Give the weights of the model's own repository, or a run of the same model.",
            ) from None
        other = {name: shape for name, shape, _ in report["mismatched_keys"]}
        have = {name: one for name, one in filled.state_dict().items() if name not in report["missing_keys"]}
        taken = {
            self._ours(name): torch.empty(other[name], device="meta") if name in other else one
            for name, one in have.items()
        }
        unknown = [name for name in report["unexpected_keys"] if not self._whole_part_missing(name)]
        why = "the segmentation model has no such part"
        return Mapped(taken, {name: why for name in report["unexpected_keys"] if name not in unknown}, tuple(unknown))

    def _logits(self, images: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled():
            # BEiT keeps some tensors for the next time; those of inference mode could never be trained with.
            with torch.inference_mode(False), torch.no_grad():
                return self._logits(images.clone())
        logits: Tensor = self._network(pixel_values=images.flip(1) if self.flipped else images).logits
        return logits

    def _ours(self, name: str) -> str:
        prefix = f"{self._encoder_name}."
        return f"encoder.{name.removeprefix(prefix)}" if name.startswith(prefix) else f"head.{name}"

    def _whole_part_missing(self, name: str) -> bool:
        """Whether a tensor belongs to a part that the model is built without, and not to one more of its layers."""
        modules = dict(self._network.named_modules())
        parts = name.split(".")
        first = next((end for end in range(1, len(parts)) if ".".join(parts[:end]) not in modules), len(parts))
        return first < len(parts) and not parts[first - 1].isdigit()

    def _takes_any_size(self) -> bool:
        height, width = (-(-LEAST_PX // self.step) * self.step for _ in range(2))
        photo = torch.zeros(1, 3, height, width + 2 * self.step)
        was_training = self.training
        try:
            with torch.no_grad():
                logits = self.eval()._logits(photo)
        except (RuntimeError, ValueError, AssertionError):
            return False
        finally:
            self.train(was_training)
        return logits.shape[3] * photo.shape[2] == logits.shape[2] * photo.shape[3]


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise RecipeError(
            f"{where}: is not JSON.", found=str(error), do="Plan anew, or fetch the repository again."
        ) from None
    if not isinstance(values, dict) or not isinstance(values.get("model_type"), str):
        raise RecipeError(
            f"{where}: does not say of which type the model is.",
            expected="model_type, as transformers writes it",
            do="Take a repository that transformers can load.",
        )
    return values


def _config(values: Mapping[str, Any], where: str, *, classes: int) -> Any:
    """A configuration as transformers' own class for its type reads it."""
    from transformers import CONFIG_MAPPING, __version__
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES as KNOWN

    kind = str(values["model_type"])
    if kind not in KNOWN:
        code = bool(values.get("auto_map"))
        raise RecipeError(
            f"{where}: "
            + (
                "wants code of its own to be run, which is never done."
                if code
                else "is no semantic segmentation model."
            ),
            expected=f"a type that transformers {__version__} segments with: {', '.join(KNOWN)}",
            found=f"model_type {kind}" + (f", auto_map {', '.join(values['auto_map'])}" if code else ""),
            do="Take another repository; the hub lists them under the task Image Segmentation.",
        )
    try:
        config = CONFIG_MAPPING[kind].from_dict({**_cleaned(values), "num_labels": classes})
    except Exception as error:  # what a foreign configuration makes transformers raise is nowhere listed
        raise _not_built(where, error) from None
    if hasattr(config, "use_auxiliary_head"):
        config.use_auxiliary_head = False
    return config


def _built(config: Any, where: str) -> Any:
    from transformers import AutoModelForSemanticSegmentation

    try:
        return AutoModelForSemanticSegmentation.from_config(config, trust_remote_code=False, dtype=torch.float32)
    except Exception as error:  # see _config
        raise _not_built(where, error) from None


def _not_built(where: str, error: Exception) -> RecipeError:
    backbone = 'Backbones of timm want pip install "maskwright[smp]". ' if "timm" in str(error) else ""
    return RecipeError(
        f"{where}: transformers cannot build this model.",
        found=" ".join(f"{type(error).__name__}: {error}".split())[:300],
        do=f"{backbone}Take another repository, or another version of transformers.",
    )


def _cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """What builds the model; attention and other kernels are left to transformers, which may fetch named ones."""
    return {
        name: _cleaned(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in NOT_ARCHITECTURE and not name.startswith("_") and not name.endswith("_implementation")
    }


def _preprocessing(pinned: Repository) -> dict[str, Any]:
    """preprocessor_config.json, or nothing where the repository has none."""
    try:
        path: Path = hub_file(pinned, ("preprocessor_config.json",))
        said = json.loads(path.read_text(encoding="utf-8"))
    except (WeightsError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _normalisation(said: Mapping[str, Any]) -> tuple[Channels, Channels]:
    """Mean and deviation in grey levels: the image is scaled first, then normalised."""
    if not said:
        return IMAGENET_MEAN, IMAGENET_STD
    scale = float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 1.0
    plain = not said.get("do_normalize", True)
    mean = (0.0,) * 3 if plain else said.get("image_mean") or [one / 255 for one in IMAGENET_MEAN]
    std = (1.0,) * 3 if plain else said.get("image_std") or [one / 255 for one in IMAGENET_STD]
    off, by = ([round(float(one) / scale, 6) for one in three] for three in (mean, std))
    return (off[0], off[1], off[2]), (by[0], by[1], by[2])


def _of(config: Any, name: str, default: Any) -> Any:
    """A value of a configuration, or of that of its backbone."""
    backbone = getattr(config, "backbone_config", None)
    return getattr(config, name, None) or getattr(backbone, name, None) or default


def _image_hw(config: Any, where: str) -> tuple[int, int]:
    side = _of(config, "image_size", None)
    if isinstance(side, int):
        return side, side
    if isinstance(side, list | tuple) and len(side) == 2:
        return int(side[0]), int(side[1])
    raise RecipeError(
        f"{where}: the model takes photos of one size only, and does not say of which.", do="Take another repository."
    )


@contextmanager
def quiet_and_offline() -> Iterator[None]:
    """Without transformers' own reports, and so that no configuration can make it ask the hub for anything."""
    if importlib.util.find_spec("torchvision") is not None:
        import_torchvision()  # transformers does so where it is there, and ends where it does not fit torch
    from huggingface_hub import constants
    from transformers.utils import logging

    before = (constants.HF_HUB_OFFLINE, logging.get_verbosity(), logging.is_progress_bar_enabled())
    constants.HF_HUB_OFFLINE = True
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before[0]
        logging.set_verbosity(before[1])
        if before[2]:
            logging.enable_progress_bar()
