"""What an export never writes over, and never writes into; that it says what torch says is for the extras' tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import maskwright
from drawn_run import drawn_run
from maskwright.errors import UsageError
from tiny import tiny_dataset

TINY = tiny_dataset(train=4, val=2)


class Traced(Exception):
    """Tracing began."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a machine that has all packages and gets as far as tracing."""

    def graph(*_: Any, **__: Any) -> None:
        raise Traced

    monkeypatch.setattr("maskwright.shipping.export._missing", lambda _: [])
    monkeypatch.setattr("maskwright.shipping.export._graph", graph)
    return drawn_run(tmp_path / "run", TINY).folder


def test_what_is_no_export_is_not_written_over(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years")
    monkeypatch.chdir(mine)
    for out in (mine, Path(), mine / "thesis.tex", run):
        with pytest.raises(UsageError, match="something lies there already"):
            maskwright.export(run, out=out)
    older = tmp_path / "older"
    older.mkdir()
    (older / "export.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    for out in (older, tmp_path / "empty", tmp_path / "new", None):
        with pytest.raises(Traced):
            maskwright.export(run, out=out)
    assert (mine / "thesis.tex").read_text() == "years" and (older / "export.json").is_file()


def test_a_bundle_is_exported_elsewhere(run: Path, tmp_path: Path) -> None:
    folder = maskwright.bundle(run).path
    packed = maskwright.bundle(run, out=tmp_path / "pets.zip").path
    for bundle, out in ((folder, None), (packed, None), (folder, folder / "exports" / "onnx")):
        with pytest.raises(UsageError, match=r"is a bundle, which .* never written into.\n.*--out FOLDER"):
            maskwright.export(bundle, out=out)
    for bundle in (folder, packed):
        with pytest.raises(Traced):
            maskwright.export(bundle, out=tmp_path / "out")
        with pytest.raises(UsageError, match="where they lie is not known here"):
            maskwright.export(bundle, format="openvino", int8=True, out=tmp_path / "out")
    assert not (folder / "exports").exists()
