"""Photos in archives, of which some are traps."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maskwright.data.classes import make_classes
from maskwright.errors import UsageError
from maskwright.inference import archives
from maskwright.inference.inputs import find_photos
from maskwright.inference.outputs import Outputs, plan_outputs
from maskwright.inference.predict import predict
from maskwright.inference.predictions import Predictions

CLASSES = make_classes(["dark", "bright"])


def bright(image: np.ndarray) -> np.ndarray:
    plane = image[..., 0].astype(np.float32) / 255
    return np.stack([1 - plane, plane])


def png(value: int = 255) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(content, "PNG")
    return content.getvalue()


def go(archive: Path, out: Path, **more: Any) -> Predictions:
    return predict(bright, CLASSES, archive, out, write=(), **more)


def done_in(out: Path) -> list[str]:
    return sorted(path.relative_to(out / "masks").as_posix() for path in (out / "masks").rglob("*.png"))


def tar_of(path: Path, members: dict[str, bytes], mode: str) -> Path:
    with tarfile.open(path, mode) as holder:  # type: ignore[call-overload]
        for name, content in members.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            holder.addfile(one, io.BytesIO(content))
    return path


MEMBERS = {"a.png": png(255), "sub/кот.PNG": png(0), "notes.txt": b"no photo", "sub/.hidden.png": png(), "b.jpg": b"x"}


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_photos_of_an_archive_are_predicted_where_they_lie(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"photos.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as holder:
            for name, content in MEMBERS.items():
                holder.writestr(name, content)
    else:
        tar_of(path, MEMBERS, {"tar": "w", "tgz": "w:gz"}.get(ending, f"w:{ending[4:]}"))
    before = path.read_bytes()
    made = go(path, tmp_path / "out")
    assert done_in(tmp_path / "out") == ["a.png", "sub/кот.png"] and made.done == 2
    assert [row["predicted_share:bright"] for row in made.rows] == [1, 0, ""]
    assert [failure.file.rpartition("/")[2] for failure in made.failed] == ["b.jpg"]
    assert "not a picture" in made.failed[0].message and "!/b.jpg" in made.failed[0].message
    assert go(path, tmp_path / "out").skipped == 2
    assert path.read_bytes() == before and {one.name for one in tmp_path.iterdir()} == {path.name, "out"}
    assert len(find_photos([path, str(tmp_path / "photos.*")])) == 3  # each once
    with pytest.raises(UsageError, match="no photo there"):
        find_photos(tmp_path, outside=[tmp_path / "out"])  # archives are not looked for in folders


def test_jobs_can_be_sent_to_other_processes(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tgz", MEMBERS, "w:gz")
    outputs = Outputs(tmp_path / "out", ("objects",))
    jobs = plan_outputs(find_photos(path), outputs, digest=None, classes=CLASSES, labels={})
    again = pickle.loads(pickle.dumps(jobs))
    assert again == jobs and len(pickle.dumps(jobs)) < 400 * len(jobs)
    np.testing.assert_array_equal(again[0].photo.image(), jobs[0].photo.image())


@pytest.mark.parametrize("name", ["набор/кот é.png", "\u2592.png"])
def test_a_zip_whose_names_are_utf_8_without_saying_so(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as holder:
        holder.writestr("x" * len(name.encode()), png())
    path.write_bytes(path.read_bytes().replace(b"x" * len(name.encode()), name.encode()))
    assert [photo.relative for photo in find_photos(path)] == [name]
    assert go(path, tmp_path / "out").done == 1


def test_a_zip_full_of_traps(tmp_path: Path) -> None:
    path = tmp_path / "traps.zip"
    with zipfile.ZipFile(path, "w") as holder:
        for name in ("../../up.png", "/etc/root.png", "C:\\drive.png", "good/..\\..\\back.png", "fine\\windows.png"):
            holder.writestr(zipfile.ZipInfo(name), png())
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        holder.writestr(link, "/etc/passwd")
        holder.writestr("good.png", png())
    made = go(path, tmp_path / "deep" / "out")
    assert done_in(tmp_path / "deep" / "out") == ["fine/windows.png", "good.png"]
    words = {failure.file.rpartition("!/")[2]: failure.message for failure in made.failed}
    assert len(words) == 5 and sum("leads out of the archive" in message for message in words.values()) == 4
    assert "a link in an archive is not followed" in words["link.png"]
    outside = [one for one in tmp_path.rglob("*") if one.is_file() and "deep" not in one.parts]
    assert outside == [path]
    again = go(path, tmp_path / "deep" / "out")
    assert (again.skipped, len(again.failed)) == (2, 5)


def test_a_tar_full_of_traps(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "traps.tar", {"../up.png": png(), "/root.png": png(), "good.png": png()}, "w")
    with tarfile.open(path, "a") as holder:
        for name, kind in (
            ("soft.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            one = tarfile.TarInfo(name)
            one.type, one.linkname = kind, "/etc/passwd"
            holder.addfile(one)
    made = go(path, tmp_path / "out")
    assert done_in(tmp_path / "out") == ["good.png"]
    told = sorted(failure.message.partition(": ")[2][:20] for failure in made.failed)
    assert told == sorted(2 * ["this name leads out "] + 2 * ["a link in an archive"] + ["it is no ordinary fi"])


def test_a_password_and_a_damaged_part_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as holder:
        holder.writestr("locked.png", png(1))
        holder.writestr("spoilt.png", png(2))
        holder.writestr("good.png", png(3))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the first entry of the list says: encrypted
    content[content.index(b"spoilt.png") + 40] ^= 255
    path.write_bytes(content)
    made = go(path, tmp_path / "out")
    assert done_in(tmp_path / "out") == ["good.png"]
    assert "locked with a password" in made.failed[0].message and "Bad CRC" in made.failed[1].message


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_a_cut_off_archive_gives_what_is_whole(ending: str, tmp_path: Path) -> None:
    path, noise = tmp_path / f"cut.{ending}", os.urandom(40_000)
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as holder:
            holder.writestr("a.png", png())
    else:
        tar_of(path, {"a.png": png(), "z.png": noise}, "w" if ending == "tar" else "w:gz")
    path.write_bytes(path.read_bytes()[:-20_000] if ending != "zip" else path.read_bytes()[:-30])
    made = go(path, tmp_path / "out")
    assert (made.done, made.skipped) == (0 if ending == "zip" else 1, 0)
    assert any("damaged" in failure.message for failure in made.failed)


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as holder:
        holder.writestr("a.png", bytes(8 << 20))
    tar = tar_of(tmp_path / "bomb.tgz", {"a.png": png(), "b.png": bytes(8 << 20), "c.png": png()}, "w:gz")
    header = tarfile.TarInfo("x.png")
    header.type, header.size = tarfile.XHDTYPE, 3 << 30  # a header that says it has 3 GB
    long_header = tmp_path / "header.tgz"
    with gzip.open(long_header, "wb") as file:
        file.write(header.tobuf() + bytes(4096))
    for one, done in ((path, 0), (tar, 1), (long_header, 0)):
        made = go(one, tmp_path / f"out-{one.name}")
        assert made.done == done, one
        assert "more than 100 times its size" in made.failed[-1].message


def test_a_file_that_is_too_large_is_named_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PHOTO_BYTES", 1 << 20)
    path = tar_of(tmp_path / "a.tar", {"large.png": bytes(2 << 20), "good.png": png()}, "w")
    made = go(path, tmp_path / "out")
    assert done_in(tmp_path / "out") == ["good.png"] and "more than 1 MB" in made.failed[0].message


def test_a_zip_that_lies_about_sizes_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lies.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as holder:
        holder.writestr("a.png", png() + bytes(5 << 20))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (60).to_bytes(4, "little")  # 5 MB, it says, are 60 bytes
    path.write_bytes(content)
    made = go(path, tmp_path / "out")
    assert made.done == 0 and len(made.failed) == 1
