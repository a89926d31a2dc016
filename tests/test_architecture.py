"""The shape of the code, and that the walk over it sees what is planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from architecture import oversized, violations

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_keeps_the_architecture() -> None:
    assert violations(ROOT / "src" / "maskwright") == []


def test_nothing_is_too_long() -> None:
    folders = [ROOT / name for name in ("src", "tests", "benchmarks", "docs")]
    files = [path for folder in folders for ending in ("py", "js", "css") for path in folder.rglob(f"*.{ending}")]
    assert len(files) > 30
    assert oversized(files) == []


PLANTED = [
    ("data/reading.py", "from maskwright.models import build", "maskwright.models, which stands further down"),
    ("data/reading.py", "def f():\n    import maskwright.cli", "maskwright.cli, which stands further down"),
    ("metrics/scores.py", "from ..recipe import plan", "maskwright.recipe, which stands further down"),
    ("data/a.py", "from maskwright.data import b", "import cycle: maskwright.data.b -> maskwright.data.a"),
    ("surprise/x.py", "", "maskwright.surprise: stands nowhere"),
    ("data/reading.py", "import torch", "imports torch, which loads torch, outside of the fence"),
    ("data/reading.py", "def f():\n    import torch.nn", "imports torch.nn, which loads torch"),
    ("training/run.py", "import torch", "imports torch, which loads torch"),
    ("workflow/run.py", "import torch", "imports torch, which loads torch"),
    ("inference/load.py", "import torch", "imports torch, which loads torch"),
    ("inference/runtimes/onnx.py", "import torch", "imports torch, which loads torch"),
    ("workflow/run.py", "from maskwright.training import loop", "maskwright.training.loop, which loads torch"),
    ("evaluation/x.py", "from maskwright.training.loop import fit", "maskwright.training.loop, which loads torch"),
    ("cli/train.py", "def f():\n    from maskwright.training import loop", "maskwright.training.loop, which loads"),
    ("data/x.py", "import importlib\nimportlib.import_module('torch')", "imports by name"),
    ("__init__.py", "from maskwright.errors import DataError", "the public face is lazy"),
    ("data/utils.py", "", "a name that says nothing"),
    ("data/helpers/x.py", "", "a name that says nothing"),
    ("data/x.py", "class SampleManager: ...", "class SampleManager"),
]


@pytest.mark.parametrize(("file", "text", "message"), PLANTED)
def test_a_planted_violation_is_seen(file: str, text: str, message: str, tmp_path: Path) -> None:
    package = _sound_package(tmp_path)
    _write(package / file, text)
    found = violations(package)
    assert any(message in sentence for sentence in found), found


def test_what_is_allowed_is_allowed(tmp_path: Path) -> None:
    assert violations(_sound_package(tmp_path)) == []


def test_long_files_and_functions_are_seen(tmp_path: Path) -> None:
    long_file, long_function = tmp_path / "a.py", tmp_path / "b.py"
    long_file.write_text("x = 1\n" * 500)
    long_function.write_text("def f():\n" + "    x = 1\n" * 59)
    found = oversized([long_file, long_function])
    assert len(found) == 2
    assert "500 lines" in found[0]
    assert "f has 60 lines" in found[1]
    long_file.write_text("x = 1\n" * 499)
    long_function.write_text("def f():\n" + '    """A.\n\n    B.\n    """\n' + "    x = 1\n" * 58)
    assert oversized([long_file, long_function]) == []


def _sound_package(folder: Path) -> Path:
    package = folder / "maskwright"
    for name, text in {
        "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from maskwright.data import a\n",
        "errors.py": "class DataError(Exception): ...",
        "data/__init__.py": "",
        "data/a.py": "from maskwright.errors import DataError",
        "data/b.py": "from maskwright.data import a",
        "models/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n",
        "models/segformer.py": "import torch",
        "training/__init__.py": "",
        "training/loop.py": "import torch.nn\nfrom maskwright.models.segformer import x",
        "training/run.py": "from maskwright.data import b",
        "inference/runtimes/torch.py": "import torch",
        "inference/load.py": "def f():\n    import torch\n    from maskwright.inference.runtimes import torch",
        "workflow/train.py": "from maskwright.training import run\ndef f():\n    from maskwright.training import loop",
        "cli/main.py": "from maskwright import __version__\ndef f():\n    from maskwright.workflow.train import f",
    }.items():
        _write(package / name, text)
    return package


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
