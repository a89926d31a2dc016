"""Judging a run on the data that it was made from."""

from __future__ import annotations

from maskwright.data.dataset import Dataset
from maskwright.evaluation.diagnose import diagnose
from maskwright.evaluation.diagnosis_gallery import keep_diagnosis
from maskwright.evaluation.evaluate import evaluate
from maskwright.evaluation.gallery import write_gallery
from maskwright.inference.load import load, with_steps_of
from maskwright.inference.remembering import Remembering
from maskwright.progress import OnProgress, silent
from maskwright.training.run import Run


def network_of(made: Run, *, threads: int) -> Remembering:
    """The network of a run that was trained just now, so that its code is imported already."""
    recipe = made.recipe
    loaded = load(made.folder, device=recipe.device, threads=threads, model=recipe.model, postprocess=False)
    return Remembering(loaded)


def judge(
    made: Run,
    dataset: Dataset,
    *,
    threads: int,
    network: Remembering | None = None,
    on_progress: OnProgress = silent,
) -> None:
    """Judge a run on "val", and on "test" where it is labelled; files and pictures lie in the run.

    Why it is wrong is looked into on "val" alone: who mends what is seen on "test" has no test any more.

    Args:
        made: the run.
        dataset: what it was made from.
        threads: threads of torch.
        network: its network, where that is loaded already.
        on_progress: told how far each stage is.
    """
    predictor = with_steps_of(made.folder, network or network_of(made, threads=threads))
    for split in ("val", "test"):
        if not any(sample.split == split and sample.labelled for sample in dataset):
            continue
        folder = made.folder / "evaluation" / split
        if split == "val":
            found = diagnose(predictor, dataset, split=split, on_progress=on_progress)
            keep_diagnosis(found, predictor, dataset, made.folder / "diagnosis" / split)
            evaluation = found.evaluation
        else:
            evaluation = evaluate(predictor, dataset, split=split, on_progress=on_progress)
            write_gallery(predictor, dataset, evaluation, folder / "gallery")
        evaluation.save(folder)
