"""One self-contained page about a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.audit.folder import beside
from maskwright.errors import UsageError, shown
from maskwright.inference.opening import is_bundle
from maskwright.metrics.scores import PER_CLASS, SUMMARY
from maskwright.reports import tables
from maskwright.reports.card import card_report
from maskwright.reports.colours import ACCENT, ink_on, page_colour
from maskwright.reports.contents import Contents, Judged, read_contents
from maskwright.reports.curves import curves
from maskwright.reports.diagnosis import read_section as diagnosis_section
from maskwright.reports.language import Language
from maskwright.reports.pictures import embedded
from maskwright.reports.rendering import PICTURE_BYTES, page_text
from maskwright.reports.tuning import read_section as tuning_section
from maskwright.storage import write_text
from maskwright.training.run import Run, open_run


def report(run: Run | Path | str, *, out: Path | str | None = None, lang: str = "en") -> Path:
    """Write the report of a run, or the card of a bundle: one HTML page that needs no network and no other file.

    Args:
        run: a run or its folder; only files in it are read, so the data may be gone and the training may go on. Or a
            bundle.
        out: the page; None is `report.html` in the run folder. A bundle is never changed, so its page has to be named.
        lang: "en" or "ru".

    Returns:
        The page.

    Raises:
        RunError: there is no run, or a file in it is damaged or of another format version.
        RecipeError: the run's recipe cannot be read.
        UsageError: the language is not known, or a bundle's page was not named.
    """
    if not isinstance(run, Run):
        if is_bundle(Path(run)):
            return _card(Path(run), out, lang)
        run = open_run(Path(run))
    path = run.folder / "report.html" if out is None else Path(out)
    write_text(path, page(read_contents(run), Language(lang)))
    return path


def _card(bundle: Path, out: Path | str | None, lang: str) -> Path:
    if out is None:
        raise UsageError(f"{shown(bundle)}: a bundle is never changed.", do="Say where its page goes: -o card.html")
    return card_report(bundle, Path(out), lang=lang)


def page(contents: Contents, language: Language) -> str:
    """The report as HTML text."""
    figures = curves(contents.log, _colours(contents), language) if contents.log.last else {}
    tuning = tuning_section(contents.folder, language, picture_bytes=PICTURE_BYTES // 8)
    diagnosis = diagnosis_section(contents.folder / "diagnosis" / "val", language, picture_bytes=PICTURE_BYTES // 2)
    return page_text(
        "page.html.jinja",
        language,
        contents=contents,
        headline=headline(contents),
        colours=_colours(contents),
        ink_on=ink_on,
        figures=figures,
        diagnosis=diagnosis,
        tuning=tuning,
        galleries=[judged for judged in contents.judged.values() if judged.panels],
        pictures=_Pictures(contents, PICTURE_BYTES // 2 if diagnosis else PICTURE_BYTES),
        css=("page.css", "diagnosis.css", "tuning.css"),
        js=("reading.js", "figures.js", "page.js", "diagnosis.js"),
        tables=tables,
        summary=SUMMARY,
        per_class=PER_CLASS,
        terms=("mDice", *PER_CLASS, *(name for name in SUMMARY if name != "mDice"), *_OTHER_TERMS),
        title=_title(contents),
        model=contents.setting("model"),
        start=contents.initial or {"name": "none"},
        review_command=_review_command(contents),
        predict_command=f"maskwright predict {contents.folder.name} PHOTOS -o MASKS",
    )  # fmt: skip


_OTHER_TERMS = (
    "interval", "labelled", "predicted", "share", "objects", "object_area",
    "validation", "test", "confusion", "iteration", "loss", "learning_rate",
)  # fmt: skip
"""Words of the page that are explained, beside the names of the scores."""


@dataclass(frozen=True)
class Headline:
    """What the page says first.

    Args:
        split: where it was judged: "val", or "test" where nothing else was.
        images: on how many photos; None where only the log knows the score.
        mdice: in [0, 1] or nan.
        interval: its 95 % interval over photos, nan where there is none.
        per_class: (name, Dice) of each class.
        confusion: the commonest confusion, or None.
    """

    split: str
    images: int | None
    mdice: float
    interval: tuple[float, float]
    per_class: tuple[tuple[str, float], ...]
    confusion: tables.Confusion | None

    @property
    def weakest(self) -> tuple[str, float] | None:
        """The class with the lowest Dice, where there are several."""
        known = [entry for entry in self.per_class if entry[1] == entry[1]]
        return min(known, key=lambda entry: entry[1]) if len(known) > 1 else None


def headline(contents: Contents) -> Headline | None:
    """The score that counts: of validation, else the best of the log, else of whatever split was judged."""
    if "val" in contents.judged:
        return _judged_headline(contents.judged["val"])
    best = contents.log.best
    if best is not None:
        per_class = tuple((str(entry["name"]), _nan(entry.get("dice"))) for entry in best.get("per_class") or ())
        return Headline("val", None, _nan(best["metrics"]["mDice"]), (math.nan, math.nan), per_class, None)
    for judged in contents.judged.values():
        return _judged_headline(judged)
    return None


def _judged_headline(judged: Judged) -> Headline:
    per_class = tuple((str(entry["name"]), float(entry["dice"])) for entry in judged.per_class)
    confusion = tables.worst_confusion(judged)
    low, high = judged.intervals["mDice"].tolist()
    return Headline(judged.split, judged.images, judged.metrics["mDice"], (low, high), per_class, confusion)


class _Pictures:
    """Embeds the pictures of a run, which share the room that the page has for them."""

    def __init__(self, contents: Contents, limit_bytes: int) -> None:
        panels = sum(len(judged.panels) for judged in contents.judged.values())
        self.limit = limit_bytes // (panels + len(contents.samples) + 4)

    def __call__(self, path: Path, shares: int = 1) -> dict[str, Any] | None:
        """A picture's `src`, `width` and `height`; None where it cannot be read."""
        try:
            uri, width, height = embedded(path, limit_bytes=self.limit * shares)
        except OSError:
            return None
        return {"src": uri, "width": width, "height": height}


def _colours(contents: Contents) -> dict[str, str]:
    """The page colour of each class by name."""
    if contents.data is not None:
        return dict(zip(contents.data.classes, map(page_colour, contents.data.colours), strict=True))
    return dict.fromkeys(contents.class_names, ACCENT)


def _review_command(contents: Contents) -> str:
    """The command that opens the page of review; it names the audit where that does not lie beside the data."""
    if contents.data is None:
        return ""
    folder = Path((contents.audit or {}).get("folder") or beside(Path(contents.data.path)).path)
    elsewhere = f" --audit {folder}" * (folder.resolve() != beside(Path(contents.data.path)).path)
    return f"maskwright review {contents.data.path}{elsewhere}"


def _title(contents: Contents) -> str:
    """The name of the data, else of the run folder."""
    data = contents.data
    return (Path(data.path).name if data is not None else "") or contents.folder.resolve().name


def _nan(value: Any) -> float:
    return float("nan") if value is None else float(value)
