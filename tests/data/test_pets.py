"""The drawn cats and dogs: the same everywhere, balanced like the real photos, masks exact, faults as said."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PilImage

from maskwright.data.pets.animals import area_of, make_animal, portray
from maskwright.data.pets.faults import FAULTS, plant
from maskwright.data.pets.fur import Light
from maskwright.data.pets.scenes import draw_scene
from maskwright.data.pets.write import draw_dataset
from maskwright.data.reading import read
from maskwright.data.sample import Mask
from maskwright.errors import UsageError

SIZE = 96


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, Mask]]:
    return [draw_scene(0, index, SIZE) for index in range(100)]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pets") / "faulty"
    draw_dataset(folder, images=40, size_px=SIZE, faults=0.4, broken=2)
    return folder


def test_a_scene_is_a_function_of_its_number_alone(scenes: list[tuple[np.ndarray, Mask]]) -> None:
    for index in (7, 0):
        image, mask = draw_scene(0, index, SIZE)
        assert np.array_equal(image, scenes[index][0])
        assert np.array_equal(mask, scenes[index][1])
    assert not np.array_equal(draw_scene(1, 0, SIZE)[0], scenes[0][0])


def test_the_classes_are_as_rare_as_in_the_real_photos(scenes: list[tuple[np.ndarray, Mask]]) -> None:
    shares = np.mean([np.bincount(mask.ravel(), minlength=3) / mask.size for _, mask in scenes], axis=0)
    assert shares == pytest.approx([0.906, 0.053, 0.041], abs=0.018)


def test_half_of_the_photos_show_a_cat_and_few_two_animals(scenes: list[tuple[np.ndarray, Mask]]) -> None:
    cats, dogs = (np.array([(mask == kind).any() for _, mask in scenes]) for kind in (1, 2))
    assert 44 <= cats.sum() <= 54
    assert 44 <= dogs.sum() <= 54
    assert (cats & dogs).sum() <= 8
    assert (~cats & ~dogs).sum() <= 6


def test_masks_hold_ids_only_and_photos_are_rgb(scenes: list[tuple[np.ndarray, Mask]]) -> None:
    for image, mask in scenes:
        assert image.shape == (SIZE, SIZE, 3)
        assert image.dtype == mask.dtype == np.uint8
        assert mask.shape == (SIZE, SIZE)
        assert set(np.unique(mask)) <= {0, 1, 2}


def test_colour_alone_does_not_tell_cats_from_dogs(scenes: list[tuple[np.ndarray, Mask]]) -> None:
    means = {
        kind: [image[mask == kind].mean(axis=0) for image, mask in scenes if (mask == kind).any()] for kind in (1, 2)
    }
    cats, dogs = np.array(means[1]), np.array(means[2])
    apart = np.abs(cats.mean(axis=0) - dogs.mean(axis=0))
    assert (apart < 0.5 * np.minimum(cats.std(axis=0), dogs.std(axis=0))).all()


@pytest.mark.parametrize("kind", ["cat", "dog"])
def test_an_animal_covers_what_it_is_scaled_to(kind: str) -> None:
    light = Light(np.float32([0.0, -0.6, 0.8]), 0.5, np.float32([1, 1, 1]))
    for seed in range(4):
        animal = make_animal(kind, np.random.default_rng(seed))
        left, top, right, bottom = animal.bounds
        scale = 200 / max(right - left, bottom - top)
        at = (120 - scale * (left + right) / 2, 120 - scale * (top + bottom) / 2)
        sprite = portray(animal, scale, at, (240, 240), light)
        assert sprite.cover.sum() == pytest.approx(area_of(animal) * scale**2, rel=0.2)
        assert 0 <= sprite.colour.min() <= sprite.colour.max() <= 1


def test_the_mask_follows_the_outline_in_the_photo() -> None:
    """Photo edges lie where mask edges lie: far stronger on the outline than inside the background."""
    ratios = []
    for index in range(12):
        image, mask = draw_scene(3, index, 160)
        if not ((mask > 0).sum() > 0):
            continue
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        edges = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        ratios.append(edges[outline].mean() / edges[mask == 0].mean())
    assert np.median(ratios) > 1.5


def _blob() -> Mask:
    mask = np.zeros((160, 160), np.uint8)
    cv2.ellipse(mask, (80, 84), (40, 26), 20, 0, 360, 1, -1)
    return mask


def _planted(kind: str, seed: int) -> tuple[Mask, dict[str, object]]:
    faulty = plant(_blob(), kind, np.random.default_rng(seed), class_count=3)
    assert faulty is not None
    return faulty.mask, dict(faulty.detail)


@pytest.mark.parametrize("seed", range(5))
def test_each_fault_does_what_it_says(seed: int) -> None:
    exact = _blob() == 1
    assert not _planted("dropped", seed)[0].any()

    halved, detail = _planted("halved", seed)
    lost = 1 - (halved == 1).sum() / exact.sum()
    assert 0.4 <= lost <= 0.6
    assert lost == pytest.approx(detail["lost_frac"])
    assert not ((halved == 1) & ~exact).any()

    shifted, detail = _planted("shifted", seed)
    x, y = detail["shift_xy"]  # type: ignore[misc]
    assert np.hypot(x, y) >= 8
    moved_by = np.subtract(np.argwhere(shifted == 1).mean(axis=0), np.argwhere(exact).mean(axis=0))
    assert moved_by == pytest.approx([y, x], abs=0.01)

    resized, detail = _planted("resized", seed)
    to_outline = cv2.distanceTransform(
        (exact if "shrunk_px" in detail else resized == 1).astype(np.uint8), cv2.DIST_L2, 5
    )
    gone = to_outline[exact ^ (resized == 1)]
    assert gone.max() == pytest.approx(detail.get("shrunk_px", detail.get("grown_px")), abs=1.2)
    assert gone.max() >= 5.5

    swapped, detail = _planted("swapped", seed)
    assert np.array_equal(swapped == 2, exact)
    assert detail["labelled_as"] == 2


def test_faults_grow_with_the_photo_and_leave_ignored_pixels() -> None:
    mask = cv2.resize(_blob(), (640, 640), interpolation=cv2.INTER_NEAREST)
    mask[:20] = 255
    faulty = plant(mask, "shifted", np.random.default_rng(0), class_count=3)
    assert faulty is not None
    assert np.hypot(*faulty.detail["shift_xy"]) >= 20
    for kind in FAULTS:
        other = plant(mask, kind, np.random.default_rng(1), class_count=3)
        assert other is not None
        assert (other.mask[:20] == 255).all()


def test_nothing_is_planted_where_there_is_nothing() -> None:
    empty = np.zeros((64, 64), np.uint8)
    assert all(plant(empty, kind, np.random.default_rng(0), class_count=3) is None for kind in FAULTS)
    assert plant(_blob(), "swapped", np.random.default_rng(0), class_count=2) is None


def test_drawn_data_reads_back_without_a_finding(tmp_path: Path) -> None:
    drawn = draw_dataset(tmp_path / "pets", images=20, size_px=64)
    dataset = read(tmp_path / "pets", cache=False)
    assert drawn.planted == ()
    assert dataset.findings == ()
    assert dataset.classes.names == ("background", "cat", "dog")
    assert {split: len(dataset.split(split)) for split in dataset.splits} == {"train": 13, "val": 4, "test": 3}
    image, mask = draw_scene(0, 14, 64)
    sample = next(sample for sample in dataset if sample.id.endswith("pet_00014"))
    assert np.array_equal(sample.mask(), mask)
    assert np.abs(sample.image().astype(int) - image).mean() < 4


def test_planted_faults_stand_in_the_list_and_nowhere_else(faulty: Path) -> None:
    record = json.loads((faulty / "planted.json").read_text(encoding="utf-8"))
    by_sample = {fault["sample"]: fault for fault in record["planted"]}
    in_masks = [fault["kind"] for fault in record["planted"] if fault["kind"] in FAULTS]
    assert len(in_masks) == round(0.4 * 26)
    assert set(in_masks) == set(FAULTS)
    for index in range(40):
        split = "train" if index < 26 else "val" if index < 35 else "test"
        with PilImage.open(faulty / "labels" / split / f"pet_{index:05d}.png") as picture:
            stored = np.asarray(picture)
        exact = np.array_equal(stored, draw_scene(0, index, SIZE)[1])
        fault = by_sample.get(f"{split}/pet_{index:05d}")
        assert exact == (fault is None or fault["kind"] == "cut_file")


def test_broken_files_are_found_by_the_loader(faulty: Path) -> None:
    record = json.loads((faulty / "planted.json").read_text(encoding="utf-8"))
    broken = {fault["detail"]["file"] for fault in record["planted"] if fault["kind"] not in FAULTS}
    dataset = read(faulty, cache=False)
    left_out = [finding for finding in dataset.findings if finding.left_out]
    assert {finding.check for finding in left_out} == {"truncated", "mask_size"}
    assert {finding.facts["file"] for finding in left_out} == broken
    assert len(dataset) == 38


def test_drawing_again_takes_what_is_there_and_replaces_what_differs(tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    first = draw_dataset(folder, images=12, size_px=32, faults=0.5)
    photo = folder / "img" / "train" / "pet_00000.jpg"
    written = photo.stat().st_mtime_ns
    assert draw_dataset(folder, images=12, size_px=32, faults=0.5) == first
    assert photo.stat().st_mtime_ns == written
    draw_dataset(folder, images=10, size_px=32, seed=1)
    assert photo.stat().st_mtime_ns != written
    assert len(list(folder.rglob("*.jpg"))) == 10


def test_an_interrupted_drawing_is_drawn_again(tmp_path: Path) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_dataset(tmp_path / "pets", images=12, size_px=32, on_progress=stop)
    draw_dataset(tmp_path / "pets", images=12, size_px=32)
    assert len(read(tmp_path / "pets", cache=False)) == 12


def test_foreign_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"other files lie there.*\n.*mine\.jpg.*\n  Name another folder"):
        draw_dataset(tmp_path, images=10, size_px=32)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.jpg"]
    drawn = tmp_path / "drawn"
    draw_dataset(drawn, images=10, size_px=32)
    (drawn / "labels" / "train" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        draw_dataset(drawn, images=11, size_px=32)
    assert (drawn / "labels" / "train" / "notes.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("wrong", [{"images": 3}, {"faults": 0.9}, {"size_px": 8}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} .*out of range"):
        draw_dataset(tmp_path / "pets", **wrong)  # type: ignore[arg-type]
