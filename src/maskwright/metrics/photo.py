"""One photo's numbers as one row of a table: scores, areas and their shares."""

from __future__ import annotations

from collections.abc import Sequence

from maskwright.metrics.scores import Scores

Cell = str | int | float
"""What stands in a table; nan is an empty cell in a CSV."""

CLASS_COLUMNS = ("dice", "iou", "predicted_px", "predicted_share", "labelled_px", "labelled_share")
"""What is said of each class of a photo, in this order; the column is called `<this>:<class>`."""


def photo_columns(names: Sequence[str]) -> list[str]:
    """The columns of `photo_row`, in order: the photo's summaries, then the columns of each class.

    Args:
        names: the classes' names, by id.
    """
    classes = [f"{column}:{name}" for name in names for column in CLASS_COLUMNS]
    return ["aAcc", "mDice", "mIoU", "mAcc", "mDice_foreground", "judged_px", *classes]


def photo_row(scores: Scores, names: Sequence[str]) -> dict[str, Cell]:
    """One photo's numbers by column.

    Args:
        scores: the photo's own scores: the same definitions over the counts of this photo alone.
        names: the classes' names, by id.

    Returns:
        The columns of `photo_columns`. Areas are in pixels, shares are of the photo's judged pixels in [0, 1].
    """
    row: dict[str, Cell] = dict(scores.summary())
    row["judged_px"] = scores.judged_px
    for position, name in enumerate(names):
        for column in CLASS_COLUMNS:
            row[f"{column}:{name}"] = getattr(scores, column)[position].item()
    return {column: row[column] for column in photo_columns(names)}


def csv_cell(value: Cell | None) -> Cell:
    """A cell as a CSV writes it: nan and None are empty, fractions have six decimals."""
    if value is None or value != value:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else value
