"""SAM 2 of transformers: the object that a box or clicks mean. Needs the extra `hf`.

Ravi et al., "SAM 2: Segment Anything in Images and Videos", ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskwright.errors import WeightsError, shown
from maskwright.models.huggingface import quiet_and_offline
from maskwright.weights.sam import GET
from maskwright.weights.table import IMAGENET_MEAN, IMAGENET_STD


def load_sam(folder: Path) -> Any:
    """A SAM 2 out of a folder of the hub's cache, to be given to `segment`.

    Args:
        folder: with `config.json` and `model.safetensors`.

    Raises:
        WeightsError: it holds no SAM 2.
    """
    from transformers import Sam2Model

    try:
        with quiet_and_offline():
            model, loaded = Sam2Model.from_pretrained(folder, use_safetensors=True, output_loading_info=True)
        problem = ", ".join(sorted(loaded["missing_keys"])[:3])
    except Exception as error:  # transformers raises anything about a folder that it does not understand
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    if problem:
        raise WeightsError(
            f"{shown(folder)}: this cannot be used as SAM 2.",
            found=f"missing or wrong: {problem}",
            do=f"Fetch it again: {GET}",
        )
    return model.eval()


@torch.inference_mode()
def segment(
    model: Any,
    image: NDArray[np.uint8],
    *,
    box_xywh: tuple[int, int, int, int] | None,
    points: Sequence[tuple[int, int, int]],
) -> NDArray[np.bool_]:
    """The object that a box or clicks mean.

    Args:
        model: of `load_sam`.
        image: `(H, W, 3) uint8` RGB.
        box_xywh: a box around it in pixels, or None.
        points: clicks as (x, y, 1 on the object or 0 beside it); at least one where there is no box.

    Returns:
        `(H, W)`, its pixels.
    """
    side = int(model.config.prompt_encoder_config.image_size)
    height, width = image.shape[:2]
    scale = np.array([side / width, side / height], np.float32)
    asked: dict[str, Tensor] = {}
    if box_xywh is not None:
        x, y, box_width, box_height = box_xywh
        corners = np.array([[x, y], [x + box_width, y + box_height]], np.float32) * scale
        asked["input_boxes"] = torch.from_numpy(corners.reshape(1, 1, 4))
    if points:
        places = np.array([point[:2] for point in points], np.float32) * scale
        asked["input_points"] = torch.from_numpy(places[None, None])
        asked["input_labels"] = torch.tensor([[[point[2] for point in points]]])
    ambiguous = box_xywh is None and len(points) == 1  # a click on an ear may mean the ear or the animal
    answer = model(pixel_values=_input(image, side), multimask_output=ambiguous, **asked)
    best = int(answer.iou_scores[0, 0].argmax())
    logits = answer.pred_masks[0, 0, best].float().numpy()
    return np.asarray(cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)) > 0


def _input(image: NDArray[np.uint8], side: int) -> Tensor:
    square = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    normalised = (square - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_STD, np.float32)
    return torch.from_numpy(normalised.transpose(2, 0, 1)[None].copy())
