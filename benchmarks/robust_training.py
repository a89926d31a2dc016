"""What wrong masks cost, and what setting aside the suspected ones saves: built-in data, faults planted into a fifth.

    python benchmarks/robust_training.py OUT.jsonl --keep FOLDER [--weights FILE] [--seeds 3] [--iterations 600]

For each seed three trainings of the same recipe, with plain cross-entropy: on sound masks, on masks of which 20 % have
a fault (dropped, halved, shifted, resized, swapped, in turn), and on those without what an audit by out-of-fold models
calls wrong, as `run --set set_aside=doubted` does it. The last weights are judged once on sound validation masks.
Lines that OUT.jsonl holds already are not made again, and what the folds said is kept in FOLDER, so that a call that
was killed goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import maskwright
from candidates import add_line, last_weights, lines_made, score
from maskwright.audit.audit import Audit, with_label_issues
from maskwright.audit.folder import AuditFolder
from maskwright.audit.survey import survey
from maskwright.data.dataset import Dataset
from maskwright.data.pets.write import draw_dataset
from maskwright.data.statistics import describe
from maskwright.workflow.doubted import with_doubted_set_aside
from maskwright.workflow.label_issues import judge_by_folds, ranked
from maskwright.workflow.plan import plan
from planted_faults import planted

SHARE, LEARNED = 0.2, 190
MASKS = ("sound", "faulty", "faulty, suspected ones set aside")


def main() -> None:
    """Train what is missing, and say each result as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--weights", default="none", help="what training starts from")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--fold-iterations", type=int, default=400)
    parser.add_argument("--size", type=int, default=160, help="side of the photos")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    keys = ("masks", "seed", "iterations", "size", "weights")
    made = lines_made(given.out, keys)
    sound = drawn(given)
    for seed in range(given.first, given.first + given.seeds):
        for masks in MASKS:
            key = (masks, seed, given.iterations, given.size, Path(given.weights).stem)
            if key not in made:
                add_line(given.out, dict(zip(keys, key, strict=True)) | trained(sound, masks, seed, given))


def drawn(given: argparse.Namespace) -> Dataset:
    """The built-in data: 190 photos that are learned from, and 264 to judge on, so that the figures lie still."""
    place = given.keep / f"pets-{given.size}"
    if not place.exists():
        draw_dataset(place, images=1200, size_px=given.size, seed=5)
    whole = maskwright.read(place)
    learned = {sample.id for sample in list(whole.split("train"))[:LEARNED]}
    return whole.filter(lambda sample: sample.split == "val" or sample.id in learned)


def trained(sound: Dataset, masks: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """The score on validation of one training."""
    train = [sample.id for sample in sound.split("train")]
    faulty, kinds = planted(sound, train, seed, SHARE)
    dataset = sound if masks == MASKS[0] else faulty
    recipe = plan(
        dataset,
        budget_s=3600.0,
        threads=given.threads,
        settings={
            "weights": given.weights,
            "iterations": given.iterations,
            "validation_interval": given.iterations,
            "seed": seed,
            "dice_share": 0.0,
            "lovasz_share": 0.0,
        },
    )
    if masks == MASKS[2]:
        folder = AuditFolder(given.keep / f"audit-{seed}-{given.fold_iterations}-{Path(given.weights).stem}")
        audit = audited(faulty, folder, seed, given)
        recipe = with_doubted_set_aside(recipe, audit, folder.journal, faulty, describe(faulty))
    with last_weights(dataset, recipe) as (weights, seconds):
        mdice = score(weights, recipe, dataset.split("val").labelled, tta=False)
    return {
        "mDice": mdice,
        "planted": 0 if dataset is sound else len(kinds),
        "set_aside": len(recipe.photos_aside),
        "of_them_planted": sum(each in kinds for each in recipe.photos_aside),
        "seconds": seconds,
    }


def audited(faulty: Dataset, folder: AuditFolder, seed: int, given: argparse.Namespace) -> Audit:
    """What out-of-fold models and the checks without a model say of the training masks."""
    train = faulty.split("train").labelled
    ids = [sample.id for sample in train]
    settings = {"weights": given.weights, "iterations": given.fold_iterations, "seed": seed}
    judge_by_folds(faulty, ids, folder, budget_s=36_000.0, settings=settings, threads=given.threads)
    seen = survey(train)
    return with_label_issues(seen, ranked(faulty, ids, folder, seen.settings).issues)


if __name__ == "__main__":
    main()
