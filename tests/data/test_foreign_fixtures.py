"""Small outputs of Datumaro, LabelMe, Label Studio's converter and pycocotools, read to the masks that were drawn.

`tests/foreign_tools.py` wrote them with the real tools.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foreign_scenes import NAMES, SCENES, scene_mask, scene_photo
from maskwright.data.convert import convert
from maskwright.data.reading import read

FIXTURES = Path(__file__).parents[1] / "fixtures" / "formats"
LAYOUTS = {
    "datumaro-coco": "COCO",
    "datumaro-cvat": "CVAT for images",
    "datumaro-voc": "split lists",
    "label-studio": "Label Studio",
    "labelme": "LabelMe",
    "pycocotools": "COCO",
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_another_tool_wrote_is_read_to_the_same_masks(name: str) -> None:
    dataset = read(FIXTURES / name, cache=False)
    assert (dataset.layout, dataset.classes.names, dataset.findings) == (LAYOUTS[name], NAMES, ())
    assert [(sample.split, sample.id) for sample in dataset] == [(split, f"{split}/{stem}") for split, stem in SCENES]
    for number, sample in enumerate(dataset):
        assert np.array_equal(sample.image(), scene_photo(number))
        assert np.array_equal(sample.mask(), scene_mask(number))


@pytest.mark.parametrize("name", LAYOUTS)
def test_it_is_converted_like_any_other(name: str, tmp_path: Path) -> None:
    convert(FIXTURES / name, to="yolo", out=tmp_path / "out")
    for number, sample in enumerate(read(tmp_path / "out", cache=False)):
        assert np.array_equal(sample.mask(), scene_mask(number))
