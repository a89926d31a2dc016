"""Files that the real tools write are read by us, and ours by them, to the same pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from foreign_scenes import NAMES, SCENES, SIZE_HW, scene_mask, scene_photo
from foreign_tools import WRITERS
from maskwright.data.classes import make_classes
from maskwright.data.convert import convert
from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.data.sample import ArrayPixels, Sample

pytestmark = pytest.mark.filterwarnings("ignore")  # what other tools warn of is not ours to mend

Masks = dict[str, NDArray[np.uint8]]


@pytest.mark.parametrize("tool", WRITERS)
def test_theirs_are_read_by_us(tool: str, tmp_path: Path) -> None:
    WRITERS[tool](tmp_path)
    dataset = read(tmp_path, cache=False)
    assert (dataset.classes.names, dataset.findings, len(dataset)) == (NAMES, (), len(SCENES))
    for number, sample in enumerate(dataset):
        assert np.array_equal(sample.mask(), scene_mask(number))


def _ours() -> Dataset:
    samples = [
        Sample(f"{split}/{name}", split, ArrayPixels(scene_photo(number), scene_mask(number)), SIZE_HW, digest=name)
        for number, (split, name) in enumerate(SCENES)
    ]
    return Dataset(make_classes(NAMES), tuple(samples))


def _painted(canvas: NDArray[np.uint8], pixels: NDArray[np.bool_], label: str) -> None:
    canvas[pixels] = NAMES.index(label)


def _by_pycocotools(folder: Path) -> Masks:
    from pycocotools.coco import COCO

    masks = {}
    for split in ("train", "val"):
        coco = COCO(folder / "annotations" / f"instances_{split}.json")
        for image in coco.loadImgs(coco.getImgIds()):
            canvas = masks[Path(image["file_name"]).stem] = np.zeros(SIZE_HW, np.uint8)
            for one in coco.loadAnns(coco.getAnnIds(image["id"])):
                (category,) = coco.loadCats(one["category_id"])
                _painted(canvas, coco.annToMask(one) > 0, category["name"])
    return masks


def _by_datumaro(form: str) -> Callable[[Path], Masks]:
    def masks(folder: Path) -> Masks:
        import datumaro

        dataset = datumaro.Dataset.import_from(str(folder), form)
        labels = dataset.categories()[datumaro.AnnotationType.label]
        found = {}
        for item in dataset:
            canvas = found[Path(item.id).stem] = np.zeros(SIZE_HW, np.uint8)
            for one in item.annotations:
                if isinstance(one, datumaro.Mask):
                    _painted(canvas, np.asarray(one.image) > 0, labels[one.label].name)
        return found

    return masks


def _by_labelme(folder: Path) -> Masks:
    from labelme._label_file import read_label_file
    from labelme.utils import shapes_to_label

    numbers = {name: place for place, name in enumerate(NAMES)}
    return {
        file.stem: shapes_to_label(SIZE_HW, read_label_file(str(file)).shapes, numbers)[0].astype(np.uint8)
        for file in folder.rglob("*.json")
    }


def _by_label_studio(folder: Path) -> Masks:
    from label_studio_converter.brush import decode_rle

    masks = {}
    for split in ("train", "val"):
        for task in json.loads((folder / f"{split}.json").read_text()):
            canvas = masks[Path(task["data"]["image"]).stem] = np.zeros(SIZE_HW, np.uint8)
            for one in task["annotations"][0]["result"]:
                pixels = decode_rle(one["value"]["rle"]).reshape(*SIZE_HW, 4)[..., 3] > 0
                _painted(canvas, pixels, one["value"]["brushlabels"][0])
    return masks


READERS: dict[str, tuple[str, Callable[[Path], Masks]]] = {
    "pycocotools": ("coco", _by_pycocotools),
    "datumaro-cvat": ("cvat", _by_datumaro("cvat")),
    "datumaro-voc": ("voc", _by_datumaro("voc_segmentation")),
    "labelme": ("labelme", _by_labelme),
    "label-studio": ("label-studio", _by_label_studio),
}


@pytest.mark.parametrize("tool", READERS)
def test_ours_are_read_by_them(tool: str, tmp_path: Path) -> None:
    to, masks_in = READERS[tool]
    convert(_ours(), to=to, out=tmp_path / "out")
    masks = masks_in(tmp_path / "out")
    assert sorted(masks) == sorted(name for _, name in SCENES)
    for number, (_, name) in enumerate(SCENES):
        assert np.array_equal(masks[name], scene_mask(number)), name
