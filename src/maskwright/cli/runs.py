"""maskwright runs: what lies in a folder of runs, and what is said of them."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the runs lie, at any depth.")]
Model = Annotated[str, typer.Option("--model", metavar="PATTERN", help="Those with this architecture: 'segformer-*'.")]
Data = Annotated[str, typer.Option("--data", metavar="PATTERN", help="Those trained on a folder of this name.")]
WithTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Those with this tag. May be repeated.")
]
WithStatus = Annotated[
    Literal["new", "training", "stopped", "ended", "imported", "damaged"] | None,
    typer.Option("--status", help="Those of which this holds."),
]
MinScore = Annotated[
    float, typer.Option("--min-score", min=0, max=100, metavar="PERCENT", help="Those with this best mDice or more.")
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


class _OrList(TyperGroup):
    """What is no command is what `list` is given: `maskwright runs out` is `maskwright runs list out`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        command = first in self.commands or first in ctx.help_option_names
        mistyped = bool(get_close_matches(first, self.commands)) and not Path(first).exists()
        return super().parse_args(ctx, args if command or mistyped else ["list", *args])


app = typer.Typer(
    cls=_OrList,
    help="What lies in a folder of runs; alone, or with a folder, the list of them.",
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

    Each with its state, what was trained on what, the best mDice on validation, time and age. The folders are looked at
    each time: runs may be moved, copied and removed.
    """
    from maskwright.cli.runs_texts import list_text
    from maskwright.experiments.runs import choose_runs, list_runs, sort_runs

    runs = list_runs(folder)
    chosen = choose_runs(
        runs, model=model, data=data, tags=tag or (), status=status, min_mdice=min_score / 100, archived=archived
    )
    shown = sort_runs(chosen, sort)[:limit]
    return Answer([run.to_json() for run in shown], list_text(shown, runs, folder, screen.lang))
