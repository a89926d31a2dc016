"""The journal: every decision is a line on disk before anyone is told that it is saved."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import filelock

from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_mask_png
from maskwright.data.sample import Mask, Sample
from maskwright.errors import MaskwrightError, RunError, UsageError, shown
from maskwright.review.binding import Binding, bind, refuse_other_data
from maskwright.review.decision import Action, Decision, version_of
from maskwright.review.lines import Lines, parse_lines
from maskwright.review.painted import mask_path, paintable, read_mask
from maskwright.storage import file_digest, json_text, sync_folder

LOCK_TIMEOUT_S = 20.0
"""A line takes milliseconds; who waits longer than that waits for a process that hangs, and is told."""


class Stale(MaskwrightError):
    """A decision about a version of a sample that is no longer the last one.

    Args:
        current: the decision that came in between, or None where the version never was.
        version: the sample's version now.
    """

    def __init__(self, where: str, *, current: Decision | None, version: str) -> None:
        self.current, self.version = current, version
        super().__init__(where, do="Look at the sample as it is now and decide again.")


class Journal:
    """The decisions about a dataset, on disk and in memory; many threads and many processes may use one file.

    Args:
        path: `journal.jsonl`; it is made with the first decision, its masks lie in `masks/` beside it.
        dataset: what is decided about.

    Raises:
        RunError: the file is damaged in its middle, or of another format version.
        DataError: it was made for other data.
    """

    def __init__(self, path: Path, dataset: Dataset) -> None:
        self.path = path
        self.classes = paintable(dataset.classes)
        self._binding = bind(dataset)
        self._samples = {sample.id: sample for sample in dataset}
        self._within = threading.RLock()
        self._bindings: list[Binding] = []
        self._history: dict[str, list[Decision]] = defaultdict(list)
        self._offset = self._sequence = 0
        if path.is_file():
            with self._alone():
                self._mend_tail()
            refuse_other_data(path, self._bindings[-1:], self.decisions, dataset, strict=False)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them, in the order in which they were made."""
        with self._within:
            every = [decision for history in self._history.values() for decision in history]
        return tuple(sorted(every, key=lambda decision: decision.sequence))

    def history(self, sample: str) -> tuple[Decision, ...]:
        """All decisions about one sample, oldest first."""
        return tuple(self._history.get(sample, ()))

    def last(self, sample: str) -> Decision | None:
        """The decision that counts for one sample; None where there is none or it was taken back."""
        history = self._history.get(sample)
        return history[-1] if history and history[-1].action != "clear" else None

    def standing(self) -> dict[str, Decision]:
        """The last decision about each sample that was ever decided on, also those that take one back."""
        with self._within:
            return {sample: history[-1] for sample, history in self._history.items() if history}

    def version(self, sample: str) -> str:
        """What the sample's state is called now; see `version_of`."""
        history = self._history.get(sample)
        return version_of(self._samples[sample], history[-1].sequence if history else 0)

    def mask(self, sample: str) -> Mask | None:
        """The sample's mask as it stands after the decisions, `(H, W) uint8`, or None without a label."""
        decision = self.last(sample)
        if decision is None or decision.action != "relabel":
            return self._samples[sample].mask()
        return read_mask(self.path, decision, self.classes, self._samples[sample].size_hw)

    def painted(self, sample: str, version: str) -> Mask | None:
        """The mask that the decision of a version painted, `(H, W) uint8`, or None where there is no such."""
        for decision in self.history(sample):
            if decision.version == version and decision.mask_file:
                return read_mask(self.path, decision, self.classes, self._samples[sample].size_hw)
        return None

    def since(self, sequence: int) -> tuple[Decision, ...]:
        """The decisions after a number, in their order."""
        if sequence >= self._sequence:
            return ()
        return tuple(decision for decision in self.decisions if decision.sequence > sequence)

    def refresh(self) -> None:
        """Take in what other processes have decided since."""
        with self._within, contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > self._offset:
                self._take_in(self._unread())

    def decide(
        self, sample: str, action: Action, *, seen: str, who: str, why: str = "", mask: Mask | None = None
    ) -> Decision:
        """Write a decision down. When this returns, the line and its mask are on the disk.

        Args:
            sample: the sample's id.
            action: what is decided.
            seen: the version of the sample that the person looked at.
            who: the person.
            why: a note.
            mask: `(H, W) uint8` class ids, for "relabel" and only there.

        Returns:
            The decision as it stands in the journal.

        Raises:
            Stale: another decision about this sample came in between; nothing is written.
            UsageError: there is no such sample, or the mask is missing, too much, or of another size.
            DataError: the mask holds an id that is no class.
        """
        self._check(sample, action, mask)
        with self._alone():
            self._mend_tail()
            if seen != self.version(sample):
                last = self._history[sample][-1] if self._history.get(sample) else None
                raise Stale(
                    f"{sample}: it was decided on since it was shown.", current=last, version=self.version(sample)
                )
            decision = self._made(self._samples[sample], action, seen, who, why, mask)
            bound = self._bindings[-1:] == [self._binding]
            records = [*([] if bound else [self._binding.record()]), decision.record()]
            self._append("".join(f"{json_text(record)}\n" for record in records))
        return decision

    def _check(self, sample: str, action: Action, mask: Mask | None) -> None:
        known = self._samples.get(sample)
        if known is None:
            raise UsageError(f"{sample!r}: there is no such sample.", do="Give the id of a sample of the dataset.")
        if (mask is not None) != (action == "relabel"):
            raise UsageError(f"{sample}: {action} {'needs a mask' if mask is None else 'takes no mask'}.")
        if mask is not None and not known.labelled:
            raise UsageError(
                f"{sample}: the split {known.split} has no masks, and one alone would hide its other photos.",
                do="Write masks for the whole split first.",
            )
        if mask is not None and mask.shape != known.size_hw:
            raise UsageError(
                f"{sample}: the mask has another size than the photo.",
                expected="{1} x {0}".format(*known.size_hw),
                found="{1} x {0}".format(*mask.shape),
            )

    def _made(self, sample: Sample, action: Action, seen: str, who: str, why: str, mask: Mask | None) -> Decision:
        sequence = self._sequence + 1
        version = version_of(sample, sequence)
        mask_file = mask_path(sample.id, version, mask) if mask is not None else ""
        if mask is not None:
            write_mask_png(self.path.parent / mask_file, mask, self.classes)
            sync_folder((self.path.parent / mask_file).parent)
        return Decision(
            sequence=sequence,
            sample=sample.id,
            action=action,
            seen=seen,
            version=version,
            who=who,
            when=datetime.now(UTC).isoformat(timespec="milliseconds"),
            why=why,
            digest=sample.digest,
            mask_file=mask_file,
            mask_digest=file_digest(self.path.parent / mask_file) if mask_file else "",
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread and no other process writes to the journal meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"), timeout=LOCK_TIMEOUT_S)
        try:
            with self._within, lock:
                yield
        except filelock.Timeout:
            raise RunError(
                f"{shown(self.path)}: another process holds this journal.",
                do="End the other maskwright review, then decide again. Nothing was written.",
            ) from None

    def _unread(self) -> Lines:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            return parse_lines(file.read(), self.path, first=self._offset == 0)

    def _take_in(self, lines: Lines) -> None:
        self._bindings += lines.bindings
        for decision in lines.decisions:
            if decision.sequence != self._sequence + 1:
                raise RunError(
                    f"{shown(self.path)}: a decision is missing, or two stand in one place.",
                    expected=f"number {self._sequence + 1}",
                    found=f"number {decision.sequence}",
                    do="Restore the file from a copy.",
                )
            self._history[decision.sample].append(decision)
            self._sequence = decision.sequence
        self._offset += lines.whole_bytes

    def _mend_tail(self) -> None:
        """Read what is new; what a killed process left of a line is put aside, so that the next line is whole."""
        known = self.path.stat().st_size if self.path.is_file() else 0
        if known < self._offset:
            raise RunError(
                f"{shown(self.path)}: this journal was moved, removed or cut off while it was in use.",
                found=f"{known} bytes of {self._offset}" if known else "no such file",
                do="Put it back, or end this maskwright review and begin again. Nothing was written.",
            )
        if not known:
            return
        lines = self._unread()
        if lines.torn:
            with self.path.with_name(f"{self.path.name}.torn").open("ab") as aside:
                aside.write(lines.torn + b"\n")
                aside.flush()
                os.fsync(aside.fileno())
            with self.path.open("rb+") as file:
                file.truncate(self._offset + lines.whole_bytes)
                os.fsync(file.fileno())
        self._take_in(lines)

    def _append(self, text: str) -> None:
        """Write in one go and down to the disk; what could not be written whole is taken back."""
        content, is_new = text.encode(), not self.path.exists()
        with self.path.open("ab", buffering=0) as file:
            try:
                if file.write(content) != len(content):
                    raise OSError("the disk took only a part of the line")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(self._offset)
                raise
        if is_new:
            sync_folder(self.path.parent)
        self._take_in(parse_lines(content, self.path, first=self._offset == 0))


def read_journal(path: Path) -> tuple[tuple[Binding, ...], tuple[Decision, ...]]:
    """Read a journal without changing it; what a killed process left of a last line is passed over.

    Args:
        path: the file.

    Returns:
        What data it was made for, the last word last, and the decisions in their order.

    Raises:
        RunError: there is no such file, or it is damaged in its middle.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise RunError(
            f"{shown(path)}: no such journal.", do="Decide first: maskwright review DATA, or name one: --journal J"
        ) from None
    lines = parse_lines(content, path, first=True)
    return lines.bindings, lines.decisions
