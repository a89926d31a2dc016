"""What the system tells of processor, memory and graphics, in trees like those that Linux shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maskwright.cgroups import Limits, limits
from maskwright.doctor import hardware
from maskwright.doctor.world import Cpu, Memory

V2 = "30 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
)


def tree(folder: Path, files: dict[str, str]) -> Path:
    """Files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_no_cgroups_no_limits(tmp_path: Path) -> None:
    assert limits(tmp_path) == Limits()


def test_the_tightest_group_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user/job\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/user/job/cpu.max": "800000 100000\n",
            "sys/fs/cgroup/user/job/memory.max": "max\n",
            "sys/fs/cgroup/user/cpu.max": "250000 100000\n",
            "sys/fs/cgroup/user/memory.max": "4294967296\n",
            "sys/fs/cgroup/user/memory.current": "3221225472\n",
            "sys/fs/cgroup/user/memory.stat": "anon 5\ninactive_file 1073741824\n",
            "sys/fs/cgroup/cpu.max": "max 100000\n",
        },
    )
    assert limits(root) == Limits(cores=2.5, memory_bytes=4 << 30, memory_used_bytes=2 << 30)


@pytest.mark.parametrize(("mounted", "group"), [("/", "/docker/7f"), ("/docker/7f", "/docker/7f"), ("/", "/../7f")])
def test_groups_of_the_first_version(mounted: str, group: str, tmp_path: Path) -> None:
    below = "/docker/7f" if (mounted, group) == ("/", "/docker/7f") else ""
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": f"5:cpu,cpuacct:{group}\n4:memory:{group}\n3:cpuset:/\n1:name=systemd:/\n",
            "proc/self/mountinfo": V1.format(root=mounted),
            f"sys/fs/cgroup/cpu,cpuacct{below}/cpu.cfs_quota_us": "150000\n",
            f"sys/fs/cgroup/cpu,cpuacct{below}/cpu.cfs_period_us": "100000\n",
            f"sys/fs/cgroup/memory{below}/memory.limit_in_bytes": "2147483648\n",
            f"sys/fs/cgroup/memory{below}/memory.usage_in_bytes": "1000\n",
        },
    )
    assert limits(root) == Limits(cores=1.5, memory_bytes=2 << 30, memory_used_bytes=1000)


def test_limits_that_are_none(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/\n",
            "proc/self/mountinfo": V1.format(root="/"),
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000\n",
        },
    )
    assert limits(root) == Limits()


def test_memory_is_what_the_limit_leaves(tmp_path: Path) -> None:
    text = "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\nSwapTotal: 4194304 kB\nSwapFree: 1048576 kB\n"
    root = tree(tmp_path, {"proc/meminfo": text})
    assert hardware.memory(Limits(), root) == Memory(total=16 << 30, available=8 << 30, swap_used=3 << 30)
    limits = Limits(memory_bytes=4 << 30, memory_used_bytes=3 << 30)
    assert hardware.memory(limits, root) == Memory(total=16 << 30, available=1 << 30, limit=4 << 30, swap_used=3 << 30)
    assert hardware.memory(Limits(memory_bytes=32 << 30), root).limit is None


def test_the_processor_of_x86_and_of_arm(tmp_path: Path) -> None:
    x86 = tree(tmp_path / "x86", {"proc/cpuinfo": "model name\t: EPYC\nflags\t: fpu avx2\n\nmodel name\t: EPYC\n"})
    arm = tree(tmp_path / "arm", {"proc/cpuinfo": "processor\t: 0\nFeatures\t: asimd bf16\n"})
    processor = hardware.cpu(Limits(cores=1.5), x86)
    assert (processor.name, processor.flags, processor.quota) == ("EPYC", {"fpu", "avx2"}, 1.5)
    assert hardware.cpu(Limits(), arm).flags == {"asimd", "bf16"}
    assert hardware.cpu(Limits(), tmp_path / "elsewhere").name


@pytest.mark.parametrize(("quota", "usable"), [(None, 8), (16.0, 8), (2.5, 2), (0.5, 1)])
def test_cores_that_are_usable(quota: float | None, usable: int) -> None:
    assert Cpu(cores=16, allowed=8, quota=quota).usable == usable


def test_graphics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert hardware.gpu(tmp_path).nvidia == ()
    root = tree(tmp_path, {"dev/nvidia0": "", "dev/nvidiactl": "", "dev/kfd": ""})
    assert hardware.gpu(root).nvidia == ("nvidia0",)
    assert hardware.gpu(root).amd
    program = tree(tmp_path, {"bin/nvidia-smi": "#!/bin/sh\necho 'NVIDIA H100, 80 GB, 580.65.06'\n"}) / "bin/nvidia-smi"
    program.chmod(0o755)
    assert (hardware.gpu(root).nvidia, hardware.gpu(root).driver) == (("NVIDIA H100, 80 GB",), "580.65.06")
    program.write_text("#!/bin/sh\necho 'Failed to initialize NVML, sorry'\nexit 9\n")
    assert hardware.gpu(root).driver == ""


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="not Linux")
def test_this_machine() -> None:
    granted = limits()
    processor, memory = hardware.cpu(granted), hardware.memory(granted)
    assert processor.name
    assert 1 <= processor.usable <= processor.allowed <= processor.cores == os.cpu_count()
    assert memory.total is not None
    assert memory.available is not None
    assert 0 < memory.available <= memory.total
