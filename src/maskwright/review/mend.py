"""A new dataset out of an old one and what was decided about it."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from markupsafe import Markup

from maskwright.data.classes import IGNORE, classes_yaml
from maskwright.data.dataset import Dataset
from maskwright.data.encode import photo_png, write_mask_png
from maskwright.data.notebook import html_table, html_title
from maskwright.data.reading import CLASSES_FILE, look_over
from maskwright.data.sample import Sample
from maskwright.data.tree import File
from maskwright.errors import DataError, UsageError, shown
from maskwright.progress import OnProgress, Progress, silent
from maskwright.review.binding import refuse_other_data
from maskwright.review.changes import Change, left_out, repainted, write_changes
from maskwright.review.decision import Decision
from maskwright.review.journal import read_journal
from maskwright.review.painted import paintable, read_mask
from maskwright.sentences import say
from maskwright.storage import becoming, refuse_inside, refuse_occupied, write_bytes, write_text

MOST_ROWS = 10
"""Changes that a notebook shows; the others stand in changes.md."""


@dataclass(frozen=True)
class Mended:
    """What mending made.

    Args:
        folder: the new dataset.
        samples: how many it has.
        changes: what differs from the old one, by sample.
        linked: photos that are links.
        moved: whether photos and masks lie in folders by split now, where their splits were lists or were drawn.
    """

    folder: Path
    samples: int
    changes: tuple[Change, ...]
    linked: int
    moved: bool

    def _repr_html_(self) -> str:
        made = say(
            "mend.made",
            folder=shown(self.folder),
            samples=self.samples,
            excluded=self.count("exclude"),
            relabelled=self.count("relabel"),
        )
        head = [say(f"mend.{key}") for key in ("sample", "change", "why", "who")]
        rows = [[each.sample, each.said(), each.why, each.who] for each in self.changes[:MOST_ROWS]]
        rest = len(self.changes) - len(rows)
        more = html_title("", small=f"{say('cli.more', count=rest)} (changes.md)") if rest else Markup()
        return html_title("", small=made) + (html_table(head, rows) if rows else Markup()) + more

    def count(self, action: str) -> int:
        """How many samples were changed by "exclude" or "relabel"."""
        return sum(change.action == action for change in self.changes)


def mend(
    dataset: Dataset | Path | str,
    journal: Path | str,
    out: Path | str,
    *,
    link: bool = False,
    lang: str = "en",
    on_progress: OnProgress = silent,
) -> Mended:
    """Replay a journal: leave out what is excluded, take the painted masks, and copy the rest as it is.

    The same journal and data give the same bytes. Files keep their paths where the splits are folders of pictures;
    where they are lists, were drawn, or masks come from annotation files, the new dataset has `images/` and `masks/` by
    split, so that every sample stays in its split.

    Args:
        dataset: the data that the journal was made for, or their folder.
        journal: the file `journal.jsonl`, with its `masks/` beside it.
        out: the new dataset's folder: not there yet, or empty.
        link: photos become hard links to the old files where the file system can do that; masks never do.
        lang: language of `changes.md`, "en" or "ru".
        on_progress: is told how many samples are done.

    Returns:
        What was made and changed; also in `changes.jsonl` and `changes.md` of the new folder.

    Raises:
        DataError: the journal was made for other data; the message names what differs.
        RunError: the journal or one of its masks is missing or damaged.
        UsageError: something lies in `out` already, or it lies inside of the data.
    """
    journal, out = Path(journal), Path(out)
    if not isinstance(dataset, Dataset):
        dataset = look_over(dataset)
    root = _root(dataset)
    refuse_inside(out, root)
    refuse_occupied(out)
    bindings, decisions = read_journal(journal)
    refuse_other_data(journal, bindings, decisions, dataset, strict=True)
    last = {decision.sample: decision for decision in decisions}
    carried = _planned(dataset, last, moved=_is_moved(dataset))
    _refuse_clash(carried)
    with becoming(out) as folder:
        painted, linked = _write(dataset, root, carried, journal, folder, link=link, on_progress=on_progress)
        changes = sorted([*painted, *left_out(dataset, last)], key=lambda change: (change.sequence, change.sample))
        write_changes(folder, changes, dataset, kept=sum(each.action == "keep" for each in last.values()), lang=lang)
    return Mended(out, len(carried), tuple(changes), linked, _is_moved(dataset))


def _root(dataset: Dataset) -> Path:
    if dataset.root is None:
        raise UsageError(
            "This dataset lies in memory, and a new one is made from files.", do="Read it from a folder: read(DATA)."
        )
    return dataset.root


@dataclass(frozen=True)
class _Carried:
    """A sample on its way into the new dataset: where its files will lie, and its new mask if it has one."""

    sample: Sample
    photo: str
    mask: str
    decision: Decision | None


def _planned(dataset: Dataset, last: dict[str, Decision], *, moved: bool) -> list[_Carried]:
    carried = []
    for sample in dataset:
        decision = last.get(sample.id)
        if decision is None or decision.action != "exclude":
            photo, mask = _places(sample) if moved else (sample.image_file, sample.mask_file)
            painted = decision if decision is not None and decision.action == "relabel" else None
            mask = str(PurePosixPath(mask).with_suffix(".png")) if painted else mask
            carried.append(_Carried(sample, photo, mask, painted))
    return carried


def _places(sample: Sample) -> tuple[str, str]:
    """Where photo and mask lie in folders by split; what was part of an annotation file becomes a file of its own."""
    stem = sample.id.removeprefix(f"{sample.split}/")
    photo = PurePosixPath(sample.image_file).suffix if File(sample.image_file).is_picture else ".png"
    mask = PurePosixPath(sample.mask_file).suffix if File(sample.mask_file).is_picture else ".png"
    return f"images/{sample.split}/{stem}{photo}", f"masks/{sample.split}/{stem}{mask}" if sample.labelled else ""


def _is_moved(dataset: Dataset) -> bool:
    """Whether the new dataset has folders by split: where the old one is none of pictures in such folders."""
    drawn = any(each.mask_file and not File(each.mask_file).is_picture for each in dataset)
    listed = dataset.layout == "split lists" or any(key == "data.splits_drawn" for key, _ in dataset.notes)
    return drawn or listed


def _refuse_clash(carried: Sequence[_Carried]) -> None:
    files = Counter(file for each in carried for file in (each.photo, each.mask) if file)
    twice = sorted(file for file, count in files.items() if count > 1)
    if twice:
        raise DataError(
            f"{twice[0]}: two files would get this name in the new dataset.",
            do="Rename one of them in the data, then decide on it again.",
        )


def _write(
    dataset: Dataset,
    root: Path,
    carried: Sequence[_Carried],
    journal: Path,
    folder: Path,
    *,
    link: bool,
    on_progress: OnProgress,
) -> tuple[list[Change], int]:
    """Write photos, masks and classes; gives the new masks as changes and the number of links."""
    classes = paintable(dataset.classes)
    changes, linked, ignoring = [], 0, False
    for done, each in enumerate(carried, start=1):
        if File(each.sample.image_file).is_picture:
            linked += _take(root / each.sample.image_file, folder / each.photo, link=link)
        else:
            write_bytes(folder / each.photo, photo_png(each.sample.image()))
        if each.decision is not None:
            new = read_mask(journal, each.decision, classes, each.sample.size_hw)
            write_mask_png(folder / each.mask, new, classes)
            changes.append(repainted(each.sample, each.decision, new, dataset.classes.names))
            ignoring |= bool((new == IGNORE).any())
        elif File(each.sample.mask_file).is_picture:
            _take(root / each.sample.mask_file, folder / each.mask, link=False)
        elif (drawn := each.sample.mask()) is not None:
            write_mask_png(folder / each.mask, drawn, classes)
            ignoring |= bool((drawn == IGNORE).any())
        on_progress(Progress("stage.mend", done, len(carried)))
    write_text(folder / CLASSES_FILE, classes_yaml(classes if ignoring else dataset.classes))
    return changes, linked


def _take(file: Path, to: Path, *, link: bool) -> bool:
    """Link or copy a file; whether it became a link."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if link:
        with contextlib.suppress(OSError):  # another file system, or one without links
            to.hardlink_to(file.resolve())
            return True
    shutil.copyfile(file, to)
    return False
