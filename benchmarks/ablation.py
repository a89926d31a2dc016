"""What each ingredient of the recipe is worth: out-of-fold scores of candidates, a JSON line for each training.

    python benchmarks/ablation.py DATA WEIGHTS OUT.jsonl [CANDIDATE ...] [--classes background,cat,dog]
                                  [--iterations 400] [--folds 3] [--seeds 1]

The photos of "train" alone are used, in folds: what is chosen here has seen neither "val" nor "test". With `--folds 0`
all of them are learned from and "val" judges, for the figures of a choice that is made. Each candidate is what `plan`
gives for the data, with the settings that stand behind its name below; `recipe` in a line is the fingerprint of the
whole. The last weights judge, once and with test-time augmentation; nothing is chosen by their scores. Lines that
OUT.jsonl holds already are not made again, so that a run that was killed goes on with the same command. Without names,
all candidates are trained.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from candidates import add_line, last_weights, lines_made, score
from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.experiments.folds import Fold, draw_folds, seen_by
from maskwright.recipe.fingerprint import fingerprint
from maskwright.training.machine import environment
from maskwright.workflow.plan import plan

CANDIDATES: dict[str, dict[str, Any]] = {
    "planned": {},
    "dice": {"lovasz_share": 0.0, "dice_share": 1.0},
    "lovasz_and_dice": {"dice_share": 1.0},
    "label_smoothing": {"label_smoothing": 0.1},
    "encoder_lr_0.05": {"encoder_lr_multiplier": 0.05},
    "encoder_lr_0.1": {"encoder_lr_multiplier": 0.1},
    "encoder_lr_1": {"encoder_lr_multiplier": 1.0},
    "encoder_trained_norms": {"encoder_norm": "train"},
    "encoder_kept_statistics": {"encoder_norm": "keep_statistics"},
    "lr_half": {"lr": 5e-4},
    "lr_twice": {"lr": 2e-3, "encoder_lr_multiplier": 0.1},
    "batch_4": {"batch_size": 4},
    "weight_decay_0.2": {"weight_decay": 0.2},
    "no_copy_paste": {"copy_paste_prob": 0.0},
    "more_copy_paste": {"copy_paste_prob": 0.5},
    "strong_variations": {"scale_min": 0.5, "scale_max": 2.0, "rotation_deg": 15.0, "copy_paste_prob": 0.5},
    "larger_scales": {"scale_min": 0.8, "scale_max": 2.0},
    "input_as_it_is": {"short_side_px": 0},
    "input_384": {"short_side_px": 384, "encoder_lr_multiplier": 0.1, "tta_scales": (0.75, 1.0, 1.25)},
}


def main() -> None:
    """Train what is missing, and say each result as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights")
    parser.add_argument("out", type=Path)
    parser.add_argument("candidates", nargs="*")
    parser.add_argument("--classes", default="background,cat,dog")
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    keys = ("candidate", "iterations", "fold", "folds", "seed")
    made = lines_made(given.out, keys)
    dataset = read(given.data, classes=tuple(given.classes.split(",")))
    folds = draw_folds(tuple(dataset.split("train").labelled), given.folds) if given.folds else [None]
    for seed in range(given.seeds):
        for name in given.candidates or CANDIDATES:
            for fold in folds:
                key = (name, given.iterations, fold.number if fold else None, given.folds, seed)
                if key not in made:
                    result = trained(dataset, fold, given, name, seed)
                    add_line(given.out, dict(zip(keys, key, strict=True)) | result)


def trained(dataset: Dataset, fold: Fold | None, given: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """The scores of one candidate on the photos that a fold holds out, or on those of "val"."""
    settings = {"weights": given.weights, "iterations": given.iterations, "seed": seed, **CANDIDATES[name]}
    train = dataset.split("train").labelled
    seen, held = dataset, dataset.split("val").labelled
    if fold is not None:
        seen, held = seen_by(fold, train), train.filter(lambda sample: sample.id in fold.held_out)
    recipe = plan(seen, budget_s=3600.0, settings=settings | {"validation_interval": given.iterations})
    with last_weights(seen, recipe) as (weights, seconds):
        once, several = (score(weights, recipe, held, tta=tta) for tta in (False, True))
    about = environment()
    return {
        "mDice": once,
        "mDice_tta": several,
        "recipe": fingerprint(recipe),
        "seconds": seconds,
        "photos": len(held),
        "cpu": about["cpu"],
        "torch": about["torch"],
    }


if __name__ == "__main__":
    main()
