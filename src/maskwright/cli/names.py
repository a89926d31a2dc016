"""Names that the user gives, and names that are chosen where none is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.errors import UsageError, shown

if TYPE_CHECKING:
    from maskwright.audit.folder import AuditFolder
    from maskwright.cli.screen import Screen
    from maskwright.data.classes import Classes
    from maskwright.data.dataset import Dataset


def names(text: str | None) -> tuple[str, ...] | None:
    """Class names from "background,cat,dog"; None where none are given.

    Raises:
        UsageError: a name is empty, or stands twice.
    """
    if text is None:
        return None
    given = tuple(name.strip() for name in text.split(","))
    if not all(given) or len(set(given)) < len(given):
        raise UsageError(
            f"--classes {text}: {'a name is empty' if not all(given) else 'a name stands twice'}.",
            expected="one name per pixel value, in their order, such as background,cat,dog",
        )
    return given


def classes_for(text: str | None, data: Path, run: Path | None) -> Classes | tuple[str, ...] | None:
    """Classes of DATA: as given, else as DATA says, else as a run or an audit of it says.

    Args:
        text: what `--classes` was given.
        data: the folder.
        run: a run, a bundle or the folder of an audit, or any other folder; None for none.

    Raises:
        UsageError: see `names`.
    """
    given = names(text)
    from maskwright.data.classes import classes_known

    return classes_known(given, data, run)


def read_for(
    screen: Screen, data: Path, classes: str | None, run: Path, *, strict: bool = False, allow_leak: bool = False
) -> Dataset:
    """DATA as a command reads it that is given a run: with the classes of `classes_for`."""
    from maskwright.data.reading import read

    given = classes_for(classes, data, run)
    return read(data, classes=given, strict=strict, allow_leak=allow_leak, on_progress=screen.on_progress)


def place_in_run(run: Path, dataset: Dataset, split: str, what: str) -> Path | None:
    """Where a run keeps what was said of it: only what was said on the data that it was made from, else None.

    Args:
        run: a run or a bundle.
        dataset: the data.
        split: the split that was judged.
        what: "evaluation" or "diagnosis".
    """
    from maskwright.shipping.bundle import data_of
    from maskwright.training.run import is_begun

    if not is_begun(run):
        return None
    return run / what / split if data_of(run).get(split) == dataset.digest(split) else None


def why_not_in_run(run: Path, dataset: Dataset, split: str, lang: str) -> str:
    """Why `place_in_run` gave no place, in words.

    Args:
        run: a run or a bundle.
        dataset: the data.
        split: the split that was judged.
        lang: "en" or "ru".
    """
    from maskwright.sentences import say
    from maskwright.shipping.bundle import data_of
    from maskwright.training.run import is_begun

    if not is_begun(run):
        return say("cli.not_in_run_unknown", lang, run=shown(run))
    key = "other" if split in data_of(run) else "split"
    return say(f"cli.not_in_run_{key}", lang, run=shown(run), data=shown(dataset.root or Path("DATA")), split=split)


def audit_of(data: Path, given: Path | None) -> AuditFolder:
    """Where the audit of DATA lies: as given, else beside DATA, where it need not be there.

    Args:
        data: the folder.
        given: what `--audit` was given.

    Raises:
        UsageError: no audit lies in the given folder.
    """
    from maskwright.audit.folder import AuditFolder, beside

    if given is None:
        return beside(data)
    folder = AuditFolder(given)
    if not folder.findings.is_file():
        raise UsageError(
            f"--audit {shown(given)}: no audit lies there.",
            expected="a folder with a findings.jsonl",
            do=f"Make one: maskwright audit {shown(data)} -o {shown(given)}",
        )
    return folder


def with_options(data: Path, *, audit: Path | None = None, journal: Path | None = None) -> str:
    """DATA as the next command names it, with the options that review and mend were given."""
    given = {"--audit": audit, "--journal": journal}
    return " ".join([shown(data), *(f"{name} {shown(path)}" for name, path in given.items() if path is not None)])


def free_folder(wanted: Path) -> Path:
    """The path itself, or the first of path-2, path-3, ... where nothing lies yet."""
    count, path = 1, wanted
    while path.exists():
        count += 1
        path = wanted.with_name(f"{wanted.name}-{count}")
    return path


def run_folder(data: Path, *, kind: str = "run") -> Path:
    """Where a run on some data goes when -o is left out: `runs/NAME`, numbered when that is taken.

    Args:
        data: the folder.
        kind: "run", "ladder" or "sweep".
    """
    return free_folder(Path(f"{kind}s") / (data.resolve().name or "data"))


def refuse_unnamed(out: Path | None, *, resume: bool, kind: str = "run") -> None:
    """Refuse to go on with nobody knows what.

    Args:
        out: what `-o` was given.
        resume: what `--resume` was given.
        kind: as in `run_folder`.

    Raises:
        UsageError: `-o` was left out.
    """
    if resume and out is None:
        raise UsageError(f"--resume: which {kind}?", do="Name its folder: -o OUT.")
