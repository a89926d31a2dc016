"""How well planted label faults are found: average precision per kind, beside cleanlab's on the same probabilities.

    PYTHONPATH=/folder/with/cleanlab python benchmarks/planted_faults.py [DATA] [--plantings 5] [--budget 300]

Without DATA the built-in data is drawn. With it, e.g. ../shared/data/cats_dogs_256, faults are planted into those
validation photos whose LabelMe mask agrees with the label (IoU of 0.9 or more), and the training photos are learned
from. 15 % of the photos get a fault, the five kinds in turn; each planting trains its own folds on the faulty masks.
The positives of a kind are the photos with that fault, the negatives those without any.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import maskwright
from maskwright.audit.folder import AuditFolder
from maskwright.audit.label_issues import label_issues, with_evidence
from maskwright.audit.probabilities import read_probs
from maskwright.audit.survey import survey
from maskwright.data.dataset import Dataset
from maskwright.data.pets.faults import FAULTS, plant
from maskwright.data.pets.write import draw_dataset
from maskwright.data.sample import ArrayPixels, Mask, Sample
from maskwright.workflow.label_issues import judge_by_folds

SHARE = 0.15
AGREES = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--plantings", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="number of the first planting, its seed")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds of each planting")
    parser.add_argument("--iterations", type=int, help="of each fold, whatever time they take")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--keep", type=Path, help="folder for the probabilities, taken up again by a later call")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = given.keep or Path(temporary)
        dataset, targets = reference(given.data, place) if given.data else drawn(place)
        tables = []
        for number in range(given.first, given.first + given.plantings):
            tables.append(one_planting(dataset, targets, number, place / f"planting-{number}", given))
            print(json.dumps({"planting": number, **tables[-1]}), file=sys.stderr, flush=True)
    print(json.dumps({"photos": len(targets), "plantings": len(tables), "average_precision": mean_of(tables)}))


def drawn(place: Path) -> tuple[Dataset, list[str]]:
    """The built-in data, all of its training photos to be judged."""
    made = draw_dataset(place / "pets", images=300, size_px=160, seed=5)
    dataset = maskwright.read(made.folder).split("train")
    return dataset, [sample.id for sample in dataset]


def reference(data: Path, place: Path) -> tuple[Dataset, list[str]]:
    """The reference case: the validation photos on whose masks two people agree are to be judged."""
    dataset = maskwright.read(data, classes="background,cat,dog")
    second = labelme(data, place / "labelme")
    agreed = [
        sample.id
        for sample in dataset.split("val")
        if sample.id in second and iou(sample.mask(), second[sample.id]) >= AGREES
    ]
    known = set(agreed)
    return dataset.filter(lambda sample: sample.split == "train" or sample.id in known), agreed


def labelme(data: Path, place: Path) -> dict[str, Mask]:
    """The second person's masks by sample id."""
    place.mkdir(parents=True, exist_ok=True)
    for file in [*(data / "labelme" / "val").glob("*.json"), *(data / "img" / "val").glob("*.jpg")]:
        link = place / file.name
        if not link.exists():
            link.write_bytes(file.read_bytes())
    read = maskwright.read(place, classes="background,cat,dog")
    return {f"val/{Path(sample.image_file).stem}": sample.mask() for sample in read if sample.labelled}


def iou(one: Mask, other: Mask) -> float:
    """Of what is not background, the class included."""
    either = (one != 0) | (other != 0)
    return float(((one == other) & either).sum() / max(1, either.sum()))


def one_planting(
    dataset: Dataset, targets: list[str], number: int, place: Path, given: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Plant, train the folds, rank; average precision of each method by kind."""
    faulty, kinds = planted(dataset, targets, number)
    folder = AuditFolder(place)
    settings = {"weights": given.weights, "seed": number}
    if given.iterations:
        settings |= {"iterations": given.iterations}
    judge_by_folds(faulty, targets, folder, budget_s=given.budget, settings=settings)
    judged = faulty.filter(lambda sample: sample.id in set(targets))
    of_model = label_issues(judged, lambda sample: read_probs(folder.probs, sample.id), faulty.classes)
    whole = with_evidence(of_model, survey(judged).findings)
    ours, model_only = ({issue.sample: issue.severity for issue in issues} for issues in (whole, of_model))
    methods = {"ours": ours, "ours, model only": model_only, "cleanlab": cleanlab_scores(judged, folder)}
    return {
        kind: {name: precision(scores, kinds, kind) for name, scores in methods.items() if scores} for kind in FAULTS
    }


def planted(dataset: Dataset, targets: list[str], seed: int, share: float = SHARE) -> tuple[Dataset, dict[str, str]]:
    """The dataset with faults in a share of the targets, and which has which."""
    rng = np.random.default_rng(seed)
    order = list(rng.permutation(targets))
    samples = {sample.id: sample for sample in dataset}
    kinds: dict[str, str] = {}
    wanted = round(share * len(targets))
    for turn in range(wanted):
        kind = list(FAULTS)[turn % len(FAULTS)]
        while order:
            sample = samples[order.pop()]
            mask = sample.mask()
            faulty = plant(mask, kind, rng, class_count=len(dataset.classes))
            if faulty is not None:
                kinds[sample.id] = kind
                samples[sample.id] = with_mask(sample, faulty.mask, f"{seed} {kind}")
                break
    return replace(dataset, samples=tuple(samples.values())), kinds


def with_mask(sample: Sample, mask: Mask, digest: str) -> Sample:
    """The sample with another mask."""
    return replace(sample, pixels=ArrayPixels(np.array(sample.image()), mask), digest=f"{sample.digest} {digest}")


def cleanlab_scores(samples: Dataset, folder: AuditFolder) -> dict[str, float]:
    """Severity by cleanlab's image score; nothing where cleanlab is not installed."""
    try:
        from cleanlab.segmentation.rank import get_label_quality_scores
    except ImportError:
        return {}
    scores = {}
    for sample in samples:
        labels, probs = sample.mask()[None].astype(int), read_probs(folder.probs, sample.id)[None]
        quality, _ = get_label_quality_scores(labels, probs, verbose=False)
        scores[sample.id] = 1 - float(quality[0])
    return scores


def precision(scores: dict[str, float], kinds: dict[str, str], kind: str) -> float:
    """Average precision: the mean, over the positives, of the precision at their rank."""
    ranked = sorted((each for each in scores if kinds.get(each, kind) == kind), key=lambda each: -scores[each])
    found = [rank for rank, each in enumerate(ranked, start=1) if each in kinds]
    return statistics.fmean(count / rank for count, rank in enumerate(found, start=1)) if found else float("nan")


def mean_of(tables: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The mean over plantings, and over kinds."""
    methods = tables[0][next(iter(FAULTS))]
    result = {
        kind: {name: round(float(np.nanmean([table[kind][name] for table in tables])), 3) for name in methods}
        for kind in FAULTS
    }
    return {
        **result,
        "mean": {name: round(statistics.fmean(result[kind][name] for kind in FAULTS), 3) for name in methods},
    }


if __name__ == "__main__":
    main()
