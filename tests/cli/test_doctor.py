"""maskwright doctor: the page, the JSON, the exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import typer

import maskwright.doctor
from maskwright.cli.doctor import doctor
from maskwright.doctor.examination import judge
from maskwright.doctor.world import Build, Cache, Cpu, Gpu, Memory, Package, Python, Trial, World

NMS = "RuntimeError: operator torchvision::nms does not exist"

WELL = World(
    python=Python(version=(3, 12, 4), executable="/venv/bin/python", required=">=3.11"),
    cpu=Cpu(name="EPYC", cores=64, allowed=8, flags=frozenset({"avx2", "avx512f"})),
    memory=Memory(total=16 << 30, available=12 << 30, limit=14 << 30),
    packages={
        "maskwright": Package(name="maskwright", version="0.1.0", requires=("torch>=2.4", 'timm; extra == "smp"')),
        "torch": Package(name="torch", version="2.13.0+cpu"),
    },
    builds={"torch": Build(version="2.13.0+cpu", kind="cpu")},
    trials={
        "torch": Trial(said={"threads": 8, "capability": "AVX512", "bf16": True}),
        "libraries": Trial(said={"errors": {}}),
    },
    cache=Cache(folder="/home/a/.cache/maskwright", size_bytes=1 << 30, free_bytes=50 << 30),
)
WITH_WARNING = replace(WELL, variables={"OMP_NUM_THREADS": "1"}, offline="HF_HUB_OFFLINE")
BROKEN = replace(
    WITH_WARNING,
    packages={**WELL.packages, "torchvision": Package(name="torchvision", version="0.28.0")},
    builds={**WELL.builds, "torchvision": Build(version="0.28.0+cu130", kind="cu130")},
    trials={**WELL.trials, "torchvision": Trial(outcome="failed", error=NMS)},
)


def asked(world: World, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `maskwright doctor` in a world."""
    monkeypatch.setattr(maskwright.doctor, "examine", lambda: judge(world))
    return outcome(*arguments)


def outcome(*arguments: str) -> int:
    """The exit code of `maskwright doctor`."""
    program = typer.Typer(rich_markup_mode=None)
    program.command()(doctor)
    return int(program(list(arguments), standalone_mode=False) or 0)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(WELL, monkeypatch) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].endswith("Python 3.12.4 (/venv/bin/python)")
    assert "Packages: torch==2.13.0+cpu" in lines
    assert "Processor: EPYC; cores usable: 8 of 64; AVX-512: yes; bfloat16: yes" in lines
    assert "Memory: 14.0 GiB, available 12.0 GiB" in lines
    assert "GPU: none" in lines
    assert "Cache: /home/a/.cache/maskwright, 1.0 GiB; free on that disk: 50.0 GiB" in lines
    assert "Network: allowed, and used for weights only" in lines
    assert lines[-1] == "Nothing is broken."


def test_a_warning_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(WITH_WARNING, monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "Network: forbidden by HF_HUB_OFFLINE" in printed
    assert "\nWARNING   threads       OMP_NUM_THREADS=1: predicting" in printed
    assert printed.endswith("Nothing is broken. Warnings: 1; each names what it costs.\n")


def test_what_is_broken_stands_last_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(BROKEN, monkeypatch) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    last = printed.out.splitlines()[-7:]
    assert last[0].startswith("BROKEN    torchvision   0.28.0+cu130 does not go with torch 2.13.0+cpu")
    assert NMS in " ".join(" ".join(last).split())
    assert [line.strip() for line in last[3:5]] == ["fix:", "pip uninstall -y torchvision"]
    assert last[-1].startswith("Broken: 1. Warnings: 1.")


def test_what_may_be_changed_is_no_fix(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked(WELL, monkeypatch)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index("to change it:") + 2] == 'pip install "maskwright[smp]"'


def test_commands_are_never_broken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"nvidia-part-{number:02}" for number in range(30)]
    parts = {name: Package(name=name, version="1") for name in names}
    torch = Package(name="torch", version="2.13.0", requires=tuple(names))
    world = replace(
        WELL,
        packages={**WELL.packages, **parts, "torch": torch},
        builds={"torch": Build(version="2.13.0+cu130", kind="cu130")},
    )
    assert asked(world, monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"pip uninstall -y torch {' '.join(names)}" in [line.strip() for line in lines]
    assert all(len(line) <= 110 for line in lines if " pip " not in line)


def test_the_answer_is_one_json_value(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(BROKEN, monkeypatch, "--json", "--lang", "ru") == 1
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert value["state"] == "broken"
    assert value["facts"]["torch"] == {"version": "2.13.0+cpu", "build": "cpu"}
    assert value["facts"]["cpu"]["usable"] == 8
    broken = [one for one in value["findings"] if one["state"] == "broken"]
    assert [(one["check"], one["finding"], one["fix"]) for one in broken] == [
        ("torchvision", "torchvision_unneeded", ["pip uninstall -y torchvision"])
    ]
    assert NMS in broken[0]["message"]
    assert "не подходит к torch" in broken[0]["message"]


def test_the_page_speaks_russian(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    graphics = replace(BROKEN, gpu=Gpu(nvidia=("H100",), driver="580.1"))
    assert asked(graphics, monkeypatch, "--lang", "ru") == 1
    printed = capsys.readouterr().out
    assert "Процессор: EPYC; доступно ядер: 8 из 64; AVX-512: да" in printed
    assert "\nСЛОМАНО   torchvision   0.28.0+cu130 не подходит" in printed
    assert "GPU: H100" in printed
    assert "Сломано: 1. Предупреждений: 2." in printed


def test_nothing_is_known_and_it_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(
        python=Python(version=(3, 11, 0), executable="python"),
        trials={"torch": Trial(outcome="failed", error="ModuleNotFoundError: No module named 'torch'")},
    )
    assert asked(world, monkeypatch) == 1
    printed = capsys.readouterr().out
    assert "Memory: – GiB, available – GiB" in printed
    assert "BROKEN    torch         not installed" in printed


def test_a_defect_is_a_paragraph(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(maskwright.doctor, "examine", fail)
    assert outcome() == 2
    printed = capsys.readouterr()
    assert "a defect of Maskwright" in printed.err
    assert printed.out == ""


def test_this_machine_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    code = outcome("--json")
    value = json.loads(capsys.readouterr().out)
    assert code == (1 if value["state"] == "broken" else 0)
    assert value["facts"]["torch"]["version"]
