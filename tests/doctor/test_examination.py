"""Examining this machine for real, and with broken packages laid in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import maskwright
from maskwright.doctor import Ailment, Examination, examine
from maskwright.doctor.examination import judge
from maskwright.doctor.look import encoding, system, variables
from maskwright.doctor.world import World

STUB = """
from types import SimpleNamespace as names
__version__ = "2.13.0+cu130"
def get_num_threads(): return 1
backends = names(cpu=names(get_cpu_capability=lambda: "AVX2"))
cpu = names()
cuda = names(is_available=lambda: False)
class Tensor:
    def sum(self): return self
    def item(self): return 0.0
    def numpy(self): return 0
def ones(*size): return Tensor()
zeros = ones
nn = names(functional=names(conv2d=lambda image, kernel: Tensor()))
"""


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is looked in first, here and in the processes of the trials."""
    folder = tmp_path / "first"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delitem(sys.modules, "torch", raising=False)  # what is loaded already is found before any folder
    return folder


def lay_package(folder: Path, name: str, version: str, code: str, version_py: str = "", requires: str = "") -> None:
    """A package with its metadata."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(code)
    (folder / name / "version.py").write_text(version_py or f"__version__ = '{version}'\n")
    lay_metadata(folder, name, version, requires)


def lay_metadata(folder: Path, name: str, version: str, requires: str = "", size_bytes: int = 0) -> None:
    """Metadata alone."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    asked = "".join(f"Requires-Dist: {one}\n" for one in requires.split(",") if one)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{asked}")
    (info / "RECORD").write_text(f"{name}.so,sha256=x,{size_bytes}\n")


def found(examination: Examination, check: str) -> Ailment:
    """What a check found first."""
    return next(one for one in examination.findings if one.check == check)


def test_this_machine_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    examination = examine()
    facts = examination.facts
    assert found(examination, "torch").says == "torch_ok"
    assert found(examination, "cache").says == "cache_ok"
    assert found(examination, "python").state == "ok"
    assert facts["maskwright"] == maskwright.__version__
    assert facts["executable"] == sys.executable
    assert facts["packages"]["numpy"]
    assert facts["torch"]["build"]
    assert facts["cpu"]["usable"] >= 1
    assert (facts["cache"]["folder"], facts["cache"]["size_bytes"]) == (str(tmp_path / "cache"), 0)
    assert facts["cache"]["free_bytes"] > 0
    assert facts["offline"] == "MASKWRIGHT_OFFLINE"
    assert facts["variables"]["MASKWRIGHT_OFFLINE"] == "1"
    assert list(tmp_path.iterdir()) == []
    assert json.loads(json.dumps(examination.to_json())) == examination.to_json()


def test_examining_loads_no_torch_here() -> None:
    code = (
        "import sys; from maskwright.doctor import examine; examine();"
        "sys.exit(str({'torch', 'torchvision', 'numpy', 'cv2'} & set(sys.modules) or ''))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == ""


def test_a_torchvision_that_breaks_is_found(lay: Path) -> None:
    raised = "raise RuntimeError('operator torchvision::nms does not exist')"
    lay_package(lay, "torchvision", "0.28.0", raised, "__version__ = '0.28.0+cu130'\n", "torch (==2.13.0)")
    one = found(examine(), "torchvision")
    assert (one.state, one.says) == ("broken", "torchvision_unneeded")
    assert one.fix[0].endswith("uninstall -y torchvision")
    assert "0.28.0+cu130" in one.sentence()
    assert "operator torchvision::nms does not exist" in one.sentence("ru")


def test_cuda_without_a_gpu_is_found(lay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if list(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("CUDA: there is a GPU")
    version_py = "__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\n"
    lay_package(lay, "torch", "2.13.0+cu130", STUB, version_py, "nvidia-cublas==13.1,triton~=3.8")
    lay_metadata(lay, "nvidia-cublas", "13.1", size_bytes=600_000_000)
    lay_metadata(lay, "triton", "3.8.0", size_bytes=900_000_000)
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    examination = examine()
    one = found(examination, "torch_build")
    assert (one.state, one.says, one.facts["gb"]) == ("warning", "build_for_gpu", "1.5")
    assert one.fix[0].endswith("uninstall -y torch nvidia-cublas triton")
    assert one.fix[1].endswith("install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu")
    assert examination.facts["torch"] == {"version": "2.13.0+cu130", "build": "cu130"}
    assert found(examination, "threads").says == "threads_over"


def test_a_torch_without_its_library_is_found(lay: Path) -> None:
    lost = "raise ImportError('libtorch_cpu.so: cannot open shared object file: No such file or directory')"
    lay_package(lay, "torch", "2.13.0", lost, "__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\n")
    examination = examine()
    one = found(examination, "torch")
    assert (examination.state, one.says) == ("broken", "torch_broken")
    assert "libtorch_cpu.so: cannot open shared object file" in one.sentence()
    assert one.fix[0].endswith(
        "install --force-reinstall --no-deps torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
    )


def test_two_packages_of_opencv_are_found(lay: Path) -> None:
    lay_metadata(lay, "opencv-python", "4.14.0.94")
    one = found(examine(), "opencv")
    assert (one.state, one.says) == ("warning", "opencv_several")
    assert "opencv-python 4.14.0.94" in one.sentence()


def test_the_worst_state_counts(healthy: World) -> None:
    assert judge(healthy).state == "ok"
    assert Examination({}, ()).state == "ok"
    states = (Ailment("a", "warning", "x"), Ailment("b", "broken", "x"), Ailment("c", "ok", "x"))
    assert Examination({}, states).state == "broken"


def test_secrets_are_not_looked_at() -> None:
    given = {"HF_TOKEN": "hf_secret", "HF_ENDPOINT": "https://m", "HOME": "/home/a", "OMP_NUM_THREADS": "1"}
    assert variables(given) == {"HF_ENDPOINT": "https://m", "OMP_NUM_THREADS": "1"}


def test_system_and_encoding_are_told() -> None:
    assert system().platform == sys.platform
    assert system().bits == 64
    assert system().name
    assert encoding().files
    assert encoding().terminal == "" or os.isatty(1)
