"""maskwright runs: what lies in a folder of runs, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from maskwright.cli.options import Offline
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the runs lie, at any depth.")]
Model = Annotated[str, typer.Option("--model", metavar="PATTERN", help="Those with this architecture: 'segformer-*'.")]
Data = Annotated[str, typer.Option("--data", metavar="PATTERN", help="Those trained on a folder of this name.")]
WithTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Those with this tag. May be repeated.")
]
WithStatus = Annotated[
    str | None,
    typer.Option(
        "--status", metavar="STATE", help="new, training, stopped, ended, imported or damaged: those that are."
    ),
]
MinScore = Annotated[
    float,
    typer.Option("--min-score", min=0, max=100, metavar="PERCENT", help="Those with this mDice or more."),
]
Archived = Annotated[bool, typer.Option("--archived", help="Also those that were archived.")]
Sort = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="KEY",
        help="name, model, data, score, age, seconds or status, the smallest first; the largest with a minus: -score.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N.  [default: all]")]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its path, or the end of its name in the list, as `trials/7`.")
]
RunNames = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Runs: their paths, or the ends of their names in the list.")
]
Tags = Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Words without blanks.")]
Remove = Annotated[
    list[str] | None, typer.Option("--remove", metavar="TAG", help="Take this tag away. May be repeated.")
]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What is noted in place of what was noted; '' for nothing.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take them out of the archive.")]
Tracker = Annotated[
    str, typer.Option("--to", metavar="TRACKER", help="clearml, clearml-offline, mlflow or tensorboard.")
]
Address = Annotated[
    str,
    typer.Option(
        "--uri",
        metavar="ADDRESS",
        help="Where to, an address or a folder.  [default: as before, else as docs/trackers.md tells]",
    ),
]
Project = Annotated[
    str,
    typer.Option(
        "--project",
        metavar="NAME",
        help="The ClearML project or MLflow experiment.  [default: as before, else as docs/trackers.md tells]",
    ),
]
MaxCheckpoint = Annotated[
    float,
    typer.Option(
        "--max-checkpoint", min=0, metavar="MB", help="The best weights are sent unless they are larger; 0 sends none."
    ),
]
Compared = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="RUN", help="Also send a table that compares it with this run. May be repeated."),
]
In = Annotated[Path, typer.Option("--in", metavar="FOLDER", help="Where a RUN that is no path is looked for.")]


class _OrList(TyperGroup):
    """What is no command is what `list` is given: `maskwright runs out` is `maskwright runs list out`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        command = first in self.commands or first in ctx.help_option_names
        meant = first.startswith("-") or Path(first).exists()
        mistyped = not meant and bool(get_close_matches(first, self.commands))
        return super().parse_args(ctx, args if command or mistyped else ["list", *args])


app = typer.Typer(
    cls=_OrList,
    help="What lies in a folder of runs; alone, or with a folder, the list of them.\n\n"
    "What the list can be chosen and sorted by (--status, --tag, --sort, ...): maskwright runs list --help.",
    rich_markup_mode=None,
)


@app.command("list")
@verb
def list_all(
    screen: Screen,
    folder: Folder = Path(),
    model: Model = "*",
    data: Data = "*",
    tag: WithTags = None,
    status: WithStatus = None,
    min_score: MinScore = 0.0,
    archived: Archived = False,
    sort: Sort = "age",
    limit: Limit = None,
) -> Answer:
    """List the runs in a folder.

    Each with its state, what was trained on what, the mDice of its weights on validation, time and age. The folders
    are looked at each time: runs may be moved, copied and removed.
    """
    from maskwright.cli.runs_texts import list_text
    from maskwright.experiments.runs import choose_runs, list_runs, sort_runs

    runs = list_runs(folder)
    chosen = choose_runs(
        runs, model=model, data=data, tags=tag or (), status=status, min_mdice=min_score / 100, archived=archived
    )
    shown = sort_runs(chosen, sort)[:limit]
    hidden = 0 if archived else sum(run.archived for run in runs)
    text = list_text(shown, folder, screen.lang, there=len(runs), hidden=hidden)
    return Answer([run.to_json() for run in shown], text)


@app.command("show")
@verb
def show(screen: Screen, run: RunName, folder: In = Path()) -> Answer:
    """Tell all that is known of a run.

    What it was made from and with, its course, the scores of each class, and its files with their sizes.
    """
    from maskwright.cli.run_texts import details_text
    from maskwright.experiments.details import read_details
    from maskwright.experiments.search import find_run

    details = read_details(find_run(run, folder), name=run)
    return Answer(details.to_json(), details_text(details, screen.lang))


@app.command("tag")
@verb
def tag(screen: Screen, run: RunName, tags: Tags = None, remove: Remove = None, folder: In = Path()) -> Answer:
    """Give a run tags, or take them away.

    They lie in the run, in labels.json, and go with it.
    """
    return _labelled(screen, [run], folder, add=tags or (), remove=remove or ())


@app.command("note")
@verb
def note(screen: Screen, run: RunName, text: Text, folder: In = Path()) -> Answer:
    """Note something about a run.

    It lies in the run, in labels.json, and goes with it.
    """
    return _labelled(screen, [run], folder, note=text)


@app.command("archive")
@verb
def archive(screen: Screen, runs: RunNames, undo: Undo = False, folder: In = Path()) -> Answer:
    """Leave runs out of the list.

    Nothing is moved or removed; list --archived shows them too.
    """
    return _labelled(screen, runs, folder, archived=not undo)


@app.command("diff")
@verb
def diff(screen: Screen, one: RunName, other: RunName, folder: In = Path()) -> Answer:
    """Tell in what two runs differ.

    Settings of their recipes, each with the reason for its value; training and validation data; the version of
    Maskwright, of torch and of Python, and the computer. Whether their scores differ by more than chance says compare.
    """
    from maskwright.cli.run_texts import difference_text
    from maskwright.experiments.run_difference import diff_runs
    from maskwright.experiments.runs import summarise
    from maskwright.experiments.search import find_run

    runs = [summarise(find_run(name, folder), name=name) for name in (one, other)]
    found = diff_runs(runs[0].folder, runs[1].folder)
    value = {"runs": [run.to_json() for run in runs], **found.to_json()}
    return Answer(value, difference_text(found, runs, screen.lang))


@app.command("push")
@verb
def push(
    screen: Screen,
    run: RunName,
    to: Tracker,
    uri: Address = "",
    project: Project = "",
    max_checkpoint: MaxCheckpoint = 200.0,
    compared: Compared = None,
    offline: Offline = False,
    folder: In = Path(),
) -> Answer:
    """Send a run to a tracker.

    All that the tracker does not have yet: the curves, the settings, scores, confusion, pictures, the best weights. It
    may be repeated at any time, and goes on where it was broken off; nothing is doubled.
    """
    from maskwright.cli.track import pushed_text
    from maskwright.experiments.search import find_run
    from maskwright.trackers.push import push as push_run

    if offline:
        os.environ["MASKWRIGHT_OFFLINE"] = "1"
    pushed = push_run(
        find_run(run, folder),
        to,
        uri=uri,
        project=project,
        max_checkpoint_mb=max_checkpoint,
        compared=[find_run(name, folder) for name in compared or ()],
    )
    return Answer(asdict(pushed), pushed_text(pushed, screen.lang))


def _labelled(screen: Screen, names: Sequence[str], folder: Path, **changes: Any) -> Answer:
    from maskwright.cli.run_texts import labels_text
    from maskwright.experiments.labels import change_labels
    from maskwright.experiments.search import find_run

    runs = {name: find_run(name, folder) for name in names}  # all of them, before anything is written
    labels = {name: change_labels(run, **changes) for name, run in runs.items()}
    value = [{"name": name, "folder": str(runs[name]), **asdict(each)} for name, each in labels.items()]
    return Answer(value, "\n".join(labels_text(name, each, screen.lang) for name, each in labels.items()))
