"""What wrong masks cost, and what setting aside the suspected ones saves: built-in data, faults planted into a fifth.

    python benchmarks/robust_training.py OUT.jsonl --keep FOLDER [--weights FILE] [--seeds 3] [--iterations 600]

For each seed three trainings of the same recipe, with plain cross-entropy: on sound masks, on
masks of which 20 % have a fault (dropped, halved, shifted, resized, swapped, in turn), and on those without what an
audit by out-of-fold models calls wrong, as `run --set set_aside=doubted` does it. The last weights are judged once on
sound validation masks.
Lines that OUT.jsonl holds already are not made again, and what the folds said is kept in FOLDER, so that a call that
was killed goes on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import maskwright
import planted_faults
from maskwright.audit.audit import Audit
from maskwright.audit.folder import AuditFolder
from maskwright.audit.label_issues import label_issues, with_evidence
from maskwright.audit.probabilities import read_probs
from maskwright.audit.survey import survey
from maskwright.data.dataset import Dataset
from maskwright.data.pets.write import draw_dataset
from maskwright.evaluation.evaluate import evaluate
from maskwright.inference.runtimes.torch import TorchPredictor
from maskwright.recipe.files import write_recipe
from maskwright.training.loop import fit
from maskwright.training.run import make_run
from maskwright.workflow.doubted import with_doubted_set_aside
from maskwright.workflow.label_issues import judge_by_folds
from maskwright.workflow.plan import plan

SHARE = 0.2
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
    parser.add_argument("--fold-iterations", type=int, default=200)
    parser.add_argument("--size", type=int, default=96, help="side of the photos")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    planted_faults.SHARE = SHARE
    lines = given.out.read_text().splitlines() if given.out.is_file() else []
    keys = ("masks", "seed", "iterations", "size", "weights")
    made = {tuple(json.loads(line)[key] for key in keys) for line in lines}
    sound = drawn(given)
    for seed in range(given.first, given.first + given.seeds):
        for masks in MASKS:
            key = (masks, seed, given.iterations, given.size, Path(given.weights).stem)
            if key in made:
                continue
            line = json.dumps(dict(zip(keys, key, strict=True)) | trained(sound, masks, seed, given))
            print(line, flush=True)
            with given.out.open("a") as file:
                file.write(line + "\n")


def drawn(given: argparse.Namespace) -> Dataset:
    """The built-in data: 300 photos, of which 190 are learned from."""
    place = given.keep / f"pets-{given.size}"
    if not place.exists():
        draw_dataset(place, images=300, size_px=given.size, seed=5)
    return maskwright.read(place)


def trained(sound: Dataset, masks: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """The score on validation of one training."""
    train = [sample.id for sample in sound.split("train")]
    faulty, kinds = planted_faults.planted(sound, train, seed)
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
        recipe = with_doubted_set_aside(recipe, audited(faulty, folder, seed, given), folder.journal, faulty)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        run = make_run(Path(place) / "run")
        write_recipe(recipe, run.folder / "recipe.yaml")
        fit(dataset, recipe, run)
        seconds = time.monotonic() - began
        last = run.folder / "weights" / "last.safetensors"
        network = TorchPredictor(last, recipe=recipe, classes=dataset.classes, digest="", device="cpu", tta=False)
        scores = evaluate(network, dataset.split("val").labelled, split="val").scores
    return {
        "mDice": round(scores.mDice, 4),
        "planted": 0 if dataset is sound else len(kinds),
        "set_aside": len(recipe.set_aside),
        "of_them_planted": sum(each in kinds for each in recipe.set_aside),
        "seconds": round(seconds, 1),
    }


def audited(faulty: Dataset, folder: AuditFolder, seed: int, given: argparse.Namespace) -> Audit:
    """What out-of-fold models and the checks without a model say of the training masks."""
    train = faulty.split("train").labelled
    settings = {"weights": given.weights, "iterations": given.fold_iterations, "seed": seed}
    judge_by_folds(
        faulty,
        [sample.id for sample in train],
        folder,
        budget_s=36_000.0,
        settings=settings,
        threads=given.threads,
    )
    of_model = label_issues(train, lambda sample: read_probs(folder.probs, sample.id), faulty.classes)
    looked_at = survey(train)
    return replace(looked_at, label_issues=with_evidence(of_model, looked_at.findings))


if __name__ == "__main__":
    main()
