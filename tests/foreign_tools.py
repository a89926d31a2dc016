"""The scenes as other tools write them; run by itself, it makes the fixtures of the core's tests anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from foreign_scenes import NAMES, SCENES, SIZE_HW, scene_objects, scene_photo


def datumaro(folder: Path, form: str) -> None:
    """Export the scenes by Datumaro."""
    from datumaro.components.annotation import Mask
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image

    items = [
        DatasetItem(
            id=name,
            subset=split,
            media=Image.from_numpy(data=scene_photo(number)[..., ::-1], ext=".png"),
            annotations=[
                Mask(image=pixels, label=class_id, id=place, group=place, z_order=place)
                for place, (class_id, pixels) in enumerate(scene_objects(number), start=1)
            ],
        )
        for number, (split, name) in enumerate(SCENES)
    ]
    Dataset.from_iterable(items, categories=list(NAMES)).export(str(folder), form, save_media=True)


def labelme(folder: Path) -> None:
    """Save the scenes by LabelMe: a mask with a hole, a polygon, a rectangle, and a polygon of two lines."""
    from labelme._label_file import write_label_file
    from labelme.utils import img_arr_to_b64

    for number, (split, name) in enumerate(SCENES):
        (_, cat), _ = scene_objects(number)
        (folder / split).mkdir(parents=True, exist_ok=True)
        PilImage.fromarray(scene_photo(number)).save(folder / split / f"{name}.png")
        right = 27 + number
        shapes = [
            ("cat", [[0, 0], [SIZE_HW[1] - 1, SIZE_HW[0] - 1]], "mask", img_arr_to_b64(cat.astype(np.uint8))),
            ("dog", [[15, 12], [right, 12], [right, 18], [15, 18]], "polygon", None),
        ]
        write_label_file(
            str(folder / split / f"{name}.json"),
            shapes=[
                {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, "mask": picture}
                for label, points, kind, picture in shapes
            ],
            image_path=f"{name}.png",
            image_height=SIZE_HW[0],
            image_width=SIZE_HW[1],
        )


def label_studio(folder: Path) -> None:
    """Encode the scenes by Label Studio's converter, in tasks as its export has them."""
    from label_studio_converter.brush import encode_rle

    for split in ("train", "val"):
        tasks = []
        for number, (own, name) in enumerate(SCENES):
            if own != split:
                continue
            (folder / "images").mkdir(parents=True, exist_ok=True)
            PilImage.fromarray(scene_photo(number)).save(folder / "images" / f"{name}.png")
            results = [
                {
                    "id": f"{name}{class_id}",
                    "type": "brushlabels",
                    "from_name": "label",
                    "to_name": "image",
                    "original_width": SIZE_HW[1],
                    "original_height": SIZE_HW[0],
                    "image_rotation": 0,
                    "value": {
                        "format": "rle",
                        "rle": encode_rle(np.repeat(pixels.ravel().astype(np.uint8) * 255, 4)),
                        "brushlabels": [NAMES[class_id]],
                    },
                }
                for class_id, pixels in scene_objects(number)
            ]
            image = f"/data/upload/1/{number:08x}-{name}.png"
            tasks.append({"id": number, "data": {"image": image}, "annotations": [{"id": 1, "result": results}]})
        (folder / f"{split}.json").write_text(json.dumps(tasks))


def pycocotools(folder: Path) -> None:
    """Encode the scenes by pycocotools: compressed runs for one class, runs as numbers for the other."""
    from pycocotools import mask as coco_mask

    for split in ("train", "val"):
        images, annotations = [], []
        for number, (own, name) in enumerate(SCENES):
            if own != split:
                continue
            (folder / split).mkdir(parents=True, exist_ok=True)
            PilImage.fromarray(scene_photo(number)).save(folder / split / f"{name}.png")
            images.append({"id": number, "file_name": f"{name}.png", "height": SIZE_HW[0], "width": SIZE_HW[1]})
            for class_id, pixels in scene_objects(number):
                runs = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
                area, counts = int(coco_mask.area(runs)), runs["counts"].decode()
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": class_id,
                        "segmentation": {"size": list(SIZE_HW), "counts": counts},
                        "area": area,
                        "bbox": coco_mask.toBbox(runs).tolist(),
                        "iscrowd": 0,
                    }
                )
        categories = [{"id": place, "name": name} for place, name in enumerate(NAMES) if place]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (folder / split / "_annotations.coco.json").write_text(json.dumps(content))


WRITERS: dict[str, Callable[[Path], None]] = {
    "datumaro-coco": lambda folder: datumaro(folder, "coco_instances"),
    "datumaro-cvat": lambda folder: datumaro(folder, "cvat"),
    "datumaro-voc": lambda folder: datumaro(folder, "voc_segmentation"),
    "labelme": labelme,
    "label-studio": label_studio,
    "pycocotools": pycocotools,
}
"""Tool and format -> what writes the scenes."""

if __name__ == "__main__":
    fixtures = Path(__file__).resolve().parent / "fixtures" / "formats"
    shutil.rmtree(fixtures, ignore_errors=True)
    for name, write in WRITERS.items():
        write(fixtures / name)
