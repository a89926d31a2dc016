"""What `maskwright open` refuses before it serves anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.cli.main import answer


@pytest.mark.parametrize(
    ("place", "data", "said"),
    [("missing", None, "no such folder"), ("file", None, "a file, and no folder"),
     (".", "missing", "missing: no such folder"), (".", "file", "file: a file, and no folder")],
)  # fmt: skip
def test_what_is_no_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, data: str | None, said: str
) -> None:
    (tmp_path / "file").write_text("x")
    options = ["--data", str(tmp_path / data)] if data else []
    assert answer(["open", str(tmp_path / place), *options, "--no-browser"]) == 2
    assert said in capsys.readouterr().err
