"""maskwright predict, as a person would say it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from maskwright.cli.main import answer
from maskwright.data.classes import make_classes
from maskwright.inference.ensemble import Ensemble
from maskwright.inference.load import load
from maskwright.inference.tiling import Tiled
from untrained_run import untrained_run


def small_run(folder: Path, *, classes: Sequence[str] = ("background", "cat", "dog"), seed: int = 0) -> Path:
    settings: dict[str, Any] = {"model": "mlp-mobilenetv2", "crop_hw": (64, 64), "threads": 1}
    return untrained_run(folder, seed=seed, classes=make_classes(classes), **settings).folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2):
        photo(folder / f"{number}.png", seed=number)
    return folder


def photo(path: Path, size_hw: tuple[int, int] = (40, 50), seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def said(capsys: pytest.CaptureFixture[str], *command: object) -> dict[str, Any]:
    assert answer(["predict", *map(str, command), "--threads", "1", "--json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def kept(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["probs"].astype(np.float32)


def test_what_is_written_is_chosen(run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = said(capsys, run, photos, "-o", tmp_path / "out", "--write", "probs,objects,geojson")
    assert made["done"] == 2 and [Path(row["file"]).name for row in made["photos"]] == ["0.png", "1.png"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "masks", "probs", "geojson", "objects.csv", "predictions.csv", "predictions.json"
    }  # fmt: skip
    assert answer(["predict", str(run), str(photos), "-o", str(tmp_path / "b"), "--write", "pictures"]) == 2
    assert "--write pictures: nothing of that name is written" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_the_mean_of_several_runs(run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = small_run(tmp_path / "other", seed=1)
    said(capsys, run, photos, "-o", tmp_path / "out", "--with", other, "--write", "probs")
    image = pixels_of(photos / "1.png")
    mean = np.rint(255 * Ensemble([load(run), load(other)])(image))
    probs = kept(tmp_path / "out" / "probs" / "1.npz")
    assert np.abs(probs - mean).max() <= 1  # photos go together in another way
    assert np.abs(probs - 255 * load(run)(image)).max() > 5
    assert said(capsys, other, photos, "-o", tmp_path / "out", "--with", run)["done"] == 2  # the overlays
    assert said(capsys, other, photos, "-o", tmp_path / "out", "--with", run)["skipped"] == 2
    assert answer(["predict", str(run), str(photos), "-o", str(tmp_path / "out")]) == 2
    assert "another model" in capsys.readouterr().err
    strange = small_run(tmp_path / "strange", classes=["sky", "sea", "sand"])
    assert answer(["predict", str(run), str(photos), "-o", str(tmp_path / "b"), "--with", str(strange)]) == 2
    assert "number 2: 0 sky, 1 sea, 2 sand" in capsys.readouterr().err


class Bytes(io.TextIOWrapper):
    """A standard stream over bytes."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


def test_standard_input_and_output(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (photos / "1.png").read_bytes()
    expected = load(run).mask(pixels_of(photos / "1.png"))
    monkeypatch.setattr(sys, "stdin", Bytes(content))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Bytes())
        assert answer(["predict", str(run), "-", "-o", "-", "--threads", "1"]) == 0
        with Image.open(io.BytesIO(sys.stdout.buffer.getvalue())) as picture:  # type: ignore[attr-defined]
            assert picture.mode == "P" and picture.format == "PNG"
            np.testing.assert_array_equal(np.asarray(picture), expected)
    monkeypatch.setattr(sys, "stdin", Bytes(content))
    assert said(capsys, run, "-", "-o", tmp_path / "out")["done"] == 1
    np.testing.assert_array_equal(pixels_of(tmp_path / "out" / "masks" / "stdin.png"), expected)
    for given, done in ((content, "skipped"), ((photos / "0.png").read_bytes(), "done")):
        monkeypatch.setattr(sys, "stdin", Bytes(given))
        assert said(capsys, run, "-", "-o", tmp_path / "out")[done] == 1
    for given, words in ((b"", "empty"), (b"text", "not a picture")):
        monkeypatch.setattr(sys, "stdin", Bytes(given))
        assert answer(["predict", str(run), "-", "-o", "-"]) == 2
        assert words in capsys.readouterr().err


def test_what_cannot_go_to_standard_output_is_refused(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["predict", str(run), str(photos), "-o", "-"]) == 2
    assert "one photo  found: 2 photos" in capsys.readouterr().err
    assert answer(["predict", str(run), str(photos / "0.png"), "-o", "-", "--json"]) == 2
    assert "both want standard output" in capsys.readouterr().err


def test_a_list_of_paths(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    zeros = "\0".join([str(photos / "0.png"), str(photos / "1.png"), ""])
    for place, text in enumerate((zeros, f"{photos / '0.png'}\r\n\n{photos / '1.png'}\n", f"{photos}\n")):
        monkeypatch.setattr(sys, "stdin", Bytes(text.encode()))
        assert said(capsys, run, "--from-list", "-", "-o", tmp_path / f"out{place}")["done"] == 2
    (tmp_path / "list.txt").write_text(str(photos / "0.png"))
    made = said(capsys, run, photos / "1.png", "--from-list", tmp_path / "list.txt", "-o", tmp_path / "file")
    assert [Path(row["file"]).name for row in made["photos"]] == ["1.png", "0.png"]
    (tmp_path / "list.txt").write_text("\n".join(f"gone{number}.jpg" for number in range(40)))
    assert answer(["predict", str(run), "--from-list", str(tmp_path / "list.txt"), "-o", str(tmp_path / "x")]) == 2
    assert "gone9.jpg and 30 more: no photo there" in capsys.readouterr().err
    for listed, words in (("nowhere.txt", "No such file"), (str(photos / "0.png"), "can't decode")):
        assert answer(["predict", str(run), "--from-list", listed, "-o", "x"]) == 2
        assert words in capsys.readouterr().err
    assert answer(["predict", str(run), "-", "--from-list", "-", "-o", "x"]) == 2
    assert answer(["predict", str(run), "-o", str(tmp_path / "x")]) == 2
    assert "no path at all" in capsys.readouterr().err


def test_a_film_and_a_camera_among_photos(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 8.0, (64, 48))
    for _ in range(7):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    given = (tmp_path / "clip.avi", "-o", tmp_path / "out", "--every", 3, "--write", "films")
    assert said(capsys, run, *given)["done"] == 3
    assert (tmp_path / "out" / "films" / "clip.avi.mp4").is_file() and said(capsys, run, *given)["skipped"] == 3
    assert answer(["predict", str(run), "camera:0", str(photos), "-o", str(tmp_path / "out")]) == 2
    assert "a camera is looked at alone" in capsys.readouterr().err


def test_tiles(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = photo(tmp_path / "large.png", (150, 200))
    for name, *options in (("whole",), ("tiles", "--tile-px", 64), ("none", "--no-tile")):
        said(capsys, run, tmp_path / "large.png", "-o", tmp_path / name, "--write", "probs", *options)
    whole, tiles, none = (kept(tmp_path / name / "probs" / "large.npz") for name in ("whole", "tiles", "none"))
    np.testing.assert_array_equal(whole, none)
    expected = np.rint(255 * Tiled(load(run), tile_px=64, overlap_px=32)(image))
    assert np.abs(tiles - expected).max() <= 1 and (tiles != whole).any()
    assert answer(["predict", str(run), "x", "-o", "y", "--tile-px", "64", "--no-tile"]) == 2
    assert "one of them" in capsys.readouterr().err


def test_a_file_is_no_place_for_predictions(tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.zip").write_bytes(b"mine")
    for out in (tmp_path / "b.zip", tmp_path / "b.zip" / "in"):
        assert answer(["predict", str(tmp_path / "not looked at"), str(photos), "-o", str(out)]) == 2
        error = capsys.readouterr().err
        assert "predictions cannot be written there.\n  expected: a folder" in error and "b.zip\n" in error
    assert (tmp_path / "b.zip").read_bytes() == b"mine"


def test_without_a_folder_predictions_go_beside_one(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(["predict", str(run), str(photos / "0.png"), "--threads", "1"]) == 0
    assert (tmp_path / "predictions" / "masks" / "0.png").is_file()
    assert str(Path("predictions/masks")) in capsys.readouterr().out


def test_a_runtime_that_is_not_there_is_refused_in_our_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["predict", "run", "photo.jpg", "--runtime", "cuda"]) == 2
    assert "Invalid value for '--runtime': 'cuda' is not one of 'torch', 'onnx'" in capsys.readouterr().err
