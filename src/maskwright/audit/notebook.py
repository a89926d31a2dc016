"""An audit as a notebook shows it: how often each check found something, and the worst findings with thumbnails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from maskwright.data.decode import read_image
from maskwright.data.finding import Finding
from maskwright.data.notebook import html_table, html_thumbnail, html_title
from maskwright.errors import DataError
from maskwright.sentences import say, table

MOST_ROWS = 10
"""What fits on a screen; the page of the audit shows the rest."""


def audit_html(name: str, images: int, findings: Sequence[Finding], root: str, *, lang: str = "en") -> str:
    """An audit in short, as HTML.

    Args:
        name: what the dataset is called.
        images: how many samples were looked at.
        findings: worst first.
        root: the dataset's folder, "" for arrays; thumbnails are of the files in it that the findings name.
        lang: "en" or "ru".
    """
    title = html_title(name, small=say("notebook.audit", lang, photos=images, findings=len(findings)))
    if not findings:
        return title + html_title("", small=say("notebook.clean", lang))
    counts = Counter(finding.check for finding in findings).most_common()
    by_check = html_table(
        [say("notebook.check", lang), say("notebook.count", lang)],
        [[table(lang).get(f"check.{check}", check), str(count)] for check, count in counts],
    )
    head = [say(f"notebook.{key}", lang) for key in ("picture", "severity", "where", "sentence")]
    rows = [_row(finding, root, lang) for finding in findings[:MOST_ROWS]]
    shown = say("notebook.worst", lang, n=len(rows), findings=len(findings), file="findings.jsonl")
    return title + by_check + html_title("", small=shown) + html_table(head, rows)


def _row(finding: Finding, root: str, lang: str) -> list[str]:
    return [_thumbnail(finding, root), f"{finding.severity:.2f}", finding.sample, finding.sentence(lang)]


def _thumbnail(finding: Finding, root: str) -> Markup:
    """The file that a finding names, where it can be decoded; nothing outside of the dataset's folder is opened."""
    name = str(finding.facts.get("image") or finding.facts.get("file") or "")
    path = (Path(root) / name).resolve()
    if not root or not name or not path.is_relative_to(Path(root).resolve()):
        return Markup()
    try:
        return html_thumbnail(read_image(path))
    except (DataError, OSError):
        return Markup()
