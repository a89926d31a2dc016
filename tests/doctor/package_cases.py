"""What may be wrong with Python, packages, OpenCV and extras."""

from __future__ import annotations

from doctor.worlds import CPU, LIBGL, WINDOWS, Case, having, other, together, tried
from maskwright.doctor.world import Package, Python

CASES = {
    "all is well": Case(lambda world: world, "python_ok", "ok", ("3.12.4",)),
    "old Python": Case(
        other(python=Python(version=(3, 9, 2), executable="/usr/bin/python3", required=">=3.11")),
        "python_old",
        "broken",
        ("3.9.2 does not suit", ">=3.11"),
        ("python3.12 -m venv .venv", ".venv/bin/pip install maskwright"),
    ),
    "old Python on Windows": Case(
        other(python=Python(version=(3, 9, 2), executable="python.exe", required=">=3.11"), system=WINDOWS),
        "python_old",
        "broken",
        fix=("py -3.12 -m venv .venv", r".venv\Scripts\pip install maskwright"),
    ),
    "packages in order": Case(lambda world: world, "packages_ok", "ok", ("all 3 that Maskwright asks for",)),
    "not installed": Case(
        having(without=("maskwright",)), "packages_unknown", "warning", ("from a folder",), ("pip install maskwright",)
    ),
    "a package missing and one too old": Case(
        having(Package(name="opencv-python-headless", version="4.5.1"), without=("numpy",)),
        "packages_unmet",
        "broken",
        ("numpy>=1.26 (–)", "opencv-python-headless>=4.8 (4.5.1)"),
        ('pip install "numpy>=1.26" "opencv-python-headless>=4.8"',),
    ),
    "what a package asks for is too old": Case(
        having(Package(name="numpy", version="1.26.4")),
        "packages_below",
        "warning",
        ("opencv-python-headless: numpy>=2 (1.26.4)",),
        ('pip install "numpy>=2"',),
    ),
    "a library is damaged": Case(
        tried("libraries", {"errors": {"numpy": "ImportError: DLL load failed"}}),
        "library_broken",
        "broken",
        ("numpy is installed and cannot be imported: ImportError: DLL load failed",),
        ("pip install --force-reinstall --no-deps numpy==2.4.6",),
    ),
    "a library ends the process": Case(
        tried("libraries", outcome="killed", error="SIGSEGV", step="numpy"),
        "library_broken",
        "broken",
        ("numpy is installed and cannot be imported: SIGSEGV",),
        ("pip install --force-reinstall --no-deps numpy==2.4.6",),
    ),
    "an OpenCV that ends the process": Case(
        tried("libraries", outcome="killed", error="SIGSEGV", step="cv2"),
        "opencv_broken",
        "broken",
        ("cannot be imported: SIGSEGV",),
        ("pip uninstall -y opencv-python-headless", 'pip install "opencv-python-headless>=4.8"'),
    ),
    "one OpenCV": Case(lambda world: world, "opencv_ok", "ok", ("opencv-python-headless 5.0.0.93",)),
    "the other OpenCV alone": Case(
        having(Package(name="opencv-python", version="4.10"), without=("opencv-python-headless",)),
        "opencv_ok",
        "ok",
        ("opencv-python 4.10",),
    ),
    "two OpenCV": Case(
        having(Package(name="opencv-python", version="4.10")),
        "opencv_several",
        "warning",
        ("opencv-python-headless 5.0.0.93, opencv-python 4.10",),
        ("pip uninstall -y opencv-python-headless opencv-python", 'pip install "opencv-python-headless>=4.8"'),
    ),
    "two OpenCV, broken": Case(
        together(having(Package(name="opencv-python", version="4.10")), tried("libraries", {"errors": {"cv2": LIBGL}})),
        "opencv_several",
        "broken",
        fix=("pip uninstall -y opencv-python-headless opencv-python", 'pip install "opencv-python-headless>=4.8"'),
    ),
    "an OpenCV that wants windows": Case(
        together(
            having(Package(name="opencv-python", version="4.10"), without=("opencv-python-headless",)),
            tried("libraries", {"errors": {"cv2": LIBGL}}),
        ),
        "opencv_broken",
        "broken",
        ("libGL.so.1",),
        ("pip uninstall -y opencv-python", 'pip install "opencv-python-headless>=4.8"'),
    ),
    "extra absent": Case(
        lambda world: world,
        "extra_absent",
        "ok",
        ("hf: not installed", "(transformers)"),
        ('pip install "maskwright[hf]"',),
    ),
    "extra there": Case(
        having(Package(name="transformers", version="5.24.0")), "extra_ok", "ok", ("hf: transformers 5.24.0",)
    ),
    "half an extra": Case(
        having(Package(name="timm", version="1.0.31")),
        "extra_partial",
        "warning",
        ("smp: a part of it is missing: segmentation-models-pytorch>=0.5 (–)",),
        (f"pip install torchvision==0.28.0 {CPU}", 'pip install "maskwright[smp]"'),
    ),
    "extra too old": Case(
        together(other(source="/home/a b/maskwright"), having(Package(name="transformers", version="4.40.0"))),
        "extra_unmet",
        "broken",
        ("transformers>=5.0 (4.40.0)",),
        ('pip install --editable "/home/a b/maskwright[hf]"',),
    ),
    "what an extra asks for is too new": Case(
        having(Package(name="transformers", version="5.24.0", requires=("tokenizers<0.24", "numpy<2"))),
        "extra_below",
        "broken",
        ("transformers: numpy<2 (2.4.6), transformers: tokenizers<0.24 (–)",),
        ('pip install "numpy<2" "tokenizers<0.24"',),
    ),
}
