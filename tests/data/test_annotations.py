"""What each labelling tool's files are read to."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import annotation_folders as folders
from annotation_folders import CAT, HEIGHT, WIDTH, filled, first_mask, flat, polygon_result, shape, square
from maskwright.data.reading import read
from maskwright.errors import DataError
from maskwright.sentences import say
from small_folders import photo, save


def _base64_png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_labelme_draws_its_outline_too(tmp_path: Path) -> None:
    assert np.array_equal(first_mask(folders.labelme(tmp_path, CAT)), filled(2, 3, 10, 9))


def test_labelme_later_shapes_lie_on_top_and_background_cuts_holes(tmp_path: Path) -> None:
    hole = shape("rectangle", (8, 6), (5, 4), label="_background_")
    ignored = shape("polygon", (2, 8), (3, 8), (3, 8), label="__ignore__")
    expected = filled(2, 3, 10, 9)
    expected[4:7, 5:9] = 0
    expected[8, 2:4] = 255
    root = folders.labelme(tmp_path, CAT, hole, ignored)
    assert np.array_equal(first_mask(root), expected)
    assert read(root, cache=False).classes.names == ("_background_", "cat")


def test_labelme_masks_lie_where_their_first_point_is(tmp_path: Path) -> None:
    picture = np.array([[1, 1, 1], [1, 0, 1]], bool)
    given = shape("mask", (13, 10), (15, 11), mask=_base64_png(picture))
    expected = filled(13, 10, 16, 12)
    expected[11, 14] = 0
    assert np.array_equal(first_mask(folders.labelme(tmp_path, given)), expected)


def test_labelme_circles_and_lines(tmp_path: Path) -> None:
    circle = first_mask(folders.labelme(tmp_path / "circle", shape("circle", (8, 6), (8, 9))))
    assert circle[6].tolist() == [0] * 5 + [1] * 7 + [0] * 4
    assert circle[:, 8].tolist() == [0] * 3 + [1] * 7 + [0] * 2
    line = first_mask(folders.labelme(tmp_path / "line", shape("linestrip", (0, 6), (15, 6))))
    assert (line.sum(axis=0) == 10).all()


def test_labelme_shapes_without_area_are_said(tmp_path: Path) -> None:
    root = folders.labelme(tmp_path, CAT, shape("point", (3, 3)), shape("points", (3, 3)), shape("point", (4, 4)))
    dataset = read(root, cache=False)
    assert {finding.facts["kind"]: finding.facts["count"] for finding in dataset.findings} == {"point": 2, "points": 1}
    assert "000.json: 2 shapes of the kind point have no area" in dataset.findings[0].sentence()
    assert len(dataset) == 12


def test_labelme_photos_inside_of_the_file_are_read_and_copied(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(photo(0)).save(buffer, "PNG")
    root = folders.labelme(tmp_path / "data", CAT, imageData=base64.b64encode(buffer.getvalue()).decode())
    (root / "000.png").unlink()
    dataset = read(root)
    sample = dataset.filter(lambda sample: sample.id == "000")[0]
    assert np.array_equal(sample.image(), photo(0))
    assert np.array_equal(sample.pixels.files.image(), photo(0))
    assert np.array_equal(sample.mask(), filled(2, 3, 10, 9))
    from maskwright.data.convert import convert

    convert(root, to="coco", out=tmp_path / "out")
    (copied,) = (tmp_path / "out" / "images").rglob("000.png")
    assert copied.read_bytes() == buffer.getvalue()


def test_labelme_photos_elsewhere_in_the_dataset(tmp_path: Path) -> None:
    root = folders.labelme(tmp_path, CAT)
    for split in ("train", "val"):
        (root / "labelme" / split).mkdir(parents=True)
    for file in sorted(root.glob("*.json")):
        split = "val" if file.stem > "008" else "train"
        save(root / "photos" / split / f"{file.stem}.png", photo(int(file.stem)))
        (root / f"{file.stem}.png").unlink()
        file.rename(root / "labelme" / split / file.name)
    dataset = read(root, cache=False)
    assert (dataset.splits, len(dataset.split("val")), dataset.layout) == (("train", "val"), 3, "LabelMe")
    assert dataset[0].image_file == "photos/train/000.png"
    assert dataset[0].mask_file == "labelme/train/000.json"


def test_coco_polygons_cover_pixels_by_their_middles(tmp_path: Path) -> None:
    root = folders.coco(tmp_path, {"segmentation": [flat(1, 2, 4, 5), flat(8, 2, 10, 11)]})
    assert np.array_equal(first_mask(root), np.maximum(filled(1, 2, 4, 5), filled(8, 2, 10, 11)))
    dataset = read(root, cache=False)
    assert (dataset.classes.names, dataset.layout) == (("background", "cat", "dog"), "COCO")


def test_coco_smaller_objects_lie_on_top_and_crowds_are_not_judged(tmp_path: Path) -> None:
    small = {"segmentation": [flat(4, 4, 6, 6)], "category_id": 2}
    large = {"segmentation": [flat(2, 2, 8, 8)], "category_id": 1}
    crowd_runs = [0, HEIGHT * 4, HEIGHT * (WIDTH - 4)]
    crowd = {"segmentation": {"size": [HEIGHT, WIDTH], "counts": crowd_runs}, "category_id": 1, "iscrowd": 1}
    expected = filled(0, 0, 4, HEIGHT, 255)
    expected[2:8, 2:8] = 1
    expected[4:6, 4:6] = 2
    assert np.array_equal(first_mask(folders.coco(tmp_path / "a", small, large, crowd)), expected)
    assert np.array_equal(first_mask(folders.coco(tmp_path / "b", crowd, large, small)), expected)


def test_coco_boxes_alone_are_said(tmp_path: Path) -> None:
    root = folders.coco(tmp_path, {"bbox": [1, 1, 2, 2]})
    (finding,) = read(root, cache=False).findings
    assert (finding.check, finding.facts["kind"]) == ("shape_not_drawn", "bbox")
    assert "annotations/instances.json (image 10): 1 shapes of the kind bbox" in finding.sentence()


def test_coco_splits_are_in_the_names_of_the_files(tmp_path: Path) -> None:
    root = folders.coco(tmp_path, {"segmentation": [flat(1, 2, 4, 5)]})
    content = json.loads((root / "annotations" / "instances.json").read_text())
    (root / "annotations" / "instances.json").unlink()
    for split, chosen in (("train2017", content["images"][:8]), ("val2017", content["images"][8:])):
        folders.write_json(root / "annotations" / f"instances_{split}.json", {**content, "images": chosen})
        folders.write_json(root / "annotations" / f"person_keypoints_{split}.json", {**content, "images": chosen})
    dataset = read(root, cache=False)
    assert {name: len(dataset.split(name)) for name in dataset.splits} == {"train": 8, "val": 4}


def test_yolo_smaller_objects_lie_on_top(tmp_path: Path) -> None:
    large = "0 0.125 0.25 0.625 0.25 0.625 0.75 0.125 0.75"
    small = "1 0.25 0.34 0.375 0.34 0.375 0.5 0.25 0.5"
    expected = filled(2, 3, 11, 10)
    expected[4:7, 4:7] = 2
    for name, lines in (("a", (small, large)), ("b", (large, small))):
        assert np.array_equal(first_mask(folders.yolo(tmp_path / name, *lines)), expected)


def test_yolo_photos_without_a_label_file_are_empty_and_that_is_said(tmp_path: Path) -> None:
    root = folders.yolo(tmp_path, "")
    (root / "labels/train/000.txt").unlink()
    assert not first_mask(root).any()
    notes = [say(key, **dict(facts)) for key, facts in read(root, cache=False).notes]
    assert any("1 photos have no label file; in YOLO's format that means" in sentence for sentence in notes)


def test_yolo_names(tmp_path: Path) -> None:
    root = folders.yolo(tmp_path, "")
    assert read(root, cache=False).classes.names == ("background", "cat", "dog")
    (root / "data.yaml").write_text("names: {1: dog, 0: cat}\n")
    assert read(root, cache=False).classes.names == ("background", "cat", "dog")
    (root / "data.yaml").unlink()
    (root / "labels" / "classes.txt").write_text("mouse\nbird\n")
    assert read(root, cache=False).classes.names == ("background", "mouse", "bird")
    (root / "labels" / "classes.txt").unlink()
    dataset = read(root, cache=False)
    assert dataset.classes.names == ("background", "class 0")
    assert dataset.notes[0][0] == "data.names_absent"


def test_cvat_masks_run_row_by_row_and_a_higher_order_lies_on_top(tmp_path: Path) -> None:
    mask = '<mask label="dog" rle="1, 3, 1, 1" left="3" top="2" width="3" height="2" z_order="1"/>'
    polygon = '<polygon label="cat" points="2,2;8,2;8,8;2,8" z_order="0"/>'
    expected = filled(2, 2, 8, 8)
    expected[2, 4:6] = expected[3, 3] = expected[3, 5] = 2
    assert np.array_equal(first_mask(folders.cvat(tmp_path / "a", mask, polygon)), expected)
    dataset = read(tmp_path / "a", cache=False)
    assert (dataset.classes.names, dataset.layout) == (("background", "cat", "dog"), "CVAT for images")


def test_cvat_boxes_ellipses_and_what_has_no_area(tmp_path: Path) -> None:
    box = '<box label="cat" xtl="4" ytl="5" xbr="12" ybr="7" rotation="90" z_order="0"/>'
    line = '<polyline label="cat" points="1,1;3,3"/><tag label="night"/>'
    root = folders.cvat(tmp_path / "a", box, line)
    assert np.array_equal(first_mask(root), filled(7, 2, 9, 10))
    assert [finding.facts["kind"] for finding in read(root, cache=False).findings] == ["polyline"]
    round_ = first_mask(folders.cvat(tmp_path / "b", '<ellipse label="dog" cx="8" cy="6" rx="6" ry="3" z_order="0"/>'))
    assert round_[6].tolist() == [0] * 2 + [2] * 12 + [0] * 2
    assert abs(int((round_ == 2).sum()) - np.pi * 18) < 4


def test_label_studio_polygons_and_rectangles_in_percent(tmp_path: Path) -> None:
    box = polygon_result("dog", [])
    box |= {
        "type": "rectanglelabels",
        "value": {"x": 25, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["dog"]},
    }
    root = folders.label_studio(tmp_path, polygon_result("cat", square(12.5, 25, 50, 75)), box)
    expected = filled(2, 3, 8, 9)
    expected[6:9, 4:8] = 2
    assert np.array_equal(first_mask(root), expected)
    assert read(root, cache=False).layout == "Label Studio"


def test_label_studio_takes_the_last_annotation_that_was_not_skipped(tmp_path: Path) -> None:
    root = folders.label_studio(tmp_path)
    tasks = json.loads((root / "export.json").read_text())
    wanted = polygon_result("dog", square(12.5, 25, 50, 75))
    tasks[0]["annotations"] = [{"result": []}, {"result": [wanted]}, {"result": [], "was_cancelled": True}]
    tasks[1]["annotations"] = []
    folders.write_json(root / "export.json", tasks)
    assert np.array_equal(first_mask(root), filled(2, 3, 8, 9, 2))
    dataset = read(root, cache=False)
    assert [finding.check for finding in dataset.findings] == ["annotations_several"]
    assert "2 annotations of one photo; the last one was read" in dataset.findings[0].sentence()
    assert "data.tasks_unlabelled" in [key for key, _ in dataset.notes]
    assert len(dataset) == 11


def test_ultralytics_names_and_mapping(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for number in range(2):
            save(tmp_path / "images" / split / f"{number}.png", photo(number + 10 * (split == "val")))
            save(tmp_path / "masks" / split / f"{number}.png", filled(2, 2, 5, 5, 7) + 1)
    names = "path: /somewhere/else\nmasks_dir: masks\nnames: {0: ground, 1: cat}\n"
    (tmp_path / "data.yaml").write_text(names + "label_mapping: {1: 0, 8: 1}\n")
    dataset = read(tmp_path, cache=False)
    assert (dataset.layout, dataset.classes.names, dataset.splits) == (
        "Ultralytics semantic",
        ("ground", "cat"),
        ("train", "val"),
    )
    assert np.array_equal(dataset[0].mask(), filled(2, 2, 5, 5))
    (tmp_path / "data.yaml").write_text(names + "label_mapping: {1: 0, 7: 1, 8: 1}\n")
    with pytest.raises(DataError, match="label_mapping: only a mapping of one value to each class"):
        read(tmp_path, cache=False)


def test_voc_label_map_names_the_classes(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "JPEGImages" / f"{number}.png", photo(number))
        rgb = np.array([[0, 0, 0], [128, 0, 0], [224, 224, 192]], np.uint8)[filled(2, 2, 5, 5) + filled(8, 2, 9, 3, 2)]
        save(tmp_path / "SegmentationClass" / f"{number}.png", rgb)
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Segmentation" / "train.txt").write_text("0\n1\n2\n3\n")
    text = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\nignored:224,224,192::\n"
    (tmp_path / "labelmap.txt").write_text(text)
    dataset = read(tmp_path, cache=False)
    assert dataset.classes.names == ("background", "cat")
    assert np.array_equal(dataset[0].mask(), np.maximum(filled(2, 2, 5, 5), filled(8, 2, 9, 3, 255)))
    (tmp_path / "labelmap.txt").write_text("background\n")
    with pytest.raises(DataError, match=r"labelmap\.txt, line 1: this is no class"):
        read(tmp_path, cache=False)
