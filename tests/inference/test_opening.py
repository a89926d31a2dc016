"""Bundles that somebody else made: what they may hold, and everything that is refused before it is read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maskwright.data.cache import cache_folder
from maskwright.errors import MaskwrightError, RunError
from maskwright.inference.opening import KEPT_DAYS, is_bundle, opened, weights_in

FILES = {
    "weights.safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
    "classes.yaml": b"names: [background, cat]\n",
    "recipe.yaml": b"format: 1\nmodel: segformer-b0\n",
}


def listed(files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """A `bundle.json` of files as they are."""
    about = {name: {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)} for name, text in files.items()}
    return {"format": 2, "made": {"maskwright": "0.1.0", "at": "2026-11-27T12:00:00Z"}, "files": about, **changes}


def written(folder: Path, files: dict[str, bytes], manifest: Any) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "bundle.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return folder


def zipped(path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]], *, deflated: bool = False) -> Path:
    way = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", way) as archive:
        warnings.simplefilter("ignore", UserWarning)  # the same name twice is what is wanted
        for name, content in entries:
            archive.writestr(name, content)
    return path


def entries(files: dict[str, bytes], manifest: Any) -> list[tuple[str | zipfile.ZipInfo, bytes]]:
    return [("bundle.json", json.dumps(manifest).encode()), *files.items()]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return written(tmp_path / "bundle", FILES, listed(FILES))


def test_a_folder_and_its_zip_open_to_the_same_files(sound: Path, tmp_path: Path) -> None:
    assert opened(sound).folder == sound and weights_in(sound) == sound / "weights.safetensors" and is_bundle(sound)
    packed = zipped(tmp_path / "b.zip", entries(FILES, listed(FILES)), deflated=True)
    there = opened(packed)
    assert is_bundle(packed) and there.folder.is_relative_to(cache_folder())
    assert {name: (there.folder / name).read_bytes() for name in FILES} == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "bundle"], "nothing is unpacked beside it"
    (there.folder / "classes.yaml").write_text("names: [a, b]\n")  # whatever befalls the cache
    assert (opened(packed).folder / "classes.yaml").read_bytes() == FILES["classes.yaml"]


def test_the_zip_of_a_folder_opens_with_what_other_systems_add(tmp_path: Path) -> None:
    inside = [(f"pets/{name}", content) for name, content in entries(FILES, listed(FILES))]
    noise = [("__MACOSX/._pets", b"x"), ("pets/.DS_Store", b"x"), ("pets/notes.txt", b"mine"), ("pets/", b"")]
    there = opened(zipped(tmp_path / "pets.zip", [*noise, *inside])).folder
    assert sorted(path.name for path in there.iterdir()) == sorted([*FILES, "bundle.json"]), "only what is listed"


def test_what_is_not_listed_in_a_folder_is_not_looked_at(sound: Path) -> None:
    (sound / "evaluation").mkdir()
    (sound / "notes.txt").write_text("mine")
    assert opened(sound).folder == sound


def test_the_first_format_opens(tmp_path: Path) -> None:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    folder = written(tmp_path / "old", FILES, {"format": 1, "files": digests, "data": {}, "scores": {}})
    assert opened(folder).weights.is_file()
    packed = zipped(tmp_path / "old.zip", entries(FILES, {"format": 1, "files": digests}))
    assert opened(packed).weights.read_bytes() == FILES["weights.safetensors"]
    (folder / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(RunError, match="another digest"):
        opened(folder)


def test_a_newer_format_is_refused_with_the_way_out(tmp_path: Path) -> None:
    newer = listed(FILES, format=3, made={"maskwright": "0.9.2"})
    for place in (
        written(tmp_path / "b", FILES, newer),
        zipped(tmp_path / "b.zip", entries(FILES, newer)),
    ):
        with pytest.raises(RunError) as caught:
            opened(place)
        assert "newer format" in str(caught.value) and "format 3, made by Maskwright 0.9.2" in str(caught.value)
        assert "pip install -U 'maskwright>=0.9.2'" in str(caught.value)
    strange = listed(FILES, format=7, made={"maskwright": "1'; rm -rf ~ #"})
    with pytest.raises(RunError, match=r"pip install -U 'maskwright'") as caught:
        opened(written(tmp_path / "c", FILES, strange))
    assert "rm -rf" not in str(caught.value), "nobody is told to type what a stranger wrote"


def folder_case(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Path]:
    """A bundle folder with another list."""

    def make(folder: Path) -> Path:
        manifest = listed(FILES)
        changed = change(manifest)
        return written(folder / "b", FILES, manifest if changed is None else changed)

    return make


def file_case(name: str, act: Callable[[Path], object]) -> Callable[[Path], Path]:
    """A bundle folder in which something befell a file."""

    def make(folder: Path) -> Path:
        made = written(folder / "b", FILES, listed(FILES))
        act(made / name)
        return made

    return make


def yaml_case(name: str, content: bytes) -> Callable[[Path], Path]:
    """A bundle folder that lists a wicked YAML file, with its right digest."""

    def make(folder: Path) -> Path:
        files = {**FILES, name: content}
        return written(folder / "b", files, listed(files))

    return make


def zip_case(change: Callable[[list[Any]], Any], **manifest: Any) -> Callable[[Path], Path]:
    """A zip with other entries."""

    def make(folder: Path) -> Path:
        inside = entries(FILES, listed(FILES, **manifest))
        changed = change(inside)
        return zipped(folder / "b.zip", inside if changed is None else changed, deflated=True)

    return make


def bytes_case(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A zip of which the bytes were changed."""

    def make(folder: Path) -> Path:
        path = zipped(folder / "b.zip", entries(FILES, listed(FILES)))
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def link(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


def relinked(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.write_bytes(content)
    path.symlink_to(elsewhere)


def bomb(folder: Path) -> Path:
    """70 MB of zeros in 70 kB, rightly listed."""
    files = {**FILES, "weights.safetensors": bytes(70 << 20)}
    return zipped(folder / "b.zip", entries(files, listed(files)), deflated=True)


def lying(folder: Path) -> Path:
    """The list of files says 10 bytes, and so does the zip's; the stream goes on."""
    files = {**FILES, "weights.safetensors": b"x" * 5000}
    path = zipped(folder / "b.zip", entries(files, listed(files)), deflated=True)
    small = {**FILES, "weights.safetensors": b"x" * 10}
    text = path.read_bytes()
    assert text.count(struct.pack("<I", 5000)) >= 2
    path.write_bytes(text.replace(struct.pack("<I", 5000), struct.pack("<I", 10)))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("weights.safetensors").file_size == 10
    assert listed(small)["files"]["weights.safetensors"]["bytes"] == 10
    return path


def many(inside: list[Any]) -> list[Any]:
    return [*inside, *((f"f{number}", b"") for number in range(1200))]


def crowded(folder: Path) -> Path:
    """Names alone that would take megabytes."""
    names = [("x" * 60_000 + str(number), b"") for number in range(20)]
    return zipped(folder / "b.zip", [*entries(FILES, listed(FILES)), *names])


def zip64(content: bytes) -> bytes:
    """As if the true list lay elsewhere and were huge."""
    end = content.rfind(b"PK\5\6")
    return content[:end] + b"PK\6\7" + bytes(16) + content[end:]


def encrypted(content: bytes) -> bytes:
    place = content.rfind(b"PK\1\2")
    return content[: place + 8] + b"\1\0" + content[place + 10 :]


LAUGHS = (
    b"a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b, *b]\n"
)

HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    # the list
    "no JSON": (folder_case(lambda _: "{"), "cannot be read as JSON"),
    "deep JSON": (folder_case(lambda _: "[" * 100_000), "cannot be read as JSON"),
    "a list": (folder_case(lambda _: "[]"), "no JSON object"),
    "no format": (folder_case(lambda m: m.pop("format") and None), "names no format version"),
    "a format in words": (folder_case(lambda m: m.update(format="two")), "names no format version"),
    "files that are no mapping": (folder_case(lambda m: m.update(files=["weights.safetensors"])), "files"),
    "a digest that is none": (folder_case(lambda m: m["files"]["recipe.yaml"].update(sha256="00")), "sha256"),
    "a size below 0": (folder_case(lambda m: m["files"]["recipe.yaml"].update(bytes=-1)), "bytes"),
    "huge sizes": (folder_case(lambda m: m["files"]["recipe.yaml"].update(bytes=10**15)), "more than 4 GiB"),
    "a thousand and one files": (
        folder_case(lambda m: m["files"].update({f"f{n}": m["files"]["recipe.yaml"] for n in range(1001)})),
        "files",
    ),
    "no weights": (folder_case(lambda m: m["files"].pop("weights.safetensors") and None), "does not list weights"),
    "a name that leads out": (
        folder_case(lambda m: m["files"].update({"../secret": m["files"]["recipe.yaml"]})),
        r"\.\./secret",
    ),
    "an absolute name": (
        folder_case(lambda m: m["files"].update({"/etc/passwd": m["files"]["recipe.yaml"]})),
        "/etc/passwd",
    ),
    "a Windows name": (folder_case(lambda m: m["files"].update({"..\\x": m["files"]["recipe.yaml"]})), "files"),
    "a hidden name": (folder_case(lambda m: m["files"].update({".bashrc": m["files"]["recipe.yaml"]})), "files"),
    # the files of a folder
    "a missing file": (file_case("recipe.yaml", Path.unlink), "recipe.yaml is missing"),
    "another size": (file_case("recipe.yaml", lambda p: p.write_bytes(b"x")), "recipe.yaml has 1 bytes"),
    "another content": (
        file_case("recipe.yaml", lambda p: p.write_bytes(p.read_bytes().replace(b"b0", b"b1"))),
        "recipe.yaml has another digest",
    ),
    "a link": (file_case("weights.safetensors", relinked), "weights.safetensors is missing, or is a link"),
    "a post-processing that is not listed": (
        file_case("postprocess.yaml", lambda p: p.write_text("format: 1\ntemperature: 9\n")),
        "postprocess.yaml lies there and is not listed",
    ),
    "data that are not listed": (file_case("data.json", lambda p: p.write_text("{}")), "data.json lies there"),
    "an export that is not listed": (
        file_case("exports/onnx/export.json", lambda p: (p.parent.mkdir(parents=True), p.write_text("{}"))),
        "exports/onnx/export.json lies there and is not listed",
    ),
    "YAML that becomes billions": (yaml_case("recipe.yaml", LAUGHS), "recipe.yaml refers to itself"),
    "YAML without a bottom": (yaml_case("classes.yaml", b"[" * 50_000), "classes.yaml refers to itself, or nests"),
    "no YAML": (yaml_case("postprocess.yaml", b"a: [1\nb: }"), "postprocess.yaml is no YAML"),
    "huge YAML": (yaml_case("recipe.yaml", b"# " + b"x" * (5 << 20)), "more than 4 MiB"),
    # the zip
    "no zip": (lambda folder: _bytes(folder / "b.zip", b"hello"), "no zip"),
    "an empty file": (lambda folder: _bytes(folder / "b.zip", b""), "no zip"),
    "a zip cut short": (bytes_case(lambda content: content[:-30]), "no zip"),
    "a zip without a list": (zip_case(lambda inside: inside[1:]), "no bundle.json in it"),
    "a zip without the weights": (zip_case(lambda inside: inside[:1] + inside[2:]), "no weights.safetensors in it"),
    "zip slip": (zip_case(lambda inside: inside.append(("../../evil", b"x"))), "leads out"),
    "an absolute entry": (zip_case(lambda inside: inside.append(("/tmp/evil", b"x"))), "leads out"),
    "an entry for Windows": (zip_case(lambda inside: inside.append(("a\\..\\..\\evil", b"x"))), "leads out"),
    "an entry with a drive": (zip_case(lambda inside: inside.append(("C:evil", b"x"))), "leads out"),
    "an entry that is a link": (
        zip_case(lambda inside: inside.append((link("exports/x"), b"/etc/passwd"))),
        "is a link or a device",
    ),
    "the same name twice": (zip_case(lambda inside: inside.append(inside[1])), "the same name twice"),
    "the same name in capitals": (zip_case(lambda inside: inside.append(("RECIPE.yaml", b"x"))), "the same name twice"),
    "two folders": (zip_case(lambda inside: [(f"a/{name}", each) for name, each in inside] + [("b/x", b"")]), "no bu"),
    "a bomb": (bomb, "bytes in a zip of"),
    "a stream that goes on": (lying, "weights.safetensors has 10 bytes"),
    "too many entries": (zip_case(many), "files, which are listed in"),
    "names of megabytes": (crowded, "files, which are listed in"),
    "a list that lies elsewhere": (bytes_case(zip64), "files, which are listed in"),
    "an encrypted entry": (bytes_case(encrypted), "is encrypted"),
    "damaged bytes": (bytes_case(lambda c: c.replace(b"segformer-b0", b"segformer-b9")), "recipe.yaml: Bad CRC-32"),
    "other bytes with their sum": (
        zip_case(lambda inside: [*inside[:-1], ("recipe.yaml", b"format: 1\nmodel: segformer-b9\n")]),
        "recipe.yaml has another digest",
    ),
    # neither
    "neither a run nor a bundle": (lambda folder: folder, "neither a run folder nor a bundle"),
    "nothing": (lambda folder: folder / "nothing", "no such folder"),
}  # fmt: skip


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bundles_are_refused(case: str, tmp_path: Path) -> None:
    make, said = HOSTILE[case]
    place = make(tmp_path)
    before = _all(tmp_path), _all(cache_folder())
    began = time.monotonic()
    with pytest.raises(RunError, match=said) as caught:
        opened(place)
    assert time.monotonic() - began < 5
    assert caught.value.do and len(str(caught.value)) < 1500
    assert (_all(tmp_path), _all(cache_folder())) == before, "nothing is left behind"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    folder = written(tmp_path / "b", FILES, listed(FILES))
    (folder / "weights.safetensors").unlink()
    os.mkfifo(folder / "weights.safetensors")
    with pytest.raises(RunError, match=r"weights\.safetensors is missing"):
        opened(folder)


def test_what_was_not_opened_for_long_leaves_the_cache(tmp_path: Path) -> None:
    first = opened(zipped(tmp_path / "a.zip", entries(FILES, listed(FILES, name="a")))).folder
    long_ago = time.time() - (KEPT_DAYS + 1) * 24 * 3600
    os.utime(first, (long_ago, long_ago))
    second = opened(zipped(tmp_path / "b.zip", entries(FILES, listed(FILES, name="b")))).folder
    assert second.is_dir() and not first.is_dir()


def test_opening_loads_no_torch(sound: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from maskwright.inference.opening import opened;"
        f"opened(Path({str(sound)!r})); sys.exit('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_card_of_a_hostile_bundle_is_refused_or_harmless(lang: str, tmp_path: Path) -> None:
    from maskwright.reports.card import bundle_page

    evil = "<script>alert(1)</script>"
    told = {
        "name": evil,
        "audit": {"findings": {evil: 3}},
        "training": {"machine": evil},
        "started_from": {"name": evil},
    }
    page = bundle_page(written(tmp_path / "b", FILES, listed(FILES, **told)), lang=lang)
    assert evil not in page and "&lt;script&gt;alert(1)" in page
    for wrong in (
        {"scores": {"val": {"images": "many"}}},
        {"training": {"seconds": [1]}},
        {"causes": [{"cause": "x"}]},
    ):
        with pytest.raises(MaskwrightError, match="damaged, or was changed"):
            bundle_page(written(tmp_path / "c", FILES, listed(FILES, **wrong)), lang=lang)
    files = {**FILES, "data.json": b'{"format": 1, "splits": {"train": {"images": "x"}}}'}
    with pytest.raises(MaskwrightError, match=r"data\.json holds no numbers"):
        bundle_page(written(tmp_path / "d", files, listed(files)), lang=lang)


def _all(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))
