"""What is said when a labelling tool's file is wrong, and that no path leads out of the dataset."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import annotation_folders as folders
from annotation_folders import CAT, HEIGHT, WIDTH, filled, first_mask, flat, polygon_result, shape
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over, read
from maskwright.data.sample import Mask
from maskwright.errors import DataError
from maskwright.sentences import say
from small_folders import SIZE_HW, photo, save, tree_digest

BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    # name: (a folder whose first photo is wrong, what the sentence says)
    "yolo endless class": (
        lambda root: folders.yolo(root, "inf 0.1 0.1 0.2 0.1 0.2 0.2"),
        "000.txt: this annotation cannot be understood (line 1: expected a class and at least three points",
    ),
    "cvat order": (
        lambda root: folders.cvat(root, '<polygon label="cat" points="2,2;6,2;6,6" z_order="top"/>'),
        "annotations.xml (000.png): this annotation cannot be understood (polygon 1: could not convert string",
    ),
    "labelme points": (
        lambda root: folders.labelme(root, shape("polygon", (1, 2), (3, 4))),
        "000.json: this annotation cannot be understood (shapes.0.points: a polygon needs at least 3 points",
    ),
    "labelme key": (
        lambda root: folders.labelme(root, {"points": [[1, 2]] * 3, "shape_type": "polygon"}),
        "000.json: this annotation cannot be understood (shapes.0.label: Field required",
    ),
    "labelme number": (
        lambda root: folders.labelme(root, shape("polygon", (1, 2), (3, float("nan")), (3, 3))),
        "000.json: this annotation cannot be understood (shapes.0.points.1.1: Input should be a finite number",
    ),
    "labelme picture": (
        lambda root: folders.labelme(root, shape("mask", (1, 2), (3, 4), mask="iVBOR")),
        "000.json: this annotation cannot be understood (shapes.0.mask: no PNG in base64",
    ),
    "labelme json": (
        lambda root: (folders.labelme(root, CAT) / "000.json").write_text('{"shapes": [\n'),
        "000.json: this annotation cannot be understood (",
    ),
    "labelme size": (
        lambda root: folders.labelme(root, CAT, imageHeight=99),
        "000.json: the mask has 16 x 99 pixels, its photo 000.png has 16 x 12",
    ),
    "coco polygon": (
        lambda root: folders.coco(root, {"segmentation": [[1, 2, 3, 4]]}),
        "instances.json (image 10): this annotation cannot be understood (annotations.0.segmentation: a polygon needs",
    ),
    "coco category": (
        lambda root: folders.coco(root, {"segmentation": [flat(1, 1, 2, 2)], "category_id": 9}),
        "(image 10): this annotation cannot be understood (annotations.0.category_id: 9 stands in no category)",
    ),
    "coco runs": (
        lambda root: folders.coco(root, {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [5, 5]}}),
        "annotations.0.segmentation.counts: they make 10 pixels, the photo has 192",
    ),
    "coco compressed runs": (
        lambda root: folders.coco(root, {"segmentation": {"size": [HEIGHT, WIDTH], "counts": "~~~~"}}),
        "annotations.0.segmentation.counts: '~' is no letter of COCO's compressed runs",
    ),
    "coco cut runs": (
        lambda root: folders.coco(root, {"segmentation": {"size": [HEIGHT, WIDTH], "counts": "0P"}}),
        "annotations.0.segmentation.counts: the compressed runs end too early or run backwards",
    ),
    "coco size": (
        lambda root: folders.coco(root, {"segmentation": {"size": [5, 5], "counts": [25]}}),
        "annotations.0.segmentation.size: 5 x 5, but the photo has 16 x 12",
    ),
    "yolo number": (
        lambda root: folders.yolo(root, "0 0.1 0.1 0.2 0.1 0.2 0.2", "0 a b c"),
        "labels/train/000.txt: this annotation cannot be understood (line 2: could not convert string to float",
    ),
    "yolo pairs": (
        lambda root: folders.yolo(root, "0 0.1 0.1 0.2 0.1 0.2"),
        "(line 1: expected a class and at least three points",
    ),
    "yolo class": (
        lambda root: folders.yolo(root, "5 0.1 0.1 0.2 0.1 0.2 0.2"),
        "(line 1: class 5, but the last one is 1)",
    ),
    "cvat runs": (
        lambda root: folders.cvat(root, '<mask label="cat" rle="1,2" left="1" top="1" width="2" height="2"/>'),
        "annotations.xml (000.png): this annotation cannot be understood (mask 1: rle: the runs make 3 pixels",
    ),
    "cvat points": (
        lambda root: folders.cvat(root, '<polygon label="cat" points="1,2;3,4"/>'),
        "(polygon 1: points: a polygon needs at least three points",
    ),
    "cvat attribute": (
        lambda root: folders.cvat(root, '<box label="cat" xtl="1" ytl="2" xbr="3"/>'),
        "(box 1: the attribute ybr is missing)",
    ),
    "label studio runs": (
        lambda root: folders.label_studio(
            root,
            polygon_result("cat", []) | {"type": "brushlabels", "value": {"rle": [0, 0, 1], "brushlabels": ["cat"]}},
        ),
        "export.json (task 0): this annotation cannot be understood (result.0.value.rle: the packed runs end too early",
    ),
    "label studio value": (
        lambda root: folders.label_studio(root, polygon_result("cat", [["a", 2], [3, 4], [5, 6]])),
        "(result.0.value.points.0.0: Input should be a valid number",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_annotation_costs_one_photo_and_is_named(name: str, tmp_path: Path) -> None:
    build, said = BROKEN[name]
    build(tmp_path)
    before = tree_digest(tmp_path)
    dataset = read(tmp_path)
    (finding,) = [finding for finding in dataset.findings if finding.left_out]
    assert said in finding.sentence(), finding.sentence()
    assert finding.sentence("ru") != finding.sentence()
    assert len(dataset) == 11
    assert read(tmp_path).findings == dataset.findings
    assert tree_digest(tmp_path) == before


ODD: dict[str, tuple[Callable[[Path], object], str, str]] = {
    # name: (a folder with entries that belong to no photo, the file, where they stand)
    "coco": (
        lambda root: _edited(
            folders.coco(root, {"segmentation": [flat(1, 1, 2, 2)]}),
            lambda content: content["annotations"].extend([7, None, [], "cat", {}, {"category_id": 1}]),
        ),
        "annotations/instances.json",
        "annotations.12, annotations.13, annotations.14, annotations.15, annotations.16, ...",
    ),
    "label studio": (
        lambda root: folders.write_json(
            folders.label_studio(root) / "export.json",
            [None, *json.loads((root / "export.json").read_text()), {"data": 3}],
        ),
        "export.json",
        "task 0, task 13",
    ),
    "cvat": (
        lambda root: (folders.cvat(root) / "annotations.xml").write_text(
            (root / "annotations.xml").read_text().replace("</annotations>", '<image id="9"/></annotations>')
        ),
        "annotations.xml",
        "image 13",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_entry_that_belongs_to_no_photo_costs_none(name: str, tmp_path: Path) -> None:
    build, file, places = ODD[name]
    build(tmp_path)
    dataset = read(tmp_path, cache=False)
    assert len(dataset) == 12
    (finding,) = [one for one in dataset.findings if one.check == "entries_broken"]
    assert (finding.sample, finding.facts["places"], finding.left_out) == (file, places, False)
    assert finding.sentence().startswith(f"{file}: {finding.facts['count']} of its entries can belong to no photo")
    assert [one for one in dataset.findings if one.left_out] == []


def test_a_photo_that_stands_twice_in_cvat_s_file_is_read_once(tmp_path: Path) -> None:
    root = folders.cvat(tmp_path, '<box label="dog" xtl="1" ytl="2" xbr="6" ybr="5"/>')
    again = f'<image id="9" name="000.png" width="{WIDTH}" height="{HEIGHT}"/></annotations>'
    text = (root / "annotations.xml").read_text()
    (root / "annotations.xml").write_text(text.replace("</annotations>", again))
    dataset = read(root, cache=False)
    assert [one.check for one in dataset.findings] == ["annotated_twice"]
    first = next(sample.mask() for sample in dataset if sample.id == "000")
    assert first is not None and np.array_equal(first, filled(1, 2, 6, 5, 2))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "coco without heights": (
        lambda root: _edited(folders.coco(root), lambda content: content["images"][3].pop("height")),
        r"annotations/instances\.json: this annotation cannot be understood \(images\.3\.height: Field required",
    ),
    "two of coco": (
        lambda root: folders.write_json(root / "instances_again.json", json.loads(_coco_text(root))),
        r"annotations/instances\.json and instances_again\.json are both COCO's annotations",
    ),
    "coco that is no json": (
        lambda root: (folders.coco(root) / "annotations/instances.json").write_text("{"),
        r"no layout fits, and an annotation file cannot be read(.|\n)*instances\.json",
    ),
    "cvat that is no xml": (
        lambda root: (folders.cvat(root) / "annotations.xml").write_text("<annotations><image>"),
        r"annotations\.xml: this annotation cannot be understood \(no element found: line 1",
    ),
    "cvat with entities": (
        lambda root: (folders.cvat(root) / "annotations.xml").write_text(
            '<!DOCTYPE x [<!ENTITY a "aaaa">]><annotations><image name="&a;"/></annotations>'
        ),
        "entities could make it unpack to any size",
    ),
    "yolo names": (
        lambda root: (folders.yolo(root, "") / "data.yaml").write_text("names: {0: cat, 2: dog}"),
        r"data\.yaml: names: these are no classes(.|\n)*0, 1, 2",
    ),
    "yolo yaml": (
        lambda root: (folders.yolo(root, "") / "data.yaml").write_text("names: [cat"),
        r"data\.yaml: cannot be read as YAML",
    ),
    "a label that is no class": (
        lambda root: (
            folders.labelme(root, shape("polygon", (1, 2), (3, 4), (1, 4), label="cst")) / "classes.yaml"
        ).write_text("names: [background, cat, dog]"),
        r"000\.json: the label cst belongs to no class\.(.|\n)*0 background, 1 cat, 2 dog(.|\n)*Did you mean cat",
    ),
    "yaml that unpacks": (
        lambda root: (folders.yolo(root) / "data.yaml").write_text("a: &a [x]\nnames: [*a, *a]"),
        r"data\.yaml: cannot be read as YAML(.|\n)*references",
    ),
    "no class for the rest": (
        lambda root: (folders.labelme(root, CAT) / "classes.yaml").write_text("names: [cat, dog]"),
        r"the label \(no shape\) belongs to no class(.|\n)*--classes background,cat,dog",
    ),
}


UNREAD: dict[str, tuple[Callable[[Path], Path], str, str, str]] = {
    # name: (a sound dataset, its file, the name of a second file, what is in it)
    "coco cut off": (folders.coco, "annotations/instances.json", "annotations/instances_val.json", '{"images": [{"id"'),
    "coco empty": (folders.coco, "annotations/instances.json", "annotations/instances_val.json", ""),
    "coco of another kind": (folders.coco, "annotations/instances.json", "annotations/instances_val.json", '{"a": 1}'),
    "label studio cut off": (folders.label_studio, "export.json", "val.json", '[{"id": 1, "data"'),
    "cvat of garbage": (folders.cvat, "annotations.xml", "val.xml", "\x03 no annotation"),
    "labelme cut off": (folders.labelme, "000.json", "val/900.json", '{"shapes": ['),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_file_that_cannot_be_read_beside_a_sound_one_is_said(name: str, tmp_path: Path) -> None:
    build, sound, second, text = UNREAD[name]
    assert (build(tmp_path) / sound).is_file()
    before = read(tmp_path, cache=False)
    (tmp_path / second).parent.mkdir(exist_ok=True)
    (tmp_path / second).write_text(text)
    check = "annotation_broken" if "labelme" in name else "annotations_unread"
    (finding,) = [one for one in look_over(tmp_path, cache=False).findings if one.check == check]
    assert (finding.severity, finding.left_out) == (1.0, True)
    assert finding.sentence().startswith(f"{second}: this annotation")
    assert "xport it again" in finding.sentence()
    assert finding.sentence("ru").startswith(second)
    if "labelme" not in name:
        assert [one for one in read(tmp_path, cache=False).findings if one not in before.findings] == [finding]
    with pytest.raises(DataError, match="cannot be used"):
        read(tmp_path, cache=False, strict=True)


def test_xml_of_another_tool_is_passed_over_by_cvat(tmp_path: Path) -> None:
    folders.cvat(tmp_path)
    (tmp_path / "voc.xml").write_text("<annotation><filename>000.png</filename></annotation>")
    assert read(tmp_path, cache=False).findings == ()


def _coco_text(root: Path) -> str:
    return (folders.coco(root, {"segmentation": [flat(1, 1, 2, 2)]}) / "annotations/instances.json").read_text()


def _edited(root: Path, change: Callable[[dict[str, list[dict[str, object]]]], object]) -> None:
    path = root / "annotations" / "instances.json"
    content = json.loads(path.read_text())
    change(content)
    folders.write_json(path, content)


@pytest.mark.parametrize("name", REFUSED)
def test_what_all_depends_on_is_refused_by_name(name: str, tmp_path: Path) -> None:
    build, said = REFUSED[name]
    build(tmp_path)
    with pytest.raises(DataError, match=said):
        read(tmp_path, cache=False)


@pytest.mark.parametrize(
    "path", ["/etc/000.png", "../000.png", "a/../../000.png", "C:\\000.png", "..\\000.png", "a\0.png"]
)
def test_paths_that_leave_the_dataset_are_not_followed(path: str, tmp_path: Path) -> None:
    save(tmp_path / "000.png", photo(77))
    roots = [
        folders.labelme(tmp_path / "a", CAT, imagePath=path),
        folders.coco(tmp_path / "b", {"segmentation": [flat(1, 1, 2, 2)]}),
        folders.cvat(tmp_path / "c"),
        folders.label_studio(tmp_path / "d"),
    ]
    _edited(roots[1], lambda content: content["images"][0].update(file_name=path))
    tasks = json.loads((roots[3] / "export.json").read_text())
    tasks[0]["data"]["image"] = f"/data/local-files/?d={path}"
    folders.write_json(roots[3] / "export.json", tasks)
    xml = (roots[2] / "annotations.xml").read_text().replace('name="000.png"', f'name="{path}"')
    (roots[2] / "annotations.xml").write_text(xml)
    for root in roots[: 2 if "\0" in path else 4]:
        (finding,) = [finding for finding in read(root, cache=False).findings if finding.left_out]
        assert finding.check == "path_outside"
        assert "leaves the dataset's folder" in finding.sentence()


def test_links_that_leave_the_dataset_are_not_followed(tmp_path: Path) -> None:
    root = folders.coco(tmp_path / "data", {"segmentation": [flat(1, 1, 2, 2)]})
    save(tmp_path / "secret.png", photo(0))
    (root / "images/000.png").unlink()
    (root / "images/000.png").symlink_to(tmp_path / "secret.png")
    inside = root / "images/001.png"
    inside.rename(root / "moved.png")
    inside.symlink_to(root / "moved.png")
    (finding,) = [finding for finding in read(root, cache=False).findings if finding.left_out]
    assert (finding.check, finding.facts["name"], finding.sample) == ("path_outside", "000.png", "000")


def test_a_photo_that_is_not_there(tmp_path: Path) -> None:
    root = folders.labelme(tmp_path, CAT)
    (root / "000.png").unlink()
    (finding,) = read(root, cache=False).findings
    assert finding.sentence().startswith(
        "000.json: the photo 000.png that it names is not in the dataset. Put the photo"
    )


def test_a_photo_annotated_twice(tmp_path: Path) -> None:
    root = folders.labelme(tmp_path, CAT)
    content = json.loads((root / "003.json").read_text())
    folders.write_json(root / "again.json", content)
    (finding,) = read(root, cache=False).findings
    assert "again.json: this photo is annotated a second time, first by 003.json" in finding.sentence()


def test_pictures_that_nobody_annotated_are_counted(tmp_path: Path) -> None:
    root = folders.coco(tmp_path, {"segmentation": [flat(1, 1, 2, 2)]})
    save(root / "images" / "more.png", photo(99))
    notes = [say(key, **dict(facts)) for key, facts in read(root, cache=False).notes]
    assert "Pictures that stand in no annotation file: 1. They are not read." in notes


def test_a_change_in_an_annotation_is_seen_through_the_cache(tmp_path: Path) -> None:
    root = folders.coco(tmp_path, {"segmentation": [flat(1, 2, 4, 5)]})
    before = _by_name(read(root))
    _edited(root, lambda content: content["annotations"][0].update(segmentation=[flat(1, 2, 6, 5)]))
    os.utime(root / "annotations/instances.json", ns=(1, 1))
    after = _by_name(read(root))
    assert np.array_equal(after["000"], filled(1, 2, 6, 5))
    assert np.array_equal(before["001"], after["001"])


def _by_name(dataset: Dataset) -> dict[str, Mask | None]:
    return {sample.id: sample.mask() for sample in dataset}


def test_points_far_away_cost_nothing(tmp_path: Path) -> None:
    far = [[-1e12, -1e12], [1e12, -1e12], [1e12, 1e12], [-1e12, 1e12]]
    flat = [number for point in far for number in point]
    assert (first_mask(folders.coco(tmp_path / "a", {"segmentation": [flat]})) == 1).all()
    assert (first_mask(folders.labelme(tmp_path / "b", shape("polygon", *map(tuple, far)))) == 1).all()
    assert (
        first_mask(folders.cvat(tmp_path / "c", '<box label="cat" xtl="-1e9" ytl="-1e9" xbr="1e9" ybr="1e9"/>')) == 1
    ).all()
    assert first_mask(folders.yolo(tmp_path / "d", "0 -1e9 -1e9 1e9 -1e9 1e9 1e9 -1e9 1e9")).shape == SIZE_HW


def test_names_that_are_no_paths_end_no_reading(tmp_path: Path) -> None:
    coco = folders.coco(tmp_path / "coco", {"segmentation": [flat(1, 1, 2, 2)]})
    _edited(coco, lambda content: content["images"][0].update(file_name="."))
    studio = folders.label_studio(tmp_path / "studio")
    tasks = json.loads((studio / "export.json").read_text())
    tasks[0]["data"]["image"] = "http://[x/000.png"
    folders.write_json(studio / "export.json", tasks)
    assert "listed_photo_missing" in {finding.check for finding in read(coco, cache=False).findings}
    assert len(read(studio, cache=False)) == 12  # it ends with the name of a photo that is there
