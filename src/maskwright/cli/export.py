"""maskwright export: the network of a run for another runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.texts import table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import percent, say


@verb
def export(
    screen: Screen,
    run: options.RunFolder,
    format: options.ExportFormat = "onnx",
    int8: options.Int8 = False,
    data: options.Int8Data = None,
    split: options.Split = "val",
    max_loss: options.MaxLoss = 0.3,
    out: options.Out = None,
    resize: options.ExportResize = False,
    output: options.ExportOutput = "logits",
    model: options.OwnModel = None,
) -> Answer:
    """Write the network for another runtime.

    What is written lies in RUN, where predict, evaluate and tune find it by --runtime, or where -o says. It takes
    photos of any number and size, and is compared with torch before it is kept. With --int8 it is calibrated on
    training photos and judged on validation: layers that cost too much stay in float32, and what loses more than
    --max-loss is refused with exit code 1.
    """
    from maskwright.shipping.export import export as write

    made = write(
        run,
        format=format,
        int8=int8,
        data=data,
        split=split,
        budget=max_loss / 100,
        out=out,
        resize=resize,
        output=output,
        model=model,
        on_progress=screen.on_progress,
    )
    megabytes = sum(facts["bytes"] for facts in made.about["files"].values()) / 1e6
    facts = {"folder": shown(made.folder), "megabytes": f"{megabytes:.1f}"}
    gate = made.about.get("gate")
    if gate is None:
        text = say("cli.exported", screen.lang, **facts, apart=f"{made.about['checked']['largest_difference']:.1g}")
    else:
        text = "\n".join([say("cli.exported_int8", screen.lang, **facts), *_gate_lines(gate, screen.lang)])
    return Answer({"folder": str(made.folder), **made.about}, text)


def _gate_lines(gate: Mapping[str, Any], lang: str) -> list[str]:
    """What int8 costs: a row per class, then mDice, in percent and points."""
    rows = [
        [
            row["name"],
            percent(row["before"]),
            percent(row["after"]),
            *(_points(row[end]) for end in ("difference", "low", "high")),
        ]
        for row in (*gate["per_class"], {"name": "mDice", **gate["mDice"]})
    ]
    head = [say(f"cli.int8_{name}", lang) for name in ("class", "before", "after", "difference", "low", "high")]
    facts = {"photos": gate["photos"], "split": gate["split"], "agreement": f"{100 * gate['agreement']:.3f}"}
    said = say("cli.int8_judged", lang, **facts, **gate["layers"])
    return ["", said, table([head, *rows])]


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.2f}" if fraction == fraction else "-"
