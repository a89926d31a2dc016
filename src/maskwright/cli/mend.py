"""maskwright mend: a new dataset out of what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import audit_of, classes_for
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.review.mend import Mended


@verb
def mend(
    screen: Screen,
    data: options.Data,
    out: options.NewFolder,
    audit: options.AuditOf = None,
    journal: options.JournalFile = None,
    link: options.Link = False,
    classes: options.Names = None,
) -> Answer:
    """Make a new dataset of DATA and the decisions about it.

    Excluded photos are left out, painted masks take the place of the old ones, and everything else is copied as it
    is. changes.md in NEW says what changed and why. The same decisions give the same bytes; DATA is never changed.
    """
    from maskwright.data.reading import look_over
    from maskwright.review.mend import mend as replay

    folder = audit_of(data, audit)
    dataset = look_over(data, classes=classes_for(classes, data, folder.path), on_progress=screen.on_progress)
    mended = replay(
        dataset,
        journal or folder.journal,
        out,
        link=link,
        lang=screen.lang,
        on_progress=screen.on_progress,
    )
    value = {
        "out": str(mended.folder),
        "samples": mended.samples,
        "excluded": mended.count("exclude"),
        "relabelled": mended.count("relabel"),
        "linked": mended.linked,
        "moved": mended.moved,
        "changes": [change.record() for change in mended.changes],
    }
    return Answer(value, _text(mended, link, screen.lang))


def _text(mended: Mended, link: bool, lang: str) -> str:
    made = say(
        "mend.made",
        lang,
        folder=shown(mended.folder),
        samples=mended.samples,
        excluded=mended.count("exclude"),
        relabelled=mended.count("relabel"),
    )
    moved = [say("mend.moved", lang)] if mended.moved else []
    copied = [say("mend.not_linked", lang, count=mended.samples - mended.linked)]
    why = say("mend.record", lang, file=shown(mended.folder / "changes.md"))
    return "\n".join([made, *moved, *(copied if link and mended.linked < mended.samples else []), why])
