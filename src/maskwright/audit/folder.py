"""Where audit and review keep what they make of a dataset: beside it, never in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskwright.storage import read_json, refuse_occupied


@dataclass(frozen=True)
class AuditFolder:
    """`DATA.maskwright/`, or another folder in its place.

    Args:
        path: the folder; it need not be there yet.
    """

    path: Path

    @property
    def findings(self) -> Path:
        """One finding per line, worst first."""
        return self.path / "findings.jsonl"

    @property
    def samples(self) -> Path:
        """The digest of every sample that was looked at, as it was then."""
        return self.path / "samples.json"

    @property
    def statistics(self) -> Path:
        """The dataset in numbers."""
        return self.path / "statistics.json"

    @property
    def duplicates(self) -> Path:
        """Groups of photos that are the same, or nearly."""
        return self.path / "duplicates.json"

    @property
    def splits(self) -> Path:
        """Lists of the splits that are offered instead, `train.txt` and so on; only where a photo is in two splits."""
        return self.path / "splits"

    @property
    def label_issues(self) -> Path:
        """Every judged sample once, worst first."""
        return self.path / "label_issues.json"

    @property
    def report(self) -> Path:
        """The audit as a page."""
        return self.path / "audit.html"

    @property
    def probs(self) -> Path:
        """Out-of-fold probabilities, one file per sample: see `audit.probabilities`."""
        return self.path / "probs"

    @property
    def journal(self) -> Path:
        """What persons decided, one decision per line, appended only."""
        return self.path / "journal.jsonl"


def refuse_foreign(folder: AuditFolder) -> None:
    """Refuse a folder for an audit in which other things lie than audit and review write.

    Raises:
        UsageError: it is a file, or holds something, and nothing that was written there before.
    """
    ours = (folder.findings, folder.journal, folder.probs, folder.path / "folds", folder.path / "judging")
    if not any(path.exists() for path in ours):
        refuse_occupied(folder.path, do="Name a new folder, or that of an earlier audit.")


def looked_at(folder: AuditFolder) -> dict[str, str]:
    """Id -> `Sample.digest` of every sample that an audit looked at; nothing where none lies there, or an older one.

    Raises:
        RunError: the file is damaged or of another format version.
    """
    return dict(read_json(folder.samples, format_version=1)["samples"]) if folder.samples.is_file() else {}


def beside(data: Path) -> AuditFolder:
    """The folder of a dataset: `DATA.maskwright` beside DATA."""
    data = data.resolve()
    return AuditFolder(data.with_name(f"{data.name}.maskwright"))
