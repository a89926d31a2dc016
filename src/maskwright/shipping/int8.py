"""An int8 network: calibrated on training photos, and kept only where it is as good on validation."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.dataset import Dataset
from maskwright.data.sample import Mask
from maskwright.errors import DataError, UsageError
from maskwright.evaluation.evaluate import count, labelled_samples, mask_of
from maskwright.evaluation.resampling import bootstrap, by_group, fair_interval, resample_weights
from maskwright.inference.predictor import Predictor, masks_of
from maskwright.inference.runtimes.graph import Network
from maskwright.inference.runtimes.openvino import imported, without_telemetry
from maskwright.metrics.confusion import Counts
from maskwright.metrics.scores import CLASS_SCORES, SUMMARIES, ScoreOf
from maskwright.models.scaling import scaled
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.recipe import Recipe

BUDGET = 0.003
"""What mDice on validation may lose, as a fraction: 0.3 points."""

CALIBRATION_PHOTOS = 128
"""Training photos whose features say in which range each layer's numbers lie; more change nothing that is seen."""

RANKING_PHOTOS = 32
"""Validation photos on which it is measured what each layer's int8 costs, where all together cost too much."""


@dataclass(frozen=True)
class Judge:
    """Labelled photos, and what the network in float32 says of them.

    Args:
        samples: the photos.
        split: the name of the split.
        predictor_of: gives a predictor for a network.
    """

    samples: Dataset
    split: str
    predictor_of: Callable[[Network], Predictor]

    def masks(self, network: Network, places: Sequence[int], on_progress: OnProgress = silent) -> Iterator[Mask]:
        """The predicted masks of the photos at these places."""
        images = (self.samples[place].image() for place in places)
        for number, mask in enumerate(masks_of(self.predictor_of(network), images), 1):
            yield mask
            on_progress(Progress("stage.int8", number, len(places)))

    def counts(self, masks: Iterable[Mask], places: Sequence[int]) -> Counts:
        """The counts `(N, C, C)` of masks of the photos at these places."""
        names = self.samples.classes.names
        found = [
            count(self.samples[place], mask_of(self.samples[place]), mask, len(names))
            for place, mask in zip(places, masks, strict=True)
        ]
        return np.stack(found)


def quantised(
    model: Any,
    judge: Judge,
    calibration: Sequence[NDArray[np.uint8]],
    *,
    budget: float,
    on_progress: OnProgress = silent,
) -> Any:
    """The network in int8; layers are given back to float32, the costliest first, until the budget is met.

    Args:
        model: of OpenVINO, in float32.
        judge: says what a network is worth.
        calibration: photos `(1, H, W, 3) uint8` of the training.
        budget: what mDice may lose, as a fraction.
        on_progress: told after each photo, of calibration and of each judgement on the way.

    Returns:
        A model of OpenVINO. Whether the budget is met, `gate` says.

    Raises:
        UsageError: nncf is not installed.
    """
    nncf = _nncf()
    from nncf.quantization.advanced_parameters import QuantizationParameters

    places = list(range(len(judge.samples)))

    def told(numbered: tuple[int, NDArray[np.uint8]]) -> NDArray[np.uint8]:
        on_progress(Progress("stage.calibrate", numbered[0], len(calibration)))
        return numbered[1]

    def mdice(compiled: Any, chosen: Iterable[int]) -> tuple[float, list[float]]:
        listed = [int(place) for place in chosen]
        counts = judge.counts(judge.masks(lambda photos: compiled(photos)[0], listed, on_progress), listed)
        each = SUMMARIES["mDice"](counts)
        return float(SUMMARIES["mDice"](counts.sum(axis=0))), [float(value) for value in each]

    attention = any(op.get_type_name() == "Softmax" for op in model.get_ops())
    # NNCF gives each channel that a depthwise convolution reads a range of its own, and where attention's maps lie
    # channels last it takes the rows for channels: photos of another height could not be computed any more.
    one_range = QuantizationParameters(per_channel=False)
    with contextlib.redirect_stdout(io.StringIO()):  # it draws bars on standard output, where --json writes
        return nncf.quantize_with_accuracy_control(
            model,
            nncf.Dataset(list(enumerate(calibration, 1)), told),
            nncf.Dataset(places),
            mdice,
            max_drop=budget,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=CALIBRATION_PHOTOS,
            model_type=nncf.ModelType.TRANSFORMER if attention else None,
            advanced_quantization_parameters=nncf.AdvancedQuantizationParameters(
                activations_quantization_params=one_range if attention else None
            ),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                ranking_subset_size=min(RANKING_PHOTOS, len(places))
            ),
        )


def gate(judge: Judge, before: Network, after: Network, *, budget: float, on_progress: OnProgress = silent) -> Any:
    """What int8 costs on validation.

    Args:
        judge: the photos.
        before: the network in float32.
        after: in int8.
        budget: what mDice may lose, as a fraction.
        on_progress: told after each photo.

    Returns:
        For `export.json`: before, after, and the difference with its 95 % interval over photos, of mDice and of each
        class's Dice; the share of the pixels on which both agree; whether the budget is met.
    """
    places = range(len(judge.samples))
    equal, pixels, pairs = 0, 0, []
    both = zip(judge.masks(before, places), judge.masks(after, places, on_progress), strict=True)
    for place, (one, other) in zip(places, both, strict=True):
        equal, pixels = equal + int((one == other).sum()), pixels + one.size
        pairs.append([judge.counts([mask], [place])[0] for mask in (one, other)])
    groups = np.array([sample.group or sample.id for sample in judge.samples])
    counts = [by_group(np.stack(each), groups) for each in zip(*pairs, strict=True)]
    rows = {"mDice": _differences(counts[0], counts[1], SUMMARIES["mDice"])[0]}
    classes = _differences(counts[0], counts[1], CLASS_SCORES["dice"])
    names = judge.samples.classes.names
    return {
        "split": judge.split,
        "photos": len(judge.samples),
        "budget": budget,
        **rows,
        "per_class": [{"name": name, **row} for name, row in zip(names, classes, strict=True)],
        "agreement": equal / pixels,
        "met": rows["mDice"]["difference"] >= -budget,
    }


def layers_in_int8(model: Any) -> dict[str, int]:
    """How many convolutions and matrix products a network of OpenVINO has ("all"), and how many of them in int8."""
    layers = _layers(model)
    return {"all": len(layers), "int8": sum(_is_fed_int8(op) for op in layers)}


def _layers(model: Any) -> list[Any]:
    """The convolutions and matrix products that see the photo: those of weights alone are computed once, at first."""
    from openvino.passes import ConstantFolding, Manager

    folded, passes = model.clone(), Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(folded)
    return [op for op in folded.get_ops() if op.get_type_name() in ("Convolution", "GroupConvolution", "MatMul")]


def _is_fed_int8(op: Any) -> bool:
    source = op.input_value(0).get_node()
    while source.get_type_name() in ("Transpose", "Reshape"):
        source = source.input_value(0).get_node()
    return bool(source.get_type_name() == "FakeQuantize")


def judge_of(dataset: Dataset, split: str, predictor_of: Callable[[Network], Predictor]) -> Judge:
    """Who judges a network on a split.

    Raises:
        DataError: nothing in the split is labelled.
    """
    return Judge(labelled_samples(dataset, split), split, predictor_of)


def calibration_photos(dataset: Dataset, recipe: Recipe) -> list[NDArray[np.uint8]]:
    """Photos of the training as the network sees them, `(1, H, W, 3) uint8`, evenly out of all.

    Raises:
        DataError: there are none.
    """
    samples = dataset.split("train")
    if not len(samples):
        raise DataError("There are no training photos to calibrate int8 on.", do="Name the data that it was made from.")
    return [scaled([sample.image()], recipe, 1.0) for sample in samples.spread(CALIBRATION_PHOTOS)]


def _differences(before: Counts, after: Counts, score: ScoreOf) -> list[dict[str, float]]:
    """Each of a score's numbers before and after, and the difference with its interval."""
    weights = resample_weights(len(before), resamples=2000)
    drawn = np.atleast_2d((bootstrap(after, score, weights) - bootstrap(before, score, weights)).T)
    ends = [np.atleast_1d(score(counts.sum(axis=0))) for counts in (before, after)]
    found = []
    for one, other, each in zip(*ends, drawn, strict=True):
        low, high = fair_interval(float(other - one), each, len(before))
        row = {"before": float(one), "after": float(other), "difference": float(other - one)}
        found.append({**row, "low": low, "high": high})
    return found


def _nncf() -> Any:
    """The package, without what reports its use.

    Raises:
        UsageError: it is not installed.
    """
    imported()
    without_telemetry()
    try:
        import nncf
    except ImportError as error:
        raise UsageError(
            "int8: the package nncf is not installed.", found=str(error), do='pip install "maskwright[openvino]"'
        ) from None
    nncf.set_log_level(logging.ERROR)
    return nncf
