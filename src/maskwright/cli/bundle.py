"""maskwright bundle: all that predicting with a run needs, in one folder or zip."""

from __future__ import annotations

from pathlib import Path

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say


@verb
def bundle(
    screen: Screen, run: options.RunFolder, out: options.BundleOut = None, data_licence: options.DataLicence = None
) -> Answer:
    """Put a run into one folder or zip that predicts.

    Weights, classes, recipe, preprocessing, post-processing, scores with intervals, digests of the data, licences,
    exports that were made of these weights, and a model card in Markdown and HTML. maskwright run ends with one in
    RUN/bundle, which is made anew where -o is left out. A bundle is written again as it is, as a folder or as a zip.
    """
    from maskwright.inference.exports import exports_in
    from maskwright.inference.opening import opened
    from maskwright.shipping.facts import read_facts
    from maskwright.workflow.bundle import bundle as make

    made = make(run, out=out, lang=screen.lang, data_licence=data_licence)
    folder = opened(made.path).folder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts, size = read_facts(folder), sum(path.stat().st_size for path in files)
    exports = exports_in(folder)
    scores = {name: score.metrics for name, score in facts.scores.items()}
    value = {"bundle": str(made.path), "bytes": size, "exports": exports, "scores": scores}
    return Answer(value, "\n".join(_lines(made.path, size, exports, judged=bool(scores), lang=screen.lang)))


def _lines(path: Path, size: int, exports: list[str], *, judged: bool, lang: str) -> list[str]:
    from maskwright.reports.language import Language

    return [
        say("card.written", lang, bundle=shown(path), mb=Language(lang).decimal(size / 1e6, 1)),
        *([say("card.written_exports", lang, names=", ".join(exports))] if exports else []),
        *([] if judged else [say("card.written_unjudged", lang)]),
        say("card.written_next", lang, bundle=shown(path)),
    ]
