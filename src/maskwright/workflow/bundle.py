"""Bundling: a run and all that is known of it in one folder or zip, with its model card."""

from __future__ import annotations

from pathlib import Path

from maskwright.errors import MaskwrightError, UsageError
from maskwright.inference.opening import is_bundle
from maskwright.reports.card import card_pages
from maskwright.sentences import table
from maskwright.shipping.bundle import Bundle, packed, repacked
from maskwright.shipping.facts import NOT_STATED, Facts, facts_of, read_facts
from maskwright.training.run import Run, open_run

LONGEST_LICENCE = 200
"""Letters: a name and an address, and no text of a licence."""


def bundle(
    run: Run | Path | str, *, out: Path | str | None = None, lang: str | None = None, data_licence: str | None = None
) -> Bundle:
    """Put a run's best weights, its recipe, scores, licences and model card into one folder or zip.

    Args:
        run: a run with weights, or its folder; or a bundle, which is written again as it is, as a folder or a zip.
        out: a folder, or a file that ends in .zip; not there yet. None makes or replaces `RUN/bundle`.
        lang: language of the model card, "en" or "ru"; None is that of the run's last bundle, else English.
        data_licence: of the photos and masks, e.g. "CC-BY-4.0"; None is that of the run's last bundle, else not stated.

    Returns:
        The bundle; `maskwright.load(bundle.path)` predicts with it.

    Raises:
        RunError: there is neither a run with weights nor a bundle, or a file is damaged.
        RecipeError: the run's post-processing was fitted for other weights.
        UsageError: something lies in `out` already, the language is not known, or the licence is longer than its name.
        DiskError: the disk is full; what was there stays.
    """
    if len(data_licence or "") > LONGEST_LICENCE:
        raise UsageError("This is no name of a licence.", expected=f"at most {LONGEST_LICENCE} letters, e.g. CC-BY-4.0")
    if not isinstance(run, Run):
        if is_bundle(Path(run)):
            if out is None:
                raise UsageError("This is a bundle already.", do="Name what it is to become: -o FOLDER or -o FILE.zip")
            if data_licence:
                raise UsageError("A bundle is written again as it is.", do="Bundle the run with --data-licence.")
            return repacked(Path(run), Path(out))
        run = open_run(Path(run))
    last = _facts_in(run.folder / "bundle")
    lang = lang or (last.lang if last else "en")
    table(lang)  # an unknown language is refused before anything is read
    stated = last.licences.data if last and last.licences else NOT_STATED
    facts = facts_of(run, lang=lang, data_licence=data_licence or stated)
    return packed(run, run.folder / "bundle" if out is None else Path(out), facts, card_pages)


def _facts_in(older: Path) -> Facts | None:
    """What the bundle says that is there already."""
    try:
        return read_facts(older)
    except (MaskwrightError, OSError):
        return None
