"""What may be wrong with torch and torchvision."""

from __future__ import annotations

from doctor.worlds import (
    BROKEN_TORCH,
    CPU,
    H100,
    NO_TORCH,
    Case,
    built_for_gpu,
    having,
    other,
    together,
    tried,
    with_torchvision,
)
from maskwright.doctor.world import Build, Gpu, Package, System

CASES = {
    "torch works": Case(lambda world: world, "torch_ok", "ok", ("2.13.0+cpu calculates, threads: 8",)),
    "no torch": Case(
        together(NO_TORCH, other(builds={})),
        "torch_missing",
        "broken",
        ("nothing can be trained",),
        (f'pip install --upgrade "torch>=2.4" {CPU}',),
    ),
    "no torch on macOS": Case(
        together(NO_TORCH, other(builds={}, system=System(platform="darwin", name="macOS", arch="arm64", libc=""))),
        "torch_missing",
        "broken",
        fix=('pip install --upgrade "torch>=2.4"',),
    ),
    "no torch beside a GPU": Case(
        together(NO_TORCH, other(builds={}, gpu=H100)),
        "torch_missing",
        "broken",
        fix=('pip install --upgrade "torch>=2.4"',),
    ),
    "old torch": Case(
        having(Package(name="torch", version="2.1.0")),
        "torch_old",
        "broken",
        ("Maskwright asks for >=2.4",),
        (f'pip install --upgrade "torch>=2.4" {CPU}',),
    ),
    "torch without its library": Case(
        BROKEN_TORCH,
        "torch_broken",
        "broken",
        ("2.13.0+cpu is installed and does not work: OSError: libtorch_cpu.so",),
        (f"pip install --force-reinstall --no-deps torch==2.13.0 {CPU}",),
    ),
    "torch for CUDA without its libraries": Case(
        together(built_for_gpu, tried("torch", outcome="failed", error="ImportError: libcublas.so.13: cannot open")),
        "torch_broken",
        "broken",
        ("libcublas.so.13",),
        (
            "pip uninstall -y torch cuda-toolkit nvidia-cublas nvidia-nccl-cu13 triton",
            f"pip install torch==2.13.0 {CPU}",
        ),
    ),
    "half of torch removed": Case(
        together(BROKEN_TORCH, other(builds={})),
        "torch_broken",
        "broken",
        fix=(f'pip install --force-reinstall --no-deps "torch>=2.4" {CPU}',),
    ),
    "torch without Visual C++": Case(
        tried("torch", outcome="failed", error="OSError: [WinError 126] Error loading c10.dll"),
        "torch_dll",
        "broken",
        ("c10.dll", "Visual C++"),
        ("winget install Microsoft.VCRedist.2015+.x64",),
    ),
    "torch with instructions of a newer processor": Case(
        tried("torch", outcome="killed", error="SIGILL"),
        "torch_killed",
        "broken",
        ("SIGILL", "this processor has not"),
        (f"pip install --force-reinstall --no-deps torch==2.13.0 {CPU}",),
    ),
    "torch without memory": Case(
        tried("torch", outcome="killed", error="SIGKILL"), "torch_starved", "broken", ("not enough memory",)
    ),
    "torch on a network disk": Case(
        tried("torch", outcome="slow", error="60 s"),
        "torch_slow",
        "warning",
        ("after 60 s",),
        ('/venv/bin/python -X importtime -c "import torch"',),
    ),
    "torch made for another NumPy": Case(
        tried("torch", outcome="failed", error="RuntimeError: Numpy is not available", step="numpy"),
        "torch_numpy",
        "broken",
        ("Numpy is not available",),
        ('pip install --upgrade --force-reinstall --no-deps "numpy>=1.26"',),
    ),
    "CUDA without a GPU": Case(
        built_for_gpu,
        "build_for_gpu",
        "warning",
        ("2.13.0+cu130 is made for a GPU", "only it needs (4)", "about 2.1 GB"),
        (
            "pip uninstall -y torch cuda-toolkit nvidia-cublas nvidia-nccl-cu13 triton",
            f"pip install torch==2.13.0 {CPU}",
        ),
    ),
    "CUDA without a GPU, torchvision with it": Case(
        together(built_for_gpu, with_torchvision("timm", error="")),
        "build_for_gpu",
        "warning",
        fix=(
            "pip uninstall -y torch torchvision cuda-toolkit nvidia-cublas nvidia-nccl-cu13 triton",
            f"pip install torch==2.13.0 torchvision==0.28.0 {CPU}",
        ),
    ),
    "ROCm without a GPU": Case(
        together(other(builds={"torch": Build(version="2.13.0+rocm7.1", kind="rocm7.1")}, gpu=H100)),
        "build_for_gpu",
        "warning",
    ),
    "a GPU and a torch for CPUs": Case(
        other(gpu=H100),
        "build_for_cpu",
        "warning",
        ("there is a GPU: NVIDIA H100 (driver 580.65.06)",),
        (
            "pip uninstall -y torch",
            "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130",
        ),
    ),
    "a GPU with an old driver": Case(
        together(built_for_gpu, other(gpu=Gpu(nvidia=("Tesla T4",), driver="535.54"))),
        "build_beside_gpu",
        "warning",
        ("Tesla T4 (driver 535.54)", "driver is older"),
        (
            "pip uninstall -y torch",
            "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cu126",
        ),
    ),
    "a GPU with a driver too old for any build": Case(
        together(
            built_for_gpu,
            other(gpu=Gpu(nvidia=("GTX 970",), driver="390.77")),
            tried("torch", {"cuda_problem": "The NVIDIA driver on your system is too old (found version 9010)."}),
        ),
        "build_beside_gpu",
        "warning",
        ("found version 9010", "pytorch.org"),
    ),
    "torchvision that fits": Case(with_torchvision("timm", error=""), "torchvision_ok", "ok", ("goes with torch",)),
    "torchvision that nobody needs": Case(
        with_torchvision(),
        "torchvision_unneeded",
        "broken",
        ("0.28.0+cu130 does not go with torch 2.13.0+cpu", "operator torchvision::nms does not exist"),
        ("pip uninstall -y torchvision",),
    ),
    "torchvision of the extra smp": Case(
        with_torchvision("timm", "segmentation-models-pytorch"),
        "torchvision_lent",
        "warning",
        ("The extra smp gets along with it",),
        (f"pip install --force-reinstall --no-deps torchvision==0.28.0 {CPU}",),
    ),
    "torchvision that others need": Case(
        with_torchvision("detector", "timm"),
        "torchvision_broken",
        "broken",
        ("detector, timm",),
        (f"pip install --force-reinstall --no-deps torchvision==0.28.0 {CPU}",),
    ),
    "torchvision beside transformers": Case(
        together(with_torchvision("timm"), having(Package(name="transformers", version="5.24.0"))),
        "torchvision_broken",
        "broken",
        fix=(f"pip install --force-reinstall --no-deps torchvision==0.28.0 {CPU}",),
    ),
    "torchvision for CPUs beside a torch for CUDA": Case(
        together(
            built_for_gpu,
            other(gpu=H100),
            tried("torch", {"cuda": True}),
            with_torchvision("detector"),
        ),
        "torchvision_broken",
        "broken",
        fix=(
            "pip install --force-reinstall --no-deps torchvision==0.28.0"
            " --index-url https://download.pytorch.org/whl/cu130",
        ),
    ),
    "torchvision on a network disk": Case(
        together(with_torchvision(), tried("torchvision", outcome="slow", error="60 s")),
        "torchvision_slow",
        "warning",
        ("after 60 s",),
    ),
    "32 bits": Case(together(NO_TORCH, other(system=System(bits=32))), "system_32_bits", "broken", ("32 bits",)),
    "musl": Case(
        together(NO_TORCH, other(system=System(name="Alpine", libc="musl", libc_version=""))),
        "system_musl",
        "broken",
        ("musl",),
        ("docker run -it --rm python:3.12-slim bash",),
    ),
    "old glibc": Case(
        together(NO_TORCH, other(system=System(name="CentOS 7", libc_version="2.17"))),
        "system_glibc",
        "broken",
        ("glibc 2.17 is older than 2.28",),
    ),
    "a Mac with Intel's processor": Case(
        together(NO_TORCH, other(system=System(platform="darwin", name="macOS", libc="", libc_version=""))),
        "system_intel_mac",
        "broken",
        ("the last was 2.2",),
    ),
}
