"""A dataset: classes and samples, immutable."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from markupsafe import Markup

from maskwright.data.classes import Classes
from maskwright.data.finding import Finding
from maskwright.data.notebook import html_swatch, html_table, html_title
from maskwright.data.sample import Sample
from maskwright.errors import DataError, nearest
from maskwright.sentences import say


@dataclass(frozen=True)
class Dataset:
    """Classes and samples, with what was found wrong while reading them.

    Args:
        classes: what the mask values mean.
        samples: the usable samples, ordered by split and id.
        root: the folder that they were read from, or None.
        findings: what was found wrong; samples that cannot be used are named here and not in `samples`.
        notes: sentences of what the reader assumed, as (sentence key, facts).
        layout: the name of the folder layout that was recognised.
    """

    classes: Classes
    samples: tuple[Sample, ...]
    root: Path | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    layout: str = "arrays"

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @overload
    def __getitem__(self, key: int) -> Sample: ...
    @overload
    def __getitem__(self, key: slice) -> Dataset: ...
    def __getitem__(self, key: int | slice) -> Sample | Dataset:
        return self.samples[key] if isinstance(key, int) else replace(self, samples=self.samples[key])

    def _repr_html_(self) -> str:
        small = say("notebook.dataset", photos=len(self), findings=len(self.findings), layout=self.layout)
        names = self.root.name if self.root is not None else ""
        classes = Markup(", ").join(
            html_swatch(colour) + name for name, colour in zip(self.classes.names, self.classes.colours, strict=True)
        )
        head = [say(f"notebook.{key}") for key in ("split", "photos", "labelled", "sizes")]
        rows = [self.split(name)._row(name) for name in self.splits]
        return html_title(names, small=small) + classes + html_table(head, rows)

    def _row(self, split: str) -> list[str]:
        sizes = Counter(f"{width} x {height}" for height, width in (sample.size_hw for sample in self)).most_common(4)
        return [split, str(len(self)), str(len(self.labelled)), ", ".join(size for size, _ in sizes)]

    def filter(self, wanted: Callable[[Sample], bool]) -> Dataset:
        """The samples for which `wanted(sample)` holds, as a dataset."""
        return replace(self, samples=tuple(sample for sample in self.samples if wanted(sample)))

    def spread(self, count: int) -> Dataset:
        """At most `count` of the samples, at even distances in their order; 0 keeps all."""
        places = spread_places(len(self.samples), count or len(self.samples))
        return replace(self, samples=tuple(self.samples[place] for place in places))

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, train, val and test first."""
        order = {"train": 0, "val": 1, "test": 2}
        return tuple(sorted({sample.split for sample in self.samples}, key=lambda name: (order.get(name, 3), name)))

    def split(self, name: str) -> Dataset:
        """The samples of one split.

        Raises:
            DataError: there is no such split.
        """
        if name not in self.splits:
            raise DataError(
                f"{self.root or 'This dataset'} has no split {name!r}.",
                found=", ".join(self.splits) or "no samples at all",
                do=nearest(name, self.splits),
            )
        return self.filter(lambda sample: sample.split == name)

    @property
    def labelled(self) -> Dataset:
        """The samples that have a mask."""
        return self.filter(lambda sample: sample.labelled)

    def digest(self, split: str) -> str:
        """Hex digest of one split: equal digest = equal pixels, masks and classes."""
        hasher = hashlib.blake2b(digest_size=16)
        hasher.update(repr((self.classes.names, self.classes.ignore is not None)).encode())
        for sample in sorted(self.split(split).samples, key=lambda sample: sample.id):
            hasher.update(f"{sample.id}\0{sample.digest}\0".encode())
        return hasher.hexdigest()


def spread_places(total: int, count: int) -> list[int]:
    """At most `count` of the places of `total`, from 0, at even distances; first and last are among them."""
    count = min(total, count)
    return [round(place * (total - 1) / max(1, count - 1)) for place in range(count)]
