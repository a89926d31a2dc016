"""Post-processing fitted on validation: what helps is kept, and what it is worth on unseen photos is told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.classes import IGNORE
from maskwright.data.dataset import Dataset, spread_places
from maskwright.data.notebook import html_table, html_title
from maskwright.errors import UsageError
from maskwright.evaluation.evaluate import Evaluation, evaluate, labelled_samples, mask_of
from maskwright.evaluation.resampling import Difference, bootstrap, by_group, difference, interval, resample_weights
from maskwright.evaluation.tuning_photos import Listening, thinned
from maskwright.evaluation.tuning_search import SPOKEN_FOR, VALUES, Tried, fitted_temperature, nested, search
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.regions import object_regions
from maskwright.inference.postprocess.settings import FILE, PostProcess, write_postprocess
from maskwright.inference.predictor import Predictor
from maskwright.metrics.scores import SUMMARIES, dice
from maskwright.progress import OnProgress, silent
from maskwright.sentences import say
from maskwright.storage import write_json

FORMAT = 1
RECORD = "tuning.json"
ONE_CLASS_FRAC = 0.95
"""Share of the training photos with objects that must show objects of one class for a vote over the photo."""
ONE_OBJECT_FRAC = 0.9
"""Share of the training photos with objects that must show one object for unsure ones beside it to be dropped."""
SMALLEST_OBJECT_FRAC = 0.001
"""Of the photo: a smaller region does not count as an object beside another one; masks have specks."""
MOST_MASKS = 2000
"""Training masks that are looked at, evenly spread."""


@dataclass(frozen=True, eq=False)
class Tuning:
    """The post-processing that was found for a predictor, and what it is worth.

    Args:
        post: the settings.
        tried: what became of each step.
        before: the evaluation without post-processing.
        after: the evaluation with it, on the photos that it was fitted on.
        nested: the gain in mDice that the same search gives on photos that it has not seen; None where there is one
            photo only.
        searched: how many photos settings were tried on.
        predictor: digest of the predictor, None where it has none.
    """

    post: PostProcess
    tried: tuple[Tried, ...]
    before: Evaluation
    after: Evaluation
    nested: Difference | None
    searched: int
    predictor: str | None

    @property
    def kept(self) -> tuple[str, ...]:
        """The names of the settings that do something."""
        return tuple(name for name, _ in self.post.steps())

    @cached_property
    def gain(self) -> Difference:
        """The gain in mDice on the photos that it was fitted on; what to expect of others is `nested`."""
        return difference(self.after.independent, self.before.independent, SUMMARIES["mDice"])

    @cached_property
    def class_gains(self) -> tuple[tuple[float, float, float], ...]:
        """The gain in Dice of each class, with its 95 % interval, on the photos that it was fitted on."""
        before, after = self.before.independent, self.after.independent
        weights = resample_weights(len(before))
        drawn = bootstrap(after, dice, weights) - bootstrap(before, dice, weights)
        gained = self.after.scores.dice - self.before.scores.dice
        return tuple(
            (float(value), *interval(value, each, len(before))) for value, each in zip(gained, drawn.T, strict=True)
        )

    def by_photo(self) -> list[tuple[str, float]]:
        """The share of each photo's judged pixels that became right, the largest first, without those of 0.

        Not its own mDice: that leaps by a third where the last wrong pixel of a class goes.
        """
        right = [np.trace(each.counts, axis1=1, axis2=2) for each in (self.after, self.before)]
        gains = (right[0] - right[1]) / np.maximum(1, self.before.counts.sum(axis=(1, 2)))
        ids = self.before.sample_ids
        return [(ids[place], float(gains[place])) for place in np.argsort(-gains, kind="stable") if gains[place]]

    def to_json(self) -> dict[str, Any]:
        """The tuning as `maskwright tune --json` prints it: fractions in [0, 1], None for nan."""
        names, scores = self.before.classes, (self.before.scores, self.after.scores)
        per_class = zip(names, scores[0].dice, scores[1].dice, self.class_gains, strict=True)
        return {
            "eval_digest": self.before.eval_digest,
            "split": self.before.split,
            "predictor": self.predictor,
            "images": len(self.before.sample_ids),
            "groups": len(self.before.independent),
            "searched": self.searched,
            "post": {name: list(value) if isinstance(value, tuple) else value for name, value in self.post.steps()},
            "mDice": {"before": scores[0].mDice, "after": scores[1].mDice, **_record(self.gain)},
            "nested": None if self.nested is None else _record(self.nested),
            "per_class": [
                {"name": name, "before": float(was), "after": float(now), "gain": gain, "low": low, "high": high}
                for name, was, now, (gain, low, high) in per_class
            ],
            "tried": [
                {
                    "name": each.name,
                    "why": each.why,
                    "losers": [names[class_id] for class_id in each.losers],
                    **(_record(each.gain) if each.gain is not None else {}),
                }
                for each in self.tried
            ],
        }

    def _repr_html_(self) -> str:
        before, after = self.before.scores, self.after.scores
        rows = [*zip(self.before.classes, before.dice, after.dice, strict=True), ("mDice", before.mDice, after.mDice)]
        head = [say(f"tuning.{key}") for key in ("class", "before", "after", "change")]
        kept = ", ".join(say(f"tuning.step_{name}") for name in self.kept) or "–"
        cells = [[name, f"{was:.1%}", f"{now:.1%}", f"{100 * (now - was):+.2f}"] for name, was, now in rows]
        return html_title(say("tuning.tuning"), small=kept) + html_table(head, cells)

    def save(self, folder: Path) -> None:
        """Write `postprocess.yaml`, which `maskwright.load` takes the steps of, and `tuning.json` into a run.

        Args:
            folder: the run; what an earlier tuning wrote is replaced.
        """
        write_postprocess(self.post, folder / FILE, classes=self.before.classes, predictor=self.predictor)
        write_json(folder / RECORD, {"format": FORMAT, **self.to_json()})


def tune(predictor: Predictor, dataset: Dataset, *, split: str = "val", on_progress: OnProgress = silent) -> Tuning:
    """Fit post-processing on labelled photos: a step stays where it helps by more than chance and no class loses.

    Each photo is predicted once; settings are tried on its probabilities, photos that are longer than 384 pixels
    thinned. "Helps" means: fitted on four fifths of the photos and judged on the fifth that is left, five times, mDice
    rises by more than chance explains. Where the training masks show one class or one object a photo, the step that
    takes that for granted stays if mDice rises on these photos at all and no class loses. `Tuning.nested` is the gain
    of the whole search on photos that it has not seen.

    Args:
        predictor: whose probabilities are processed; post-processing that it has already is passed over.
        dataset: labelled photos; those of "train" say whether photos show objects of one class only, or one object.
        split: the photos to fit on; never "test", whose scores would mean nothing afterwards.
        on_progress: told after each photo, and how far the search is.

    Returns:
        The settings and their worth; `save(run)` makes `maskwright.load(run)` use them.

    Raises:
        UsageError: the split is "test" or "train", or the predictor tells other classes apart.
        DataError: there is no such split, or nothing in it is labelled.
    """
    _refuse(split)
    if isinstance(predictor, PostProcessed):
        predictor = predictor.predictor
    listening = Listening(predictor, labelled_samples(dataset, split))
    before = evaluate(listening, dataset, split=split, on_progress=on_progress)
    photos = listening.photos()
    asked, unasked = steps_for(dataset)
    everything = np.ones(len(photos.folds), np.bool_)
    post, tried = search(photos, everything, asked, on_progress=on_progress)
    worth = None
    if len(np.unique(photos.folds)) > 1:
        unseen = nested(photos, everything, asked, on_progress=on_progress)
        was = photos.counts([PostProcess()])[0]
        worth = difference(by_group(unseen, photos.groups), by_group(was, photos.groups), SUMMARIES["mDice"])
    temperature, calibrated = fitted_temperature(photos, post)
    tried = (*tried, *unasked, calibrated)
    post = post.with_settings(temperature=temperature, reasons={each.name: _reason(each) for each in tried})
    after = before
    if any(post.steps()):
        after = evaluate(PostProcessed(predictor, post), dataset, split=split, on_progress=on_progress)
    return Tuning(
        post=post,
        tried=tried,
        before=before,
        after=after,
        nested=worth,
        searched=len(photos.photos),
        predictor=getattr(predictor, "digest", None),
    )


def training_shows(dataset: Dataset) -> tuple[float, float]:
    """How many training photos show objects of one class, and how many one object.

    An object is a region of touching pixels (8 neighbours) of all classes but the first; masks are thinned to 384
    pixels a side. Ignored pixels are no objects.

    Returns:
        The shares of the photos with objects: of one class, and with one object of a thousandth of the photo or more;
        nan where no photo shows any. The second is 0 where more than half of all pixels are objects: the first class
        is no background then.
    """
    samples = [sample for sample in dataset.labelled if sample.split == "train"]
    one_class, one_object, covered = [], [], []
    for place in spread_places(len(samples), MOST_MASKS):
        mask = mask_of(samples[place])
        mask = thinned(np.where(mask == IGNORE, 0, mask))
        sizes = np.bincount(object_regions(mask).ravel())[1:]
        covered.append(sizes.sum() / mask.size)
        if sizes.size:
            one_class.append(np.count_nonzero(np.bincount(mask.ravel())[1:]) == 1)
            one_object.append(np.count_nonzero(sizes >= SMALLEST_OBJECT_FRAC * mask.size) == 1)
    if not one_class:
        return float("nan"), float("nan")
    return float(np.mean(one_class)), float(np.mean(one_object)) if np.mean(covered) <= 0.5 else 0.0


def steps_for(dataset: Dataset) -> tuple[list[str], list[Tried]]:
    """The steps to try on a dataset, and those that it does not speak for."""
    one_class, one_object = training_shows(dataset)
    unasked = []
    if len(dataset.classes) < 3:
        unasked += ["photo_vote_share", "object_vote_share"]
    elif not one_class >= ONE_CLASS_FRAC:
        unasked += ["photo_vote_share"]
    if not one_object >= ONE_OBJECT_FRAC:
        unasked += ["object_score_share"]
    return [name for name in VALUES if name not in unasked], [Tried(name, "not_in_the_data") for name in unasked]


def _refuse(split: str) -> None:
    if split in ("test", "train"):
        reason = "its scores would mean nothing afterwards" if split == "test" else "the model has learned its labels"
        raise UsageError(
            f"--split {split}: post-processing is not fitted on it, because {reason}.",
            expected="a split that neither trained the model nor is to judge it",
            do="Fit it on validation: --split val.",
        )


def _reason(tried: Tried) -> str:
    """Why a setting has its value, as it stands in `postprocess.yaml`."""
    if tried.gain is None:
        return "rule: not tried, the training data does not speak for it"
    scale, unit = (1, "nats") if tried.name == "temperature" else (100, "points of mDice")
    value, low, high = (scale * each for each in (tried.gain.value, tried.gain.low, tried.gain.high))
    gain = f"{value:+.2f} {unit} ({low:+.2f} to {high:+.2f})"
    shown = SPOKEN_FOR.get(tried.name)
    why = {
        "kept": f"{gain} on photos that it was not fitted on",
        "together": f"{gain} beside the other of colours and edges, on photos that neither was fitted on",
        "spoken_for": f"{gain} on these photos; kept because the training masks show {shown} a photo",
        "needless": f"not kept, {gain} when it was tried and nothing beside the other steps",
        "nothing": "no value helped",
        "not_significant": f"not kept, {gain} may be chance",
        "class_loses": f"not kept, {gain} but a class loses",
    }
    return f"measured: {why[tried.why]}"


def _record(gain: Difference) -> dict[str, float]:
    return {"gain": gain.value, "low": gain.low, "high": gain.high, "p": gain.p}
