"""The built-in data through everything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.data.finding import read_findings
from maskwright.data.pets.faults import FAULTS, Planted
from maskwright.data.pets.write import LIST, DrawnDataset, draw_dataset
from maskwright.errors import UsageError, shown
from maskwright.evaluation.evaluate import Evaluation
from maskwright.progress import OnProgress, silent
from maskwright.reports.diagnosis import read_section as diagnosis_section
from maskwright.reports.language import Language
from maskwright.reports.tuning import read_section as tuning_section
from maskwright.sentences import say
from maskwright.storage import read_json
from maskwright.training.run import Run
from maskwright.workflow.run import run

FAULTY_SHARE = 0.15
"""Share of the training masks that get a fault: enough to be found, few enough to learn beside."""

BROKEN_FILES = 2
"""A photo that ends too early and a mask of another size: what the loader finds."""


@dataclass(frozen=True)
class Demo:
    """What a demo made.

    Args:
        folder: where all of it lies: the drawn data in `data/`, their audit in `data.maskwright/`, the run in `run/`
            (or `run-2/` after an earlier one).
        drawn: the drawn data.
        run: the run.
    """

    folder: Path
    drawn: DrawnDataset
    run: Run

    @property
    def planted(self) -> tuple[Planted, ...]:
        """The faults that were planted."""
        return self.drawn.planted


def demo(
    out: Path | str,
    *,
    images: int | None = None,
    size_px: int = 160,
    faults: float = FAULTY_SHARE,
    budget_s: float = 240.0,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    threads: int | None = None,
    lang: str = "en",
    on_progress: OnProgress = silent,
) -> Demo:
    """Draw cats and dogs, plant faults, and send them through all that `run` does.

    Args:
        out: a new or empty folder, or that of an earlier demo: its data is drawn again only where it differs,
            and its runs stay.
        images: how many photos; None takes as many as are drawn in a small part of the budget, 60 to 300.
        size_px: side of the photos.
        faults: share of the training masks with a planted fault, in [0, 0.5].
        budget_s: seconds for all of it.
        settings: settings by name that the plan keeps as given.
        seed: of the drawing and of the training.
        threads: None takes all cores.
        lang: language of the report, "en" or "ru".
        on_progress: told how far each stage is.

    Returns:
        What was drawn and planted, and the run.

    Raises:
        UsageError: `out` holds files that no demo wrote.
    """
    began = time.monotonic()
    folder = Path(out)
    _check_ours(folder)
    drawn = draw_dataset(
        folder / "data",
        images=images or min(300, max(60, round(1.25 * budget_s))),
        size_px=size_px,
        seed=seed,
        faults=faults,
        broken=BROKEN_FILES,
        threads=threads,
        on_progress=on_progress,
    )
    made = run(
        drawn.folder,
        run_folder(folder),
        budget_s=budget_s - (time.monotonic() - began),
        settings=settings,
        seed=seed,
        threads=threads,
        lang=lang,
        on_progress=on_progress,
    )
    return Demo(folder, drawn, made)


def run_folder(out: Path) -> Path:
    """Where the next demo in `out` writes its run: `run`, or the first of `run-2`, `run-3`, ... that is free."""
    number = 1
    while (folder := out / ("run" if number == 1 else f"run-{number}")).exists() and any(folder.iterdir()):
        number += 1
    return folder


def demo_lines(made: Demo, lang: str = "en") -> list[str]:
    """What a demo has to say: what was drawn, planted and found, the scores, and where the report lies.

    Args:
        made: a finished demo.
        lang: "en" or "ru".
    """
    return [
        *_drawn_lines(made.drawn, lang),
        *_found_lines(made, lang),
        *_score_lines(made.run.folder, lang),
        *_reason_lines(made.run.folder, lang),
        say("demo.report", lang, file=shown(made.run.folder / "report.html")),
    ]


def _check_ours(folder: Path) -> None:
    """Refuse a folder in which other things lie than a demo writes."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"-o {shown(folder)}: a file, where a folder is needed.", do="Name another folder.")
    present = sorted(folder.iterdir()) if folder.exists() else []
    foreign = [path.name for path in present if not _is_ours(path)]
    if foreign:
        raise UsageError(
            f"-o {shown(folder)}: other files lie there, and a demo does not write among them.",
            expected="a new or empty folder, or that of an earlier demo",
            found=", ".join(foreign[:5]) + (", ..." if len(foreign) > 5 else ""),
            do="Name another folder.",
        )


def _is_ours(path: Path) -> bool:
    if not path.is_dir():
        return False
    if path.name == "data":
        return (path / LIST).is_file() or not any(path.iterdir())
    if path.name == "data.maskwright":
        return True
    return path.name.split("-")[0] == "run" and ((path / "format").is_file() or not any(path.iterdir()))


def _drawn_lines(drawn: DrawnDataset, lang: str) -> list[str]:
    kinds = Counter(fault.kind for fault in drawn.planted)
    in_masks = sum(kinds[kind] for kind in FAULTS)
    broken = [fault.detail["file"] for fault in drawn.planted if fault.kind not in FAULTS]
    lines = [
        say("demo.drawn", lang, images=drawn.images, size_px=drawn.size_px, seed=drawn.seed, path=shown(drawn.folder))
    ]
    if in_masks:
        lines.append(say("demo.planted", lang, count=in_masks, masks=drawn.train_images))
        lines += [
            "  " + say("demo.kind", lang, count=kinds[kind], kind=say(f"demo.{kind}", lang))
            for kind in FAULTS
            if kinds[kind]
        ]
        lines.append("  " + say("demo.list", lang, file=shown(drawn.folder / LIST)))
    if broken:
        lines.append(say("demo.broken", lang, count=len(broken), files=", ".join(broken)))
    return lines


def _found_lines(made: Demo, lang: str) -> list[str]:
    """What the audit found."""
    findings = read_findings(made.run.folder / "findings.jsonl")
    lines = [
        say(
            "demo.found",
            lang,
            count=len(findings),
            left_out=len({one.sample for one in findings if one.left_out}),
        )
    ]
    lines += ["  " + one.sentence(lang) for one in findings[:5]]
    return [*lines, *_ranked_lines(made, lang)]


def _ranked_lines(made: Demo, lang: str) -> list[str]:
    """How many of the planted faults stand in the top of the audit's list."""
    faulty = {fault.sample for fault in made.planted if fault.kind in FAULTS}
    file = made.run.folder / "audit.json"
    if not faulty or not file.is_file():
        return []
    audit, count = read_json(file, format_version=1), len(faulty)
    facts = {"count": count, "double": 2 * count}
    facts |= {
        "top": len(faulty & {*audit["suspects"][:count]}),
        "twice": len(faulty & {*audit["suspects"][: 2 * count]}),
    }
    unjudged = [] if audit["judged"] else [say("demo.unjudged", lang, data=shown(made.drawn.folder))]
    aside = made.run.recipe.photos_aside
    left = [say("demo.set_aside", lang, count=len(aside), planted=len(faulty & {*aside}))] if aside else []
    return [say("demo.ranked", lang, **facts), *left, *unjudged]


def _score_lines(folder: Path, lang: str) -> list[str]:
    lines = []
    for split in ("val", "test"):
        if not (folder / "evaluation" / split).is_dir():
            continue
        evaluation = Evaluation.load(folder / "evaluation" / split)
        per_class = evaluation.scores.per_class(evaluation.classes)
        dice = ", ".join(f"{one['name']} {_percent(one['dice'])}" for one in per_class)
        mean = _percent(evaluation.scores.mDice)
        lines.append(say("demo.scores", lang, split=split, images=len(evaluation.sample_ids), mdice=mean, dice=dice))
    return lines


def _reason_lines(folder: Path, lang: str) -> list[str]:
    """What is missing most, and whether post-processing helps."""
    diagnosis = diagnosis_section(folder / "diagnosis" / "val", Language(lang))
    tuning = tuning_section(folder, Language(lang))
    return [section.verdict for section in (diagnosis, tuning) if section is not None]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share == share else "-"
