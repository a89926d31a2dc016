"""maskwright evaluate: judge a run or a bundle on labelled photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import place_in_run, read_for, why_not_in_run
from maskwright.cli.screen import Screen
from maskwright.cli.texts import scores_text
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.data.dataset import Dataset
    from maskwright.evaluation.evaluate import Evaluation
    from maskwright.inference.predictor import Predictor


@verb
def evaluate(
    screen: Screen,
    run: options.RunFolder,
    data: options.Data,
    split: options.Split = "val",
    out: options.Out = None,
    classes: options.Names = None,
    runtime: options.Runtime = "torch",
    threads: options.Threads = None,
    device: options.Device = "cpu",
    others: options.With = None,
    model: options.OwnModel = None,
    postprocess: options.PostProcess = True,
    tta: options.TTA = True,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
) -> Answer:
    """Judge a run on labelled photos.

    Scores of a run or a bundle on a split of DATA: a row per class, in percent. On the data that the run was made from
    they are kept in the run; others, and those with --no-postprocess, --no-tta, --with or another --runtime, are kept
    where -o says. --json gives fractions.
    """
    from maskwright.evaluation.evaluate import evaluate as judge
    from maskwright.inference.ensemble import together
    from maskwright.inference.load import load
    from maskwright.inference.opening import opened

    there = opened(run).folder
    loaded = [
        load(one, runtime=runtime, device=device, threads=threads, model=model, postprocess=postprocess, tta=tta)
        for one in (there, *(others or ()))
    ]
    predictor = together(loaded)
    dataset = read_for(screen, data, classes, there, strict=strict, allow_leak=allow_leak)
    evaluation = judge(predictor, dataset, split=split, on_progress=screen.on_progress)
    own = postprocess and tta and runtime == "torch" and not others
    folder = out or (place_in_run(there, dataset, split, "evaluation") if own else None)
    if folder is not None:
        _keep(evaluation, predictor, dataset, folder)
        kept = say("cli.evaluated_kept", screen.lang, folder=shown(folder))
    else:
        raw = say("cli.not_in_run_raw", screen.lang)
        why = why_not_in_run(run, dataset, split, screen.lang) if own else raw
        kept = say("cli.evaluated_not_kept", screen.lang, why=why)
    return Answer(evaluation.to_json(), f"{scores_text(evaluation.to_json(), screen.lang)}\n{kept}")


def _keep(evaluation: Evaluation, predictor: Predictor, dataset: Dataset, folder: Path) -> None:
    from maskwright.evaluation.gallery import write_gallery

    evaluation.save(folder)
    write_gallery(predictor, dataset, evaluation, folder / "gallery")
