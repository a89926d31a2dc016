"""A model as an ONNX file: photos in, logits or classes out, for any number and size of photos.

It goes through torch.export; TorchScript is not used. The file takes photos as they are, `(B, H, W, 3) uint8`: what
normalises them is part of the graph, so nobody can forget it or do it otherwise.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maskwright.errors import RecipeError
from maskwright.models import build_for
from maskwright.models.layers import StridedConv2d, resized
from maskwright.models.loading import load_into
from maskwright.models.segmenter import Segmenter
from maskwright.recipe.recipe import Recipe
from maskwright.storage import replacing

OPSET = 20
"""The first with GELU as one operation."""

Output = Literal["logits", "mask"]

_EXAMPLE_HW = (97, 133)
"""Of the photos that the model is traced with: no dimension is any other's, and no map is a whole part of another."""


class PhotosIn(nn.Module):
    """A model behind its normalisation.

    Args:
        model: in eval mode; it is copied.
        recipe: how photos are normalised.
        resize: whether logits come at the photos' size; otherwise as the head gives them, 1/4 of it as a rule. A model
            that is not made of an encoder and a head always resizes.
        output: "logits" `(B, C, h, w) float32`, or "mask", the most probable class `(B, h, w) uint8`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, recipe: Recipe, *, resize: bool, output: Output) -> None:
        super().__init__()
        self.model, self.resize, self.output = copy.deepcopy(model).cpu().float().eval(), resize, output
        self.register_buffer("mean", torch.tensor(recipe.mean_rgb).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(recipe.std_rgb).view(1, 3, 1, 1))

    def forward(self, photos: Tensor) -> Tensor:
        images = (photos.permute(0, 3, 1, 2).float() - self.mean) / self.std
        if isinstance(self.model, Segmenter):
            logits: Tensor = self.model.head(self.model.encoder(images)).float()
        else:
            logits = self.model(images).float()
        if self.resize:
            logits = resized(logits, photos.shape[1:3])
        return logits if self.output == "logits" else logits.argmax(1).to(torch.uint8)


def photos_in(weights: Path, recipe: Recipe, *, classes: int, resize: bool, output: Output) -> PhotosIn:
    """The trained model of a recipe behind its normalisation.

    Args:
        weights: a safetensors file.
        recipe: what they were trained by.
        classes: number of classes C.
        resize: as for `PhotosIn`.
        output: as for `PhotosIn`.
    """
    model = build_for(recipe, classes=classes)
    load_into(model, weights)
    return PhotosIn(model, recipe, resize=resize, output=output)


@torch.inference_mode()
def computed(made: PhotosIn, photos: NDArray[np.uint8]) -> NDArray[Any]:
    """What torch itself says of photos `(B, H, W, 3) uint8`, in float32."""
    answer: NDArray[Any] = made(torch.from_numpy(photos)).numpy()
    return answer


def write_onnx(made: PhotosIn, path: Path, *, about: Mapping[str, str]) -> None:
    """Write a model as an ONNX file, with the weights inside, whole or not at all.

    Args:
        made: the model.
        path: the file.
        about: what the file says of itself, by name.

    Raises:
        RecipeError: the architecture cannot be exported.
    """
    traced = copy.deepcopy(made)
    _name_same_padding(traced)
    example = torch.zeros(2, *_EXAMPLE_HW, 3, dtype=torch.uint8)
    free = dict.fromkeys(range(3), torch.export.Dim.DYNAMIC)
    with _quiet():
        try:
            program = torch.export.export(
                traced,
                (example,),
                dynamic_shapes={"photos": free},
                strict=False,
                prefer_deferred_runtime_asserts_over_guards=True,
            )
            graph = torch.onnx.export(
                program,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["photos"],
                output_names=[made.output],
                custom_translation_table={torch.ops.maskwright.same_conv2d.default: _same_conv2d_in_onnx},
                verbose=False,
            )
        except Exception as error:  # whatever torch finds that it cannot translate, and it finds much
            raise RecipeError(
                "This architecture cannot be written as ONNX.",
                found=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
                do="Predict with torch: --runtime torch",
            ) from error
    assert graph is not None
    _forget_where_it_was_made(graph.model)
    graph.model.producer_name = "maskwright"
    graph.model.metadata_props.update(about)
    with replacing(path) as temporary:
        graph.save(temporary, include_initializers=True, external_data=False)


def _forget_where_it_was_made(model: Any) -> None:
    """Take out the lines of source code, with their paths on this machine, that each operation came from."""
    for values in (model.graph.inputs, model.graph.outputs, model.graph.initializers.values()):
        for value in values:
            value.metadata_props.clear()
    for node in model.graph:
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says of its own affairs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


# TensorFlow's padding is one attribute in ONNX. Spelled out, as the model computes it, it depends on the size of each
# map in a way that torch.export ponders for a quarter of an hour.


@torch.library.custom_op("maskwright::same_conv2d", mutates_args=())
def _same_conv2d(x: Tensor, weight: Tensor, stride: int, groups: int) -> Tensor:
    raise NotImplementedError("it stands for an operation of ONNX and is never computed here")


@_same_conv2d.register_fake
def _shape_of_same_conv2d(x: Tensor, weight: Tensor, stride: int, groups: int) -> Tensor:  # noqa: ARG001
    height, width = ((side + stride - 1) // stride for side in x.shape[2:])
    return x.new_empty(x.shape[0], weight.shape[0], height, width)


def _same_conv2d_in_onnx(x: Any, weight: Any, stride: int, groups: int) -> Any:
    from onnxscript import opset20

    return opset20.Conv(x, weight, auto_pad="SAME_UPPER", strides=[stride, stride], group=groups)


class _SameConv2d(nn.Module):
    def __init__(self, convolution: StridedConv2d) -> None:
        super().__init__()
        self.weight, self.stride, self.groups = convolution.weight, convolution.stride[0], convolution.groups

    def forward(self, x: Tensor) -> Tensor:
        padded: Tensor = _same_conv2d(x, self.weight, self.stride, self.groups)
        return padded


def _name_same_padding(module: nn.Module) -> None:
    for name, part in module.named_children():
        if isinstance(part, StridedConv2d) and part.same_padding:
            assert part.bias is None and part.stride[0] == part.stride[1] and part.dilation == (1, 1)
            setattr(module, name, _SameConv2d(part))
        else:
            _name_same_padding(part)
