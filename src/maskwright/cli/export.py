"""maskwright export: the network of a run for another runtime."""

from __future__ import annotations

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say


@verb
def export(
    screen: Screen,
    run: options.RunFolder,
    format: options.ExportFormat = "onnx",
    out: options.Out = None,
    resize: options.ExportResize = False,
    output: options.ExportOutput = "logits",
    model: options.OwnModel = None,
) -> Answer:
    """Write the network for another runtime.

    What is written lies in RUN, where predict, evaluate and tune find it by --runtime, or where -o says. It takes
    photos of any number and size, and is compared with torch before it is kept.
    """
    from maskwright.shipping.export import export as write

    made = write(run, format=format, out=out, resize=resize, output=output, model=model, on_progress=screen.on_progress)
    megabytes = sum(facts["bytes"] for facts in made.about["files"].values()) / 1e6
    apart = f"{made.about['checked']['largest_difference']:.1g}"
    text = say("cli.exported", screen.lang, folder=shown(made.folder), megabytes=f"{megabytes:.1f}", apart=apart)
    return Answer({"folder": str(made.folder), **made.about}, text)
