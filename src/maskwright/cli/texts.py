"""What the commands print for a person, made from what lies in a run folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.data.finding import Finding, read_findings
from maskwright.errors import shown
from maskwright.sentences import percent, say
from maskwright.storage import read_json

if TYPE_CHECKING:
    from maskwright.data.statistics import Statistics
    from maskwright.recipe.recipe import Recipe
    from maskwright.weights.table import Commercial

FINDINGS_SHOWN = 5


def opening_text(run: Path, lang: str) -> str:
    """The first screen of a run: what was read, what is wrong with it, and the plan.

    Args:
        run: a run folder in which training is about to begin.
        lang: "en" or "ru".
    """
    from maskwright.data.statistics import Statistics
    from maskwright.recipe.files import read_recipe

    statistics = Statistics.from_json(read_json(run / "data.json", format_version=1))
    return "\n".join(
        [
            *data_lines(statistics, lang),
            *_finding_lines(run, statistics, lang),
            *_audit_lines(run, lang),
            *plan_lines(read_recipe(run / "recipe.yaml"), run / "recipe.yaml", lang),
            *_start_lines(run, lang),
        ]
    )


def data_lines(statistics: Statistics, lang: str) -> list[str]:
    """What was read: photos per split, classes with their shares, and what the reader assumed."""
    splits = statistics.splits
    images = sum(split.images for split in splits.values())
    first = next((name for name in ("train", *splits) if name in splits and any(splits[name].class_px)), None)
    shares = zip(statistics.classes, splits[first].class_frac, strict=True) if first else ()
    named = ", ".join(f"{name} {percent(share)} %" for name, share in shares)
    return [
        say("cli.read", lang, images=images, path=shown(statistics.path)),
        *[
            "  " + say("cli.read_split", lang, split=name, images=split.images, labelled=split.labelled)
            for name, split in splits.items()
        ],
        *(["  " + say("cli.read_classes", lang, split=first, classes=named)] if first else []),
        *["  " + say(key, lang, **dict(facts)).replace("\n", "\n    ") for key, facts in statistics.notes],
    ]


def scores_text(evaluation: Mapping[str, Any], lang: str) -> str:
    """The scores of a split as a table: a row per class, in percent, and the means below.

    Args:
        evaluation: what `Evaluation.to_json` gives.
        lang: "en" or "ru".
    """
    images = evaluation["images"]
    title = say("cli.split", lang, split=evaluation["split"], images=images)
    text = f"{title}\n{scores_table(evaluation['per_class'], evaluation['metrics'], lang)}"
    low, high = evaluation.get("intervals", {}).get("mDice", (None, None))
    interval = [] if low is None else [say("cli.interval", lang, low=percent(low), high=percent(high))]
    return "\n".join([text, *interval, *grouped_lines(images, evaluation.get("groups", images), lang)])


def grouped_lines(photos: int, groups: int, lang: str) -> list[str]:
    """That photos come in groups and are not independent, in a line; none where each stands alone."""
    return [say("report.grouped", lang, photos=photos, groups=groups)] if groups < photos else []


def scores_table(per_class: Sequence[Mapping[str, Any]], metrics: Mapping[str, float | None], lang: str) -> str:
    """Scores in percent: a row per class with its areas, and the means below."""
    totals = {key: sum(row[key] for row in per_class) for key in ("predicted_px", "labelled_px")}
    header = [say("cli.class", lang), "Dice", "IoU", "Acc", "Precision", "Recall"]
    header += [f"{say('cli.predicted', lang)} %", f"{say('cli.labelled', lang)} %"]
    lines = [
        [
            row["name"],
            *(percent(row[key]) for key in ("dice", "iou", "acc", "precision", "recall")),
            *(percent(row[key] / total if total else None) for key, total in totals.items()),
        ]
        for row in per_class
    ]
    means = "  ".join(f"{name} {percent(value)}" for name, value in metrics.items())
    return f"{table([header, *lines])}\n{means}"


def photo_table(row: Mapping[str, Any], names: Sequence[str], lang: str) -> str:
    """One photo's Dice, IoU and areas, a row per class; areas in pixels and in percent of the judged pixels.

    Args:
        row: see `maskwright.metrics.photo.photo_row`.
        names: the classes' names, by id.
        lang: "en" or "ru".
    """
    predicted, labelled = say("cli.predicted", lang), say("cli.labelled", lang)
    header = [say("cli.class", lang), "Dice", "IoU", f"{predicted} px", "%", f"{labelled} px", "%"]
    lines = [
        [
            name,
            percent(row[f"dice:{name}"]),
            percent(row[f"iou:{name}"]),
            str(row[f"predicted_px:{name}"]),
            percent(row[f"predicted_share:{name}"]),
            str(row[f"labelled_px:{name}"]),
            percent(row[f"labelled_share:{name}"]),
        ]
        for name in names
    ]
    return table([header, *lines])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns, the first one to the left; a line below the header."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            aligned(cell, width) if place == 0 else aligned("", width - width_of(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes: a wide letter (East Asian, emoji) two, a mark over a letter none."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


def aligned(text: str, width: int) -> str:
    """A text with the blanks behind it that fill its column."""
    return text + " " * (width - width_of(text))


def ended(text: str, width: int) -> str:
    """A text that fits into a column: a longer one by its end, as that of a path or a digest tells it."""
    if width_of(text) <= width:
        return text
    fitting = sum(taken < width for taken in accumulate(map(_width_of, reversed(text))))
    return f"…{text[len(text) - fitting :]}"


def _width_of(letter: str) -> int:
    within = "\u1160" <= letter <= "\u11ff"  # the vowel or the end of a Hangul letter
    if within or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def setting_text(value: object, width: int) -> str:
    """A setting's value that fits into a column."""
    return ended(", ".join(map(str, value)) if isinstance(value, tuple) else str(value), width)


def findings_of(run: Path) -> list[Finding]:
    """The findings of a run, worst first."""
    return sorted(read_findings(run / "findings.jsonl"), key=lambda finding: -finding.severity)


def _finding_lines(run: Path, statistics: Statistics, lang: str) -> list[str]:
    findings = findings_of(run)
    if not findings:
        return [say("cli.read_clean", lang)]
    sentences = [finding.sentence(lang) for finding in findings[:FINDINGS_SHOWN]]
    more = len(findings) - len(sentences)
    return [
        *([say("cli.read_left_out", lang, left_out=statistics.left_out)] if statistics.left_out else []),
        say("cli.read_findings", lang, findings=len(findings), file=shown(run / "findings.jsonl")),
        *[f"  - {' '.join(sentence.split())}" for sentence in sentences],
        *(["  " + say("cli.more", lang, count=more)] if more else []),
    ]


def _audit_lines(run: Path, lang: str) -> list[str]:
    from maskwright.recipe.files import read_recipe

    path = run / "audit.json"
    audit = read_json(path, format_version=1) if path.is_file() else None
    if audit is None:
        return []
    aside = read_recipe(run / "recipe.yaml").photos_aside
    return [
        *([say("cli.audit_judged", lang, count=audit["judged"])] if audit["judged"] else []),
        *([say("cli.set_aside", lang, count=len(aside), recipe=shown(run / "recipe.yaml"))] if aside else []),
        say("cli.audit_page", lang, report=shown(Path(audit["report"]))),
    ]


def _start_lines(run: Path, lang: str) -> list[str]:
    from maskwright.recipe.files import read_recipe
    from maskwright.recipe.recipe import GIVEN
    from maskwright.weights.table import fitting

    path = run / "initial_weights.json"
    initial: dict[str, Any] = read_json(path, format_version=1) if path.exists() else {"name": "none"}
    if initial["name"] == "none":
        recipe = read_recipe(run / "recipe.yaml")
        known = fitting(recipe.model) and recipe.reason("weights") != GIVEN
        return [say("cli.starts_from_none", lang, why=sentence(recipe.reason("weights")))] if known else []
    limit = limits(initial["commercial"], lang)
    return [
        say(
            "cli.starts_from",
            lang,
            name=initial["name"],
            licence=initial["licence"],
            limit=f", {limit}" if limit else "",
            loaded=initial["loaded"],
            new=len(initial["new"]),
        )
    ]


def limits(commercial: Commercial, lang: str) -> str:
    """What a licence says against commercial use, in words; "" where it allows it."""
    keys = {"yes": "", "no": "cli.not_commercial", "not stated": "cli.commercial_not_stated"}
    return say(keys[commercial], lang) if keys[commercial] else ""


def sentence(reason: str) -> str:
    """A reason of the recipe, without its kind, as a sentence."""
    text = reason.partition(": ")[2] or reason
    return text[:1].upper() + text[1:] + "."


def plan_lines(recipe: Recipe, file: Path, lang: str) -> list[str]:
    """What is trained, in few words."""
    iterations = recipe.final_length
    lines = [
        say(
            "cli.planned",
            lang,
            model=recipe.model,
            crop="×".join(map(str, recipe.crop_hw)),
            batch=recipe.batch_size,
            iterations=iterations,
            threads=recipe.threads,
            file=shown(file),
        )
    ]
    if (members := recipe.members_after(iterations)) > 1:
        lines.append(say("cli.planned_soup", lang, members=members, each=recipe.soup_iterations))
    return lines
