"""Whether the gain that `maskwright tune` promises comes true on photos that it has not seen, as JSON lines.

    python benchmarks/tuning_honesty.py DATA CLASSES RUN [RUN ...]

For each run: the photos of "val" are divided at random into two halves, twenty times; the whole search is done on one
half, which gives its nested estimate, and what it found is judged on the other half. A promise is honest where the
mean of the estimates is no higher than the mean of what came true.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from maskwright.data.reading import read
from maskwright.evaluation.evaluate import evaluate, labelled_samples
from maskwright.evaluation.tune import steps_for
from maskwright.evaluation.tuning_photos import Listening
from maskwright.evaluation.tuning_search import nested, search
from maskwright.inference.load import load
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.metrics.scores import SUMMARIES

SPLITS = 20


def main() -> None:
    """Measure each run and print."""
    dataset = read(sys.argv[1], classes=sys.argv[2].split(","))
    steps, _ = steps_for(dataset)
    for run in sys.argv[3:]:
        listening = Listening(load(run, postprocess=False), labelled_samples(dataset, "val"))
        evaluate(listening, dataset)
        photos = listening.photos()
        rng, count = np.random.default_rng(0), len(photos.folds)
        plain = photos.counts([PostProcess()])[0]
        rows = []
        for _ in range(SPLITS):
            seen = np.zeros(count, np.bool_)
            seen[rng.permutation(count)[: count // 2]] = True
            post, _ = search(photos, seen, steps)
            promised = _gain(nested(photos, seen, steps)[seen], plain[seen])
            fitted, true = (_gain(photos.counts([post])[0][half], plain[half]) for half in (seen, ~seen))
            rows.append((fitted, promised, true, len(list(post.steps()))))
        fitted, promised, true, kept = np.asarray(rows).T
        print(
            json.dumps(
                {
                    "run": Path(run).name,
                    "fitted_gain": round(float(fitted.mean()), 5),
                    "nested_estimate": round(float(promised.mean()), 5),
                    "gain_on_unseen_half": round(float(true.mean()), 5),
                    "lowest_on_unseen_half": round(float(true.min()), 5),
                    "sd_over_splits": round(float(true.std(ddof=1)), 5),
                    "steps_kept": round(float(kept.mean()), 2),
                }
            ),
            flush=True,
        )


def _gain(after: np.ndarray, before: np.ndarray) -> float:  # type: ignore[type-arg]
    score = SUMMARIES["mDice"]
    return float(score(after.sum(axis=0)) - score(before.sum(axis=0)))


if __name__ == "__main__":
    main()
