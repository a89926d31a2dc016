"""Films and cameras: every n-th frame as a photo, whatever is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from maskwright.data.classes import make_classes
from maskwright.data.decode import read_image
from maskwright.errors import Interrupted, UsageError
from maskwright.inference import camera as camera_module
from maskwright.inference.camera import only_camera, predict_camera
from maskwright.inference.films import frame_rate, frames_in, write_film
from maskwright.inference.inputs import find_photos
from maskwright.inference.predict import predict
from maskwright.inference.predictions import Predictions
from maskwright.progress import Progress

CLASSES = make_classes(["dark", "bright"])
FRAMES, STEP = 12, 20


class Bright:
    """The probability of bright is the red channel; knows the brightness of what it was asked for."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.asked, self.stop_after = list[int](), stop_after

    def __call__(self, image: np.ndarray) -> np.ndarray:
        if self.stop_after is not None and len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(int(np.median(image[..., 0])))
        plane = image[..., 0].astype(np.float32) / 255
        return np.stack([1 - plane, plane])


def film(path: Path, frames: int = FRAMES) -> Path:
    """Red gets 20 brighter with each frame: bright from frame 7 on."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 8.0, (64, 48))
    for place in range(frames):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[..., 2] = min(255, STEP * place)
        writer.write(frame)
    writer.release()
    return path


def go(path: Path, out: Path, predictor: Any = None, **more: Any) -> Predictions:
    return predict(predictor or Bright(), CLASSES, path, out, **{"write": "masks", **more})


def done_in(out: Path) -> list[str]:
    return sorted(path.relative_to(out / "masks").as_posix() for path in (out / "masks").rglob("*.png"))


def test_every_frame_is_a_photo(tmp_path: Path) -> None:
    path, predictor = film(tmp_path / "clip.avi"), Bright()
    before = path.read_bytes()
    made = go(path, tmp_path / "out", predictor)
    assert done_in(tmp_path / "out") == [f"clip.avi/{place:06}.png" for place in range(FRAMES)]
    np.testing.assert_allclose(predictor.asked, STEP * np.arange(FRAMES), atol=3)
    assert [row["predicted_share:bright"] for row in made.rows] == [float(place >= 7) for place in range(FRAMES)]
    assert path.read_bytes() == before and go(path, tmp_path / "out").skipped == FRAMES


def test_every_third_frame_and_then_all(tmp_path: Path) -> None:
    path, predictor = film(tmp_path / "clip.avi"), Bright()
    go(path, tmp_path / "out", predictor, every=3)
    np.testing.assert_allclose(predictor.asked, [0, 60, 120, 180], atol=3)
    assert done_in(tmp_path / "out") == [f"clip.avi/{place:06}.png" for place in (0, 3, 6, 9)]
    made = go(path, tmp_path / "out", predictor)
    assert (made.done, made.skipped) == (8, 4)
    np.testing.assert_allclose(predictor.asked[4:], [20, 40, 80, 100, 140, 160, 200, 220], atol=3)


def test_going_on_in_the_middle_of_a_film(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi")
    with pytest.raises(Interrupted):
        go(path, tmp_path / "out", Bright(stop_after=9))
    assert len(done_in(tmp_path / "out")) == 8  # photos of one size go together
    predictor = Bright()
    assert go(path, tmp_path / "out", predictor).done == 4
    np.testing.assert_allclose(predictor.asked, [160, 180, 200, 220], atol=3)


def test_a_film_of_overlays(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi")
    go(path, tmp_path / "out", write="films", every=2)
    made = tmp_path / "out" / "films" / "clip.avi.mp4"
    capture = cv2.VideoCapture(str(made))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), frame_rate(str(made))) == (6, 4.0)
    shown = [capture.read()[1] for _ in range(6)]
    capture.release()
    for frame, place in zip(shown, range(0, FRAMES, 2), strict=True):
        overlay = read_image(tmp_path / "out" / "overlays" / "clip.avi" / f"{place:06}.jpg")
        assert np.abs(frame[..., ::-1].astype(int) - overlay).mean() < 6
    assert not [one for one in tmp_path.rglob("*") if ".tmp" in one.name]
    assert find_photos(tmp_path / "*.avi", outside=[tmp_path / "out"])[0].relative == "clip.avi/000000"


@pytest.mark.parametrize(("rate", "written"), [(521.908, 521.91), (0.0123, 0.1), (1e6, 600), (29.97003, 29.97)])
def test_a_film_has_nearly_any_frame_rate(rate: float, written: float, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    cv2.imwrite(str(picture), np.zeros((32, 32, 3), np.uint8))
    write_film(tmp_path / "film.mp4", [picture] * 12, rate)
    assert frame_rate(str(tmp_path / "film.mp4")) == pytest.approx(written, rel=0.001)


def test_damaged_frames_are_named_and_passed_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = film(tmp_path / "clip.avi")
    content = bytearray(path.read_bytes())
    places = [place for place in range(len(content)) if content[place : place + 4] == b"00dc"]
    frames = [place for place in places if content[place + 8 : place + 10] == b"\xff\xd8"]
    assert len(frames) == FRAMES
    start, size = frames[5], int.from_bytes(content[frames[5] + 4 : frames[5] + 8], "little")
    content[start + 8 : start + 8 + size] = b"U" * size
    path.write_bytes(content)
    predictor = Bright()
    made = go(path, tmp_path / "out", predictor)
    assert made.done == FRAMES - 1 and "000005: this frame is damaged" in made.failed[0].message
    np.testing.assert_allclose(predictor.asked, STEP * np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]), atol=3)
    path.write_bytes(bytes(content[: frames[8] + 20]))
    cut = go(path, tmp_path / "cut")
    assert cut.done == 7 and all("the film ends before it" in failure.message for failure in cut.failed[1:])
    capfd.readouterr()  # FFmpeg says on standard error what it thinks of such files


@pytest.mark.parametrize(
    "content", [b"", b"no film at all", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"RIFF" + bytes(40)]
)
def test_what_is_no_film_is_named(content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip.avi").write_bytes(content)
    made = go(tmp_path / "clip.avi", tmp_path / "out")
    assert made.done == 0 and "no film that can be read" in made.failed[0].message
    capfd.readouterr()


def test_films_are_not_looked_for_in_folders(tmp_path: Path) -> None:
    film(tmp_path / "in.avi")
    with pytest.raises(UsageError, match="no photo there"):
        find_photos(tmp_path)
    assert len(list(frames_in(tmp_path / "in.avi", 5))) == 3


def recorded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "_opened", lambda _camera: cv2.VideoCapture(str(path)))


def test_a_camera_is_looked_at_until_it_gives_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film stands for the camera: the same calls of OpenCV."""
    recorded(film(tmp_path / "clip.avi"), monkeypatch)
    seen: list[Progress] = []
    predictor = Bright()
    made = predict_camera(
        predictor, CLASSES, "camera:0", tmp_path / "out", write="films,objects", every=4, on_progress=seen.append
    )
    assert made.done == 3 and len(made.rows) == 3
    np.testing.assert_allclose(predictor.asked, [0, 80, 160], atol=3)
    names = done_in(tmp_path / "out")
    assert all(name.startswith("camera_0/2") for name in names) and names[-1].endswith("/000002.png")
    assert len(list((tmp_path / "out" / "films" / "camera_0").glob("*.mp4"))) == 1
    assert len((tmp_path / "out" / "predictions.csv").read_text().splitlines()) == 4
    assert [step.done for step in seen] == [1, 2, 3, 3]


def test_a_camera_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(film(tmp_path / "clip.avi", 20), monkeypatch)
    made = predict_camera(Bright(stop_after=9), CLASSES, "camera:0", tmp_path / "out")
    assert made.done == 8 and (tmp_path / "out" / "predictions.csv").is_file()
    recorded(film(tmp_path / "clip.avi", 20), monkeypatch)
    assert predict_camera(Bright(), CLASSES, "camera:0", tmp_path / "none", seconds=0.0).done == 0


def test_a_camera_that_is_not_there_and_one_among_photos(tmp_path: Path) -> None:
    for name in ("camera:x", "camera:"):
        with pytest.raises(UsageError, match=r"no such camera gives pictures.\n.*camera:0"):
            predict_camera(Bright(), CLASSES, name, tmp_path / "out")
    with pytest.raises(UsageError, match="a camera is looked at alone"):
        only_camera(["camera:0", "photo.jpg"])


@pytest.mark.skipif(not Path("/dev/video0").exists(), reason="camera: there is none at /dev/video0")
def test_a_real_camera(tmp_path: Path) -> None:
    assert predict_camera(Bright(), CLASSES, "camera:0", tmp_path / "out", seconds=2).done > 0
