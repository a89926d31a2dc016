"""maskwright open: the page for what lies there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskwright.cli import options
from maskwright.cli.names import names
from maskwright.cli.review import review_page
from maskwright.cli.screen import Screen
from maskwright.cli.served import Audience, served
from maskwright.cli.verb import Answer, verb
from maskwright.errors import UsageError, shown
from maskwright.sentences import say

Place = Annotated[Path, typer.Argument(metavar="PATH", help="A folder of runs, one run, a dataset, or a bundle.")]
Photos = Annotated[
    Path | None,
    typer.Option("--data", metavar="DATA", help="Where the photos lie of runs whose own folder of photos is gone."),
]


@verb
def open_page(
    screen: Screen,
    path: Place,
    data: Photos = None,
    classes: options.Names = None,
    port: options.Port = None,
    host: options.Host = "127.0.0.1",
    person: options.Persons = None,
    browser: options.OpenBrowser = True,
) -> Answer:
    """Open the page for what lies at PATH.

    Runs: a table of all runs in the folder, curves as they train, recipes, the same photos side by side and the verdict
    of a comparison; a run can be stopped and resumed there. One run: the same for it and the runs beside it, with it
    chosen. A dataset: the page of maskwright review. A bundle, a folder or a zip: its model card.
    """
    from maskwright.experiments.search import find_runs, is_run, run_name

    audience = Audience(port, host, person, browser)
    if path.suffix.lower() == ".zip" and path.is_file():
        return _bundle(screen, path, audience)
    for folder in filter(None, (path, data)):
        if not folder.is_dir():
            what = "a file, and no folder" if folder.exists() else "no such folder"
            wanted = "a folder of runs, a run, a dataset, or a bundle" if folder == path else "the folder of the photos"
            raise UsageError(f"{shown(folder)}: {what}.", do=f"Name {wanted}.")
    if (path / "bundle.json").is_file():
        return _bundle(screen, path, audience)
    if is_run(path):
        place = path.resolve()
        return _runs(screen, place.parent, audience, data, classes, chosen=(run_name(place, place.parent),))
    if find_runs(path) or not any(path.iterdir()):
        return _runs(screen, path, audience, data, classes)
    return review_page(screen, path, audience, classes=classes)


def _runs(
    screen: Screen,
    folder: Path,
    audience: Audience,
    data: Path | None,
    classes: str | None,
    chosen: tuple[str, ...] = (),
) -> Answer:
    audience.check(screen.lang)
    from maskwright.web.runs import BODY_BYTES, runs_app
    from maskwright.web.runs_shelf import Shelf

    shelf = Shelf(folder, data=data, classes=names(classes), deep=not chosen)
    return served(
        screen,
        runs_app(shelf, lang=screen.lang, chosen=chosen),
        "/runs",
        audience,
        body_bytes=BODY_BYTES,
        value={"folder": str(folder), "runs": len(shelf.runs())},
        said=(say("web.open_runs", screen.lang, folder=shown(folder)), say("web.stop_runs", screen.lang)),
    )


def _bundle(screen: Screen, path: Path, audience: Audience) -> Answer:
    audience.check(screen.lang)
    from maskwright.data.classes import read_classes
    from maskwright.inference.opening import opened
    from maskwright.recipe.files import read_recipe
    from maskwright.web.card import BODY_BYTES, PATH, card_app

    folder = opened(path).folder
    classes, model = read_classes(folder / "classes.yaml").names, read_recipe(folder / "recipe.yaml").model
    facts = {"bundle": shown(path), "model": model, "classes": ", ".join(classes)}
    return served(
        screen,
        card_app(path, lang=screen.lang),
        PATH,
        audience,
        body_bytes=BODY_BYTES,
        value={"bundle": str(path), "model": model, "classes": list(classes)},
        said=(say("card.served", screen.lang, **facts), say("card.stop", screen.lang)),
    )
