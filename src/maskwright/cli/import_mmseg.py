"""maskwright import-mmseg: a config of MMSegmentation and its checkpoint, as a run."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.cli import options
from maskwright.cli.names import names
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say
from maskwright.storage import read_json

if TYPE_CHECKING:
    from maskwright.experiments.mmsegmentation.import_run import Imported
    from maskwright.experiments.mmsegmentation.rows import Kind, Row


@verb
def import_mmseg(
    screen: Screen,
    config: options.MmsegConfig,
    out: options.OutFolder,
    checkpoint: options.MmsegCheckpoint = None,
    classes: options.Names = None,
) -> Answer:
    """Take over a config and checkpoint of MMSegmentation 1.x.

    Neither is executed. The run that is written evaluates, predicts and trains like any other. What was carried over,
    what was replaced and what has no counterpart is told entry by entry, also in import.json of the run.
    """
    from maskwright.workflow.import_mmseg import import_mmseg as take_over

    imported = take_over(config, checkpoint, out=out, classes=tuple(names(classes) or ()))
    value = {"run": str(out), **read_json(out / "import.json", format_version=1)}
    return Answer(value, _text(imported, out, screen.lang))


def _text(imported: Imported, out: Path, lang: str) -> str:
    groups: dict[Kind, list[Row]] = {"carried over": [], "replaced": [], "no counterpart": []}
    for row in imported.translation.rows:
        groups[row.kind].append(row)
    same = [row for row in groups["carried over"] if not row.ours]
    groups["carried over"] = [row for row in groups["carried over"] if row.ours]
    lines = []
    for rows in groups.values():
        if rows:
            lines += [f"{rows[0].kind_text(lang)}:", *(_row(one, lang) for one in rows), ""]
    told = say("mmseg.same", lang, count=len(same), file=shown(out / "import.json"))
    parts = (_not_followed(imported, lang), _weights(imported, lang), _next(imported, out, lang))
    return "\n".join([*lines, told, *itertools.chain(*parts)])


def _row(row: Row, lang: str) -> str:
    entry = f"  {row.what}" + (f" = {row.theirs}" if row.theirs else "") + (f"  ->  {row.ours}" if row.ours else "")
    return entry if row.kind == "carried over" and row.why_key == "carried" else f"{entry}\n      {row.why(lang)}"


def _not_followed(imported: Imported, lang: str) -> list[str]:
    notes = imported.config.notes
    return [say("mmseg.not_followed", lang), *(f"  {shown(one.file)}:{one.line}: {one.text}" for one in notes)] * bool(
        notes
    )


def _weights(imported: Imported, lang: str) -> list[str]:
    loaded = imported.loaded
    if loaded is None:
        return [say("mmseg.without_weights", lang)]
    facts: dict[str, Any] = {"origin": loaded.origin, "loaded": len(loaded.loaded)}
    return [
        say("mmseg.loaded", lang, **facts),
        *([say("mmseg.unread", lang, names=", ".join(loaded.unread))] if loaded.unread else []),
    ]


def _next(imported: Imported, out: Path, lang: str) -> list[str]:
    data = imported.translation.data.found
    facts = {"run": shown(out), "data": shown(data) if data else "DATA"}
    keys = ("next_train",) if imported.loaded is None else ("next_judge", "next_train")
    return ["", *(say(f"mmseg.{key}", lang, **facts) for key in keys)]
