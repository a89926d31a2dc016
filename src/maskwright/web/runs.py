"""The application behind the page of runs."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import Body, FastAPI, Query, Request, Response
from plotly.offline import get_plotlyjs
from pydantic import BaseModel, ConfigDict, Field

from maskwright.errors import UsageError
from maskwright.evaluation.compare import compare
from maskwright.evaluation.compare_words import data_words, overfit_words
from maskwright.evaluation.comparison import Comparison, pair_rows
from maskwright.evaluation.evaluate import mask_of
from maskwright.inference.opening import weights_in
from maskwright.reports.colours import SERIES
from maskwright.reports.compare_report import AREA, page
from maskwright.reports.language import Language as Words
from maskwright.storage import json_text
from maskwright.web.answers import Refusal, json_answer, packed, pixels_answer
from maskwright.web.pages import Language, page_app
from maskwright.web.photos import photo_bytes, thumbnail
from maskwright.web.runs_log import log_part
from maskwright.web.runs_photos import photos_value, small_mask
from maskwright.web.runs_shelf import Shelf
from maskwright.web.security import App
from maskwright.web.workbench import Workbench

BODY_BYTES = 100_000
"""The longest body of a request: a long note."""
MOST_RUNS = 12
"""Runs that are looked at together; more curves or columns are told apart by nobody."""
PAGE = "runs_page."
"""How the keys of the page's sentences begin."""

Name = Annotated[str, Field(max_length=4000)]
Names = Annotated[list[Name], Query(alias="run", min_length=1, max_length=MOST_RUNS)]
OneName = Annotated[Name, Query(alias="run")]
Side = Annotated[int | None, Query(ge=16, le=1024)]

ALONE = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts"
)
"""A report brings its own scripts along: they run in an origin of their own, which cannot ask this server."""


class LabelsAsked(BaseModel):
    """What a person says of a run; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    run: Name
    tags: Annotated[list[str], Field(max_length=100)] | None = None
    archived: bool | None = None
    note: Annotated[str, Field(max_length=10_000)] | None = None


class RunAsked(BaseModel):
    """A run that is to stop or to go on, or whose failure to go on was read."""

    model_config = ConfigDict(extra="forbid")
    run: Name


def runs_app(shelf: Shelf, *, lang: str = "en", chosen: tuple[str, ...] = ()) -> App:
    """The page of runs and what it asks for; it has to be guarded (`web.security.guarded`).

    Args:
        shelf: the runs.
        lang: language of the page where the request asks for none.
        chosen: the runs that are chosen when the page is opened.
    """
    facts = {"folder": shelf.root.resolve(), "chosen": chosen, "series": SERIES, "most": MOST_RUNS}
    app = page_app("/runs", "runs.html.jinja", PAGE, lang=lang, **facts, style_ids=_style_ids())
    _add_lists(app, shelf)
    _add_photos(app, shelf, bench := Workbench())
    _add_comparison(app, shelf, bench, lang)
    _add_changes(app, shelf)
    return cast(App, app)


@functools.cache
def _plotly() -> str:
    return str(get_plotlyjs())


@functools.cache
def _style_ids() -> list[str]:
    """The ids under which plotly looks for its styles before it adds them, which this page does not allow it."""
    return sorted(set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', _plotly())))


def _add_lists(app: FastAPI, shelf: Shelf) -> None:
    @app.get("/runs.json")
    def runs(request: Request) -> Response:
        return json_answer(request, [run.to_json() for run in shelf.runs()])

    @app.get("/runs/table.json")
    def table(request: Request, run: Annotated[list[Name], Query()] = []) -> Response:  # noqa: B006
        return json_answer(request, shelf.value(request.state.lang, run))

    @app.get("/runs/log.json")
    def log(request: Request, run: OneName, since: Annotated[int, Query(ge=0)] = 0, mark: str = "") -> Response:
        return json_answer(request, log_part(shelf.folder(run) / "log.jsonl", since=since, mark=mark))

    @app.get("/runs/recipes.json")
    def recipes(request: Request, run: Names) -> Response:
        return json_answer(request, shelf.recipes(run))

    @app.get("/runs/plotly.js")
    def plotly(request: Request) -> Response:
        answer = packed(request, _plotly().encode(), "text/javascript; charset=utf-8")
        answer.headers["cache-control"] = "private, max-age=86400"
        return answer


def _add_photos(app: FastAPI, shelf: Shelf, bench: Workbench) -> None:
    @app.get("/runs/photos.json")
    def photos(request: Request, run: Names, split: str = "val") -> Response:
        folders = {name: shelf.folder(name) for name in run}
        return json_answer(request, photos_value(shelf.dataset(folders[run[0]], anew=True), folders, split))

    @app.get("/runs/photo")
    def photo(run: OneName, sample: str, side: Side = None) -> Response:
        found, root = shelf.sample(run, sample)
        if side is not None:
            return Response(thumbnail(found.image(), side), media_type="image/jpeg")
        content, kind = photo_bytes(root / found.image_file if root else None, found.image())
        return Response(content, media_type=kind)

    @app.get("/runs/label")
    def label(request: Request, run: OneName, sample: str, side: Side = None) -> Response:
        return pixels_answer(request, small_mask(mask_of(shelf.sample(run, sample)[0]), side))

    @app.get("/runs/prediction")
    async def prediction(request: Request, run: OneName, of: str, sample: str, side: Side = None) -> Response:
        def asked() -> Any:
            (found, _), folder = shelf.sample(of, sample), shelf.folder(run)
            if not weights_in(folder).is_file():
                raise Refusal("no_weights", name=run)
            return bench.predict(folder, found, shelf.dataset(shelf.folder(of)).classes.names)

        future = await asyncio.to_thread(asked)
        try:
            mask = await asyncio.wrap_future(future)
        except UsageError:
            raise Refusal("other_classes", name=run, of=of) from None
        return pixels_answer(request, small_mask(mask, side))


def _add_comparison(app: FastAPI, shelf: Shelf, bench: Workbench, usual: str) -> None:
    @functools.lru_cache(8)
    def compared(folders: tuple[Path, ...], split: str, _written: tuple[int, ...]) -> Comparison:
        return cast(Comparison, bench.do(lambda: compare(folders, split=split)).result())

    def comparison(names: list[str], split: str) -> Comparison:
        folders = tuple(shelf.folder(name) for name in names)
        files = [folder / "evaluation" / split / "counts.npz" for folder in folders]
        missing = [name for name, file in zip(names, files, strict=True) if not file.is_file()]
        if missing:
            raise Refusal("not_judged", names=", ".join(missing), split=split)
        if len(set(names)) < max(2, len(names)):
            raise Refusal("compare_two")
        try:
            return compared(folders, split, tuple(file.stat().st_mtime_ns for file in files))
        except UsageError:
            raise Refusal("judged_otherwise", names=", ".join(names)) from None

    @app.get("/runs/compare.json")
    def verdict(request: Request, run: Names, split: str = "val", lang: Language | None = None) -> Response:
        found, said_in = comparison(run, split), lang or usual
        value = {
            **found.to_json(),
            "verdicts": found.verdicts(said_in),
            "rows": pair_rows(found, said_in),
            "remarks": [overfit_words(each, said_in) for each in found.overfits]
            + [data_words(each, said_in) for each in found.data],
        }
        return json_answer(request, json.loads(json_text(value)))  # without nan, which JSON does not have

    @app.get("/runs/compare")
    def whole(request: Request, run: Names, split: str = "val", lang: Language | None = None) -> Response:
        text = page(comparison(run, split), Words(lang or usual, AREA))
        answer = packed(request, text.encode(errors="backslashreplace"), "text/html; charset=utf-8")
        answer.headers["content-security-policy"] = ALONE
        answer.headers["cross-origin-opener-policy"] = "unsafe-none"  # a sandboxed page may have no other
        return answer


def _add_changes(app: FastAPI, shelf: Shelf) -> None:
    @app.post("/runs/labels")
    def label(request: Request, asked: Annotated[LabelsAsked, Body()]) -> Response:
        labels = shelf.label(asked.run, tags=asked.tags, archived=asked.archived, note=asked.note)
        return json_answer(request, {"tags": labels.tags, "archived": labels.archived, "note": labels.note})

    def add(path: str, act: Callable[[str, str], None]) -> None:
        @app.post(path)
        def done(request: Request, asked: Annotated[RunAsked, Body()]) -> Response:
            act(asked.run, request.state.lang)
            return json_answer(request, shelf.value(request.state.lang))

    add("/runs/stop", shelf.stop)
    add("/runs/resume", shelf.resume)
    add("/runs/dismiss", shelf.dismiss)
