"""maskwright weights: which pretrained weights there are, downloading them, and adding a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.screen import Screen
from maskwright.cli.texts import table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.weights.store import Stored
    from maskwright.weights.table import Entry

Check = Annotated[bool, typer.Option("--check", help="Compute the digest of every file in the cache again.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of `maskwright weights list`, or hf:owner/name.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of weights: safetensors, pth, pt, ckpt or bin.")]
CallIt = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What to call it; a name of the table says that it is that file.  [default: chosen]",
    ),
]

ModelName = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The architecture, one of ours.")]

app = typer.Typer(
    help="Pretrained weights: where from, how large, under which licence.",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _about(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
@verb
def list_weights(screen: Screen, check: Check = False) -> Answer:
    """List the weights that are known, and those in the cache.

    With their licences, and whether these allow commercial use. Nothing is downloaded.
    """
    from maskwright.weights.store import check as check_all
    from maskwright.weights.store import home, stored
    from maskwright.weights.table import ENTRIES

    there = {item.name: item for item in (check_all() if check else stored())}
    known = [_known(entry, there.get(entry.name)) for entry in ENTRIES]
    own = [_own(item) for name, item in there.items() if name not in {entry.name for entry in ENTRIES}]
    lines = [
        _table([*known, *own], screen.lang),
        say("weights.listed", screen.lang),
        *([say("weights.listed_own", screen.lang)] if own else []),
        say("weights.listed_folder", screen.lang, folder=shown(home())),
    ]
    return Answer([*known, *own], "\n".join(lines))


@app.command("get")
@verb
def get_weights(screen: Screen, name: Name) -> Answer:
    """Download weights into the cache.

    A download that was broken off goes on where it stopped. The file is compared with the digest that the hub tells.
    A model of the hub (hf:owner/name) comes with its configuration, into the hub's own cache.
    """
    from maskwright.workflow.weights import get_weights as download

    item = download(name, on_progress=screen.on_progress)
    return Answer(_value(item), _told("got", item, screen.lang))


@app.command("add")
@verb
def add_weights(screen: Screen, file: File, name: CallIt = None) -> Answer:
    """Copy a file of weights into the cache.

    A file that is known by its digest takes its name and licence from the table; of any other, the licence is what the
    file itself states.
    """
    from maskwright.workflow.weights import add_weights as take_in

    item = take_in(file, name=name)
    return Answer(_value(item), _told("added", item, screen.lang))


@app.command("draw")
@verb
def draw_weights(
    screen: Screen,
    model: ModelName = None,
    budget: options.Budget = "30m",
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
) -> Answer:
    """Make weights on this machine, from drawn photos of cats and dogs alone.

    Where none that learned from photos can be had: they are in the cache as drawings-MODEL afterwards, and what is
    planned without a choice of weights starts from them where there are no others. What was broken off goes on with
    the same command.
    """
    from maskwright.workflow.drawings import draw_weights as draw
    from maskwright.workflow.start import DEFAULT_MODEL

    item = draw(
        model or DEFAULT_MODEL,
        budget_s=seconds(budget),
        seed=seed or 0,
        threads=threads,
        device=device,
        on_progress=screen.on_progress,
    )
    return Answer(_value(item), _told("drawn", item, screen.lang))


def _known(entry: Entry, item: Stored | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "fits": list(entry.fits),
        "part": entry.part,
        "mb": entry.mb,
        "licence": entry.licence,
        "commercial": entry.commercial,
        "training_data": entry.training_data,
        "source": entry.source,
        "revision": (item.commit if item else entry.hub.revision if entry.hub else "") or None,
        "sha256": (item.sha256 if item else entry.sha256) or None,
        "verified": item.verified if item else entry.verified,
        "cached": str(item.path) if item else None,
        "note": entry.note,
    }


def _own(item: Stored) -> dict[str, Any]:
    return {
        "name": item.name,
        "fits": list(item.fits),
        "part": item.part,
        "mb": round(item.size_bytes / 1e6, 1),
        "licence": item.licence,
        "commercial": item.commercial,
        "training_data": None,
        "source": item.source,
        "revision": item.commit or None,
        "sha256": item.sha256,
        "verified": item.verified,
        "cached": str(item.path),
        "note": "",
    }


def _value(item: Stored) -> dict[str, Any]:
    """An item for --json."""
    from maskwright.weights.table import ENTRIES

    entry = next((entry for entry in ENTRIES if entry.name == item.name), None)
    return _known(entry, item) if entry else _own(item)


def _told(key: str, item: Stored, lang: str) -> str:
    from maskwright.weights.sam import NAMES
    from maskwright.weights.table import terms

    use = "use_sam" if item.name.removeprefix("hf:").partition("@")[0] in NAMES else "next"
    facts = {
        "name": item.name,
        "file": shown(item.path),
        "terms": terms(item.licence, item.commercial, lang),
        "sha256": item.sha256,
        "folder": shown(item.path.parent),
    }
    return f"{say(f'weights.{key}', lang, **facts)}\n{say(f'weights.{use}', lang, name=item.name)}"


def _table(rows: Sequence[dict[str, Any]], lang: str) -> str:
    columns = ("name", "for", "mb", "licence", "commercial", "cached", "verified")
    yes_no = {True: say("weights.answer_yes", lang), False: say("weights.answer_no", lang)}
    commercial = {
        "yes": say("weights.commercial_yes", lang),
        "no": say("weights.commercial_no", lang),
        "not stated": say("weights.commercial_not_stated", lang),
    }
    lines = [
        [
            row["name"],
            ", ".join(row["fits"]) or say("weights.unknown", lang),
            f"{row['mb']:.1f}",
            row["licence"],
            commercial[row["commercial"]],
            yes_no[row["cached"] is not None],
            say("weights.verified" if row["verified"] else "weights.not_verified", lang),
        ]
        for row in rows
    ]
    return table([[say(f"weights.{column}", lang) for column in columns], *lines])
