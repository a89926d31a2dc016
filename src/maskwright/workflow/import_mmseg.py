"""A config of MMSegmentation as a run, with a bundle where it comes with weights."""

from __future__ import annotations

from pathlib import Path

from maskwright.experiments.mmsegmentation.import_run import Imported, import_run
from maskwright.workflow.bundle import bundle


def import_mmseg(
    config: Path | str, checkpoint: Path | str | None = None, *, out: Path | str, classes: tuple[str, ...] = ()
) -> Imported:
    """Turn a config of MMSegmentation 1.x, and a checkpoint that was trained by it, into a run with a bundle.

    Neither is executed. With a checkpoint the run evaluates, predicts, and starts further training; without one its
    recipe trains, and there is nothing to bundle.

    Args:
        config: a file of MMSegmentation 1.x; the files that it inherits from have to lie where it says.
        checkpoint: what MMSegmentation wrote; None imports the config alone.
        out: the run folder, new or empty.
        classes: names of the classes, where neither the config nor the checkpoint tells them.

    Returns:
        The run, with a row for every entry of the config.

    Raises:
        UsageError: the config cannot be followed or imported, or something lies in `out` already.
        WeightsError: the checkpoint does not fit the config.
    """
    imported = import_run(config, checkpoint, out=out, classes=classes)
    if imported.loaded is not None:
        bundle(imported.run)
    return imported
