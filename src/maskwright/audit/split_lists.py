"""The splits that are offered where a photo is in two of them, as the text files that the reader knows."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from maskwright.data.dataset import Dataset
from maskwright.storage import write_text


def write_split_lists(dataset: Dataset, resplit: Mapping[str, str], folder: Path) -> None:
    """Write one list per split, a photo's path per line; without anything to move, earlier lists are removed.

    Copied into the dataset's folder as `splits/`, they are how it is read from then on.

    Args:
        dataset: all samples.
        resplit: id -> split, of the samples that move.
        folder: where `train.txt` and the others go.
    """
    if folder.is_dir():
        shutil.rmtree(folder)
    if not resplit:
        return
    lists: dict[str, list[str]] = defaultdict(list)
    for sample in dataset:
        lists[resplit.get(sample.id, sample.split)].append(sample.image_file or sample.id)
    for split, files in lists.items():
        write_text(folder / f"{split}.txt", "".join(f"{file}\n" for file in sorted(files)))
