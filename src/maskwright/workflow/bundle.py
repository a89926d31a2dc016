"""Bundling: a run and all that is known of it in one folder or zip, with its model card."""

from __future__ import annotations

from pathlib import Path

from maskwright.errors import MaskwrightError, UsageError
from maskwright.inference.opening import is_bundle
from maskwright.reports.card import card_pages
from maskwright.sentences import table
from maskwright.shipping.bundle import Bundle, packed, repacked
from maskwright.shipping.facts import facts_of, read_facts
from maskwright.training.run import Run, open_run


def bundle(run: Run | Path | str, *, out: Path | str | None = None, lang: str | None = None) -> Bundle:
    """Put a run's best weights, its recipe, scores, licences and model card into one folder or zip.

    Args:
        run: a run with weights, or its folder; or a bundle, which is written again as it is, as a folder or a zip.
        out: a folder, or a file that ends in .zip; not there yet. None makes or replaces `RUN/bundle`.
        lang: language of the model card, "en" or "ru"; None is that of the bundle that is replaced, else English.

    Returns:
        The bundle; `maskwright.load(bundle.path)` predicts with it.

    Raises:
        RunError: there is neither a run with weights nor a bundle, or a file is damaged.
        RecipeError: the run's post-processing was fitted for other weights.
        UsageError: something lies in `out` already, or the language is not known.
        DiskError: the disk is full; what was there stays.
    """
    if not isinstance(run, Run):
        if is_bundle(Path(run)):
            if out is None:
                raise UsageError("This is a bundle already.", do="Name what it is to become: -o FOLDER or -o FILE.zip")
            return repacked(Path(run), Path(out))
        run = open_run(Path(run))
    lang = lang or _spoken(run.folder / "bundle")
    table(lang)  # an unknown language is refused before anything is read
    facts = facts_of(run, lang=lang)
    return packed(run, run.folder / "bundle" if out is None else Path(out), facts, card_pages)


def _spoken(older: Path) -> str:
    """The language of the bundle that is there already."""
    try:
        return read_facts(older).lang
    except (MaskwrightError, OSError):
        return "en"
