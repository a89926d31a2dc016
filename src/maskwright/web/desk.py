"""What the page of review shows and takes in, as JSON values and pixels."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from maskwright.audit.folder import AuditFolder, beside
from maskwright.audit.probabilities import has_probs, read_probs
from maskwright.data.classes import IGNORE
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.sample import Image, Mask, Sample
from maskwright.errors import RunError, shown
from maskwright.progress import OnProgress, silent
from maskwright.review.balance import balance, count_pixels, pixels_of
from maskwright.review.decision import Action, Decision
from maskwright.review.journal import Journal
from maskwright.review.proposals import Proposal, Region, grabcut, of_model
from maskwright.review.queue import Place, build_queue
from maskwright.sentences import say, table
from maskwright.web.answers import Refusal, Unknown
from maskwright.web.confined import confined


class Desk:
    """A dataset on the table, with what is known and decided about it.

    Args:
        dataset: the samples.
        folder: what an audit made of it.
        journal: what was decided.
        proposals: those that are not always to be had, by name, e.g. {"sam": ...}.
        to_get: the commands that would bring those that are missing, by name, e.g. {"sam": "maskwright weights ..."}.
        on_progress: is told how many masks are counted.

    Raises:
        RunError: a file of the audit is damaged.
    """

    def __init__(
        self,
        dataset: Dataset,
        folder: AuditFolder,
        journal: Journal,
        *,
        proposals: Mapping[str, Proposal] = MappingProxyType({}),
        to_get: Mapping[str, str] = MappingProxyType({}),
        on_progress: OnProgress = silent,
    ) -> None:
        self.dataset, self.journal = dataset, journal
        self.queue = build_queue(dataset, folder)
        self._folder = folder
        self._has_model = folder.probs.is_dir() and self.queue.believed
        self._proposals: dict[str, Proposal] = {"grabcut": grabcut, **proposals}
        self._to_get = dict(to_get)
        self._places = {place.index: place for place in self.queue.places}
        self._indices = {sample.id: index for index, sample in enumerate(dataset)}
        self._counts = count_pixels(dataset, on_progress=on_progress)
        self._counted: dict[str, str] = {}
        self._splits = np.array([sample.split for sample in dataset])
        self._left_out = np.zeros(len(dataset), bool)
        self._recount()

    def queue_value(self, *, person: str, lang: str) -> dict[str, Any]:
        """All samples, worst first, with what the filters need."""
        self._recount()
        classes = zip(self.dataset.classes.names, self.dataset.classes.colours, strict=True)
        return {
            "format": 1,
            "name": self.dataset.root.name if self.dataset.root else "",
            "classes": [{"id": place, "name": name, "rgb": list(rgb)} for place, (name, rgb) in enumerate(classes)],
            "ignore": IGNORE,
            "person": person,
            "lang": lang,
            "audited": self.queue.audited,
            "proposals": ["model"] * self._has_model + list(self._proposals),
            "to_get": self._to_get,
            "check_names": _check_names(lang),
            "samples": [self._line(place) for place in self.queue.places],
            "left_out": [_finding_value(finding, lang) for finding in self.queue.left_out],
            "notices": self.notices(lang),
        }

    def changes_value(self, since: int, *, person: str) -> dict[str, Any]:
        """The decisions after number `since`, of all people, oldest first."""
        self.journal.refresh()
        made = self.journal.since(since)
        return {
            "format": 1,
            "sequence": made[-1].sequence if made else since,
            "decisions": [
                {
                    "sample": each.sample,
                    "action": each.action,
                    "note": each.why,
                    "who": each.who,
                    "mine": each.who == person,
                    "version": each.version,
                    "mask_digest": each.mask_digest,
                }
                for each in made
            ],
        }

    def notices(self, lang: str) -> list[str]:
        """What a person has to know about the audit that sorts the queue: it is missing, out of date, or of a part."""
        root = self.dataset.root or Path()
        elsewhere = self._folder.path.resolve() != beside(root).path
        data = shown(root) + f" -o {shown(self._folder.path)}" * elsewhere
        if not self.queue.audited:
            return [say("web.not_audited", lang, data=data)]
        counts = {"audit_changed": len(self.queue.changed), "audit_missed": len(self.queue.missed)}
        told = [say(f"web.{key}", lang, count=count, data=data) for key, count in counts.items() if count]
        return [*told, *([] if self.queue.believed else [say("audit.not_believed", lang)])]

    def sample_value(self, index: int, *, lang: str) -> dict[str, Any]:
        """One sample with its findings, its history, and what leaving it out costs."""
        sample = self.sample(index)
        self._recount()
        return {
            "index": index,
            "id": sample.id,
            "split": sample.split,
            "version": self.journal.version(sample.id),
            "size_hw": sample.size_hw,
            "labelled": sample.labelled,
            "findings": [_finding_value(finding, lang) for finding in self._places[index].findings],
            "changed": sample.id in self.queue.changed,
            "decision": decision_value(self.journal.last(sample.id)),
            "history": [decision_value(decision) for decision in self.journal.history(sample.id)],
            "image_file": sample.image_file,
            "mask_file": sample.mask_file,
            "cost": self._cost(index),
            "modelled": self._has_model and has_probs(self._folder.probs, sample.id),
        }

    def sample(self, index: int) -> Sample:
        """The sample at a place of the dataset.

        Raises:
            Unknown: there is none.
        """
        if not 0 <= index < len(self.dataset):
            raise Unknown("no_sample", index=index, last=len(self.dataset) - 1)
        return self.dataset[index]

    def image(self, index: int) -> Image:
        """The photo, `(H, W, 3) uint8` RGB.

        Raises:
            Outside: its file lies elsewhere than in the dataset.
        """
        sample = self.sample(index)
        confined(self.dataset.root, sample.image_file)
        return sample.image()

    def mask(self, index: int, *, original: bool = False) -> Mask:
        """A mask as it stands, or as the dataset has it; where there is none, nothing is judged.

        Raises:
            Outside: its file lies elsewhere than in the dataset.
        """
        sample = self.sample(index)
        confined(self.dataset.root, sample.mask_file)
        self.journal.refresh()
        mask = sample.mask() if original else self.journal.mask(sample.id)
        return np.full(sample.size_hw, IGNORE, np.uint8) if mask is None else mask

    def painted(self, index: int, version: str) -> Mask:
        """The mask that a decision painted, also one that counts no longer.

        Raises:
            Unknown: no decision of that version painted one.
        """
        sample = self.sample(index)
        self.journal.refresh()
        mask = self.journal.painted(sample.id, version)
        if mask is None:
            raise Unknown("no_painted", sample=sample.id, version=version[:40])
        return mask

    def propose(self, index: int, method: str, region: Region, mask: Mask | None = None) -> Mask:
        """A mask that a person may take.

        Args:
            index: of the sample.
            method: one of the queue's `proposals`.
            region: where, and which class.
            mask: the mask as it is being painted; None takes the one that stands.

        Raises:
            Unknown: there is no such proposal.
            UsageError: there is no such class, or the mask has another size.
        """
        sample = self.sample(index)
        present = self.mask(index) if mask is None else mask
        if present.shape != sample.size_hw or not 0 <= region.class_id < len(self.dataset.classes):
            raise Refusal("wrong_region", sample=sample.id, class_id=region.class_id)
        return self._proposal(sample, method)(self.image(index), present, region)

    def decide(self, sample: str, action: Action, *, seen: str, who: str, why: str, mask: Mask | None) -> Decision:
        """Write a decision down; see `Journal.decide`."""
        decision = self.journal.decide(sample, action, seen=seen, who=who, why=why, mask=mask)
        self._recount()
        return decision

    def _recount(self) -> None:
        """Take in what was decided here or by another process; count masks anew that were painted or taken back."""
        self.journal.refresh()
        for sample, last in self.journal.standing().items():
            index = self._indices.get(sample)  # another process may know photos that were added since
            if index is None:
                continue
            self._left_out[index] = last.action == "exclude"
            if self._counted.get(sample, "") != last.mask_file:
                with contextlib.suppress(RunError):  # a painted mask that is lost is told where it is asked for
                    mask = self.journal.mask(sample)
                    if mask is not None:
                        self._counts[index] = pixels_of(mask, len(self.dataset.classes))
                self._counted[sample] = last.mask_file

    def _proposal(self, sample: Sample, method: str) -> Proposal:
        if method == "model" and self._has_model:
            probs = read_probs(self._folder.probs, sample.id)
            if probs is not None and probs.shape[1:] == sample.size_hw:
                return of_model(probs)
        elif method in self._proposals:
            return self._proposals[method]
        raise Unknown("no_proposal", sample=sample.id, method=method)

    def _line(self, place: Place) -> dict[str, Any]:
        sample = self.dataset[place.index]
        last = self.journal.last(sample.id)
        return {
            "index": place.index,
            "id": sample.id,
            "split": sample.split,
            "severity": round(place.severity, 4),
            "size_hw": sample.size_hw,
            "checks": list(dict.fromkeys(finding.check for finding in place.findings)),
            "class_ids": np.flatnonzero(self._counts[place.index]).tolist(),
            "decision": None if last is None else last.action,
            "version": self.journal.version(sample.id),
        }

    def _cost(self, index: int) -> dict[str, Any]:
        """The classes of the sample's split with it and without it; what is left out already is left out in both."""
        others = (self._splits == self._splits[index]) & ~self._left_out
        others[index] = False
        after = self._counts[others]
        with_it = balance(np.vstack([after, self._counts[index : index + 1]]))
        without = balance(after)
        return {
            "before": with_it.shares,
            "after": without.shares,
            "images_before": with_it.images,
            "images_after": without.images,
        }


def decision_value(decision: Decision | None) -> dict[str, Any] | None:
    """A decision as the page shows it."""
    if decision is None:
        return None
    return {
        "action": decision.action,
        "note": decision.why,
        "who": decision.who,
        "when": decision.when,
        "version": decision.version,
    }


def _check_names(lang: str) -> dict[str, str]:
    prefix = "check."
    return {key.removeprefix(prefix): name for key, name in table(lang).items() if key.startswith(prefix)}


def _finding_value(finding: Finding, lang: str) -> dict[str, Any]:
    return {
        "sample": finding.sample,
        "check": finding.check,
        "severity": finding.severity,
        "sentence": finding.sentence(lang),
        "region_xywh": finding.region_xywh,
    }
