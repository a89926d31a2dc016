"""A computer on which all is well; the tests change one thing each."""

from __future__ import annotations

import pytest

from maskwright.doctor.world import Build, Cache, Cpu, Memory, Package, Pip, Python, Trial, World

REQUIRES = (
    "torch>=2.4",
    "numpy>=1.26",
    "opencv-python-headless>=4.8",
    'segmentation-models-pytorch>=0.5; extra == "smp"',
    'timm>=1.0; extra == "smp"',
    'transformers>=5.0; extra == "hf"',
)


@pytest.fixture
def healthy() -> World:
    packages = (
        Package(name="maskwright", version="0.1.0", requires=REQUIRES),
        Package(name="torch", version="2.13.0+cpu", requires=("sympy>=1.13",), size_bytes=698_000_000),
        Package(name="sympy", version="1.14.0"),
        Package(name="numpy", version="2.4.6"),
        Package(name="opencv-python-headless", version="5.0.0.93", requires=("numpy>=2",)),
    )
    return World(
        python=Python(version=(3, 12, 4), executable="/venv/bin/python", required=">=3.11"),
        pip=Pip(),
        cpu=Cpu(name="EPYC", cores=8, allowed=8, flags=frozenset({"avx2", "avx512f", "avx512_bf16"})),
        memory=Memory(total=16 << 30, available=12 << 30),
        packages={one.name: one for one in packages},
        builds={"torch": Build(version="2.13.0+cpu", kind="cpu")},
        trials={
            "torch": Trial(said={"threads": 8, "capability": "AVX512", "bf16": True, "cuda": False}),
            "libraries": Trial(said={"errors": {}}),
        },
        cache=Cache(folder="/home/a/.cache/maskwright", size_bytes=1 << 30, free_bytes=50 << 30),
    )
