"""Tuning a run, with all that follows from it."""

from __future__ import annotations

from dataclasses import replace

from maskwright.data.dataset import Dataset
from maskwright.evaluation.tune import Tuning, tune
from maskwright.evaluation.tuning_gallery import keep_tuning
from maskwright.inference.load import load, network_digest
from maskwright.inference.remembering import Remembering
from maskwright.progress import OnProgress, silent
from maskwright.shipping.bundle import data_of
from maskwright.training.run import Run
from maskwright.workflow.bundle import bundle
from maskwright.workflow.judge import judge


def tune_run(
    run: Run,
    dataset: Dataset,
    *,
    split: str = "val",
    runtime: str = "torch",
    threads: int | None = None,
    device: str = "cpu",
    model: str | None = None,
    network: Remembering | None = None,
    on_progress: OnProgress = silent,
) -> Tuning:
    """Fit a run's post-processing and write it into the run; its scores and its bundle, where it has them, are renewed.

    Args:
        run: with weights.
        dataset: labelled photos.
        split: those to fit on.
        runtime: what computes the network, as for `load`.
        threads: threads to compute with; None leaves torch's as they are.
        device: "auto", "cpu", "cuda" or "cuda:N".
        model: code of one's own that the run may import, as for `load`.
        network: its network, where that is loaded already.
        on_progress: told how far each stage is.

    Returns:
        What was found.

    Raises:
        MaskwrightError: as `load` and `tune`.
    """
    network = network or Remembering(
        load(run.folder, runtime=runtime, device=device, threads=threads, model=model, postprocess=False)
    )
    tuning = tune(network, dataset, split=split, on_progress=on_progress)
    tuning = replace(tuning, predictor=network_digest(run.folder))  # an export's steps are those of its weights
    keep_tuning(tuning, network, dataset, run.folder)
    judged = any((run.folder / name).is_dir() for name in ("evaluation", "diagnosis"))
    if judged and data_of(run.folder).get(split) == dataset.digest(split):
        judged_by = network if runtime == "torch" else None  # the scores of a run are those of its own weights
        judge(run, dataset, threads=threads or run.recipe.threads, network=judged_by, on_progress=on_progress)
    if (run.folder / "bundle").is_dir():
        bundle(run)
    return tuning
