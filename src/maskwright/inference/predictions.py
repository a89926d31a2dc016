"""What predicting many photos gave, as a value that shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from markupsafe import Markup

from maskwright.data.classes import Classes
from maskwright.data.decode import read_image
from maskwright.data.notebook import html_swatch, html_table, html_thumbnail, html_title
from maskwright.errors import DataError, shown
from maskwright.inference.work import Failure
from maskwright.metrics.photo import Cell, photo_row
from maskwright.metrics.scores import Scores
from maskwright.sentences import percent, say

SHOWN = 6
"""Photos that a notebook shows one by one; the others stand in `predictions.csv`."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What `predict` did.

    Args:
        out: the folder of the predictions.
        classes: what was predicted.
        done: how many photos were predicted now.
        skipped: how many were there already.
        failed: photos and labels that could not be read.
        rows: one dict for each photo, as in `predictions.csv`, in the order of the photos; read from disk when asked.
        scores: the scores over all labelled photos together, or None where there are no labels.
    """

    out: Path
    classes: Classes
    done: int
    skipped: int
    failed: tuple[Failure, ...]
    rows: Sequence[dict[str, Cell]]
    scores: Scores | None

    def _repr_html_(self) -> str:
        place, failed = shown(self.out / "masks"), len(self.failed)
        said = say("cli.predicted_done", done=self.done, skipped=self.skipped, failed=failed, out=place)
        parts = [html_title("", small=said)]
        for row in self.rows[:SHOWN]:
            parts += [html_title(PurePath(str(row["file"])).name, small=str(row["problem"])), self._photo(row)]
        if len(self.rows) > SHOWN:
            parts.append(html_title("", small=say("cli.more", count=len(self.rows) - SHOWN)))
        if self.scores is not None:
            photos = sum(self._is_labelled(row) for row in self.rows)
            together = photo_row(self.scores, self.classes.names)
            parts += [html_title("", small=say("cli.labelled_photos", images=photos)), self._table(together)]
        return Markup("").join(parts)

    def _photo(self, row: Mapping[str, Cell]) -> Markup:
        if row[f"predicted_px:{self.classes.names[0]}"] == "":
            return Markup("")
        return self._overlay(row) + self._table(row)

    def _overlay(self, row: Mapping[str, Cell]) -> Markup:
        name = PurePath(str(row["mask"])).relative_to(self.out / "masks").with_suffix(".jpg")
        try:
            return html_thumbnail(read_image(self.out / "overlays" / name))
        except DataError:  # overlays were not wanted
            return Markup("")

    def _is_labelled(self, row: Mapping[str, Cell]) -> bool:
        return row.get(f"labelled_px:{self.classes.names[0]}", "") != ""

    def _table(self, row: Mapping[str, Cell]) -> Markup:
        labelled = self._is_labelled(row)
        predicted, given = say("cli.predicted"), say("cli.labelled")
        head = [say("cli.class"), *(["Dice", "IoU"] if labelled else []), f"{predicted} px", "%"]
        lines = []
        for name, colour in zip(self.classes.names, self.classes.colours, strict=True):
            line: list[str] = [html_swatch(colour) + name]
            line += [_percent(row[f"{score}:{name}"]) for score in ("dice", "iou")] if labelled else []
            line += [str(row[f"predicted_px:{name}"]), _percent(row[f"predicted_share:{name}"])]
            line += [str(row[f"labelled_px:{name}"]), _percent(row[f"labelled_share:{name}"])] if labelled else []
            lines.append(line)
        return html_table([*head, *([f"{given} px", "%"] if labelled else [])], lines)


def _percent(share: Cell) -> str:
    return percent(float(share) if share != "" and share is not None else None)
