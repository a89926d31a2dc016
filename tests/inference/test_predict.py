from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

from maskwright.data.classes import make_classes
from maskwright.errors import DataError, Interrupted, RunError, UsageError
from maskwright.inference.predict import predict
from maskwright.inference.predictions import Predictions
from maskwright.inference.quality import expected_dice

CLASSES = make_classes(["background", "cat", "dog"], values=(0, 100, 200))


class Thirds:
    """Left third background, middle cat, right dog; counts how many photos it was asked for."""

    def __init__(self, digest: str | None = "a" * 8) -> None:
        self.digest, self.asked = digest, 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked += 1
        columns = np.arange(image.shape[1]) * 3 // image.shape[1]
        return np.eye(3, dtype=np.float32)[np.broadcast_to(columns, image.shape[:2])].transpose(2, 0, 1)


def photo(path: Path, size_hw: tuple[int, int] = (8, 12), seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    kind = {".png": "PNG", ".bmp": "BMP", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    Image.fromarray(pixels).save(path, kind)
    return path


def thirds(size_hw: tuple[int, int] = (8, 12)) -> np.ndarray:
    return np.broadcast_to((np.arange(size_hw[1]) * 3 // size_hw[1]).astype(np.uint8), size_hw)


def label(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(256, np.uint8)
    values[[0, 1, 2, 255]] = (0, 100, 200, 255)
    Image.fromarray(values[ids]).save(path)


def done_in(out: Path) -> list[str]:
    return sorted(path.relative_to(out / "masks").as_posix() for path in (out / "masks").rglob("*.png"))


def table(out: Path) -> list[dict[str, str]]:
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def go(paths: Any, out: Path, *, predictor: Any = None, **more: Any) -> Predictions:
    return predict(predictor or Thirds(), CLASSES, paths, out, **more)


def test_a_file_a_folder_and_a_pattern(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "one.jpg")
    photo(tmp_path / "in" / "sub" / "Кот Мурка.JPG")
    photo(tmp_path / "in" / "sub" / "deep" / "two.WebP")
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    photo(tmp_path / "in" / ".hidden.jpg")
    everything = ["one.png", "sub/deep/two.png", "sub/Кот Мурка.png"]
    assert go(tmp_path / "in", tmp_path / "a").done == 3 and done_in(tmp_path / "a") == everything
    go([str(tmp_path / "in" / "**" / "*")], tmp_path / "b")
    assert done_in(tmp_path / "b") == everything
    go([tmp_path / "in" / "sub" / "Кот Мурка.JPG"], tmp_path / "c")
    assert done_in(tmp_path / "c") == ["Кот Мурка.png"]
    assert go([tmp_path / "in" / "one.jpg", tmp_path / "in", tmp_path / "in" / "*.jpg"], tmp_path / "d").done == 3


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    go(photo(tmp_path / "a[1].jpg"), tmp_path / "out")
    assert done_in(tmp_path / "out") == ["a[1].png"]


def test_masks_hold_the_values_of_the_classes_with_their_palette(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg", (16, 24))
    go(tmp_path / "in", tmp_path / "out")
    with Image.open(tmp_path / "out" / "masks" / "a.png") as mask:
        assert mask.mode == "P" and sorted(set(np.asarray(mask).ravel().tolist())) == [0, 100, 200]
        np.testing.assert_array_equal(np.asarray(mask), thirds((16, 24)) * 100)
        assert tuple(mask.getpalette()[300:303]) == CLASSES.colours[1]
    with Image.open(tmp_path / "out" / "overlays" / "a.jpg") as overlay:
        assert overlay.format == "JPEG" and overlay.size == (24, 16)


def test_areas_of_every_photo(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    made = go(tmp_path / "in", tmp_path / "out")
    (row,) = table(tmp_path / "out")
    assert row["predicted_px:cat"] == "32" and row["predicted_share:cat"] == "0.333333" and row["judged_px"] == "96"
    assert row["file"].endswith("a.jpg") and row["mask"].endswith("out/masks/a.png") and row["problem"] == ""
    assert list(row) == list(made.rows[0]) and "dice:cat" not in row and made.scores is None


def test_photos_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for place in ("x/a.jpg", "x/a.png", "x/A.bmp", "y/a.jpg"):
        photo(tmp_path / place)
    made = go([tmp_path / "x", tmp_path / "y"], tmp_path / "out")
    assert made.done == 4
    names = done_in(tmp_path / "out")
    assert len({name.casefold() for name in names}) == len(names) == 4
    predictor = Thirds()
    assert go([tmp_path / "y", tmp_path / "x"], tmp_path / "out", predictor=predictor).skipped == 4
    assert predictor.asked == 0 and done_in(tmp_path / "out") == names


def test_letters_that_are_no_part_of_a_name_everywhere(tmp_path: Path) -> None:
    for name in ("a:b.jpg", "a\\b.jpg"):
        photo(tmp_path / "in" / name)
    assert go(tmp_path / "in", tmp_path / "out").done == 2
    assert len(done_in(tmp_path / "out")) == 2 and "a_b.png" in done_in(tmp_path / "out")
    assert go(tmp_path / "in", tmp_path / "out").skipped == 2


def test_a_later_photo_of_the_same_name_is_not_taken_for_done(tmp_path: Path) -> None:
    go(photo(tmp_path / "x" / "a.jpg"), tmp_path / "out")
    made = go(photo(tmp_path / "y" / "a.jpg", (9, 9)), tmp_path / "out")
    assert (made.done, made.skipped) == (1, 0) and done_in(tmp_path / "out") == ["a.jpg.png", "a.png"]


def test_going_on_after_an_interruption_gives_the_same(tmp_path: Path) -> None:
    for number in range(12):
        photo(tmp_path / "in" / f"{number:02d}.jpg", seed=number)

    class Stopped(Thirds):
        def __call__(self, image: np.ndarray) -> np.ndarray:
            if self.asked == 9:
                raise KeyboardInterrupt
            return super().__call__(image)

    with pytest.raises(Interrupted, match=r"Stopped after 8 of 12 photos.*\n.*same command"):
        go(tmp_path / "in", tmp_path / "out", predictor=Stopped())
    assert len(done_in(tmp_path / "out")) == 8
    predictor = Thirds()
    made = go(tmp_path / "in", tmp_path / "out", predictor=predictor)
    assert (made.done, made.skipped, predictor.asked) == (4, 8, 4)
    go(tmp_path / "in", tmp_path / "whole")
    first, second = ((tmp_path / name / "predictions.csv").read_text() for name in ("out", "whole"))
    assert first.replace("/out/", "/whole/") == second
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.endswith(".tmp")]


def test_a_changed_photo_a_broken_mask_and_a_lost_overlay_are_made_again(tmp_path: Path) -> None:
    for name in "abcd":
        photo(tmp_path / "in" / f"{name}.jpg")
    go(tmp_path / "in", tmp_path / "out")
    photo(tmp_path / "in" / "a.jpg", (8, 15))
    os.utime(tmp_path / "in" / "a.jpg", ns=(1, 1))
    mask = tmp_path / "out" / "masks" / "b.png"
    mask.write_bytes(mask.read_bytes()[:40])
    (tmp_path / "out" / "overlays" / "c.jpg").unlink()
    made = go(tmp_path / "in", tmp_path / "out")
    assert (made.done, made.skipped) == (3, 1)
    assert [row["judged_px"] for row in made.rows] == [120, 96, 96, 96]
    assert go(tmp_path / "in", tmp_path / "out", overwrite=True).done == 4


def test_without_overlays(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    go(tmp_path / "in", tmp_path / "out", write=())
    assert not (tmp_path / "out" / "overlays").exists()
    assert go(tmp_path / "in", tmp_path / "out").done == 1
    assert (tmp_path / "out" / "overlays" / "a.jpg").is_file()


def test_where_the_model_is_unsure_and_what_dice_to_expect(tmp_path: Path) -> None:
    """Also of photos whose masks were there before; without being asked for, nothing of it is written."""

    def unsure(image: np.ndarray) -> np.ndarray:
        sure = np.where(np.arange(image.shape[1]) < 6, 1.0, 0.5)
        plane = np.broadcast_to(sure, image.shape[:2])
        return np.stack([plane, 1 - plane, 0 * plane]).astype(np.float32)

    photo(tmp_path / "in" / "a.jpg")
    assert "expected_dice" not in go(tmp_path / "in", tmp_path / "out", predictor=unsure).rows[0]
    assert not (tmp_path / "out" / "uncertainty").exists()
    made = go(tmp_path / "in", tmp_path / "out", predictor=unsure, write="overlays,uncertainty")
    with Image.open(tmp_path / "out" / "uncertainty" / "a.png") as grey:
        assert np.asarray(grey)[:, :6].max() == 0
        assert np.asarray(grey)[:, 6:].min() == round(255 * np.log(2) / np.log(3))
    expected = expected_dice(unsure(np.zeros((8, 12, 3), np.uint8)))
    assert made.done == 1 and made.rows[0]["expected_dice"] == pytest.approx(expected, abs=1e-6)
    again = go(tmp_path / "in", tmp_path / "out", predictor=unsure, write="overlays,uncertainty")
    assert again.done == 0 and list(again.rows) == list(made.rows)
    assert float(table(tmp_path / "out")[0]["expected_dice"]) == pytest.approx(expected, abs=1e-6)


def test_bad_files_are_named_and_passed_over(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "b.jpg")
    (tmp_path / "in" / "a.jpg").write_bytes(b"")
    (tmp_path / "in" / "c.png").write_text("this is text")
    (tmp_path / "in" / "d.jpg").write_bytes((tmp_path / "in" / "b.jpg").read_bytes()[:200])
    (tmp_path / "in" / "e.heic").write_bytes(b"\0\0\0\x18ftypheic")
    os.mkfifo(tmp_path / "in" / "f.jpg")
    (tmp_path / "in" / "g.jpg").symlink_to("gone.jpg")
    before = {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir() if path.is_file()}
    seen: list[tuple[int, int | None]] = []
    made = go(tmp_path / "in", tmp_path / "out", on_progress=lambda step: seen.append((step.done, step.total)))
    assert made.done == 1 and [Path(failure.file).name[0] for failure in made.failed] == list("acdefg")
    for failure, words in zip(made.failed, ("empty", "not a picture", "", "HEIC", "pipe", "link"), strict=True):
        assert words in failure.message and Path(failure.file).name in failure.message
    assert [bool(row["problem"]) for row in table(tmp_path / "out")] == [True, False, True, True, True, True, True]
    assert seen[0] == (0, 7) and seen[-1] == (7, 7) and seen == sorted(seen)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir() if path.is_file()}
    photo(tmp_path / "in" / "a.jpg")
    mended = go(tmp_path / "in", tmp_path / "out")
    assert (mended.done, mended.skipped, len(mended.failed)) == (1, 1, 5)


def test_a_photo_that_the_model_refuses_is_passed_over_by_name(tmp_path: Path) -> None:
    class Picky(Thirds):
        def __call__(self, image: np.ndarray) -> np.ndarray:
            if min(image.shape[:2]) == 1:
                raise DataError("This photo is too thin.", found=f"{image.shape[1]} x {image.shape[0]} px")
            return super().__call__(image)

    for name, size_hw in (("a", (1, 5000)), ("b", (8, 12)), ("c", (8, 12)), ("d", (30, 1))):
        photo(tmp_path / "in" / f"{name}.png", size_hw)
    for write in ("masks", "probs"):
        made = predict(Picky(), CLASSES, tmp_path / "in", tmp_path / write, write=write)
        assert made.done == 2 and [Path(failure.file).name for failure in made.failed] == ["a.png", "d.png"]
        assert re.search(r"a\.png: .*too thin.*\n.*found: 5000 x 1 px$", made.failed[0].message)
        assert done_in(tmp_path / write) == ["b.png", "c.png"]


def test_labels_give_dice_and_labelled_areas(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "sub" / "a.jpg")
    photo(tmp_path / "in" / "b.jpg")
    photo(tmp_path / "in" / "c.jpg")
    ids = thirds().copy()
    ids[:, 4:8] = 0
    ids[0] = 255
    label(tmp_path / "labels" / "sub" / "a.png", ids)
    label(tmp_path / "labels" / "b.png", np.zeros((3, 3), np.uint8))
    made = go(tmp_path / "in", tmp_path / "out", labels=tmp_path / "labels")
    first, second, third = (row for row in made.rows)
    assert "another size" in str(first["problem"]) and first["predicted_px:cat"] == 32 and first["dice:cat"] == ""
    assert second["problem"] == "" and second["labelled_px:cat"] == "" and second["predicted_px:cat"] == 32
    assert third["judged_px"] == 84 and third["labelled_px:cat"] == 0 and third["predicted_px:cat"] == 28
    assert third["dice:cat"] == 0 and third["dice:dog"] == 1 and third["dice:background"] == pytest.approx(2 / 3)
    assert third["labelled_share:background"] == pytest.approx(2 / 3)
    assert made.scores is not None and made.scores.mDice == pytest.approx(third["mDice"])
    assert made.done == 3 and len(made.failed) == 1 and "b.png" in made.failed[0].file
    again = go(tmp_path / "in", tmp_path / "out", labels=tmp_path / "labels")
    assert again.skipped == 3 and list(again.rows) == list(made.rows)


def test_a_notebook_shows_the_table_of_each_photo_and_of_all(tmp_path: Path) -> None:
    for number in range(8):
        photo(tmp_path / "in" / f"{number}<b>.jpg", (4, 12))
    label(tmp_path / "labels" / "3<b>.png", np.where(thirds((4, 12)) == 2, 0, thirds((4, 12))))
    made = go(tmp_path / "in", tmp_path / "out", labels=tmp_path / "labels")
    page = made._repr_html_()
    assert page.count("<table>") == 7 and page.count("<img src=") == 6 and "and 2 more" in page.lower()
    assert "<b>3&lt;b&gt;.jpg</b>" in page and "all labelled photos together: 1" in page
    both = page.split("<table>")[4], page.split("<table>")[7]
    for table_ in both:
        cells = [cell.partition(">")[2].partition("</td>")[0] for cell in table_.split("<td ")[1:]]
        assert cells[8:14] == ["100.00", "100.00", "16", "33.33", "16", "33.33"]  # cat: Dice, IoU, predicted, labelled
        assert cells[1:7] == ["66.67", "50.00", "16", "33.33", "32", "66.67"]
    bare = go(tmp_path / "in", tmp_path / "bare", write=())._repr_html_()
    assert "Dice" not in bare and "<img src=" not in bare and bare.count("<table>") == 6


def test_one_mask_for_one_photo(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    label(tmp_path / "any name.png", thirds())
    made = go(tmp_path / "a.jpg", tmp_path / "out", labels=tmp_path / "any name.png")
    assert made.scores is not None and made.scores.mDice == 1
    with pytest.raises(UsageError, match=r"one file for 2 photos\n.*called like the photos"):
        go([tmp_path / "a.jpg", tmp_path / "b.jpg"], tmp_path / "more", labels=tmp_path / "any name.png")
    assert not (tmp_path / "more").exists()


def test_labels_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    label(tmp_path / "labels" / "x.png", thirds())
    with pytest.raises(UsageError, match=r"no mask there is called like.*\n.*a.png  found: x.png"):
        go(tmp_path / "a.jpg", tmp_path / "out", labels=tmp_path / "labels")
    with pytest.raises(UsageError, match=r"--labels .*nowhere.*\n.*nothing of that name"):
        go(tmp_path / "a.jpg", tmp_path / "out", labels=tmp_path / "nowhere")


def test_a_label_of_unknown_values_is_named(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "labels").mkdir()
    Image.fromarray(np.full((8, 12), 7, np.uint8)).save(tmp_path / "labels" / "a.png")
    made = go(tmp_path / "a.jpg", tmp_path / "out", labels=tmp_path / "labels")
    assert "no class of the model" in made.failed[0].message and made.done == 1


def test_paths_that_hold_no_photo_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"gone.jpg, .*empty, .*\*.tif: no photo there.\n.*\n.*stands in quotes"):
        go([photo(tmp_path / "a.jpg"), "gone.jpg", tmp_path / "empty", str(tmp_path / "*.tif")], tmp_path / "out")
    with pytest.raises(UsageError, match="Nothing: no photo there"):
        go([], tmp_path / "out")


def test_the_folder_of_predictions_is_not_predicted_itself(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    go(tmp_path, tmp_path / "out")
    assert go(tmp_path, tmp_path / "out").skipped == 1
    assert done_in(tmp_path / "out") == ["a.png"]


def test_another_models_predictions_are_not_mixed_in(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    go(tmp_path / "in", tmp_path / "out")
    other = Thirds("b" * 8)
    with pytest.raises(UsageError, match=r"another model, .*\n  expected: predictor b+ .*found: predictor a+ .*\n.*-o"):
        go(tmp_path / "in", tmp_path / "out", predictor=other)
    with pytest.raises(UsageError, match="another model"):
        predict(Thirds(), make_classes(["x", "y", "z"]), tmp_path / "in", tmp_path / "out")
    assert other.asked == 0
    assert go(tmp_path / "in", tmp_path / "out", predictor=other, overwrite=True).done == 1
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())["predictor"] == "b" * 8


def test_a_folder_of_someones_masks_is_never_written_to(tmp_path: Path) -> None:
    photo(tmp_path / "data" / "images" / "a.jpg")
    label(tmp_path / "data" / "masks" / "a.png", thirds())
    before = (tmp_path / "data" / "masks" / "a.png").read_bytes()
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=r"masks: this folder holds files that no prediction wrote"):
            go(tmp_path / "data" / "images", tmp_path / "data", overwrite=overwrite)
    assert (tmp_path / "data" / "masks" / "a.png").read_bytes() == before


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    out = tmp_path / "out"
    go(tmp_path / "a.jpg", out)
    record = json.loads((out / "predictions.json").read_text())
    for change in ({"format": 2}, {"files": {"../../x": ["/a", 1, 2]}}, {"files": [1]}):
        (out / "predictions.json").write_text(json.dumps(record | change))
        with pytest.raises(RunError, match=r"predictions.json: (this format|the record)"):
            go(tmp_path / "a.jpg", out)


def test_a_predictor_of_other_classes_is_refused(tmp_path: Path) -> None:
    predictor = Thirds()
    predictor.classes = make_classes(["sky", "sea", "sand"])  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"expected: sky, sea, sand  found: background, cat, dog"):
        go(photo(tmp_path / "a.jpg"), tmp_path / "out", predictor=predictor)


def test_only_a_few_photos_are_held_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskwright.inference import photo as module
    from maskwright.inference.work import AHEAD

    for number in range(60):
        photo(tmp_path / "in" / f"{number:02d}.png", (4, 4))
    read = 0
    held: list[int] = []
    decode = module.read_image

    def counted(*given: Any, **more: Any) -> np.ndarray:
        nonlocal read
        read += 1
        return decode(*given, **more)

    class Batched(Thirds):
        def masks(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
            held.append(read - self.asked)
            self.asked += len(images)
            return [thirds((4, 4)) for _ in images]

    monkeypatch.setattr(module, "read_image", counted)
    assert go(tmp_path / "in", tmp_path / "out", predictor=Batched()).done == 60
    assert max(held) <= 8 + 1 + AHEAD + 1


def test_photos_in_an_object_store(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    for name in ("a.jpg", "sub/b.PNG", "sub/.hidden.jpg", "notes.txt"):
        local = photo(tmp_path / f"x{Path(name).suffix}")
        store.pipe(f"/bucket/in/{name}", local.read_bytes())
    store.pipe("/bucket/in/broken.jpg", b"\xff\xd8\xff no photo")
    made = go("memory://bucket/in", tmp_path / "out")
    assert done_in(tmp_path / "out") == ["a.png", "sub/b.png"] and (made.done, len(made.failed)) == (2, 1)
    assert [row["file"] for row in made.rows] == [
        f"memory:///bucket/in/{name}" for name in ("a.jpg", "broken.jpg", "sub/b.PNG")
    ]
    again = go(["memory://bucket/in/*.jpg", "memory://bucket/in/sub/b.PNG"], tmp_path / "out")
    assert (again.done, again.skipped) == (0, 2)
    with pytest.raises(UsageError, match="memory://bucket/none: no photo there"):
        go("memory://bucket/none", tmp_path / "none")
    with pytest.raises(UsageError, match=r"nowhere://bucket: this object store cannot be read.*\n.*Protocol not known"):
        go("nowhere://bucket", tmp_path / "none")


KILLED = """
import os, signal, sys
import numpy as np
from maskwright.data.classes import make_classes
from maskwright.inference.predict import predict

class Dies:
    digest, left = "k" * 8, int(sys.argv[3])
    def __call__(self, image):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        columns = np.arange(image.shape[1]) * 3 // image.shape[1]
        return np.eye(3, dtype=np.float32)[np.broadcast_to(columns, image.shape[:2])].transpose(2, 0, 1)

classes = make_classes(["background", "cat", "dog"], values=(0, 100, 200))
print(predict(Dies(), classes, sys.argv[1], sys.argv[2], write="overlays,probs,geojson,objects,coco").done)
"""


def test_kills_cost_nothing_but_what_was_under_way(tmp_path: Path) -> None:
    for number in range(20):
        photo(tmp_path / "in" / f"{number:02d}.png", (8, 12 + number % 2), seed=number)  # sizes change: no batches
    command = [sys.executable, "-c", KILLED, str(tmp_path / "in"), str(tmp_path / "out")]
    for left in (7, 0, 7):
        assert subprocess.run([*command, str(left)], check=False).returncode == -signal.SIGKILL
    ended = subprocess.run([*command, "6"], check=True, capture_output=True, text=True)
    assert ended.stdout == "6\n" and len(done_in(tmp_path / "out")) == 20
    subprocess.run([*command[:-1], str(tmp_path / "whole"), "20"], check=True, capture_output=True)

    def files(out: Path) -> dict[str, bytes]:
        paths = [path for path in out.rglob("*") if path.is_file()]
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}

    killed, whole = files(tmp_path / "out"), files(tmp_path / "whole")
    assert killed.keys() == whole.keys()
    assert {name for name in whole if killed[name] != whole[name]} == {"predictions.csv"}  # it names the folder
    assert killed["predictions.csv"].replace(b"/out/", b"/whole/") == whole["predictions.csv"]
