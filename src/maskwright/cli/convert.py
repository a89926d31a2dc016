"""maskwright convert: a dataset in the form that another tool wants."""

from __future__ import annotations

from maskwright.cli import options
from maskwright.cli.names import names
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say


@verb
def convert(
    screen: Screen,
    data: options.Data,
    to: options.Format,
    out: options.OutFolder,
    classes: options.Names = None,
    link: options.Link = False,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
) -> Answer:
    """Write a dataset in another format.

    FORMAT is folders, voc, coco, labelme, yolo, cvat, label-studio or ultralytics. OUT is a new folder. Photos are
    copied byte by byte; nothing in DATA is changed.
    """
    class_names = names(classes)
    from maskwright.data.convert import convert as write

    written = write(
        data,
        to=to,
        out=out,
        classes=class_names,
        link=link,
        strict=strict,
        allow_leak=allow_leak,
        on_progress=screen.on_progress,
    )
    facts = {"left_out": written.left_out, "changed_px": written.changed_px}
    lines = [
        say("convert.done", screen.lang, to=to, samples=sum(written.samples.values()), out=shown(out)),
        *([say("convert.left_out", screen.lang, left_out=written.left_out, data=shown(data))] * bool(written.left_out)),
        *([say("convert.changed", screen.lang, changed_px=written.changed_px)] * bool(written.changed_px)),
    ]
    return Answer({"out": str(out), "format": to, "samples": written.samples, **facts}, "\n".join(lines))
