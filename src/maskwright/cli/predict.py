"""maskwright predict: masks for photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.texts import photo_table, scores_table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import DataError, UsageError, shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.inference.predictions import Predictions
    from maskwright.metrics.scores import Scores

FAILURES_SHOWN = 10
PHOTOS_SHOWN = 10
"""Photos whose own table is printed; those of all stand in predictions.csv."""


@verb
def predict(
    screen: Screen,
    run: options.RunFolder,
    out: options.Predicted = "predictions",
    paths: options.Paths = None,
    from_list: options.FromList = None,
    labels: options.Labels = None,
    write: options.Write = "overlays",
    runtime: options.Runtime = "torch",
    threads: options.Threads = None,
    device: options.Device = "cpu",
    model: options.OwnModel = None,
    postprocess: options.PostProcess = True,
    tta: options.TTA = True,
    every: options.Every = 1,
    seconds: options.Seconds = None,
    others: options.With = None,
    tile_px: options.TilePx = None,
    no_tile: options.NoTile = False,
    ray: options.Ray = None,
) -> Answer:
    """Write masks for photos.

    Takes files, folders, patterns and archives, also in an object store (s3://bucket/photos). A photo whose mask lies
    in OUT already is not done again, so that thousands of files can be stopped and gone on with; one that cannot be
    read is named and passed over. --ray shares them among the machines of a cluster.
    """
    from maskwright.inference.camera import PREFIX, only_camera, predict_camera
    from maskwright.inference.ensemble import together
    from maskwright.inference.inputs import paths_of
    from maskwright.inference.load import load
    from maskwright.inference.outputs import refuse_file
    from maskwright.inference.predict import mask_of
    from maskwright.inference.predict import predict as predict_all
    from maskwright.inference.tiling import tiled
    from maskwright.inference.work import Work
    from maskwright.scale.prediction import over_ray

    if no_tile and tile_px is not None:
        raise UsageError("--tile-px and --no-tile: one of them.", do="Leave one out.")
    if out == "-" and screen.quiet:
        raise UsageError("-o - and --json: both want standard output.", do="Leave one out.")
    refuse_file(Path("" if out == "-" else out))
    wanted = paths_of(paths or [], from_list)
    spread = Work.outcomes if ray is None else over_ray(ray, threads=threads or 1)
    loaded = [
        load(folder, runtime=runtime, device=device, threads=threads, model=model, postprocess=postprocess, tta=tta)
        for folder in (run, *(others or ()))
    ]
    seeing = [one if no_tile else tiled(one, tile_px=tile_px) for one in loaded]
    predictor = together(seeing)
    classes = loaded[0].classes
    if out == "-":
        return Answer(None, "", content=mask_of(predictor, classes, wanted))
    told: dict[str, Any] = {"write": write, "every": every, "on_progress": screen.on_progress}
    if any(path.startswith(PREFIX) for path in wanted):
        made = predict_camera(predictor, classes, only_camera(wanted), out, seconds=seconds, **told)
    else:
        made = predict_all(predictor, classes, wanted, out, labels=labels, spread=spread, **told)
    if made.failed and not made.done + made.skipped:
        problems = "\n  ".join(failure.message for failure in made.failed[:FAILURES_SHOWN])
        raise DataError(say("cli.predicted_none", screen.lang), found=problems)
    return Answer(_value(made, classes.names), _text(made, classes.names, screen.lang))


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
