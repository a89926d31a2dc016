"""maskwright predict: masks for photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.texts import photo_table, scores_table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import DataError, shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.inference.predict import Predictions
    from maskwright.metrics.scores import Scores

FAILURES_SHOWN = 10
PHOTOS_SHOWN = 10
"""Photos whose own table is printed; those of all stand in predictions.csv."""


@verb
def predict(
    screen: Screen,
    run: options.RunFolder,
    paths: options.Paths,
    out: options.OutFolder,
    labels: options.Labels = None,
    overlay: options.Overlay = True,
    quality: options.Quality = False,
    runtime: options.Runtime = "torch",
    threads: options.Threads = None,
    device: options.Device = "cpu",
    model: options.OwnModel = None,
    postprocess: options.PostProcess = True,
    tta: options.TTA = True,
    ray: options.Ray = None,
) -> Answer:
    """Write masks for photos.

    Takes files, folders and patterns, also in an object store (s3://bucket/photos). A photo whose mask lies in OUT
    already is not done again, so that thousands of files can be stopped and gone on with; one that cannot be read is
    named and passed over. --ray shares them among the machines of a cluster.
    """
    from maskwright.inference.load import load
    from maskwright.inference.predict import predict as predict_all
    from maskwright.inference.work import Work
    from maskwright.scale.prediction import over_ray

    spread = Work.outcomes if ray is None else over_ray(ray, threads=threads or 1)
    predictor = load(
        run, runtime=runtime, device=device, threads=threads, model=model, postprocess=postprocess, tta=tta
    )
    made = predict_all(
        predictor,
        predictor.classes,
        paths,
        out,
        overlay=overlay,
        labels=labels,
        quality=quality,
        spread=spread,
        on_progress=screen.on_progress,
    )
    if made.failed and not made.done + made.skipped:
        problems = "\n  ".join(failure.message for failure in made.failed[:FAILURES_SHOWN])
        raise DataError(say("cli.predicted_none", screen.lang), found=problems)
    return Answer(_value(made, predictor.classes.names), _text(made, predictor.classes.names, screen.lang))


def _value(made: Predictions, names: tuple[str, ...]) -> dict[str, Any]:
    scores = made.scores
    return {
        "out": str(made.out),
        "done": made.done,
        "skipped": made.skipped,
        "failed": [{"file": failure.file, "message": failure.message} for failure in made.failed],
        "photos": list(made.rows),
        "metrics": None if scores is None else scores.summary(),
        "per_class": None if scores is None else scores.per_class(names),
    }


def _text(made: Predictions, names: tuple[str, ...], lang: str) -> str:
    failures = [f"  - {failure.message}" for failure in made.failed[:FAILURES_SHOWN]]
    more = len(made.failed) - len(failures)
    done = say(
        "cli.predicted_done",
        lang,
        done=made.done,
        skipped=made.skipped,
        failed=len(made.failed),
        out=shown(made.out / "masks"),
    )
    compared = [] if made.scores is None else _compared_lines(made, made.scores, names, lang)
    return "\n".join([*compared, done, *failures, *(["  " + say("cli.more", lang, count=more)] if more else [])])


def _compared_lines(made: Predictions, scores: Scores, names: tuple[str, ...], lang: str) -> list[str]:
    """The table of each photo, then that of all of them together."""
    labelled = [row for row in made.rows if f"labelled_px:{names[0]}" in row and row[f"labelled_px:{names[0]}"] != ""]
    shown_rows = labelled[:PHOTOS_SHOWN]
    more = len(labelled) - len(shown_rows)
    return [
        *[f"{row['file']}\n{photo_table(row, names, lang)}\n" for row in shown_rows],
        *([say("cli.more", lang, count=more) + f"  {shown(made.out / 'predictions.csv')}\n"] if more else []),
        say("cli.labelled_photos", lang, images=len(labelled)),
        scores_table(scores.per_class(names), scores.summary(), lang) + "\n",
    ]
